#include "models/architectures/quantization.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "models/architectures/decoder.hpp"

namespace orrery::models {
namespace {

/// What a quantisation method that several tools share stores: bits, and whether they are floating-point.
std::optional<Dtype> stored(std::int64_t bits, bool floating) {
  if (bits == 8) return floating ? Dtype::fp8 : Dtype::int8;
  if (bits == 4) return floating ? Dtype::nvfp4 : Dtype::int4;
  return std::nullopt;
}

/// By the names of modelopt.
std::optional<Dtype> by_algorithm(ConfigKeys& keys, std::string_view algorithm) {
  if (algorithm == "FP8") return Dtype::fp8;
  if (algorithm.find("NVFP4") != std::string_view::npos) return Dtype::nvfp4;
  if (algorithm == "MIXED_PRECISION") {
    keys.assume("quantization_config: mixed precision as nvfp4, which most weights have");
    return Dtype::nvfp4;
  }
  return std::nullopt;
}

/// The format of most weights by the object `quantized`, or nothing where it is unknown.
std::optional<Dtype> quantized_dtype(ConfigKeys& keys, const std::string& quantized, const std::string& method) {
  const std::string group = "config_groups.group_0.weights.";
  const bool floating = keys.nested_text(quantized, group + "type") == "float";
  if (method == "fp8" || method == "fbgemm_fp8") {
    return keys.nested_present(quantized, "weight_block_size") ? Dtype::fp8_block : Dtype::fp8;
  }
  if (method == "gptq" || method == "awq" || method == "auto-round") {
    return stored(keys.nested_integer(quantized, "bits"), false);
  }
  if (method == "mxfp4") {
    keys.assume("quantization_config: mxfp4 as int4, which takes as many bits with its scales (4.25)");
    return Dtype::int4;
  }
  if (method == "bitsandbytes") return stored(keys.flag_or(quantized + ".load_in_4bit", false) ? 4 : 8, false);
  if (method == "compressed-tensors") return stored(keys.nested_integer(quantized, group + "num_bits"), floating);
  if (method != "modelopt" && method != "modelopt_fp4") return std::nullopt;
  return by_algorithm(keys, keys.nested_text(quantized, "quant_algo"));
}

/// "*" stands for any text.
bool fits(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

/// The few regular expressions that such lists hold, as patterns: ".*" is "*", "\." a dot.
std::string as_pattern(std::string_view expression) {
  std::string pattern;
  for (std::size_t i = 0; i < expression.size(); ++i) {
    const bool any = expression.substr(i, 2) == ".*";
    const bool escaped = expression[i] == '\\' && i + 1 < expression.size();
    if (any || escaped) ++i;
    if (expression[i] == '^' || expression[i] == '$') continue;
    pattern += expression[i];
  }
  return pattern + "*";  // it may match a beginning
}

bool is_part(std::string_view word, std::string_view name) {
  for (std::size_t at = name.find(word); at != std::string_view::npos; at = name.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || name[at - 1] == '.') && (end == name.size() || name[end] == '.')) return true;
  }
  return false;
}

/// Patterns times layers: the longest lists of public checkpoints have some 600 for 80.
constexpr std::size_t kMostComparisons = 2'000'000;

using Names = std::vector<std::string_view>;

/// Projections by which a kind of module is known, under all the names that checkpoints give them.
const Names& mixer_names(Mixer mixer) {
  static const Names attention = {"self_attn.q_proj", "self_attn.o_proj", "self_attn.q_a_proj",
                                  "attn.wq_b",        "attn.wo",          "mixer.q_proj"};
  static const Names recurrent = {"linear_attn.out_proj", "linear_attn.in_proj_qkv", "linear_attn.in_proj_qkvz",
                                  "mixer.in_proj"};
  return mixer == Mixer::recurrent ? recurrent : attention;
}
const Names kDense = {"mlp.down_proj", "mlp.gate_proj", "ffn.w2", "mixer.down_proj", "feed_forward.down_proj"};
const Names kShared = {"mlp.shared_experts.down_proj", "mlp.shared_expert.down_proj", "ffn.shared_experts.w2",
                       "block_sparse_moe.shared_experts.down_proj", "mixer.shared_experts.down_proj"};

/// What stands before "layers." in the patterns: checkpoints of one model differ in it.
std::vector<std::string> prefixes(const std::vector<std::string>& patterns) {
  std::vector<std::string> found = {"model."};
  for (const std::string& pattern : patterns) {
    const std::size_t at = pattern.find("layers.");
    if (at == std::string::npos || pattern.find('*') < at) continue;
    std::string prefix = pattern.substr(0, at);
    if (std::find(found.begin(), found.end(), prefix) == found.end()) found.push_back(std::move(prefix));
  }
  return found;
}

class Kept {
 public:
  explicit Kept(std::vector<std::string> patterns) : patterns_(std::move(patterns)), prefixes_(prefixes(patterns_)) {}

  [[nodiscard]] bool any(std::size_t layer, const Names& names) const {
    for (const std::string& prefix : prefixes_) {
      for (const std::string_view name : names) {
        const std::string module = fmt::format("{}layers.{}.{}", prefix, layer, name);
        const auto fits_module = [&](const std::string& pattern) { return keeps(pattern, module); };
        if (std::any_of(patterns_.begin(), patterns_.end(), fits_module)) return true;
      }
    }
    return false;
  }

 private:
  std::vector<std::string> patterns_, prefixes_;
};

void keep_modules(ConfigKeys& keys, const std::string& quantized, Llm& llm) {
  std::vector<std::string> patterns;
  for (const char* key : {"ignore", "ignored_layers", "modules_to_not_convert", "exclude_modules"}) {
    const std::string path = quantized + "." + key;
    if (!keys.is_list(path)) continue;
    for (std::string& pattern : keys.texts(path)) patterns.push_back(std::move(pattern));
  }
  if (patterns.empty()) return;
  if (patterns.size() * static_cast<std::size_t>(llm.layers) > kMostComparisons) {
    keys.error(quantized,
               fmt::format("{} patterns of modules for {} layers are too many", patterns.size(), llm.layers));
    return;
  }
  const Kept kept(std::move(patterns));
  std::vector<LayerConfig> layers;
  for (std::int64_t i = 0; i < llm.layers; ++i) layers.push_back(llm.layer(i));
  std::array<std::size_t, 3> counts{};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerConfig& layer = layers[i];
    const bool experts = layer.feed_forward == FeedForward::experts;
    const bool dense = layer.feed_forward == FeedForward::dense || (experts && layer.moe.beside_dense);
    layer.kept.mixer = layer.mixer != Mixer::none && kept.any(i, mixer_names(layer.mixer));
    layer.kept.mlp = dense && kept.any(i, kDense);
    layer.kept.shared = experts && layer.moe.shared_experts > 0 && kept.any(i, kShared);
    counts[0] += layer.kept.mixer ? 1 : 0;
    counts[1] += layer.kept.mlp ? 1 : 0;
    counts[2] += layer.kept.shared ? 1 : 0;
  }
  if (counts == std::array<std::size_t, 3>{}) return;
  set_layers(llm, layers);
  keys.assume(
      fmt::format("quantization_config: kept in 16 bit are attention in {} of {} layers, the MLP in {}, shared "
                  "experts in {}",
                  counts[0], layers.size(), counts[1], counts[2]));
}

/// The object that says it; empty: none does.
std::string quantized_object(const ConfigKeys& keys) {
  for (const char* object : {"quantization_config", "text_config.quantization_config", "quantization"}) {
    if (keys.is_object(object)) return object;
  }
  return {};
}

}  // namespace

bool keeps(std::string_view pattern, std::string_view module) {
  if (pattern.substr(0, 3) == "re:") return fits(as_pattern(pattern.substr(3)), module);
  if (pattern.find('*') != std::string_view::npos) return fits(pattern, module);
  return !pattern.empty() && is_part(pattern, module);
}

void read_quantization(ConfigKeys& keys, Llm& llm) {
  const std::string quantized = quantized_object(keys);
  if (quantized.empty()) return;
  std::string method = keys.nested_text(quantized, "quant_method");
  if (method.empty() && !keys.nested_text(quantized, "quant_algo").empty()) method = "modelopt";
  if (method.empty()) return;
  const std::optional<Dtype> known = quantized_dtype(keys, quantized, method);
  if (!known) {
    keys.error(quantized, fmt::format("method \"{}\" is not supported; known are fp8, gptq, awq, auto-round, mxfp4, "
                                      "bitsandbytes, compressed-tensors and modelopt",
                                      method));
    return;
  }
  llm.dtype = *known;
  llm.padded_experts = method == "mxfp4";
  const bool fp8_cache = keys.nested_text(quantized, "kv_cache_quant_algo") == "FP8" ||
                         keys.nested_integer(quantized, "kv_cache_scheme.num_bits") == 8;
  if (fp8_cache) llm.kv_dtype = Dtype::fp8;
  keep_modules(keys, quantized, llm);
}

}  // namespace orrery::models
