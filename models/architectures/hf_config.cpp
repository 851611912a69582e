// Reading a config.json: what belongs to every architecture, and the way to the library's files.
#include "models/architectures/hf_config.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "models/architectures/architectures.hpp"
#include "models/architectures/quantization.hpp"

namespace orrery::models {
namespace {

namespace fs = std::filesystem;
using hardware::ConfigError;
using hardware::Diagnostic;
using hardware::SourceSpan;

/// The folder of a file called config.json, else the file's stem.
std::string name_after(const std::string& file) {
  const fs::path path(file);
  const std::string folder = path.parent_path().filename().string();
  return path.filename() == "config.json" && !folder.empty() ? folder : path.stem().string();
}

/// Storage of the weights that are not quantised: torch_dtype (dtype since transformers 4.56).
/// Absent: bf16, in which such models are trained and served today, though transformers would say fp32.
Dtype read_dtype(ConfigKeys& keys) {
  const std::string key = keys.absent("dtype") ? "torch_dtype" : "dtype";
  const std::string text = keys.text_or(key, "bfloat16");
  const auto dtype = parse_dtype(text);
  if (!dtype) keys.error(key, fmt::format("unknown number format \"{}\"", text));
  return dtype.value_or(Dtype::bf16);
}

double d(std::int64_t x) { return static_cast<double>(x); }

/// More than the parameters of a layer, in a double.
double at_most(const Llm& llm, const LayerConfig& layer) {
  const AttentionConfig& a = layer.attention;
  const RecurrentConfig& r = layer.recurrent;
  const double hidden = d(llm.hidden) * d(llm.streams);
  const double head = d(std::max(a.head_dim, a.v_head_dim));
  const double index = d(a.index.heads) * d(a.index.dim) + d(a.compress) * head;
  const double attention = 4.0 * (hidden + d(a.q_lora_rank) + d(a.kv_lora_rank) + d(a.out_rank) * d(a.out_groups)) *
                           (d(a.heads) * head + hidden + index);
  const double keys = d(r.key_heads) * d(r.key_dim), values = d(r.value_heads) * d(r.value_dim);
  const double recurrent = 4.0 * (hidden + d(r.conv) + 2.0 * d(r.dt_rank)) * (keys + values + d(r.dt_rank)) +
                           values * d(std::max<std::int64_t>(1, r.key_dim));
  const double mlp = 3.0 * (hidden + 1.0) *
                     (d(layer.mlp.inter) + d(layer.moe.experts) * d(layer.moe.inter + 1) +
                      d(layer.moe.shared_experts) * d(layer.moe.shared_inter));
  const double streams = d(llm.streams) * d(llm.streams) * d(llm.streams) + 2.0 * hidden * d(llm.laurel_rank + 4);
  return attention + recurrent + mlp + streams;
}

/// Products of sizes that each are in range may still not fit 64 bits; this counts in doubles first.
void check_total(ConfigKeys& keys, const Llm& llm) {
  double layer = llm.kinds.empty()
                     ? at_most(llm, {Mixer::attention, FeedForward::experts, llm.attention, {}, llm.mlp, llm.moe, {}})
                     : 0.0;
  for (const LayerConfig& kind : llm.kinds) layer = std::max(layer, at_most(llm, kind));
  const double inputs = d(llm.layer_input) * (d(llm.layers) * (d(llm.layer_input_vocab) + d(llm.hidden)));
  const double splits = 2.0 * d(llm.streams) * d(llm.hidden) * d(llm.hidden);
  const double total =
      d(llm.layers) * layer + (2.0 * d(llm.vocab) + d(llm.max_positions)) * d(llm.hidden) + inputs + splits;
  constexpr double kMost = 1e16;  // FLOPs per token stay exact in a double and far below 2^63
  if (total > kMost) {
    keys.error("model_type",
               fmt::format("the sizes make some {:.1e} parameters; at most {:.0e} are accepted", total, kMost));
  }
}

std::vector<std::string> known_types() {
  std::vector<std::string> known;
  for (const ArchitectureRow& row : architectures()) known.emplace_back(row.model_type);
  return known;
}

/// The row that the first class of "architectures" is named after, which may be a relative's.
const ArchitectureRow* row_of_class(ConfigKeys& keys, const std::string& type) {
  if (!keys.is_list("architectures")) return nullptr;
  const std::vector<std::string> classes = keys.texts("architectures");
  const ArchitectureRow* row = classes.empty() ? nullptr : find_architecture_of_class(classes.front());
  if (row != nullptr) {
    keys.assume(fmt::format("model_type \"{}\": read as {}, which its architectures name", type, row->model_type));
  }
  return row;
}

/// The row by which the config is read, and the row that knows its towers.
struct Rows {
  const ArchitectureRow* text = nullptr;
  const ArchitectureRow* whole = nullptr;
};

constexpr std::string_view kText = "text_config";

/// Enters text_config, or llm_config or language_config as some models call it, where there is one.
Rows rows_of(ConfigKeys& keys, const std::string& as) {
  const std::string type = keys.text_or("model_type", "");
  Rows rows;
  rows.text = rows.whole = find_architecture(type);
  for (const std::string_view inner : {kText, std::string_view("llm_config"), std::string_view("language_config")}) {
    if (keys.absent(inner) || keys.is_null(inner)) continue;
    if (!keys.is_object(inner)) {
      keys.error(inner, "expected a mapping, the config of the language model");
      continue;
    }
    keys.scope(inner);
    const std::string inner_type = keys.text_or("model_type", "");
    const ArchitectureRow* row = find_architecture(inner_type);
    if (row == nullptr && rows.whole == nullptr) row = row_of_class(keys, inner_type);
    if (rows.whole == nullptr && row != nullptr) {
      keys.assume(fmt::format("model_type \"{}\": read as its {}'s {}", type, inner, row->model_type));
    }
    if (row != nullptr) rows.text = row;
    break;
  }
  if (rows.text == nullptr) rows.text = row_of_class(keys, type);
  if (as.empty()) return rows;
  if (const ArchitectureRow* row = find_architecture(as)) {
    keys.assume(fmt::format("model_type \"{}\": read as {}, as told", type, row->model_type));
    rows.text = row;
  } else {
    throw ConfigError(
        fmt::format("as: unknown architecture \"{}\"; known, nearest first: {}", as, nearest_first(as, known_types())));
  }
  return rows;
}

[[noreturn]] void fail_unknown(ConfigKeys& keys) {
  const bool inside = keys.absent("model_type") && keys.in_scope();
  if (inside) keys.scope("");
  const std::string type = keys.text_or("model_type", "");
  if (keys.absent("model_type")) {
    keys.error("model_type", "the key is missing; known architectures: " + nearest_first(type, known_types()));
  } else if (keys.well()) {
    const std::vector<std::string> near = hardware::nearest_names(type, known_types());
    keys.error(
        "model_type",
        fmt::format("unknown architecture \"{}\"; known, nearest first: {}. If its layers are one of theirs, name "
                    "it: model: {{config: …, as: {}}}",
                    type, nearest_first(type, known_types()), near.empty() ? "llama" : near.front()));
  }
  keys.throw_if_any();
  throw ConfigError("unreachable: an unknown architecture was reported");
}

fs::path library_folder() { return hardware::data_root() / "models" / "library"; }

/// modelopt writes how it quantised beside the config.json as well, or there alone.
void read_quantization_beside(const fs::path& config, Llm& llm) {
  const fs::path path = config.parent_path() / "hf_quant_config.json";
  std::error_code error;
  if (config.filename() != "config.json" || is_quantised(llm.dtype) || !fs::is_regular_file(path, error)) return;
  ConfigKeys keys(hardware::read_text_file(path.string()), path.string());
  read_quantization(keys, llm);
  keys.throw_if_any();
  for (const std::string& note : keys.assumed()) llm.assumed.push_back(note);
}

Llm read_file(const fs::path& path, const std::string& as) {
  Llm llm = read_hf_config(hardware::read_text_file(path.string()), path.string(), as);
  read_quantization_beside(path, llm);
  return llm;
}

bool any(const Llm& llm, bool (*has)(const LayerConfig& layer)) {
  return std::any_of(llm.kinds.begin(), llm.kinds.end(), has);
}

/// What is priced by something nearby, or counted and not priced.
void note_prices(ConfigKeys& keys, const Llm& llm) {
  if (any(llm, [](const LayerConfig& l) { return l.mixer == Mixer::recurrent; })) {
    keys.assume("recurrent layers: priced as their projections, the products of a chunk, and passes over their states");
  }
  const auto indexed = [](const LayerConfig& l) { return l.attention.index.topk > 0; };
  if (any(llm, indexed) || llm.attention.index.topk > 0) {
    keys.assume("sparse attention: priced as attention to the chosen keys, its index as a product with all keys");
  }
  if (any(llm, [](const LayerConfig& l) { return l.attention.kind == AttentionKind::compressed; })) {
    keys.assume("compressed attention: priced as attention of one head of keys over the window and compressed tokens");
  }
  if (any(llm, [](const LayerConfig& l) { return l.attention.chunk > 0; })) {
    keys.assume("chunked attention: priced as attention to half a chunk beyond the first");
  }
  if (llm.mtp_layers > 0) {
    keys.assume(fmt::format("speculative heads: {}, not counted and not priced", llm.mtp_layers));
  }
}

/// What layer_types and sliding_window say, where the layers of this class are read without: no layer is of such a
/// kind.
void note_unused_layers(ConfigKeys& keys, const Llm& llm) {
  const auto in_any = [&](const auto& has) {
    for (std::int64_t i = 0; i < llm.layers; ++i) {
      if (has(llm.layer(i))) return true;
    }
    return false;
  };
  const bool slides = in_any([](const LayerConfig& l) { return l.attention.window > 0 || l.attention.chunk > 0; });
  const bool mixes = in_any([](const LayerConfig& l) { return l.mixer != Mixer::attention; });
  std::int64_t windows = 0, others = 0;
  const std::vector<std::string> types =
      keys.is_list("layer_types") ? keys.texts("layer_types") : std::vector<std::string>{};
  for (const std::string& type : types) {
    windows += type == "sliding_attention" || type == "chunked_attention" ? 1 : 0;
    others += type == "linear_attention" || type == "mamba" ? 1 : 0;
  }
  const std::string not_used = fmt::format("is not used: {} attends to everything in every layer", llm.architecture);
  if (windows > 0 && !slides) keys.assume(fmt::format("layer_types: the window of {} layers {}", windows, not_used));
  if (others > 0 && !mixes) keys.assume(fmt::format("layer_types: another kind in {} layers {}", others, not_used));
  const bool off = !keys.absent("use_sliding_window") && !keys.flag_or("use_sliding_window", false);
  if (windows == 0 && !slides && !off && keys.is_integer("sliding_window")) {
    keys.assume("sliding_window: " + not_used);
  }
}

using CountTower = std::int64_t (*)(ConfigKeys& keys, const Llm& llm);

std::int64_t tower_of(ConfigKeys& keys, const Rows& rows, const Llm& llm, CountTower ArchitectureRow::*tower) {
  const CountTower count = rows.whole == nullptr ? nullptr : rows.whole->*tower;
  return count == nullptr ? 0 : count(keys, llm);
}

/// Speculative heads, and towers for images and sound, which stand beside the language model's config.
void read_more(ConfigKeys& keys, const Rows& rows, Llm& llm) {
  const std::string_view heads =
      keys.first_of({"num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules", "num_mtp_layers"});
  llm.mtp_layers = keys.size_or(heads, 0, SizeLimits::kLayers, 0);
  keys.scope("");
  const std::int64_t images = tower_of(keys, rows, llm, &ArchitectureRow::vision);
  const std::int64_t sound = tower_of(keys, rows, llm, &ArchitectureRow::audio);
  llm.vision_parameters = images + sound;
  llm.vision_apart = llm.vision_parameters > 0 && rows.whole->vision_apart;
  const double billions = d(llm.vision_parameters) / 1e9;
  if (llm.vision_apart) {
    keys.assume(fmt::format("towers: {:.3f} B parameters beside `parameters`; not priced", billions));
  } else if (llm.vision_parameters > 0) {
    keys.assume(fmt::format("towers: {:.3f} B of the parameters; not priced", billions));
  }
  if (images == 0 && keys.is_object("vision_config")) keys.assume("vision tower: neither counted nor priced");
  if (sound == 0 && keys.is_object("audio_config")) keys.assume("audio tower: neither counted nor priced");
  note_prices(keys, llm);
}

}  // namespace

Llm read_hf_config(std::string_view json_text, const std::string& file, const std::string& as) {
  ConfigKeys keys(json_text, file);
  Llm llm;
  llm.name = name_after(file);
  llm.title = keys.nested_text("orrery", "title");
  if (llm.title.empty()) llm.title = llm.name;
  const std::string source = keys.nested_text("orrery", "source");
  llm.source = source.empty() ? file : source;
  llm.dtype = read_dtype(keys);
  const Rows rows = rows_of(keys, as);
  if (rows.text == nullptr) fail_unknown(keys);
  llm.architecture = rows.whole != nullptr ? rows.whole->model_type : rows.text->model_type;
  rows.text->read(keys, llm);
  if (keys.well()) note_unused_layers(keys, llm);
  read_more(keys, rows, llm);
  if (keys.well()) read_quantization(keys, llm);
  check_total(keys, llm);
  keys.throw_if_any();
  // The library's files say where their sizes are from: nothing is left open.
  if (source.empty()) llm.assumed = keys.assumed();
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

Llm load_model(std::string_view name_or_path, const std::string& as) {
  const std::string text(name_or_path);
  const std::vector<std::string> names = model_names();
  if (std::binary_search(names.begin(), names.end(), text)) return read_file(library_folder() / (text + ".json"), as);
  const fs::path path(text);
  std::error_code error;
  if (!text.empty() && fs::is_directory(path, error)) return read_file(path / "config.json", as);
  const bool looks_like_path = text.find('/') != std::string::npos || path.extension() == ".json";
  if (looks_like_path || fs::exists(path, error)) return read_file(path, as);
  throw ConfigError(fmt::format("unknown model \"{}\"; known, nearest first: {}. A path to a config.json works too",
                                text, nearest_first(text, names)));
}

}  // namespace orrery::models
