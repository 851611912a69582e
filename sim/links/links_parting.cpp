// Which members of folded jobs must be told apart, so that all copies of an operation load links alike.
//
// Colour refinement: members start with the colour of their rank, copies with that of their operation, links with that
// of their capacity. Then each takes the colours of what it meets into its own, a link those of the copies that cross
// it, a copy those of its links and members, a member those of its copies, until no new colours come.
#include <algorithm>
#include <bit>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "sim/links/links.hpp"
#include "sim/links/links_messages.hpp"

namespace orrery::sim {

namespace {

using Colours = std::vector<std::uint32_t>;

/// Numbers keys in the order in which they come.
class Numbering {
 public:
  std::uint32_t of(std::vector<std::uint32_t> key) {
    return known_.try_emplace(std::move(key), static_cast<std::uint32_t>(known_.size())).first->second;
  }
  [[nodiscard]] std::size_t size() const { return known_.size(); }

 private:
  std::map<std::vector<std::uint32_t>, std::uint32_t> known_;
};

/// Each takes the sorted colours of what it meets into its own; returns how many colours there are.
std::size_t take_in(Colours& own, std::vector<Colours>& met) {
  Numbering numbering;
  for (std::size_t i = 0; i < own.size(); ++i) {
    std::sort(met[i].begin(), met[i].end());
    met[i].push_back(own[i]);
    own[i] = numbering.of(std::move(met[i]));
  }
  return numbering.size();
}

}  // namespace

void LinkClasses::list_copies(std::uint32_t number, std::uint32_t state, std::vector<Copy>& copies,
                              std::vector<std::uint32_t>& crossed) const {
  const Job& job = jobs_[number];
  const Placement& placement = job.prices->placement();
  std::vector<LinkId> route;
  Messages messages;
  const auto cross = [&](std::uint32_t from, std::uint32_t to) {
    for_each_bundle(fabric_in(state, copies.back().row), from, to, route,
                    [&](std::uint32_t bundle) { crossed.push_back(bundle); });
  };
  const auto begin = [&](std::uint32_t row, std::size_t entry, std::size_t copy) -> Copy& {
    copies.push_back({row + state, static_cast<std::uint32_t>(crossed.size()), 1, number,
                      static_cast<std::uint32_t>(entry), static_cast<std::uint32_t>(copy)});
    return copies.back();
  };
  for (std::size_t g = 0; g < job.plan->groups.size(); ++g) {
    const Group& group = job.plan->groups[g];
    if (group.size() < 2) continue;
    for (const Pattern pattern : {Pattern::ring, Pattern::exchange, Pattern::tree}) {
      const std::uint32_t row = job.groups[g][static_cast<std::size_t>(pattern)];
      if (row == kNoRow) continue;
      for (std::size_t i = 0; i < group.bases.size(); ++i) {
        Copy& copy = begin(row, g, i);
        copy.nodes = messages.of(group, group.bases[i], placement, pattern, cross);
      }
    }
  }
  for (std::size_t t = 0; t < job.plan->transfers.size(); ++t) {
    const TransferEntry& entry = job.plan->transfers[t];
    const std::vector<std::uint32_t>& from = job.plan->ranks[entry.source.index()].stands_for;
    const std::vector<std::uint32_t>& to = job.plan->ranks[entry.destination.index()].stands_for;
    for (std::size_t i = 0; i < from.size(); ++i) {
      Copy& copy = begin(job.transfers[t], job.plan->groups.size() + t, i);
      if (placement.node(from[i]) == placement.node(to[i])) continue;
      copy.nodes = 2;
      cross(placement.gpu(from[i]), placement.gpu(to[i]));
    }
  }
}

// All copies of an operation cross equally many links of each class, and equally many nodes.
bool LinkClasses::are_uniform(const std::vector<Copy>& copies, const std::vector<std::uint32_t>& crossed) const {
  Colours first, own;
  std::uint32_t row = 0;
  for (std::size_t c = 0; c < copies.size(); ++c) {
    const std::size_t end = c + 1 < copies.size() ? copies[c + 1].first : crossed.size();
    own.assign(1, copies[c].nodes);
    for (std::size_t i = copies[c].first; i < end; ++i) own.push_back(class_of_[crossed[i]]);
    std::sort(own.begin() + 1, own.end());
    if (c == 0 || copies[c].row != row) {
      row = copies[c].row;
      first = own;
    } else if (own != first) {
      return false;
    }
  }
  return true;
}

/// Members of all jobs one after the other, copies and links, each with its colour.
class LinkClasses::Colouring {
 public:
  Colouring(const LinkClasses& classes, std::vector<Copy> copies, std::vector<std::uint32_t> crossed)
      : copies_(std::move(copies)), crossed_(std::move(crossed)) {
    std::uint32_t ranks = 0;
    for (const Job& job : classes.jobs_) add_members(*job.plan, ranks);
    first_member_.push_back(members_.size());
    Numbering capacities;
    for (std::uint32_t bundle = 0; bundle < classes.bundle_info_.size(); ++bundle) {
      const auto bits = std::bit_cast<std::uint64_t>(classes.bundle_info_[bundle].capacity.value());
      links_.push_back(capacities.of({static_cast<std::uint32_t>(bits), static_cast<std::uint32_t>(bits >> 32),
                                      classes.apart_[bundle] != 0 ? bundle + 1 : 0}));
    }
    for (const Copy& copy : copies_) {
      operations_.push_back(copy.row);
      first_of_copy_.push_back(taking_part_.size());
      add_taking_part(*classes.jobs_[copy.job].plan, copy);
    }
    first_of_copy_.push_back(taking_part_.size());
  }

  void refine() {
    for (std::size_t before = 0, now = 1; now != before;) {
      before = now;
      now = colour_links() + colour_operations() + colour_members();
    }
  }

  /// The colours of each job's members.
  [[nodiscard]] std::vector<Colours> of_jobs() const {
    std::vector<Colours> out;
    for (std::size_t job = 0; job + 1 < first_member_.size(); ++job) {
      out.emplace_back(members_.begin() + static_cast<std::ptrdiff_t>(first_member_[job]),
                       members_.begin() + static_cast<std::ptrdiff_t>(first_member_[job + 1]));
    }
    return out;
  }

 private:
  void add_members(const Plan& plan, std::uint32_t& ranks) {
    first_member_.push_back(members_.size());
    std::uint32_t count = 0;
    for (const Rank& rank : plan.ranks) {
      for (const std::uint32_t member : rank.stands_for) count = std::max(count, member + 1);
    }
    members_.resize(members_.size() + count, 0);
    for (const Rank& rank : plan.ranks) {
      for (const std::uint32_t member : rank.stands_for) members_[first_member_.back() + member] = ranks;
      ++ranks;
    }
  }

  [[nodiscard]] std::span<const std::uint32_t> crossed_by(std::size_t copy) const {
    const std::size_t end = copy + 1 < copies_.size() ? copies_[copy + 1].first : crossed_.size();
    return std::span(crossed_).subspan(copies_[copy].first, end - copies_[copy].first);
  }
  void add_taking_part(const Plan& plan, const Copy& copy) {
    const auto add = [&](std::uint32_t of_job) { taking_part_.push_back(first_member_[copy.job] + of_job); };
    if (copy.entry < plan.groups.size()) {
      const Group& group = plan.groups[copy.entry];
      for_each_member(group, group.bases[copy.copy], add);
      return;
    }
    const TransferEntry& entry = plan.transfers[copy.entry - plan.groups.size()];
    add(plan.ranks[entry.source.index()].stands_for[copy.copy]);
    add(plan.ranks[entry.destination.index()].stands_for[copy.copy]);
  }
  /// Members, by their numbers in members_.
  [[nodiscard]] std::span<const std::size_t> taking_part_in(std::size_t copy) const {
    return std::span(taking_part_).subspan(first_of_copy_[copy], first_of_copy_[copy + 1] - first_of_copy_[copy]);
  }

  std::size_t colour_links() {
    std::vector<Colours> met(links_.size());
    for (std::size_t c = 0; c < copies_.size(); ++c) {
      for (const std::uint32_t link : crossed_by(c)) met[link].push_back(operations_[c]);
    }
    return take_in(links_, met);
  }

  // Links, members and counts of nodes in one list: apart by where their numbers begin.
  std::size_t colour_operations() {
    std::vector<Colours> met(copies_.size());
    const auto all_links = static_cast<std::uint32_t>(links_.size());
    const auto all_members = static_cast<std::uint32_t>(members_.size());
    for (std::size_t c = 0; c < copies_.size(); ++c) {
      for (const std::uint32_t link : crossed_by(c)) met[c].push_back(links_[link]);
      for (const std::size_t m : taking_part_in(c)) met[c].push_back(all_links + members_[m]);
      met[c].push_back(all_links + all_members + copies_[c].nodes);
    }
    return take_in(operations_, met);
  }

  std::size_t colour_members() {
    std::vector<Colours> met(members_.size());
    for (std::size_t c = 0; c < copies_.size(); ++c) {
      for (const std::size_t m : taking_part_in(c)) met[m].push_back(operations_[c]);
    }
    return take_in(members_, met);
  }

  std::vector<Copy> copies_;
  std::vector<std::uint32_t> crossed_;
  std::vector<std::size_t> first_member_;                 ///< of each job, and one past the last
  std::vector<std::size_t> taking_part_, first_of_copy_;  ///< members of each copy, one copy after the other
  Colours members_, links_, operations_;
};

std::vector<std::vector<std::uint32_t>> LinkClasses::parting() const {
  if (topology_ == nullptr) return {};
  std::vector<Copy> copies;
  std::vector<std::uint32_t> crossed;
  for (std::uint32_t state = 0; state < states(); ++state) {
    for (std::uint32_t job = 0; job < jobs_.size(); ++job) list_copies(job, state, copies, crossed);
  }
  if (are_uniform(copies, crossed)) return {};
  Colouring colouring(*this, std::move(copies), std::move(crossed));
  colouring.refine();
  return colouring.of_jobs();
}

}  // namespace orrery::sim
