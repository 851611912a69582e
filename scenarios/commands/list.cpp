// orrery list FAMILY: what there is to choose from.

#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/commands/commands.hpp"
#include "scenarios/families.hpp"
#include "scenarios/report_json.hpp"

namespace orrery::scenarios {

using Json = nlohmann::ordered_json;

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const Family& family : families()) names.emplace_back(family.name);
  return names;
}

int list_family(const Options& options, Console& console) {
  check_outputs(options);
  Json json = Json::array();
  if (options.files.empty()) {
    for (const Family& family : families()) {
      if (options.json != "-") console.out << fmt::format("{:<18} {}\n", family.name, family.summary);
      json.push_back({{"name", family.name}, {"summary", family.summary}});
    }
    emit(options.json, json.dump(2) + "\n", false, console);
    return kExitWell;
  }
  for (const FamilyItem& item : family_items(options.files[0])) {
    if (options.json != "-") console.out << fmt::format("{:<28} {}\n", item.name, item.summary);
    json.push_back({{"name", item.name}, {"summary", item.summary}, {"source", item.source}});
  }
  emit(options.json, json_text(json), false, console);
  return kExitWell;
}

}  // namespace orrery::scenarios
