// Which bundles of fabric links an operation crosses, and how often. See links.hpp.
#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/links/links.hpp"
#include "sim/links/links_messages.hpp"

namespace orrery::sim {

// Where nothing is left the usual way stays, and whoever takes it is lost on it.
void LinkClasses::find_route(std::uint32_t state, std::uint32_t from_gpu, std::uint32_t to_gpu,
                             std::vector<LinkId>& route) const {
  if (state > 0) {
    try {
      return states_[state - 1].route(RankId(from_gpu), RankId(to_gpu), route);
    } catch (const hardware::NoRoute&) {
    }
  }
  topology_->route(RankId(from_gpu), RankId(to_gpu), route);
}

void LinkClasses::cross(std::uint32_t state, std::uint32_t from_gpu, std::uint32_t to_gpu) {
  for_each_bundle(state, from_gpu, to_gpu, route_, [this](std::uint32_t bundle) {
    if (by_copy_[bundle]++ == 0) crossed_once_.push_back(bundle);
  });
}

void LinkClasses::end_copy() {
  for (const std::uint32_t bundle : crossed_once_) {
    const std::uint32_t count = std::exchange(by_copy_[bundle], 0);
    if (counted_[bundle] == 0) touched_.push_back(bundle);
    counted_[bundle] += count;
    most_by_copy_[bundle] = std::max(most_by_copy_[bundle], count);
  }
  crossed_once_.clear();
}

LinkClasses::Crossings LinkClasses::take_crossings() {
  std::sort(touched_.begin(), touched_.end());
  Crossings out;
  out.reserve(touched_.size());
  for (const std::uint32_t bundle : touched_) {
    out.push_back({bundle, std::exchange(counted_[bundle], 0), std::exchange(most_by_copy_[bundle], 0)});
  }
  touched_.clear();
  return out;
}

LinkClasses::Row LinkClasses::row_of(const Group& group, Pattern pattern, const Placement& placement,
                                     std::uint32_t state) {
  Row row;
  // What chips of a torus exchange is priced on their own links alone (torus.cpp).
  if (topology_ == nullptr || group.size() < 2 || (pattern == Pattern::exchange && topology_->is_torus())) return row;
  Messages messages;
  std::uint32_t nodes = 0;  // that the fewest of the copies cover, of those that leave a node
  for (const std::uint32_t base : group.bases) {
    const std::uint32_t own = messages.of(group, base, placement, pattern,
                                          [&](std::uint32_t from, std::uint32_t to) { cross(state, from, to); });
    end_copy();
    if (own > 1) nodes = nodes == 0 ? own : std::min(nodes, own);
  }
  if (pattern == Pattern::exchange && nodes > 1) row.peers = nodes - 1;
  if (pattern == Pattern::tree) row.peers = tree_parts(nodes);
  row.crossings = take_crossings();
  return row;
}

LinkClasses::Row LinkClasses::row_of(const TransferEntry& transfer, const Plan& plan, const Placement& placement,
                                     std::uint32_t state) {
  Row row;
  if (topology_ == nullptr) return row;
  const std::vector<std::uint32_t>& from = plan.ranks[transfer.source.index()].stands_for;
  const std::vector<std::uint32_t>& to = plan.ranks[transfer.destination.index()].stands_for;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (placement.node(from[i]) == placement.node(to[i])) continue;
    cross(state, placement.gpu(from[i]), placement.gpu(to[i]));
    end_copy();
  }
  row.crossings = take_crossings();
  return row;
}

// Bundles that are alike in what crosses them are one link.
void LinkClasses::fold() {
  std::vector<std::vector<std::pair<std::uint32_t, std::uint32_t>>> rows(bundle_info_.size());
  for (std::uint32_t row = 0; row < rows_.size(); ++row) {
    for (const Crossing& crossing : rows_[row].crossings) rows[crossing.bundle].emplace_back(row, crossing.count);
  }
  using Crossed = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
  std::map<std::tuple<std::string, double, Crossed>, std::uint32_t> known;
  class_of_.clear();
  first_fabric_ = links_.size();
  for (std::uint32_t bundle = 0; bundle < rows.size(); ++bundle) {
    if (rows[bundle].empty()) {
      class_of_.push_back(kNoBundle);
      continue;
    }
    if (apart_[bundle] != 0) rows[bundle].emplace_back(kNoBundle, bundle);
    const auto [found, is_new] = known.try_emplace(
        {bundle_info_[bundle].link_class, bundle_info_[bundle].capacity.value(), std::move(rows[bundle])},
        static_cast<std::uint32_t>(links_.size()));
    if (is_new) {
      links_.push_back(bundle_info_[bundle]);
    } else {
      ++links_[found->second].count;
    }
    class_of_.push_back(found->second);
  }
  if (!reads_messages()) return;
  for (Job& job : jobs_) {
    for (std::size_t g = 0; g < job.plan->groups.size(); ++g) {
      std::vector<std::shared_ptr<const MessageGraph>>& trees = job.trees.emplace_back();
      if (job.groups[g][static_cast<std::size_t>(Pattern::tree)] == kNoRow) continue;
      for (std::uint32_t state = 0; state < states(); ++state) {
        trees.push_back(tree_of(job, job.plan->groups[g], state));
        if (trees.back() != nullptr) continue;
        trees.clear();
        break;
      }
    }
  }
}

}  // namespace orrery::sim
