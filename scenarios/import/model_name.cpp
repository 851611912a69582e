// A name's last part is compared in small letters, its endings taken off one by one until the library knows it: what a
// checkpoint was tuned for changes none of its sizes.
#include "scenarios/import/model_name.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "hardware/nearest_names.hpp"
#include "models/architectures/hf_config.hpp"
#include "scenarios/import/import.hpp"

namespace orrery::scenarios {

namespace {

namespace fs = std::filesystem;

/// Endings that say how the weights are stored.
struct WeightEnding {
  std::string_view ending, weight_dtype;
};
constexpr std::array<WeightEnding, 12> kWeights = {{{"-awq-int4", "awq"},
                                                    {"-awq", "awq"},
                                                    {"-gptq-int4", "gptq"},
                                                    {"-gptq", "gptq"},
                                                    {"-w4a16", "int4"},
                                                    {"-int4", "int4"},
                                                    {"-bnb-4bit", "bitsandbytes"},
                                                    {"-fp8-dynamic", "fp8"},
                                                    {"-fp8-kv", "fp8"},
                                                    {"-fp8", "fp8"},
                                                    {"-nvfp4", "nvfp4"},
                                                    {"-fp4", "nvfp4"}}};
constexpr std::array<std::string_view, 13> kEndings = {"-instruct", "-chat", "-hf",   "-it",   "-base",
                                                       "-2507",     "-v0.1", "-v0.2", "-v0.3", "-bf16",
                                                       "-fp16",     "-0324", "-gguf"};
constexpr std::array<std::string_view, 2> kBeginnings = {"meta-", "facebook-"};

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

bool drop_ending(std::string& text, std::string_view ending) {
  if (text.size() <= ending.size() || text.compare(text.size() - ending.size(), ending.size(), ending) != 0)
    return false;
  text.resize(text.size() - ending.size());
  return true;
}

std::string last_part(std::string text) {
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  const std::size_t slash = text.rfind('/');
  std::string name = lower(slash == std::string::npos ? text : text.substr(slash + 1));
  for (const std::string_view beginning : kBeginnings) {
    if (name.rfind(beginning, 0) == 0) name.erase(0, beginning.size());
  }
  return name;
}

std::optional<ModelName> library_name(const std::string& written) {
  const std::vector<std::string> known = models::model_names();
  ModelName result{last_part(written), ""};
  while (std::find(known.begin(), known.end(), result.value) == known.end()) {
    bool shorter = false;
    for (const WeightEnding& row : kWeights) {
      if (shorter || !drop_ending(result.value, row.ending)) continue;
      if (result.weight_dtype.empty()) result.weight_dtype = row.weight_dtype;
      shorter = true;
    }
    for (const std::string_view ending : kEndings) shorter = shorter || drop_ending(result.value, ending);
    if (!shorter) return std::nullopt;
  }
  return result;
}

}  // namespace

std::optional<ModelName> find_model_name(const std::string& written, const std::string& folder,
                                         const ImportOptions& options) {
  std::error_code code;
  for (const fs::path& path : {fs::path(folder) / written, fs::path(written)}) {
    const bool has_config = fs::is_regular_file(path / "config.json", code);
    if (!has_config && !(path.extension() == ".json" && fs::is_regular_file(path, code))) continue;
    std::string from = path_from(options, path.string());
    if (from.find('/') == std::string::npos && path.extension() != ".json") from = "./" + from;  // a path, no name
    return ModelName{quoted_yaml(from), ""};
  }
  return library_name(written);
}

std::vector<std::string> similar_models(const std::string& written) {
  return hardware::nearest_names(last_part(written), models::model_names());
}

}  // namespace orrery::scenarios
