#include "scenarios/model_names.hpp"

#include <algorithm>

#include "hardware/nearest_names.hpp"
#include "models/architectures/hf_config.hpp"

namespace orrery::scenarios {

namespace {

/// Endings that say how the weights are stored; of two that fit, the longer stands first.
struct WeightEnding {
  std::string_view ending, weight_dtype;
};
constexpr WeightEnding kWeights[] = {
    {"-awq-int4", "int4"}, {"-awq", "int4"},    {"-gptq-int4", "int4"}, {"-gptq", "int4"},       {"-w4a16", "int4"},
    {"-int4", "int4"},     {"-int8", "int8"},   {"-bnb-4bit", "int4"},  {"-fp8-dynamic", "fp8"}, {"-fp8-kv", "fp8"},
    {"-fp8", "fp8"},       {"-nvfp4", "nvfp4"}, {"-fp4", "nvfp4"},      {"-bf16", "bf16"}};
/// What says how a checkpoint was trained or packed.
constexpr std::string_view kEndings[] = {"-instruct", "-chat", "-base", "-hf",   "-it",
                                         "-v0.1",     "-v0.2", "-v0.3", "-fp16", "-gguf"};
constexpr std::string_view kBeginnings[] = {"meta-", "facebook-"};

std::string last_part(std::string_view text) {
  while (text.size() > 1 && text.back() == '/') text.remove_suffix(1);
  std::string name(text.substr(text.rfind('/') + 1));
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const std::string_view beginning : kBeginnings) {
    if (name.rfind(beginning, 0) == 0) name.erase(0, beginning.size());
  }
  return name;
}

/// The library's model of that name, alias or not; empty: none.
std::string known_as(const std::string& name) {
  const std::vector<std::string> known = models::model_names();
  if (std::find(known.begin(), known.end(), name) != known.end()) return name;
  for (const ModelAlias& alias : model_aliases()) {
    if (alias.name == name) return std::string(alias.library);
  }
  return {};
}

bool drop_ending(std::string& text, std::string_view ending) {
  if (text.size() <= ending.size() || text.compare(text.size() - ending.size(), ending.size(), ending) != 0) {
    return false;
  }
  text.resize(text.size() - ending.size());
  return true;
}

/// "-2507", "-0324": when it was made.
bool drop_date(std::string& text) {
  constexpr std::size_t kSize = 5;
  if (text.size() <= kSize || text[text.size() - kSize] != '-') return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!std::all_of(text.end() - (kSize - 1), text.end(), is_digit)) return false;
  text.resize(text.size() - kSize);
  return true;
}

/// One word off the end.
bool shorten(std::string& name, std::string& weight_dtype) {
  for (const WeightEnding& row : kWeights) {
    if (!drop_ending(name, row.ending)) continue;
    if (weight_dtype.empty()) weight_dtype = row.weight_dtype;
    return true;
  }
  const auto drops = [&](std::string_view ending) { return drop_ending(name, ending); };
  return std::any_of(std::begin(kEndings), std::end(kEndings), drops) || drop_date(name);
}

}  // namespace

const std::vector<ModelAlias>& model_aliases() {
  static const std::vector<ModelAlias> rows = {
      {"llama-3.3-70b", "llama-3.1-70b", "config.json of meta-llama/Llama-3.3-70B-Instruct: the same sizes"},
      {"deepseek-r1", "deepseek-v3", "config.json of deepseek-ai/DeepSeek-R1: the same sizes"},
      {"deepseek-v3.1", "deepseek-v3", "config.json of deepseek-ai/DeepSeek-V3.1: the same sizes"},
      {"qwq-32b", "qwen2.5-32b", "config.json of Qwen/QwQ-32B: the sizes of Qwen2.5-32B"},
  };
  return rows;
}

LibraryModel find_library_model(std::string_view written) {
  LibraryModel model;
  std::string name = last_part(written);
  do {
    model.name = known_as(name);
  } while (model.name.empty() && shorten(name, model.weight_dtype));
  return model;
}

std::vector<std::string> similar_models(std::string_view written) {
  std::string name = last_part(written), ignored;
  while (shorten(name, ignored)) {
  }
  return hardware::nearest_names(name, models::model_names());
}

}  // namespace orrery::scenarios
