// Kernels whose time is the bytes they move.
//
//   t = t0 + max(bytes / (e_memory·r(op)·bandwidth), flops / (e_vector·vector peak))
//
// A short kernel is all t0, a long one streams: half of the rate is reached at t0·e·bandwidth bytes (4 MB on an
// H100). r(op) is the rate of an operator relative to a plain cast: reductions across a row wait on shared
// memory, gathers and scatters break up the bursts, atomics serialise.
// Source of t0 and e_memory: fp8 scale_matrix kernel (read 2 B, write 1 B), NVIDIA AIConfigurator @095f58a5,
// quantize: 1.3 µs and 0.88-0.91 of the HBM rate on H100, 1.8 µs and 0.54-0.69 on B200. r(op) is judgement,
// no measurement of these operators is at hand: estimates read as "datasheet".
// Limitations: what the kernel before left in L2 is priced as if it came from HBM.
#include "kernels/elementwise/elementwise.hpp"

#include <array>

#include <fmt/format.h>

namespace orrery::kernels {
namespace {

const MemoryShape& shape_of(const Kernel& kernel) { return std::get<MemoryShape>(kernel); }

bool holds(const Kernel& kernel) { return std::holds_alternative<MemoryShape>(kernel); }

std::string check_memory(const Kernel& kernel) {
  const MemoryShape& s = shape_of(kernel);
  if (s.elements < 0) return fmt::format("{} needs elements >= 0, has {}", name(s.op), s.elements);
  if (!(s.read.value() >= 0.0) || !(s.written.value() >= 0.0)) {
    return fmt::format("{} needs bytes >= 0, reads {} and writes {}", name(s.op), s.read.value(), s.written.value());
  }
  if (!(s.flops_per_element >= 0.0)) return fmt::format("{} needs flops per element >= 0", name(s.op));
  return {};
}

Work memory_work(const Kernel& kernel) {
  const MemoryShape& s = shape_of(kernel);
  return {Flops{s.flops_per_element * static_cast<double>(s.elements)}, s.read, s.written};
}

std::string describe_memory(const Kernel& kernel) {
  const MemoryShape& s = shape_of(kernel);
  return fmt::format("{} {} {} elements, {:.0f} B read, {:.0f} B written", name(s.op), orrery::name(s.dtype),
                     s.elements, s.read.value(), s.written.value());
}

// Rate relative to a cast, in the order of MemoryOp.
constexpr std::array<double, 15> kRelativeRate = {
    /* norm */ 0.90,          /* rotary */ 0.85,      /* activation */ 1.00, /* dropout_add */ 0.95,
    /* softmax */ 0.90,       /* elementwise */ 1.00, /* embedding */ 0.80,  /* embedding_grad */ 0.40,
    /* cross_entropy */ 0.85, /* router */ 0.45,      /* permute */ 0.75,    /* adam */ 0.95,
    /* grad_norm */ 0.95,     /* copy */ 1.00,        /* memset */ 1.00};

enum Coefficient : std::size_t { kFloor, kMemory, kVector };

Seconds memory_time(const Kernel& kernel, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const MemoryShape& s = shape_of(kernel);
  const Work need = memory_work(kernel);
  const double rate = c[kMemory] * kRelativeRate[static_cast<std::size_t>(s.op)];
  const Seconds stream = need.bytes() / (rate * gpu.memory_bandwidth);
  const Seconds compute = need.flops / (c[kVector] * gpu.vector_peak);
  return Seconds{c[kFloor] * 1e-6} + max(stream, compute);
}

constexpr std::array<std::string_view, 3> kNames = {"floor_us", "e_memory", "e_vector"};

std::vector<double> default_coefficients(const hardware::Gpu& gpu) { return defaults_of(gpu, "memory", kNames); }

}  // namespace

FamilyRow memory_family() {
  FamilyRow row;
  row.name = "memory";
  row.equation = "bytes read and written as the shape says; flops on the vector units";
  row.source = "by definition";
  row.holds = holds;
  row.check = check_memory;
  row.work = memory_work;
  row.describe = describe_memory;
  row.model.names.assign(kNames.begin(), kNames.end());
  row.model.time = memory_time;
  row.model.defaults = default_coefficients;
  row.model.bounds = {{0.3, 20.0}, {0.1, 1.0}, {0.1, 1.0}};
  row.model.equation = "t0 + max(bytes / (e_memory·r(op)·bandwidth), flops / (e_vector·vector peak))";
  row.model.source = "t0, e_memory: fp8 scale_matrix kernel, AIConfigurator @095f58a5; r(op): judgement";
  return row;
}

}  // namespace orrery::kernels
