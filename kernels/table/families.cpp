// The table of kernel families. One row a family; order is the order of the Kernel variant.
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include "kernels/attention/attention.hpp"
#include "kernels/copy/host_copy.hpp"
#include "kernels/elementwise/elementwise.hpp"
#include "kernels/family.hpp"
#include "kernels/gemm/gemm.hpp"
#include "kernels/moe/moe.hpp"

namespace orrery::kernels {
namespace {

std::optional<double> default_of(const hardware::Generation& generation, const std::string& family,
                                 std::string_view name) {
  const auto found = generation.coefficients.find(family);
  if (found == generation.coefficients.end()) return std::nullopt;
  for (const auto& [coefficient, value] : found->second) {
    if (coefficient == name) return value;
  }
  return std::nullopt;
}

}  // namespace

const std::vector<FamilyRow>& families() {
  // Built once, never changed: a table, not state. Row i holds alternative i of Kernel.
  static const std::vector<FamilyRow> table = {
      gemm_family(),   attention_prefill_family(), attention_decode_family(), moe_family(),
      memory_family(), host_copy_family()};
  return table;
}

const FamilyRow& family_of(const Kernel& kernel) { return families()[kernel.index()]; }

const FamilyRow* find_family(std::string_view name) {
  for (const FamilyRow& row : families()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

const std::vector<Implementation>& implementation_order(Implementation wanted) {
  using I = Implementation;
  static const std::vector<std::vector<I>> orders = {
      /* automatic */ {I::trtllm, I::vllm, I::sglang, I::cudnn, I::cublaslt},
      /* cublaslt  */ {I::cublaslt, I::trtllm, I::vllm, I::sglang, I::cudnn},
      /* trtllm    */ {I::trtllm, I::vllm, I::sglang, I::cudnn, I::cublaslt},
      /* vllm      */ {I::vllm, I::trtllm, I::sglang, I::cudnn, I::cublaslt},
      /* sglang    */ {I::sglang, I::vllm, I::trtllm, I::cudnn, I::cublaslt},
      /* cudnn     */ {I::cudnn, I::trtllm, I::vllm, I::sglang, I::cublaslt},
      /* unfused   */ {I::unfused}};
  return orders[static_cast<std::size_t>(wanted)];
}

std::string first_fit(const hardware::Gpu& gpu, std::string_view family,
                      const std::vector<Implementation>& implementations, const std::vector<std::string_view>& dtypes) {
  if (gpu.fits.empty()) return {};
  std::string key;
  for (const Implementation implementation : implementations) {
    for (const std::string_view dtype : dtypes) {
      key.assign(family);
      key += '/';
      key += name(implementation);
      key += '/';
      key += dtype;
      if (gpu.find_fit(key) != nullptr) return key;
    }
  }
  return {};
}

std::string fit_key(const Kernel& kernel, const hardware::Gpu& gpu) {
  const FamilyRow& row = family_of(kernel);
  if (row.fit_dtypes.empty()) return {};
  const FitChoice choice = row.fit_choice(kernel);
  return first_fit(gpu, row.name, implementation_order(choice.implementation), row.fit_dtypes[choice.dtypes]);
}

// Only forward passes were measured; backward takes the forward fit and a published factor (the models say which).
bool is_backward(const Kernel& kernel) {
  if (const auto* attention = std::get_if<AttentionPrefillShape>(&kernel)) return attention->pass == Pass::backward;
  if (const auto* moe = std::get_if<MoeShape>(&kernel)) return moe->pass == Pass::backward;
  return false;
}

std::string group_name(const Kernel& kernel) {
  std::string name(family(kernel));
  if (const auto* memory = std::get_if<MemoryShape>(&kernel)) name.append(".").append(kernels::name(memory->op));
  return name;
}

std::vector<double> defaults_of(const hardware::Gpu& gpu, std::string_view family,
                                std::span<const std::string_view> names) {
  std::vector<double> values;
  for (const std::string_view name : names) {
    const std::optional<double> value = default_of(gpu.generation, std::string(family), name);
    if (!value) {
      throw std::invalid_argument(fmt::format("{} is of the generation '{}', which has no coefficient {} of {}",
                                              gpu.name, gpu.generation.name, name, family));
    }
    values.push_back(*value);
  }
  return values;
}

FlopsPerSecond stand_in_peak(const hardware::Gpu& gpu, Dtype dtype) {
  const auto peak = gpu.matrix_peak(dtype);
  if (!peak) {
    throw std::invalid_argument(gpu.name + " has no matrix units for " + std::string(orrery::name(dtype)));
  }
  return *peak;
}

}  // namespace orrery::kernels
