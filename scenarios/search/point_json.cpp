#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "scenarios/format.hpp"
#include "scenarios/search/point_forms.hpp"

namespace orrery::scenarios {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// Where a metric stands in a report; jobs by name are entries of a list. With `make` it is made.
Json* place_of(Json& report, std::string_view metric, bool make) {
  Json* at = &report;
  if (const std::string_view job = job_of(metric); !job.empty()) {
    if (!report.contains("jobs")) report["jobs"] = Json::array();
    Json* found = nullptr;
    for (Json& one : report["jobs"]) {
      if (one.is_object() && one.value("name", "") == job) found = &one;
    }
    if (found == nullptr && !make) return nullptr;
    if (found == nullptr) {
      report["jobs"].push_back({{"name", std::string(job)}});
      found = &report["jobs"].back();
    }
    at = found;
    metric = own_name(metric);
  }
  while (!metric.empty()) {
    const std::size_t dot = metric.find('.');
    const std::string part(metric.substr(0, dot));
    if (!make && (!at->is_object() || !at->contains(part))) return nullptr;
    at = &(*at)[part];
    metric = dot == std::string_view::npos ? std::string_view{} : metric.substr(dot + 1);
  }
  return at;
}

Json value_json(Unit unit, double value) {
  if (unit == Unit::flag) return value != 0.0;
  if (unit == Unit::count) return static_cast<std::int64_t>(value);
  return value;
}

Json set_json(const std::vector<Override>& set) {
  Json json = Json::object();
  for (const Override& change : set) json[change.key] = change.value;
  return json;
}

Json point_json(const PointForm& form, const SearchPoint& point) {
  Json json = {{"set", set_json(point.set)}};
  if (!point.relaxed.empty()) json["relaxed"] = set_json(point.relaxed);
  if (!point.ran()) {
    json["reason"] = point.reason;
    return json;
  }
  json["gpus"] = point.gpus;
  Json report = {{"findings", Json::array()}};
  for (const Finding& finding : point.findings) {
    report["findings"].push_back({{"kind", finding.kind}, {"message", finding.message}});
  }
  for (std::size_t i = 0; i < point.values.size(); ++i) {
    if (std::isnan(point.values[i])) continue;
    *place_of(report, form.kept.rows[i].name, true) = value_json(form.kept.rows[i].unit, point.values[i]);
  }
  json["report"] = std::move(report);
  return json;
}

std::vector<Override> read_set(const Json& json, std::string_view by) {
  std::vector<Override> set;
  for (const auto& [key, value] : json.items()) set.push_back({key, value.get<std::string>(), std::string(by)});
  return set;
}

double read_value(Json& report, const std::string& metric) {
  const Json* value = place_of(report, metric, false);
  if (value == nullptr) return kUndefined;
  if (value->is_boolean()) return value->get<bool>() ? 1.0 : 0.0;
  return value->is_number() ? value->get<double>() : kUndefined;
}

/// Takes the check off a row; false: it is not that of the row.
bool take_check(Json& row) {
  const auto found = row.find("check");
  if (found == row.end() || !found->is_string()) return false;
  const std::string check = found->get<std::string>();
  row.erase(found);
  return check == row_check(row.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::optional<SearchPoint> read_point(const PointForm& form, Json json) {
  try {
    SearchPoint point;
    point.set = read_set(json.at("set"), "sweep");
    const auto is_axis = [&](const Override& change) {
      return std::any_of(form.axes.begin(), form.axes.end(),
                         [&](const SweepAxis& axis) { return axis.key == change.key; });
    };
    if (!std::all_of(point.set.begin(), point.set.end(), is_axis)) return std::nullopt;
    if (json.contains("relaxed")) point.relaxed = read_set(json["relaxed"], "search");
    if (json.contains("reason")) {
      point.reason = json["reason"].get<std::string>();
      return point;
    }
    const auto gpus = json.at("gpus").get<double>();
    if (!(gpus >= 1.0 && gpus <= std::numeric_limits<int>::max())) return std::nullopt;
    point.gpus = static_cast<int>(gpus);
    Json& report = json.at("report");
    for (const Json& finding : report.at("findings")) {
      point.findings.push_back({finding.at("kind").get<std::string>(), finding.at("message").get<std::string>()});
    }
    for (const MetricRow& row : form.kept.rows) point.values.push_back(read_value(report, row.name));
    return point;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

std::string json_line(const PointForm& form, const SearchPoint& point) {
  // A scalar of a file may hold bytes that are no text.
  return point_json(form, point).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string points_json(const PointForm& form, const std::vector<SearchPoint>& points, const std::string& partial,
                        const ParetoFront* front) {
  Json json = {{"schema_version", kSchemaVersion}, {"orrery", std::string(kVersion)}};
  if (!partial.empty()) {
    json["partial"] = true;
    json["journal"] = partial;
  }
  json["sweep"] = Json::object();
  for (const SweepAxis& axis : form.axes) json["sweep"][axis.key] = axis.values;
  if (!form.left_out.empty()) json["left_out"] = form.left_out;
  json["points"] = Json::array();
  json["skipped"] = Json::array();
  if (front != nullptr) {
    for (const Objective& objective : front->objectives) json["pareto"].push_back(objective.words());
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    Json one = point_json(form, points[i]);
    if (!partial.empty()) one["check"] = row_check(json_line(form, points[i]));
    if (front != nullptr && points[i].ran()) one["pareto"] = static_cast<bool>(front->has[i]);
    json[points[i].ran() ? "points" : "skipped"].push_back(std::move(one));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string checked_json_line(const PointForm& form, const SearchPoint& point) {
  std::string row = json_line(form, point);
  const std::string check = row_check(row);
  row.pop_back();
  return row + R"(,"check":")" + check + "\"}";
}

std::optional<SearchPoint> read_json_line(const PointForm& form, const std::string& line) {
  Json json = Json::parse(line, nullptr, false);
  return json.is_object() && take_check(json) ? read_point(form, std::move(json)) : std::nullopt;
}

std::vector<SearchPoint> read_points_json(const PointForm& form, const std::string& text) {
  std::vector<SearchPoint> points;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return points;
  for (const char* list : {"points", "skipped"}) {
    if (!json.contains(list) || !json[list].is_array()) continue;
    for (Json one : json[list]) {
      const std::string check = one.is_object() && one.contains("check") ? one["check"].dump() : "\"set\"";
      std::optional<SearchPoint> point;
      if (one.is_object() && take_check(one)) point = read_point(form, std::move(one));
      if (!point) throw std::invalid_argument(check);
      points.push_back(std::move(*point));
    }
  }
  return points;
}

}  // namespace orrery::scenarios
