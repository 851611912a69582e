// The table of routers.
#include "models/serving/routers/router.hpp"

namespace orrery::models {

const std::vector<RouterRow>& routers() {
  static const std::vector<RouterRow> table = {round_robin_row(), least_requests_row()};
  return table;
}

const RouterRow* find_router(std::string_view name) {
  for (const RouterRow& row : routers()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace orrery::models
