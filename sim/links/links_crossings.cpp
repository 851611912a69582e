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
void LinkClasses::find_route(const hardware::Topology& fabric, std::uint32_t from_gpu, std::uint32_t to_gpu,
                             std::vector<LinkId>& route) const {
  if (&fabric != topology_) {
    try {
      return fabric.route(RankId(from_gpu), RankId(to_gpu), route);
    } catch (const hardware::NoRoute&) {
    }
  }
  topology_->route(RankId(from_gpu), RankId(to_gpu), route);
}

void LinkClasses::cross(const hardware::Topology& fabric, std::uint32_t from_gpu, std::uint32_t to_gpu) {
  for_each_bundle(fabric, from_gpu, to_gpu, route_, [this](std::uint32_t bundle) {
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

LinkClasses::Crowded LinkClasses::most_crowded(const Row& row, std::uint32_t state) const {
  constexpr double kSame = 1.0 + 1e-9;
  Crowded most;
  for (const Crossing& crossing : row.crossings) {
    const BytesPerSecond bandwidth = fabric_in(state).link(link_of_[crossing.bundle]).bandwidth;
    if (!(bandwidth.value() > 0.0)) continue;  // nothing else is left to those who cross it
    const double time = crossing.count / bandwidth.value();
    if (time > most.time * kSame) most = {crossing.bundle, time, 0};
    if (time * kSame >= most.time) ++most.bundles;
  }
  return most;
}

// A card sends a message to each of its peers. One cable after the other that is crowded; and once as if all that are
// slow were down.
template <class Count>
LinkClasses::Row LinkClasses::adapted(std::uint32_t state, Count count) const {
  constexpr int kMost = 64;  // cables
  constexpr double kSame = 1.0 + 1e-9;
  using Fabric = std::shared_ptr<const hardware::Topology>;
  const bool adapts =
      topology_->is_direct() && !topology_->is_torus() && settings_.spread != hardware::FlowSpread::hash;
  const auto is_slow = [&](LinkId id) { return fabric_in(state).link(id).bandwidth < topology_->link(id).bandwidth; };
  const auto without = [&](const Fabric& fabric, const std::vector<LinkId>& cables) {
    auto left = std::make_shared<hardware::Topology>(fabric != nullptr ? *fabric : fabric_in(state));
    for (const LinkId cable : cables) left->remove(cable);
    return Fabric(std::move(left));
  };
  const auto row_in = [&](Fabric fabric) {
    Row row = count(fabric != nullptr ? *fabric : fabric_in(state));
    row.around = std::move(fabric);
    return row;
  };
  const auto keep_off = [&](Row row) {
    for (int kept_off = 0; kept_off < kMost; ++kept_off) {
      const Crowded now = most_crowded(row, state);
      if (now.bundle == kNoBundle || now.time * card_.value() <= row.peers * kSame) break;
      const LinkId cable = link_of_[now.bundle];
      if (topology_->link(cable).link_class == hardware::LinkClass::spine && !is_slow(cable)) break;
      Row other = row_in(without(row.around, {cable}));
      const Crowded then = most_crowded(other, state);
      const bool fewer = then.time <= now.time * kSame && then.bundles < now.bundles;
      if (then.time * kSame >= now.time && !fewer) break;
      row = std::move(other);
    }
    return row;
  };
  Row row = row_in(nullptr);
  if (!adapts) return row;
  row = keep_off(std::move(row));
  std::vector<LinkId> slow;
  if (state > 0) {
    for (const CableState& cable : conditions_[state - 1]) {
      if (cable.factor > 0.0 && is_slow(cable.link)) slow.push_back(cable.link);
    }
  }
  if (slow.empty()) return row;
  Row other = keep_off(row_in(without(nullptr, slow)));
  return most_crowded(other, state).time * kSame < most_crowded(row, state).time ? other : row;
}

LinkClasses::Row LinkClasses::row_of(const Group& group, Pattern pattern, const Placement& placement,
                                     std::uint32_t state) {
  Row row;
  // What chips of a torus exchange is priced on their own links alone (torus.cpp).
  if (topology_ == nullptr || group.size() < 2 || (pattern == Pattern::exchange && topology_->is_torus())) return row;
  Messages messages;
  const auto count = [&](const hardware::Topology& fabric) {
    Row counted;
    std::uint32_t nodes = 0;  // that the fewest of the copies cover, of those that leave a node
    for (const std::uint32_t base : group.bases) {
      const std::uint32_t own = messages.of(group, base, placement, pattern,
                                            [&](std::uint32_t from, std::uint32_t to) { cross(fabric, from, to); });
      end_copy();
      if (own > 1) nodes = nodes == 0 ? own : std::min(nodes, own);
    }
    if (pattern == Pattern::exchange && nodes > 1) counted.peers = nodes - 1;
    if (pattern == Pattern::tree) counted.peers = tree_parts(nodes);
    counted.crossings = take_crossings();
    return counted;
  };
  return pattern == Pattern::exchange ? adapted(state, count) : count(fabric_in(state));
}

LinkClasses::Row LinkClasses::row_of(const TransferEntry& transfer, const Plan& plan, const Placement& placement,
                                     std::uint32_t state) {
  if (topology_ == nullptr) return {};
  const std::vector<std::uint32_t>& from = plan.ranks[transfer.source.index()].stands_for;
  const std::vector<std::uint32_t>& to = plan.ranks[transfer.destination.index()].stands_for;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (placement.node(from[i]) == placement.node(to[i])) continue;
    cross(fabric_in(state), placement.gpu(from[i]), placement.gpu(to[i]));
    end_copy();
  }
  Row row;
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
