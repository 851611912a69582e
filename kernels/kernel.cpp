// Names, equality, hashing and dispatch of kernels. The rules of each shape live with its family.
#include "kernels/kernel.hpp"

#include <array>
#include <cstring>
#include <tuple>
#include <utility>

#include "kernels/family.hpp"

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

constexpr std::array<std::string_view, 15> kMemoryOps = {
    "norm",          "rotary", "activation", "dropout_add", "softmax",   "elementwise", "embedding", "embedding_grad",
    "cross_entropy", "router", "permute",    "adam",        "grad_norm", "copy",        "memset"};

// Field lists, so that == and hash can't disagree on what a shape is.
auto fields(const GemmShape& s) {
  return std::tuple(s.dtype, s.m, s.n, s.k, s.batch, s.weights, s.implementation, s.accumulate);
}
auto fields(const AttentionPrefillShape& s) {
  return std::tuple(s.dtype, s.kv_dtype, s.batch, s.q_len, s.kv_len, s.q_heads, s.kv_heads, s.head_dim, s.v_head_dim,
                    s.window, s.causal, s.pass, s.implementation);
}
auto fields(const AttentionDecodeShape& s) {
  return std::tuple(s.dtype, s.kv_dtype, s.batch, s.kv_tokens, s.q_heads, s.kv_heads, s.head_dim, s.latent_dim,
                    s.window, s.implementation);
}
auto fields(const MoeShape& s) {
  return std::tuple(s.dtype, s.tokens, s.hidden, s.inter, s.topk, s.experts, s.tensor_parallel, s.expert_parallel,
                    s.load, s.gated, s.pass, s.implementation);
}
auto fields(const MemoryShape& s) {
  return std::tuple(s.op, s.dtype, s.elements, s.read.value(), s.written.value(), s.flops_per_element);
}
auto fields(const HostCopyShape& s) { return std::tuple(s.bytes.value(), s.to_device, s.pinned); }

std::uint64_t bits(double value) {
  std::uint64_t result = 0;
  std::memcpy(&result, &value, sizeof result);
  return result;
}
template <class T>
std::uint64_t bits(T value) {
  return static_cast<std::uint64_t>(value);
}

// splitmix64's finaliser: spreads neighbouring shapes over the whole table.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

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
      [&b](const auto& left) {
        using Shape = std::decay_t<decltype(left)>;
        return fields(left) == fields(std::get<Shape>(b));
      },
      a);
}

std::size_t hash(const Kernel& kernel) {
  std::uint64_t h = mix(kernel.index());
  const auto add = [&h](auto... values) { ((h = mix(h ^ bits(values))), ...); };
  std::visit([&add](const auto& shape) { std::apply(add, fields(shape)); }, kernel);
  return static_cast<std::size_t>(h);
}

}  // namespace orrery::kernels
