// GEMM: shape rules, work by definition, and which fit prices it.
//
// Work: 2·b·m·n·k FLOP. Bytes: the weights B [n, k] in their dtype, A [m, k] in bf16 for quantised dtypes (the
// framework's activations) and in the dtype otherwise, C [m, n] in bf16 (fp32 for fp32/tf32 and where the
// result is accumulated into an fp32 gradient, which is then also read).
#include "kernels/gemm/gemm.hpp"

#include <fmt/format.h>

namespace orrery::kernels {
namespace {

const GemmShape& shape_of(const Kernel& kernel) { return std::get<GemmShape>(kernel); }

bool holds(const Kernel& kernel) { return std::holds_alternative<GemmShape>(kernel); }

std::string check_gemm(const Kernel& kernel) {
  const GemmShape& s = shape_of(kernel);
  if (s.m <= 0 || s.n <= 0 || s.k <= 0) return fmt::format("gemm needs m, n, k > 0, has {}x{}x{}", s.m, s.n, s.k);
  if (s.batch <= 0) return fmt::format("gemm needs batch > 0, has {}", s.batch);
  constexpr std::int64_t kLargest = std::int64_t{1} << 40;
  if (s.m > kLargest || s.n > kLargest || s.k > kLargest) return "gemm has a side above 2^40";
  return {};
}

bool quantised(Dtype dtype) {
  return dtype == Dtype::fp8 || dtype == Dtype::fp8_block || dtype == Dtype::int8 || dtype == Dtype::nvfp4 ||
         dtype == Dtype::int4;
}

Work gemm_work(const Kernel& kernel) {
  const GemmShape& s = shape_of(kernel);
  const double b = static_cast<double>(s.batch);
  const double m = static_cast<double>(s.m), n = static_cast<double>(s.n), k = static_cast<double>(s.k);
  const bool wide = s.dtype == Dtype::fp32 || s.dtype == Dtype::tf32;
  const Bytes input = quantised(s.dtype) ? Bytes{2.0} : element_size(s.dtype);
  const Bytes output{wide || s.accumulate ? 4.0 : 2.0};
  Work work;
  work.flops = Flops{2.0 * b * m * n * k};
  work.read = b * (m * k * input + n * k * element_size(s.dtype) + (s.accumulate ? m * n * output : Bytes{0.0}));
  work.written = b * m * n * output;
  return work;
}

std::string describe_gemm(const Kernel& kernel) {
  const GemmShape& s = shape_of(kernel);
  std::string text = fmt::format("gemm {} {}x{}x{}", orrery::name(s.dtype), s.m, s.n, s.k);
  if (s.batch != 1 || s.strided) text += fmt::format(" batch {}", s.batch);
  if (s.strided) text += " strided";
  if (s.accumulate) text += " accumulate";
  if (s.weights == CacheState::warm) text += " warm";
  if (s.implementation != Implementation::automatic) text += fmt::format(" ({})", name(s.implementation));
  return text;
}

constexpr std::size_t kDtypes = static_cast<std::size_t>(Dtype::nvfp4) + 1;

// fp16 multiplies at bf16's rate through the same kernels, so it takes bf16's fit. int8 takes fp8's fit at its own
// rate. No other dtype may stand in for another: a tf32 fit is not a bf16 fit.
std::vector<std::string_view> dtypes_of(Dtype dtype) {
  std::vector<std::string_view> list = {orrery::name(dtype)};
  if (dtype == Dtype::fp16) list.emplace_back("bf16");
  if (dtype == Dtype::int8) list.emplace_back("fp8");
  return list;
}

// Latent attention's products, a matrix a head, were measured in these. Other batches, whose sizes are far from those,
// are priced as one matrix is.
std::vector<std::string_view> batched_dtypes_of(Dtype dtype) {
  if (dtype == Dtype::bf16 || dtype == Dtype::fp16) return {"batched_bf16"};
  if (dtype == Dtype::fp8) return {"batched_fp8"};
  return {};
}

// By Dtype; then of strided ones.
std::vector<std::vector<std::string_view>> fit_dtypes() {
  std::vector<std::vector<std::string_view>> lists;
  for (const Dtype dtype : all_dtypes()) lists.push_back(dtypes_of(dtype));
  for (const Dtype dtype : all_dtypes()) {
    lists.push_back(batched_dtypes_of(dtype));
    for (const std::string_view one : dtypes_of(dtype)) lists.back().push_back(one);
  }
  return lists;
}

FitChoice fit_choice(const Kernel& kernel) {
  const GemmShape& s = shape_of(kernel);
  const std::size_t dtype = static_cast<std::size_t>(s.dtype);
  return {s.implementation, s.strided ? kDtypes + dtype : dtype};
}

}  // namespace

FamilyRow gemm_family() {
  FamilyRow row;
  row.name = "gemm";
  row.equation = "2·b·m·n·k FLOP over matrix peak; A, B and C each cross memory once";
  row.source = "NVIDIA Deep Learning Performance guide, Matrix Multiplication Background";
  row.holds = holds;
  row.check = check_gemm;
  row.work = gemm_work;
  row.describe = describe_gemm;
  row.fit_dtypes = fit_dtypes();
  row.fit_choice = fit_choice;
  row.model = gemm_model();
  return row;
}

}  // namespace orrery::kernels
