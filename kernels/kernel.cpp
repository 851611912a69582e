// Names, keys and dispatch of kernels. The rules of each shape live with its family, its fields in fields.hpp.
#include "kernels/kernel.hpp"

#include <array>
#include <utility>

#include "kernels/family.hpp"
#include "kernels/fields.hpp"

namespace orrery::kernels {
namespace {

constexpr std::array<std::pair<Implementation, std::string_view>, 7> kImplementations = {{
    {Implementation::automatic, "automatic"},
    {Implementation::cublaslt, "cublaslt"},
    {Implementation::trtllm, "trtllm"},
    {Implementation::vllm, "vllm"},
    {Implementation::sglang, "sglang"},
    {Implementation::cudnn, "cudnn"},
    {Implementation::unfused, "unfused"},
}};

constexpr std::array<std::string_view, 17> kMemoryOps = {
    "norm",     "rotary", "activation", "dropout_add",    "softmax",       "elementwise",
    "quantize", "amax",   "embedding",  "embedding_grad", "cross_entropy", "router",
    "permute",  "adam",   "grad_norm",  "copy",           "memset"};

}  // namespace

std::string_view name(Implementation implementation) {
  return kImplementations[static_cast<std::size_t>(implementation)].second;
}

std::optional<Implementation> parse_implementation(std::string_view text) {
  for (const auto& [value, word] : kImplementations) {
    if (word == text) return value;
  }
  return std::nullopt;
}

std::string_view name(MemoryOp op) { return kMemoryOps[static_cast<std::size_t>(op)]; }

std::string_view name(Provenance provenance) {
  switch (provenance) {
    case Provenance::datasheet:
      return "datasheet";
    case Provenance::published:
      return "published";
    case Provenance::measured:
      return "measured";
  }
  return "datasheet";
}

std::string check(const Kernel& kernel) { return family_of(kernel).check(kernel); }
Work work(const Kernel& kernel) { return family_of(kernel).work(kernel); }
std::string describe(const Kernel& kernel) { return family_of(kernel).describe(kernel); }
std::string_view family(const Kernel& kernel) { return family_of(kernel).name; }

bool operator==(const Kernel& a, const Kernel& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&b](const auto& left) { return same_fields(left, *std::get_if<std::decay_t<decltype(left)>>(&b)); }, a);
}

std::size_t hash(const Kernel& kernel) {
  const auto of_shape = [&kernel](const auto& shape) { return hash_fields(shape, kernel.index()); };
  return static_cast<std::size_t>(std::visit(of_shape, kernel));
}

}  // namespace orrery::kernels
