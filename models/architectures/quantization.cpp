#include "models/architectures/quantization.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/architectures/decoder.hpp"
#include "models/architectures/module_patterns.hpp"
#include "models/architectures/quantization_formats.hpp"

namespace orrery::models {
namespace {

/// Patterns times layers: the longest lists of public checkpoints have some 600 for 80.
constexpr std::size_t kMostComparisons = 2'000'000;

constexpr WeightFormat kSixteenBits{Dtype::bf16, Bytes{2.0}};

/// Lists of modules, each with the format that they are in.
struct FormatList {
  std::vector<std::string> patterns;
  std::vector<WeightFormat> formats;  ///< one for each pattern

  void add(std::string pattern, const WeightFormat& format) {
    patterns.push_back(std::move(pattern));
    formats.push_back(format);
  }
};

/// What the checkpoint says of single modules; the first that fits holds.
struct Said {
  FormatList named;
  std::optional<WeightFormat> others;  ///< of what no pattern fits; the model's own where there is none
};

/// Regular expressions: an error where one is broken, and a note where one says more than is read.
void check_pattern(ConfigKeys& keys, const std::string& key, const std::string& pattern) {
  const std::string fault = fault_of(pattern);
  if (!fault.empty()) {
    keys.error(key, fmt::format("\"{}\" is no regular expression: {}", shorten(pattern), fault));
  } else if (!is_understood(pattern)) {
    keys.assume(fmt::format("quantization_config: \"{}\": what is not .*, \\. or (a|b) is read letter by letter",
                            shorten(pattern)));
  }
}

void add_ignored(ConfigKeys& keys, const std::string& quantized, FormatList& list) {
  for (const char* key : {"ignore", "ignored_layers", "modules_to_not_convert", "exclude_modules"}) {
    const std::string path = quantized + "." + key;
    if (!keys.is_list(path)) continue;
    for (std::string& pattern : keys.texts(path)) {
      check_pattern(keys, path, pattern);
      list.add(std::move(pattern), kSixteenBits);
    }
  }
}

/// modelopt's mixed precision: module by module; what is not listed was not quantised by it.
Said said_by_layers(ConfigKeys& keys, const std::string& quantized, const std::string& method) {
  Said said;
  for (std::string& module : keys.members(quantized + ".quantized_layers")) {
    const std::string algorithm = keys.nested_text(quantized + ".quantized_layers." + module, "quant_algo");
    const std::optional<WeightFormat> format = format_of_algorithm(keys, algorithm);
    if (format) {
      said.named.add(std::move(module), *format);
    } else {
      keys.error(quantized, fmt::format("quant_algo \"{}\" of a layer is not supported", algorithm));
      return said;
    }
  }
  // A checkpoint that was in fp8 before keeps the rest in that (DeepSeek-V4).
  const bool was_fp8 = method == "fp8";
  said.others = was_fp8 ? format_of_method(keys, quantized, method).value_or(kSixteenBits) : kSixteenBits;
  return said;
}

/// compressed-tensors with several groups: targets are names, patterns, or the class of all linear layers.
Said said_by_groups(ConfigKeys& keys, const std::string& quantized, const std::vector<std::string>& groups) {
  Said said;
  add_ignored(keys, quantized, said.named);
  said.others = kSixteenBits;
  for (const std::string& name : groups) {
    const std::string group = quantized + ".config_groups." + name;
    const std::optional<WeightFormat> format = format_of_group(keys, group);
    if (!format) {
      const std::int64_t bits = keys.nested_integer(group + ".weights", "num_bits");
      keys.error(group, fmt::format("the format of \"{}\" is not supported{}", name,
                                    bits > 0 ? fmt::format(": weights of {} bits; 4 and 8 are", bits) : ""));
      return said;
    }
    const std::string targets = group + ".targets";
    for (std::string& target : keys.is_list(targets) ? keys.texts(targets) : std::vector<std::string>{}) {
      if (target == "Linear") {
        said.others = *format;
      } else {
        check_pattern(keys, targets, target);
        said.named.add(std::move(target), *format);
      }
    }
  }
  return said;
}

Said what_is_said(ConfigKeys& keys, const std::string& quantized, const std::string& method) {
  if (!keys.members(quantized + ".quantized_layers").empty()) return said_by_layers(keys, quantized, method);
  const std::vector<std::string> groups = keys.members(quantized + ".config_groups");
  if (method == "compressed-tensors" && groups.size() > 1) return said_by_groups(keys, quantized, groups);
  Said said;
  add_ignored(keys, quantized, said.named);
  return said;
}

/// Counts of layers whose module of a kind is stored otherwise than most, by how.
class Otherwise {
 public:
  void count(Module module, const std::optional<WeightFormat>& format) {
    if (!format) return;
    const bool wide = !is_quantised(format->dtype);
    std::size_t& number = counts_[static_cast<std::size_t>(module)][wide ? 0 : 1];
    ++number;
    if (!wide) second_ = *format;
  }
  [[nodiscard]] std::string kept() const { return text(0); }
  [[nodiscard]] std::string second() const { return text(1); }
  [[nodiscard]] const WeightFormat& second_format() const { return second_; }

 private:
  [[nodiscard]] std::string text(std::size_t how) const {
    static constexpr std::array<const char*, 4> kNames = {"attention", "the MLP", "shared experts", "routed experts"};
    std::string all;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i][how] == 0) continue;
      all += fmt::format("{}{} in {}", all.empty() ? "" : ", ", kNames[i], counts_[i][how]);
    }
    return all;
  }

  std::array<std::array<std::size_t, 2>, 4> counts_{};
  WeightFormat second_;
};

using FormatOf = std::function<std::optional<WeightFormat>(std::size_t, Module, const LayerConfig&)>;

/// Sets what each layer stores otherwise, and notes it.
void store(ConfigKeys& keys, Llm& llm, const FormatOf& format_of) {
  std::vector<LayerConfig> layers = equal_layers(llm);
  Otherwise otherwise;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerConfig& layer = layers[i];
    const bool experts = layer.feed_forward == FeedForward::experts;
    const bool dense = layer.feed_forward == FeedForward::dense || (experts && layer.moe.beside_dense);
    StoredModules& stored = layer.stored;
    if (layer.mixer != Mixer::none) stored.mixer = format_of(i, Module::mixer, layer);
    if (dense) stored.mlp = format_of(i, Module::mlp, layer);
    if (experts && layer.moe.shared_experts > 0) stored.shared = format_of(i, Module::shared, layer);
    if (experts) stored.experts = format_of(i, Module::experts, layer);
    otherwise.count(Module::mixer, stored.mixer);
    otherwise.count(Module::mlp, stored.mlp);
    otherwise.count(Module::shared, stored.shared);
    otherwise.count(Module::experts, stored.experts);
  }
  const std::string kept = otherwise.kept(), second = otherwise.second();
  if (!kept.empty() || !second.empty()) set_layers(llm, layers);
  if (!kept.empty()) {
    keys.assume(fmt::format("quantization_config: kept in 16 bit, of {} layers: {}", layers.size(), kept));
  }
  if (!second.empty()) {
    const WeightFormat& format = otherwise.second_format();
    keys.assume(fmt::format("quantization_config: in {:.4g} bits ({}), of {} layers: {}", 8.0 * format.size.value(),
                            name(format.dtype), layers.size(), second));
  }
}

void store_modules(ConfigKeys& keys, const std::string& quantized, const std::string& method, Llm& llm) {
  const Said said = what_is_said(keys, quantized, method);
  if (!keys.well()) return;
  const ModulePatterns patterns(said.named.patterns);
  const std::size_t comparisons = patterns.comparisons(static_cast<std::size_t>(llm.layers));
  if (comparisons > kMostComparisons) {
    keys.error(quantized, fmt::format("{} patterns of modules for {} layers are too many", said.named.patterns.size(),
                                      llm.layers));
    return;
  }
  if (const std::size_t head = patterns.head(); head != ModulePatterns::kNone) {
    const WeightFormat& format = said.named.formats[head];
    if (is_quantised(format.dtype)) llm.head = format;
  }
  // The experts of DeepSeek-V4, in a format that only this key tells.
  const bool narrow = keys.text_or("expert_dtype", "") == "fp4";
  const std::optional<WeightFormat> routed = narrow ? std::optional(mxfp4_format(keys)) : std::nullopt;
  store(keys, llm, [&](std::size_t number, Module module, const LayerConfig& layer) -> std::optional<WeightFormat> {
    const std::size_t first = patterns.first(number, module, layer);
    std::optional<WeightFormat> format = module == Module::experts && routed ? routed : said.others;
    if (first != ModulePatterns::kNone) format = said.named.formats[first];
    return format == llm.weights() ? std::nullopt : format;
  });
}

/// "; 4 and 8 are": of a method whose widths are the matter.
std::string widths_known(std::string_view method) {
  for (const std::string_view known : {"gptq", "awq", "auto-round", "compressed-tensors"}) {
    if (method == known) return "; 4 and 8 are";
  }
  return "; known are fp8, gptq, awq, auto-round, mxfp4, bitsandbytes, compressed-tensors and modelopt";
}

/// What the first says that says so: a key of the section itself, or of the weights of a group of its layers; 0: none.
std::int64_t first_said(const ConfigKeys& keys, const std::string& quantized, std::initializer_list<const char*> own,
                        const char* of_group) {
  for (const char* key : own) {
    if (const std::int64_t value = keys.nested_integer(quantized, key); value > 0) return value;
  }
  for (const std::string& group : keys.members(quantized + ".config_groups")) {
    const std::int64_t value = keys.nested_integer(quantized + ".config_groups." + group + ".weights", of_group);
    if (value > 0) return value;
  }
  return 0;
}

/// Bits of a weight; 0: nothing says.
std::int64_t said_bits(const ConfigKeys& keys, const std::string& quantized) {
  return first_said(keys, quantized, {"bits", "w_bit"}, "num_bits");
}

/// Weights that share a scale; 0: those of a row, or it is not said.
std::int64_t said_group(const ConfigKeys& keys, const std::string& quantized) {
  return first_said(keys, quantized, {"group_size", "q_group_size"}, "group_size");
}

/// Groups lie along a row's inputs; engines refuse rows that they do not divide.
void note_uneven_groups(ConfigKeys& keys, const std::string& quantized, const Llm& llm) {
  const std::int64_t group = said_group(keys, quantized);
  if (group == 0) return;
  std::vector<std::string> uneven;
  const auto check = [&](std::string_view what, std::int64_t inputs) {
    std::string text = fmt::format("{} {}", what, inputs);
    const bool known = std::find(uneven.begin(), uneven.end(), text) != uneven.end();
    if (inputs % group != 0 && !known) uneven.push_back(std::move(text));
  };
  check("the hidden size", llm.hidden);
  for (std::int64_t i = 0; i < llm.layers; ++i) {
    const LayerConfig layer = llm.layer(i);
    if (layer.feed_forward == FeedForward::dense) check("the MLP width", layer.mlp.inter);
    if (layer.feed_forward == FeedForward::experts) check("the experts' width", layer.moe.inter);
  }
  if (uneven.empty()) return;
  keys.assume(
      fmt::format("quantization_config: groups of {} weights do not divide {}: bits are those of whole groups, "
                  "and engines refuse such a checkpoint",
                  group, fmt::join(uneven, ", ")));
}

/// The object that says it; empty: none does.
std::string quantized_object(const ConfigKeys& keys) {
  for (const char* object : {"quantization_config", "text_config.quantization_config", "quantization"}) {
    if (keys.is_object(object)) return object;
  }
  return {};
}

}  // namespace

void read_quantization(ConfigKeys& keys, Llm& llm) {
  for (const char* key : {"quantization_config", "quantization"}) {
    if (keys.absent(key) || keys.is_null(key) || keys.is_object(key)) continue;
    keys.error(key, "expected an object that says how the checkpoint is quantised, {\"quant_method\": …}");
  }
  const std::string quantized = quantized_object(keys);
  if (quantized.empty()) return;
  std::string method = keys.nested_text(quantized, "quant_method");
  if (method.empty() && !keys.nested_text(quantized, "quant_algo").empty()) method = "modelopt";
  if (method.empty()) return;
  const std::optional<WeightFormat> known = format_of_method(keys, quantized, method);
  if (!known) {
    const std::int64_t bits = said_bits(keys, quantized);
    keys.error(quantized, fmt::format("method \"{}\"{} is not supported{}", method,
                                      bits > 0 ? fmt::format(" of {} bits", bits) : "", widths_known(method)));
    return;
  }
  if (!keys.well()) {
    // What follows would say the format's faults again; those of the patterns it has not said yet.
    FormatList unused;
    add_ignored(keys, quantized, unused);
    return;
  }
  llm.dtype = known->dtype;
  llm.weight_size = known->size;
  llm.padded_experts = method == "mxfp4";
  const bool fp8_cache = keys.nested_text(quantized, "kv_cache_quant_algo") == "FP8" ||
                         keys.nested_integer(quantized, "kv_cache_scheme.num_bits") == 8;
  if (fp8_cache) llm.kv_dtype = Dtype::fp8;
  note_uneven_groups(keys, quantized, llm);
  store_modules(keys, quantized, method, llm);
}

}  // namespace orrery::models
