// The keys of a scenario as data: what a form needs to show and edit them, what documentation needs to list them.
//
// Built from the same field lists (training/fields.hpp, serving/fields.hpp) and tables that the reader uses, so that a
// key can't be in one and not in the other; a test sets every key of the schema and reads the result.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/report.hpp"

namespace orrery::scenarios {

enum class FieldKind : std::uint8_t {
  text,
  integer,
  number,  ///< with a fraction: a ratio, a rate
  boolean,
  choice,    ///< one of `choices`
  quantity,  ///< a number with a unit: "80 GiB", "450 GB/s", "1 ms", "2 USD/h"
  integers,  ///< a list of them
  path       ///< a file
};

struct Choice {
  std::string name;     ///< as written in the file
  std::string summary;  ///< one line
};

struct Field {
  std::string key;      ///< "serving.load.rate"
  std::string section;  ///< "serving.load"; the title of the group that it is shown in is its last part
  std::string help;     ///< one sentence: what it is, what more or less of it costs
  FieldKind kind = FieldKind::text;
  std::vector<Choice> choices;
  double least = 0.0, most = 0.0;  ///< of integer and number, as the reader accepts them
  bool least_open = false;
  std::vector<std::string> units;  ///< of a quantity: those that the reader accepts, the usual one first
  std::string fallback;            ///< value where the key is absent, as it would be written; empty: see `automatic`
  std::string automatic;  ///< what an absent key means, where it is no value: "the model's own", "all GPUs left"
  bool required = false;
};

/// Every key that a scenario with a job of that kind may have, but placement, nccl, network, torus, events, expect,
/// variants and sweep, in the order of the template. Reads the catalogue of profiles for the menus: make it once and
/// keep it.
[[nodiscard]] std::vector<Field> scenario_fields(const KindRow& kind);

/// The effective value of a key in a report's scenario, as it would be written: defaults filled in, and what a run
/// decided by itself. Empty for a key that has none.
[[nodiscard]] std::string effective_value(const Report& report, std::string_view key);

/// A family of `orrery list`: rows with a name, a line on it, and where that is from.
struct FamilyItem {
  std::string name, summary, source;
};
/// Throws ConfigError for an unknown family, with the nearest names.
[[nodiscard]] std::vector<FamilyItem> family_items(std::string_view family);

}  // namespace orrery::scenarios
