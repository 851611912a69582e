// Rows of `gemm` tables: dtype, m, n, k, time_us.
//
// The benchmark cycles min(5, ⌈L2/weights⌉) copies of the weights, so a weight matrix is found in L2 when five
// copies and the activations fit there. Measured times leave the warm level between 0.6 and 0.8 of the L2's
// size (H100: 6.3 to 9.4 MB of weights): 0.7 is the edge here.
// Source: NVIDIA AIConfigurator @095f58a5, collector/helper.py and trtllm/collect_gemm.py.
#include <stdexcept>

#include <fmt/format.h>

#include "calibrate/rows.hpp"

namespace orrery::calibrate {
namespace {

constexpr double kCopies = 5.0;
constexpr double kUsableL2 = 0.7;

// The tables have no column for it: the profile says which library measured its GPU.
kernels::Implementation implementation_of(const hardware::Gpu& gpu) {
  const auto library = kernels::parse_implementation(gpu.software.gemm_table);
  if (!library) {
    throw std::invalid_argument(fmt::format("{}: no library is called '{}'", gpu.name, gpu.software.gemm_table));
  }
  return *library;
}

kernels::CacheState weights_of(const kernels::GemmShape& shape, const hardware::Gpu& gpu) {
  const double m = static_cast<double>(shape.m), n = static_cast<double>(shape.n), k = static_cast<double>(shape.k);
  const double footprint = kCopies * n * k * element_size(shape.dtype).value() + 2.0 * m * (n + k);
  return footprint <= kUsableL2 * gpu.l2_size.value() ? kernels::CacheState::warm : kernels::CacheState::cold;
}

TableRows read_rows(const CsvTable& table, const hardware::Gpu& gpu) {
  const int dtype = table.column("dtype"), m = table.column("m"), n = table.column("n"), k = table.column("k"),
            time = table.column("time_us");
  TableRows result;
  result.rows.reserve(table.rows.size());
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto type = parse_dtype(text_cell(table, i, dtype));
    if (!type) {
      result.skipped.push_back({line_of(i), text_cell(table, i, dtype), "unknown dtype"});
      continue;
    }
    kernels::GemmShape shape;
    shape.dtype = *type;
    shape.m = integer_cell(table, i, m), shape.n = integer_cell(table, i, n), shape.k = integer_cell(table, i, k);
    shape.implementation = implementation_of(gpu);
    shape.weights = weights_of(shape, gpu);
    MeasuredRow row;
    row.line = line_of(i);
    row.measured = Seconds{number_cell(table, i, time) * 1e-6};
    row.family_key = fmt::format("n={},k={}", shape.n, shape.k);
    row.fit_key = fmt::format("gemm/{}/{}", kernels::name(shape.implementation), name(*type));
    row.kernel = shape;
    result.rows.push_back(std::move(row));
  }
  return result;
}

}  // namespace

TableKind gemm_table() {
  return {"gemm", {"dtype", "m", "n", "k", "time_us"}, read_rows, "NVIDIA AIConfigurator @095f58a5, CUDA graph replay"};
}

}  // namespace orrery::calibrate
