#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

const std::vector<const KindRow*>& kinds() {
  static const std::vector<const KindRow*> rows = {&training_kind(), &serving_kind(), &collective_kind()};
  return rows;
}

const KindRow* find_kind(std::string_view name) {
  for (const KindRow* row : kinds()) {
    if (row->name == name) return row;
  }
  return nullptr;
}

std::string kind_names(std::string_view separator) {
  std::string names;
  for (const KindRow* row : kinds()) {
    if (!names.empty()) names += separator;
    names += row->name;
  }
  return names;
}

}  // namespace orrery::scenarios
