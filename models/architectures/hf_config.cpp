// Reading a config.json: what belongs to every architecture, and the way to the library's files.
#include "models/architectures/hf_config.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

namespace fs = std::filesystem;
using hardware::ConfigError;
using hardware::Diagnostic;
using hardware::SourceSpan;

/// Every known value, the ones nearest to `word` first: "llama, opt, gpt2".
std::string nearest_first(std::string_view word, std::vector<std::string> valid) {
  std::string text;
  const auto append = [&](const std::string& item) { text += (text.empty() ? "" : ", ") + item; };
  for (const std::string& near : hardware::nearest_names(word, valid)) {
    append(near);
    valid.erase(std::remove(valid.begin(), valid.end(), near), valid.end());
  }
  for (const std::string& item : valid) append(item);
  return text;
}

/// The folder of a file called config.json, else the file's stem.
std::string name_after(const std::string& file) {
  const fs::path path(file);
  const std::string folder = path.parent_path().filename().string();
  return path.filename() == "config.json" && !folder.empty() ? folder : path.stem().string();
}

/// Storage of the weights: the quantisation's if there is one, else torch_dtype (dtype since transformers 4.56).
/// Absent: bf16, in which such models are trained and served today, though transformers would say fp32.
Dtype read_dtype(ConfigKeys& keys) {
  const std::string key = keys.absent("dtype") ? "torch_dtype" : "dtype";
  const std::string text = keys.text_or(key, "bfloat16");
  const auto dtype = parse_dtype(text);
  if (!dtype) keys.error(key, fmt::format("unknown number format \"{}\"", text));
  const std::string method = keys.nested_text("quantization_config", "quant_method");
  if (method.empty()) return dtype.value_or(Dtype::bf16);
  if (method == "fp8") {
    return keys.nested_present("quantization_config", "weight_block_size") ? Dtype::fp8_block : Dtype::fp8;
  }
  const std::int64_t bits = keys.nested_integer("quantization_config", "bits");
  if ((method == "gptq" || method == "awq") && (bits == 4 || bits == 8)) return bits == 4 ? Dtype::int4 : Dtype::int8;
  keys.error("quantization_config", fmt::format("method \"{}\" is not supported; known are fp8, gptq and awq", method));
  return Dtype::bf16;
}

/// Products of sizes that each are in range may still not fit 64 bits; this counts in doubles first.
void check_total(ConfigKeys& keys, const Llm& llm) {
  const auto d = [](std::int64_t x) { return static_cast<double>(x); };
  const AttentionConfig& a = llm.attention;
  const double hidden = d(llm.hidden);
  const double head = d(std::max(a.head_dim, a.v_head_dim));
  const double attention = 4.0 * (hidden + d(a.q_lora_rank) + d(a.kv_lora_rank)) * (d(a.heads) * head + hidden);
  const double mlp = 3.0 * (hidden + 1.0) *
                     (d(llm.mlp.inter) + d(llm.moe.experts) * d(llm.moe.inter + 1) +
                      d(llm.moe.shared_experts) * d(llm.moe.shared_inter));
  const double total = d(llm.layers) * (attention + mlp) + (2.0 * d(llm.vocab) + d(llm.max_positions)) * hidden;
  constexpr double kMost = 1e16;  // FLOPs per token stay exact in a double and far below 2^63
  if (total > kMost) {
    keys.error("model_type",
               fmt::format("the sizes make some {:.1e} parameters; at most {:.0e} are accepted", total, kMost));
  }
}

const ArchitectureRow& architecture_of(ConfigKeys& keys) {
  const std::string type = keys.text_or("model_type", "");
  if (const ArchitectureRow* row = find_architecture(type)) return *row;
  std::vector<std::string> known;
  for (const ArchitectureRow& row : architectures()) known.emplace_back(row.model_type);
  if (keys.absent("model_type")) {
    keys.error("model_type", "the key is missing; known architectures: " + nearest_first(type, known));
  } else if (keys.well()) {
    keys.error("model_type",
               fmt::format("unknown architecture \"{}\"; known, nearest first: {}", type, nearest_first(type, known)));
  }
  keys.throw_if_any();
  throw ConfigError("unreachable: an unknown architecture was reported");
}

fs::path library_folder() { return hardware::data_root() / "models" / "library"; }

Llm read_file(const fs::path& path) { return read_hf_config(hardware::read_text_file(path.string()), path.string()); }

}  // namespace

Llm read_hf_config(std::string_view json_text, const std::string& file) {
  ConfigKeys keys(json_text, file);
  const ArchitectureRow& row = architecture_of(keys);
  Llm llm;
  llm.architecture = row.model_type;
  llm.name = name_after(file);
  llm.title = keys.nested_text("orrery", "title");
  if (llm.title.empty()) llm.title = llm.name;
  llm.source = keys.nested_text("orrery", "source");
  if (llm.source.empty()) llm.source = file;
  llm.dtype = read_dtype(keys);
  row.read(keys, llm);
  check_total(keys, llm);
  keys.throw_if_any();
  return llm;
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(library_folder(), error)) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Llm load_model(std::string_view name_or_path) {
  const std::string text(name_or_path);
  const std::vector<std::string> names = model_names();
  if (std::binary_search(names.begin(), names.end(), text)) return read_file(library_folder() / (text + ".json"));
  const fs::path path(text);
  std::error_code error;
  if (!text.empty() && fs::is_directory(path, error)) return read_file(path / "config.json");
  const bool looks_like_path = text.find('/') != std::string::npos || path.extension() == ".json";
  if (looks_like_path || fs::exists(path, error)) return read_file(path);
  throw ConfigError(fmt::format("unknown model \"{}\"; known, nearest first: {}. A path to a config.json works too",
                                text, nearest_first(text, names)));
}

}  // namespace orrery::models
