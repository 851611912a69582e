#include "scenarios/serving/sections.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "hardware/config/config_numbers.hpp"
#include "models/serving/engine_row.hpp"
#include "models/serving/routers/router.hpp"
#include "models/serving/schedulers/scheduler.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/serving/argument_names.hpp"

namespace orrery::scenarios {

namespace {

using hardware::ConfigNode;
using hardware::Diagnostics;
using hardware::MapReader;
using hardware::NodeKind;
using hardware::Range;

constexpr std::string_view kVariable = "${ORRERY_DATA}";

template <class Rows>
std::vector<std::string> row_names(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return names;
}

Range range_of(const IntegerLimits& limits) { return Range::between(limits.least, limits.most); }
Range range_of(const NumberLimits& limits) { return {limits.least, limits.most, limits.least_open}; }

/// What the readers of nested mappings share.
struct Files {
  std::string folder;
  std::string* skipped;
};

const char* data_folder() {
  const char* value = std::getenv("ORRERY_DATA");
  return value == nullptr || *value == '\0' ? nullptr : value;
}

/// The file that a scenario names, or an error at its place; see read_serving().
std::string find_file(const ConfigNode& node, const Files& files, Diagnostics& diagnostics) {
  const std::string& written = node.scalar;
  if (written == "-") return written;  // standard input
  const bool of_data = written.find(kVariable) != std::string::npos;
  if (of_data && data_folder() == nullptr) {
    *files.skipped = fmt::format("needs {}, and the variable ORRERY_DATA is not set", written);
    return written;
  }
  std::filesystem::path path(expand_variables(written));
  if (path.is_relative()) path = std::filesystem::path(files.folder) / path;
  if (std::error_code code; std::filesystem::is_directory(path, code)) {
    diagnostics.error(node.span, fmt::format("'{}' is a folder", path.string()));
  } else if (!std::filesystem::exists(path, code)) {
    if (of_data) {
      *files.skipped = fmt::format("needs {}, which is not in the folder of ORRERY_DATA", written);
      return written;
    }
    diagnostics.error(node.span, fmt::format("there is no file '{}'", path.string()));
  }
  return path.string();
}

/// The key is there and names a number format; "auto" and nothing leave it to the model.
bool says_dtype(MapReader& reader, std::string_view key) {
  const ConfigNode* node = reader.child(key);
  if (node == nullptr || node->kind == NodeKind::null) return false;
  const DtypeWord* word = find_dtype_word(key, node->scalar);
  return word == nullptr || word->dtype;
}

/// The section with every key by its own name, and those that stood there by another.
ConfigNode with_own_names(const ConfigNode& section, std::vector<const OtherName*>& written, Diagnostics& diagnostics) {
  ConfigNode result = section;
  for (const OtherName& row : argument_names()) {
    const auto named = [&](const auto& entry) { return entry.first == row.name; };
    const auto at = std::find_if(result.entries.begin(), result.entries.end(), named);
    if (at == result.entries.end()) continue;
    if (result.find(row.key) == nullptr) {
      at->first = row.key;
      written.push_back(&row);
      continue;
    }
    const auto place = at - result.entries.begin();
    diagnostics.error(
        result.key_spans.at(static_cast<std::size_t>(place)),
        fmt::format("'{}' is another name of '{}', which is given too: leave one of them out", row.name, row.key));
    result.entries.erase(at);
    result.key_spans.erase(result.key_spans.begin() + place);
  }
  return result;
}

/// Reads each field of the lists in serving/fields.hpp from its mapping.
struct ServingReader {
  MapReader* reader;
  const Files* files;

  [[nodiscard]] Diagnostics& diagnostics() const { return reader->diagnostics(); }

  void name(std::string_view key, std::string& field, NameFamily family) const {
    if (reader->child(key) == nullptr) return;
    const std::vector<std::string> names = names_of(family);
    field = names.at(reader->choice(key, names));
  }
  template <class Integer>
  void integer(std::string_view key, Integer& field, const IntegerLimits& limits) const {
    const ConfigNode* node = reader->child(key);
    if (node == nullptr) return;
    if (key == "max_model_len" && (node->scalar == "auto" || node->scalar == "-1")) {
      field = static_cast<Integer>(models::kLongestThatFits);
      return;
    }
    const std::optional<std::int64_t> count =
        node->kind == NodeKind::scalar ? parse_readable_count(node->scalar) : std::nullopt;
    if (count && static_cast<double>(*count) >= limits.least && static_cast<double>(*count) <= limits.most) {
      field = static_cast<Integer>(*count);
      return;
    }
    field = static_cast<Integer>(reader->integer_or(key, field, range_of(limits)));
  }
  void number(std::string_view key, double& field, const NumberLimits& limits) const {
    field = reader->number_or(key, field, range_of(limits));
  }
  /// Requests per second: "2.5", "2.5 req/s" or "2.5 requests/s"; "inf" for all at once.
  void rate(std::string_view key, double& field, const NumberLimits& limits) const {
    const ConfigNode* node = reader->child(key);
    const std::string_view text = node == nullptr ? std::string_view{} : std::string_view(node->scalar);
    if (text == "inf") {
      field = std::numeric_limits<double>::infinity();
      return;
    }
    const std::size_t unit = text.find("req");
    if (unit == std::string_view::npos) return number(key, field, limits);
    std::string error;
    std::optional<double> value;
    if (text.substr(unit) == "req/s" || text.substr(unit) == "requests/s") {
      const std::size_t last = text.substr(0, unit).find_last_not_of(' ');
      value = hardware::parse_number(text.substr(0, last == std::string_view::npos ? 0 : last + 1), error);
    } else {
      error = fmt::format("expected a rate such as 2.5 req/s, found '{}'", text);
    }
    if (value && (*value <= limits.least || *value > limits.most)) {
      error = fmt::format("{} is out of range; expected more than {:g}", text, limits.least);
    }
    if (!error.empty()) return diagnostics().error(node->span, fmt::format("'{}': {}", key, error));
    field = *value;
  }
  void boolean(std::string_view key, bool& field) const { field = reader->boolean_or(key, field); }
  void integers(std::string_view key, std::vector<std::int64_t>& field, const IntegerLimits& limits) const {
    field = reader->integers_or(key, field, range_of(limits));
  }
  /// By a short name, or by vLLM's word for it; a word that leaves it to the model changes nothing.
  void dtype(std::string_view key, Dtype& field) const {
    if (!says_dtype(*reader, key)) return (void)reader->child(key);
    std::vector<std::string> names;
    std::vector<Dtype> dtypes;
    std::size_t fallback = 0;
    const auto add = [&](std::string_view name, Dtype dtype) {
      if (dtype == field) fallback = names.size();
      names.emplace_back(name);
      dtypes.push_back(dtype);
    };
    for (const DtypeWord& word : dtype_words()) {
      if (word.key == key && word.dtype) add(word.word, *word.dtype);
    }
    for (const Dtype dtype : all_dtypes()) add(orrery::name(dtype), dtype);
    field = dtypes.at(reader->choice_or(key, names, fallback));
  }
  /// With a unit, or as vLLM has it: a plain number of bytes, 20G or 20g.
  void bytes(std::string_view key, Bytes& field) const {
    const ConfigNode* node = reader->child(key);
    if (key == "kv_cache_memory_bytes" && node != nullptr && node->kind == NodeKind::scalar) {
      std::string error;
      std::optional<std::int64_t> count = parse_readable_count(node->scalar);
      if (!count) count = hardware::parse_integer(node->scalar, error);
      if (count && *count > 0) {
        field = Bytes{static_cast<double>(*count)};
        return;
      }
    }
    field = reader->bytes_or(key, field);
  }
  void seconds(std::string_view key, Seconds& field) const { field = reader->duration_or(key, field); }
  void text(std::string_view key, std::string& field) const { field = reader->text_or(key, field); }
  void path(std::string_view key, std::string& field) const {
    const ConfigNode* node = reader->child(key);
    if (node == nullptr) return;
    const std::string written = reader->text(key);  // reports what is no text
    if (node->kind != NodeKind::scalar) return;
    if (written.empty()) return diagnostics().error(node->span, fmt::format("'{}': expected the name of a file", key));
    field = find_file(*node, *files, diagnostics());
  }
  void kernels(std::string_view key, kernels::Implementation& field) const {
    std::vector<std::string> names;
    std::size_t fallback = 0;
    for (const kernels::Implementation one : serving_kernels()) {
      if (one == field) fallback = names.size();
      names.emplace_back(orrery::kernels::name(one));
    }
    field = serving_kernels().at(reader->choice_or(key, names, fallback));
  }
  /// A mapping, or a number: always so many tokens.
  void lengths(std::string_view key, models::LengthConfig& field) const {
    const ConfigNode* node = reader->child(key);
    if (node == nullptr) return;
    if (node->kind == NodeKind::scalar) {
      field.distribution = "fixed";
      field.mean = static_cast<double>(reader->integer_or(key, 0, Range::between(1.0, 1e9)));
      return;
    }
    MapReader inner(node, fmt::format("serving.load.{}", key), diagnostics());
    visit_lengths(field, ServingReader{&inner, files});
    if (!field.file.empty() && field.column.empty()) field.column = fmt::format("{}_tokens", key);
    inner.finish();
  }
  void load(std::string_view key, models::LoadConfig& field) const {
    const ConfigNode* node = reader->required_child(key);
    if (node == nullptr) return;
    MapReader inner(node, "serving.load", diagnostics());
    // A trace brings its own arrivals, unless its lengths are to arrive otherwise.
    if (inner.has("trace") && !inner.has("arrivals") && !inner.has("rate")) {
      field.arrivals = inner.has("concurrency") ? "closed_loop" : "trace";
    }
    visit_load(field, ServingReader{&inner, files});
    inner.finish();
  }
  void slo(std::string_view key, models::SloConfig& field) const {
    const ConfigNode* node = reader->child(key);
    if (node == nullptr) return;
    MapReader inner(node, "serving.slo", diagnostics());
    visit_slo(field, ServingReader{&inner, files});
    // A limit is a promise: that nobody said how often it holds must not mean "never".
    if (!inner.has("attainment") && field.given()) field.attainment = kPromised;
    inner.finish();
  }
};

/// Loads none of whose prompts could ever be served. REQUIRES a checked job.
std::vector<models::JobError> check_lengths(const models::ServingJob& job) {
  std::vector<models::JobError> errors;
  const models::LoadConfig& load = job.config.load;
  if (!load.trace.empty()) return errors;
  // A prompt needs room for at least one token after it; a system prompt is followed by at least one of the user's.
  const std::int64_t longest = models::resolve(job).max_model_len;
  const auto never_fits = [&](std::string_view key, std::int64_t shortest) {
    errors.push_back({fmt::format("serving.load.{}", key),
                      fmt::format("no prompt of {} tokens or more leaves room for an answer within max_model_len {}",
                                  shortest, longest)});
  };
  if (load.input.least >= longest) never_fits("input.least", load.input.least);
  if (load.prefix_tokens > 0 && load.prefix_tokens + 1 >= longest) never_fits("prefix_tokens", load.prefix_tokens + 1);
  return errors;
}

/// Axes that are not named follow in the order of an engine.
models::JobPlacement engine_placement(const PlacementConfig& config) {
  models::JobPlacement placement{models::kServingOrder};
  placement.first_node = config.first_node;
  placement.spread = config.spread;
  std::vector<models::MeshAxis> order;
  for (const std::string& axis : config.order) {
    if (const std::optional<models::MeshAxis> known = models::find_mesh_axis(axis)) order.push_back(*known);
  }
  for (const models::MeshAxis axis : models::kServingOrder) {
    if (std::find(order.begin(), order.end(), axis) == order.end()) order.push_back(axis);
  }
  std::copy_n(order.begin(), placement.order.size(), placement.order.begin());
  return placement;
}

}  // namespace

std::shared_ptr<const JobSpec> read_serving(const JobSource& source) {
  models::ServingConfig config;
  auto spec = std::make_shared<ServingSpec>();
  const ConfigNode section = with_own_names(source.node, spec->written, *source.diagnostics);
  MapReader reader(&section, "serving", *source.diagnostics);
  for (const OtherName& row : argument_names()) (void)reader.has(row.name);  // so that advice names them too
  const Files files{source.folder, source.skipped};
  visit_serving(config, ServingReader{&reader, &files});
  // As vLLM: a quantised checkpoint is served as it is stored; else weights are loaded in, and the cache follows, the
  // model's dtype unless they are told apart.
  const bool quantised = models::is_quantised(source.llm.dtype);
  if (!says_dtype(reader, "weight_dtype")) config.weight_dtype = quantised ? source.llm.dtype : config.dtype;
  if (!says_dtype(reader, "kv_cache_dtype")) config.kv_cache_dtype = source.llm.kv_dtype.value_or(config.dtype);
  reader.finish();
  spec->job = {{source.llm, source.cluster, source.seed}, std::move(config), engine_placement(source.placement)};
  return spec;
}

std::vector<models::JobError> check_serving(const JobSpec& spec) {
  const auto& serving = dynamic_cast<const ServingSpec&>(spec);
  std::vector<models::JobError> errors = models::check(serving.job);
  if (errors.empty()) errors = check_lengths(serving.job);
  // An error stands where its key does, whatever it is called there.
  for (models::JobError& error : errors) {
    for (const OtherName* row : serving.written) {
      if (error.key == fmt::format("serving.{}", row->key)) error.key = fmt::format("serving.{}", row->name);
    }
  }
  return errors;
}

std::string portable_path(const std::string& path) {
  const char* folder = data_folder();
  if (folder == nullptr) return path;
  std::string head(folder);
  while (head.size() > 1 && head.back() == '/') head.pop_back();
  if (path.compare(0, head.size(), head) != 0 || path.size() <= head.size() || path[head.size()] != '/') return path;
  return std::string(kVariable) + path.substr(path.find_first_not_of('/', head.size()) - 1);
}

std::vector<std::string> names_of(NameFamily family) {
  switch (family) {
    case NameFamily::engines:
      return row_names(models::engines());
    case NameFamily::schedulers:
      return row_names(models::schedulers());
    case NameFamily::routers:
      return row_names(models::routers());
    case NameFamily::arrivals:
      return row_names(models::arrival_processes());
    case NameFamily::lengths:
      return row_names(models::length_distributions());
    case NameFamily::trace_formats:
      return row_names(models::trace_formats());
  }
  return {};
}

const std::vector<kernels::Implementation>& serving_kernels() {
  using kernels::Implementation;
  static const std::vector<Implementation> implementations = {Implementation::automatic, Implementation::vllm,
                                                              Implementation::trtllm, Implementation::sglang};
  return implementations;
}

}  // namespace orrery::scenarios
