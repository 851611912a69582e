// Kernels whose time is the bytes they move.
//
//   t = (launch^p + work^p)^(1/p),   launch = floor·f(op),
//   work = max(stream + row bytes/row rate + rows/SMs·row time, flops / (e_vector·vector peak))
//   stream = bytes·(missed/(e_memory·r(op)·bandwidth) + (1 − missed)/(e_l2·r(op)·L2 bandwidth))
//   missed = (bytes/L2 size − e_capacity)/spill, between 0 and 1; 1 where the inputs are cold
//
// A short kernel is all launch, a long one streams. Between kernels of a layer tensors pass through L2: what fits into
// a part of it is found there, and of a stream that is larger the older lines are gone before they are asked for
// again. A block that works through a row holds it up for as long as one SM takes to move it, and to begin with it.
// r(op) is the rate of an operator relative to a plain cast: reductions across a row wait on shared memory, gathers and
// scatters break up the bursts, atomics serialise; f(op) is the number of passes that amax takes, with their launches.
//
// Source of the fits: quantize tables (op scale_matrix: quantize, op computescale: amax), NVIDIA AIConfigurator
// @095f58a5; norm, rotary, activation and embedding inside vLLM 0.19, LLMServingSim @5daddb21. Where a GPU has no fit:
// launch and e_memory of the generation's scale_matrix, L2 and rows as on the boards that were measured, r(op) of what
// was not measured is judgement, and the estimate reads as "datasheet".
// Limitations: one GPU's blocks are taken to start together; a kernel of few long rows leaves SMs idle only by its row.
#include "kernels/elementwise/elementwise.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "kernels/attention/power_sum.hpp"

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
  if (s.rows < 0) return fmt::format("{} needs rows >= 0, has {}", name(s.op), s.rows);
  return {};
}

Work memory_work(const Kernel& kernel) {
  const MemoryShape& s = shape_of(kernel);
  return {Flops{s.flops_per_element * static_cast<double>(s.elements)}, s.read, s.written};
}

std::string describe_memory(const Kernel& kernel) {
  const MemoryShape& s = shape_of(kernel);
  std::string text = fmt::format("{} {} {} elements, {:.0f} B read, {:.0f} B written", name(s.op),
                                 orrery::name(s.dtype), s.elements, s.read.value(), s.written.value());
  if (s.rows > 0) text += fmt::format(", {} rows", s.rows);
  if (s.inputs == CacheState::warm) text += ", warm";
  return text;
}

struct Relative {
  MemoryOp op;
  double rate;    ///< over a cast's
  double launch;  ///< over a cast's
  bool measured;  ///< there are tables of it: a fit may have its key
};
// In the order of MemoryOp. amax: 7.3 us of small tensors on H100 and 8.9 us on B200, where scale_matrix takes 1.4 and
// 2.0; 1.33 and 3.3 TB/s of large ones.
constexpr std::array<Relative, 17> kRelative = {{
    {MemoryOp::norm, 0.90, 1.0, true},
    {MemoryOp::rotary, 0.85, 1.0, true},
    {MemoryOp::activation, 1.00, 1.0, true},
    {MemoryOp::dropout_add, 0.95, 1.0, false},
    {MemoryOp::softmax, 0.90, 1.0, false},
    {MemoryOp::elementwise, 1.00, 1.0, false},
    {MemoryOp::quantize, 1.00, 1.0, true},
    {MemoryOp::amax, 0.50, 5.0, true},
    {MemoryOp::embedding, 0.80, 1.0, true},
    {MemoryOp::embedding_grad, 0.40, 1.0, false},
    {MemoryOp::cross_entropy, 0.85, 1.0, false},
    {MemoryOp::router, 0.45, 1.0, false},
    {MemoryOp::permute, 0.75, 1.0, false},
    {MemoryOp::adam, 0.95, 1.0, false},
    {MemoryOp::grad_norm, 0.95, 1.0, false},
    {MemoryOp::copy, 1.00, 1.0, false},
    {MemoryOp::memset, 1.00, 1.0, false},
}};
constexpr bool in_order() {
  for (std::size_t i = 0; i < kRelative.size(); ++i) {
    if (static_cast<std::size_t>(kRelative[i].op) != i) return false;
  }
  return true;
}
static_assert(in_order());

enum Coefficient : std::size_t { kFloor, kMemory, kVector, kL2, kCapacity, kSpill, kRowRate, kRowTime, kOverlap };
constexpr std::array<std::string_view, 9> kNames = {"floor_us", "e_memory", "e_vector", "e_l2",   "e_capacity",
                                                    "spill",    "row_gbps", "row_ns",   "overlap"};
constexpr std::size_t kOfGeneration = 3;  // the others stand here, for want of more than four measured boards

constexpr double kDefaultL2 = 0.45, kDefaultCapacity = 0.6, kDefaultSpill = 0.35;
constexpr double kDefaultRowRate = 1e4, kDefaultRowTime = 0.01;  // none: on an RTX 4090 none shows

double missed(const MemoryShape& s, double bytes, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const bool has_l2 = gpu.l2_size.value() > 0.0 && gpu.l2_bandwidth > gpu.memory_bandwidth;
  if (s.inputs == CacheState::cold || !has_l2) return 1.0;
  return std::clamp((bytes / gpu.l2_size.value() - c[kCapacity]) / c[kSpill], 0.0, 1.0);
}

Seconds memory_time(const Kernel& kernel, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const MemoryShape& s = shape_of(kernel);
  const Work need = memory_work(kernel);
  const Relative& relative = kRelative[static_cast<std::size_t>(s.op)];
  const double bytes = need.bytes().value(), from_memory = missed(s, bytes, gpu, c);
  const double memory = c[kMemory] * gpu.memory_bandwidth.value();
  double work = bytes * from_memory / (memory * relative.rate);
  if (from_memory < 1.0) {
    const double l2 = std::max(memory, c[kL2] * gpu.l2_bandwidth.value());  // what is found is no slower for it
    work += bytes * (1.0 - from_memory) / (l2 * relative.rate);
  }
  if (s.rows > 0) {
    const double rows = static_cast<double>(s.rows);
    work += bytes / rows / (c[kRowRate] * 1e9) + rows / std::max(1, gpu.sm_count) * c[kRowTime] * 1e-9;
  }
  work = std::max(work, (need.flops / (c[kVector] * gpu.vector_peak)).value());
  const double launch = c[kFloor] * 1e-6 * relative.launch;
  return Seconds{c[kOverlap] == 1.0 ? launch + work : power_sum(launch, work, c[kOverlap])};
}

std::vector<double> default_coefficients(const hardware::Gpu& gpu) {
  std::vector<double> values = defaults_of(gpu, "memory", std::span(kNames).first<kOfGeneration>());
  values.insert(values.end(), {kDefaultL2, kDefaultCapacity, kDefaultSpill, kDefaultRowRate, kDefaultRowTime, 1.0});
  return values;
}

// One list an operator, in the order of MemoryOp: an operator's fit prices no other.
std::vector<std::vector<std::string_view>> fit_dtypes() {
  std::vector<std::vector<std::string_view>> lists;
  for (const Relative& row : kRelative) {
    lists.push_back(row.measured ? std::vector<std::string_view>{name(row.op)} : std::vector<std::string_view>{});
  }
  return lists;
}

FitChoice fit_choice(const Kernel& kernel) {
  return {Implementation::automatic, static_cast<std::size_t>(shape_of(kernel).op)};
}

// What the equation leaves is a curve of the bytes: rows and widths of one size take the same time (quantize tables).
bool locate(const Kernel& kernel, const hardware::Gpu&, Coordinates& at) {
  at[0] = octaves(std::max(1.0, memory_work(kernel).bytes().value()));
  return true;
}

Kernel grown_rows(const Kernel& kernel, double by) {
  MemoryShape s = shape_of(kernel);
  const double before = static_cast<double>(s.rows > 0 ? s.rows : s.elements);
  const double more = s.rows > 0 ? static_cast<double>(grown_size(s.rows, by)) / before : by;
  s.elements = grown_size(s.elements, more);
  s.read = s.read * more, s.written = s.written * more;
  if (s.rows > 0) s.rows = grown_size(s.rows, by);
  return s;
}

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
  row.fit_dtypes = fit_dtypes();
  row.fit_choice = fit_choice;
  row.model.names.assign(kNames.begin(), kNames.end());
  row.model.time = memory_time;
  row.model.defaults = default_coefficients;
  row.model.bounds = {{0.3, 20.0}, {0.1, 1.0}, {0.1, 1.0},  {0.02, 1.0}, {0.05, 1.0},
                      {0.1, 2.0},  {1.0, 1e4}, {1e-2, 2e3}, {1.0, 4.0}};
  row.model.coordinates = {"bytes"};
  row.model.locate = locate;
  row.model.grown = {grown_rows};
  row.model.surfaces = {{{0, {8, 12, 14, 16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30, 32}}}};
  row.model.equation =
      "(floor^p + (bytes/rate + row bytes/row rate + rows/SMs*row time)^p)^(1/p), rate that of memory beyond what L2 "
      "holds";
  row.model.source = "quantize tables, AIConfigurator @095f58a5; layers inside vLLM 0.19, LLMServingSim @5daddb21";
  return row;
}

}  // namespace orrery::kernels
