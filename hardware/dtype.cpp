#include "hardware/dtype.hpp"

#include <array>
#include <utility>

namespace orrery {
namespace {

struct Row {
  Dtype dtype;
  std::string_view name;
  double bytes;
};

constexpr std::array<Row, 9> kRows{{
    {Dtype::fp32, "fp32", 4.0},
    {Dtype::tf32, "tf32", 4.0},
    {Dtype::fp16, "fp16", 2.0},
    {Dtype::bf16, "bf16", 2.0},
    {Dtype::fp8, "fp8", 1.0},
    {Dtype::fp8_block, "fp8_block", 1.0 + 4.0 / (128.0 * 128.0)},
    {Dtype::int8, "int8", 1.0},
    {Dtype::int4, "int4", 4.25 / 8.0},
    {Dtype::nvfp4, "nvfp4", 0.5 + 1.0 / 16.0},
}};

constexpr std::array<std::pair<std::string_view, Dtype>, 5> kAliases{{
    {"float32", Dtype::fp32},
    {"float16", Dtype::fp16},
    {"half", Dtype::fp16},
    {"bfloat16", Dtype::bf16},
    {"float8_e4m3fn", Dtype::fp8},
}};

}  // namespace

Bytes element_size(Dtype dtype) { return Bytes{kRows[static_cast<std::size_t>(dtype)].bytes}; }

std::string_view name(Dtype dtype) { return kRows[static_cast<std::size_t>(dtype)].name; }

std::optional<Dtype> parse_dtype(std::string_view text) {
  for (const Row& row : kRows) {
    if (row.name == text) return row.dtype;
  }
  for (const auto& [alias, dtype] : kAliases) {
    if (alias == text) return dtype;
  }
  return std::nullopt;
}

const std::vector<Dtype>& all_dtypes() {
  static const std::vector<Dtype> dtypes = [] {
    std::vector<Dtype> all;
    for (const Row& row : kRows) all.push_back(row.dtype);
    return all;
  }();
  return dtypes;
}

}  // namespace orrery
