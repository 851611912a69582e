// The table of collective algorithms and the choice among them. See collectives.hpp.
#include "sim/collective/collectives.hpp"

#include <array>

namespace orrery::sim {

std::span<const CollectiveRow> collective_algorithms() {
  static const std::array<CollectiveRow, 5> kRows{ring_row(), tree_row(), nvls_row(), nvls_tree_row(), pairwise_row()};
  return kRows;
}

const CollectiveRow& nccl_choice(const CollectiveCall& call, const hardware::Site& site) {
  const CollectiveConstants constants = selection_constants(site, call.ranks, call.nodes);
  const CollectiveRow* best = nullptr;
  Seconds least;
  for (const CollectiveRow& row : collective_algorithms()) {
    if (!row.in_nccl(call.kind) || !row.supports(call, site)) continue;
    const Seconds time = row.time(call, site, constants).total();
    if (best == nullptr || time < least) {
      best = &row;
      least = time;
    }
  }
  return *best;  // ring or pairwise supports every kind
}

const CollectiveRow& select_algorithm(const CollectiveCall& call, const hardware::Site& site) {
  for (const CollectiveRow& row : collective_algorithms()) {
    if (row.name != site.collective_algorithm) continue;
    if (row.in_nccl(call.kind) && row.supports(call, site)) return row;
  }
  return nccl_choice(call, site);
}

}  // namespace orrery::sim
