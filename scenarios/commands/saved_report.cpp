#include "scenarios/commands/saved_report.hpp"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/metrics.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

using Json = nlohmann::ordered_json;

namespace {

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw hardware::ConfigError(fmt::format("{}: {}", hardware::quoted_path(file), what));
}

/// "a text", "a list": what stands there instead of a figure, in few words.
std::string shown(const Json& value) {
  constexpr std::size_t kLongest = 40;
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  if (value.is_string()) return hardware::shown(value.get_ref<const std::string&>(), kLongest);
  return value.dump();
}

/// Reads the figures of a report; what can be none is told with its key.
class FigureReader {
 public:
  explicit FigureReader(const std::string& file) : file_(file) {}

  void read(const Json& report, const std::string& prefix, std::map<std::string, double>& metrics) {
    for (const MetricRow& row : metric_rows()) {
      const Json* value = find(report, prefix, row.name);
      if (value == nullptr) continue;
      if (const std::optional<double> figure = figure_of(row, *value)) {
        metrics[prefix + row.name] = *figure;
      } else {
        expected(prefix + row.name, row.unit == Unit::flag ? "true or false" : kNumber, *value);
      }
    }
  }

  void throw_if_any() const {
    if (!wrong_.empty()) throw hardware::ConfigError(wrong_);
  }

 private:
  static constexpr std::string_view kNumber = "a number from 0 on";

  /// At a dotted path; nullptr: a run leaves it undefined.
  const Json* find(const Json& report, const std::string& prefix, std::string_view path) {
    const Json* at = &report;
    for (std::size_t begin = 0, dot = 0; dot != std::string_view::npos; begin = dot + 1) {
      if (!at->is_object()) {
        expected(prefix + std::string(path.substr(0, begin - 1)), "an object with figures", *at);
        return nullptr;
      }
      dot = path.find('.', begin);
      const auto found = at->find(std::string(path.substr(begin, dot - begin)));
      if (found == at->end() || found->is_null()) return nullptr;
      at = &*found;
    }
    return at;
  }

  static std::optional<double> figure_of(const MetricRow& row, const Json& value) {
    if (row.unit == Unit::flag) {
      if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
      return value == 0 || value == 1 ? std::optional<double>(value.get<double>()) : std::nullopt;
    }
    if (!value.is_number()) return std::nullopt;
    const auto number = value.get<double>();
    const bool signed_too = row.name == "memory.margin_bytes";  // what is missing is below 0
    return number >= 0.0 || signed_too ? std::optional<double>(number) : std::nullopt;
  }

  void expected(const std::string& key, std::string_view what, const Json& found) {
    std::string message = fmt::format("{}: expected {}, found {}", key, what, shown(found));
    // The figures of a section that is none would each say so.
    if (!wrong_.empty() && wrong_.back().message == message) return;
    wrong_.push_back({file_, {}, std::move(message)});
  }

  const std::string& file_;
  std::vector<hardware::Diagnostic> wrong_;
};

/// "parse error at line 2, column 8: unexpected '}'" of nlohmann's "[json.exception.…] … syntax error while parsing
/// value - unexpected '}'; expected end of input".
std::string plain(std::string_view what) {
  if (const std::size_t end = what.find("] "); what.substr(0, 1) == "[" && end != std::string_view::npos) {
    what.remove_prefix(end + 2);
  }
  std::string text(what.substr(0, what.find("; ")));
  const std::size_t begin = text.find("syntax error while parsing "), dash = text.find(" - ");
  if (begin != std::string::npos && dash != std::string::npos && dash > begin) text.erase(begin, dash + 3 - begin);
  return text;
}

Json parse(const std::string& file) {
  const std::string text = hardware::read_text_file(file);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    const bool ends = error.byte >= text.size();
    fail(file, fmt::format("not a JSON report: {}{}", plain(error.what()),
                           ends && !text.empty() ? "; the file ends there: was it cut short?" : ""));
  } catch (const Json::exception& error) {  // of a number that none holds
    fail(file, fmt::format("not a JSON report: {}", plain(error.what())));
  }
}

/// The text under a key; empty where there is none.
std::string read_text(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<std::string> read_lost(const Json& report) {
  std::vector<std::string> lost;
  const auto findings = report.is_object() ? report.find("findings") : report.end();
  if (findings == report.end() || !findings->is_array()) return lost;
  for (const Json& finding : *findings) {
    if (read_text(finding, "kind") == Finding::kDisturbed) lost.push_back(read_text(finding, "message"));
  }
  return lost;
}

/// A run whose only job was lost has no figures.
bool is_report(const Json& json, bool has_lost) {
  if (!json.is_object() || !json.contains("schema_version")) return false;
  return json.contains("memory") || json.contains("jobs") || has_lost;
}

}  // namespace

SavedReport read_saved_report(const std::string& file) {
  Json json = parse(file);
  // Copies and texts of it go as deep as it is nested, and so far down there is no stack.
  if (json.is_array() && json.size() == 1) json = Json(std::move(json[0]));
  SavedReport out;
  out.lost = read_lost(json);
  if (!is_report(json, !out.lost.empty())) {
    fail(file, "not a report of one run (schema_version, training or serving, memory, cost)");
  }
  const Json& version = json["schema_version"];
  if (!version.is_number()) fail(file, "not a report of one run: its schema_version is no number");
  if (version != kSchemaVersion) {
    fail(file, fmt::format("schema_version {} is not {}, which this version reads", version.dump(), kSchemaVersion));
  }
  FigureReader figures(file);
  figures.read(json, "", out.metrics);
  const auto jobs = json.find("jobs");
  if (jobs == json.end()) return figures.throw_if_any(), out;
  if (!jobs->is_array()) fail(file, "not a report of one run: its jobs are no list");
  for (const Json& job : *jobs) {
    const std::string named = read_text(job, "name");
    // A dot would end it where a metric's own name begins.
    if (named.empty() || named.find('.') != std::string::npos) {
      fail(file, "not a report of one run: one of its jobs has no name that a job may have");
    }
    figures.read(job, fmt::format("jobs.{}.", named), out.metrics);
  }
  figures.throw_if_any();
  return out;
}

}  // namespace orrery::scenarios
