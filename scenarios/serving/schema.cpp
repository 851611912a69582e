#include "scenarios/serving/schema.hpp"

#include <cmath>

#include <fmt/format.h>

#include "scenarios/serving/fields.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/sections.hpp"

namespace orrery::scenarios {

namespace {

std::string_view family_name(NameFamily family) {
  switch (family) {
    case NameFamily::engines:
      return "engines";
    case NameFamily::schedulers:
      return "schedulers";
    case NameFamily::routers:
      return "routers";
    case NameFamily::arrivals:
      return "arrivals";
    case NameFamily::lengths:
      return "lengths";
    case NameFamily::trace_formats:
      return "trace_formats";
  }
  return "";
}

/// The rows of ServingConfig with its values.
struct ServingLister : FieldLister {
  void rate(std::string_view key, double value, const NumberLimits& limits) const {
    number(key, value, limits);
    if (std::isinf(value)) fields->back().fallback = "inf";
  }
  void name(std::string_view key, const std::string& value, NameFamily family) const {
    menu(key, choices_of(family_name(family)), value);
  }
  void kernels(std::string_view key, kernels::Implementation value) const {
    std::vector<std::string> names;
    for (const kernels::Implementation one : serving_kernels()) names.emplace_back(orrery::kernels::name(one));
    small(key, names, std::string(orrery::kernels::name(value)));
  }
  void path(std::string_view key, const std::string& value) const { add(key, FieldKind::path, portable_path(value)); }

  [[nodiscard]] ServingLister inside(std::string_view key) const {
    return {{fmt::format("{}.{}", section, key), fields}};
  }
  void lengths(std::string_view key, const models::LengthConfig& config) const { visit_lengths(config, inside(key)); }
  void load(std::string_view key, const models::LoadConfig& config) const { visit_load(config, inside(key)); }
  void slo(std::string_view key, const models::SloConfig& config) const { visit_slo(config, inside(key)); }
};

std::vector<Field> fields_of(const models::ServingConfig& config) {
  std::vector<Field> fields;
  visit_serving(config, ServingLister{{"serving", &fields}});
  return fields;
}

}  // namespace

std::vector<Field> serving_fields() { return fields_of({}); }

std::string serving_value(const JobView& view, std::string_view key) {
  const auto* outcome = find_result<ServingOutcome>(view);
  return find_value(fields_of(outcome != nullptr ? outcome->result.config : spec_of<ServingSpec>(view.job).job.config),
                    key);
}

}  // namespace orrery::scenarios
