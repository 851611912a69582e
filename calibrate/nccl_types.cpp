// The list of types. Source: NVIDIA/nccl-tests src/common.cu (test_typenames), NVIDIA/nccl src/nccl.h.in.
#include "calibrate/nccl_types.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "sim/collective/collectives.hpp"

namespace orrery::calibrate {

const std::vector<NcclType>& nccl_types() {
  static const std::vector<NcclType> kTypes{
      {"float", "float", Dtype::fp32, 4.0},
      {"half", "half", Dtype::fp16, 2.0},
      {"bfloat16", "bfloat16", Dtype::bf16, 2.0},
      {"double", "double", Dtype::fp32, 8.0},
      {"f8e4m3", "f8e4m3", Dtype::fp8, 1.0},
      {"f8e5m2", "f8e5m2", Dtype::fp8, 1.0},
      {"int8", "int8", Dtype::int8, 1.0},
      {"uint8", "uint8", Dtype::int8, 1.0},
      {"int32", "int32", Dtype::fp32, 4.0},
      {"uint32", "uint32", Dtype::fp32, 4.0},
      {"int64", "int64", Dtype::fp32, 8.0},
      {"uint64", "uint64", Dtype::fp32, 8.0},
      // Our names.
      {"fp32", "float", Dtype::fp32, 4.0},
      {"tf32", "float", Dtype::tf32, 4.0},
      {"fp16", "half", Dtype::fp16, 2.0},
      {"bf16", "bfloat16", Dtype::bf16, 2.0},
      {"fp8", "f8e4m3", Dtype::fp8, 1.0},
      {"fp8_e4m3", "f8e4m3", Dtype::fp8, 1.0},
      {"fp8_block", "uint8", Dtype::fp8_block, 1.0, true},
      {"int4", "uint8", Dtype::int4, 1.0, true},
      {"nvfp4", "uint8", Dtype::nvfp4, 1.0, true},
  };
  return kTypes;
}

const NcclType* find_nccl_type(std::string_view word) {
  const std::vector<NcclType>& all = nccl_types();
  const auto named = [&](std::string_view text) {
    return std::find_if(all.begin(), all.end(), [&](const NcclType& type) { return type.word == text; });
  };
  auto found = named(word);
  // "float32", "bfloat16" and the like are other names of ours.
  if (const auto dtype = parse_dtype(word); found == all.end() && dtype) found = named(name(*dtype));
  return found == all.end() ? nullptr : &*found;
}

const NcclType& nccl_type(Dtype dtype) {
  const NcclType* type = find_nccl_type(name(dtype));
  if (type == nullptr) throw std::logic_error("a number format without a type of NCCL: " + std::string(name(dtype)));
  return *type;
}

std::string sum_refusal(sim::CollectiveKind kind, const NcclType& type) {
  if (!type.only_moved || !sim::sums(kind)) return "";
  return fmt::format("{} of {}: NCCL sums no such elements, it can only move their bytes", sim::name(kind), type.word);
}

}  // namespace orrery::calibrate
