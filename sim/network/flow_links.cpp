// See flow_links.hpp.
#include "sim/network/flow_links.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace orrery::sim {
namespace {

constexpr double kPerPicosecond = 1e-12;
constexpr double kSlack = 1.0 + 1e-9;
constexpr double kFixedUnit = 0x1p80;
constexpr double kLargest = 0x1p20;  // of one term; 2^28 of them fit
// Rates that differ by less than this part of the capacity are one in the record.
constexpr double kSameLoad = 1e-9;

void require_capacity(BytesPerSecond capacity) {
  if (!(capacity.value() > 0.0)) throw std::invalid_argument("a link needs a capacity > 0");
}

}  // namespace

FlowLinks::FlowLinks(std::span<const BytesPerSecond> capacities, bool record) {
  links_.resize(capacities.size());
  for (std::size_t l = 0; l < capacities.size(); ++l) {
    require_capacity(capacities[l]);
    set_capacity(links_[l], capacities[l].value() * kPerPicosecond);
  }
  if (record) changes_.resize(capacities.size());
}

FlowLinks::Fixed FlowLinks::fixed(double rate) { return static_cast<Fixed>(rate * kFixedUnit); }

void FlowLinks::set_capacity(Link& link, double capacity) {
  link.capacity = capacity;
  const double room = capacity * kSlack;
  link.room = room < kLargest * 0x1p20 ? fixed(room) : ~Fixed{0};
}

std::uint32_t FlowLinks::join(std::uint32_t link, Member member, double demand) {
  Link& it = links_[link];
  if (demand < kLargest) {
    it.demand += fixed(demand);
  } else {
    ++it.uncounted;
  }
  classify(it);
  it.members.push_back(member);
  return static_cast<std::uint32_t>(it.members.size() - 1);
}

void FlowLinks::leave(std::uint32_t link, std::uint32_t position, double demand) {
  Link& it = links_[link];
  if (demand < kLargest) {
    it.demand -= fixed(demand);
  } else {
    --it.uncounted;
  }
  classify(it);
  it.members[position] = it.members.back();
  it.members.pop_back();
}

void FlowLinks::empty(std::uint32_t link) {
  Link& it = links_[link];
  it.demand = 0;
  it.uncounted = 0;
  it.members.clear();
  classify(it);
}

void FlowLinks::set_capacity(std::uint32_t link, BytesPerSecond capacity, SimTime now) {
  require_capacity(capacity);
  Link& it = links_[link];
  // The peak is a part of the capacity there was, so the load so far is closed before it changes.
  set_load(link, it.load, now);
  it.offered += it.capacity * static_cast<double>(now - it.capacity_since);
  it.capacity_since = now;
  set_capacity(it, capacity.value() * kPerPicosecond);
  classify(it);
}

void FlowLinks::set_load(std::uint32_t link, double load, SimTime now) {
  Link& it = links_[link];
  if (now > it.load_since) {
    if (it.load > it.peak * it.capacity) it.peak = it.load / it.capacity;
    it.load_since = now;
  }
  // The sum of what came and went is not quite nothing.
  it.load = it.members.empty() || load < 0.0 ? 0.0 : load;
  if (!changes_.empty()) keep_change(link, it.load, now);
}

void FlowLinks::keep_change(std::uint32_t link, double load, SimTime now) {
  std::vector<LoadChange>& changes = changes_[link];
  const LoadChange change{now, BytesPerSecond{load / kPerPicosecond}};
  if (!changes.empty() && changes.back().time == now) changes.pop_back();
  const double before = changes.empty() ? 0.0 : changes.back().rate.value() * kPerPicosecond;
  if (std::abs(load - before) > kSameLoad * links_[link].capacity) changes.push_back(change);
}

void FlowLinks::carry(std::uint32_t link, double bytes, double rate) {
  carry(link, bytes);
  links_[link].peak = std::max(links_[link].peak, rate / links_[link].capacity);
}

LinkStatistics FlowLinks::statistics(std::uint32_t link, double running, SimTime now) const {
  const Link& it = links_[link];
  const double offered = it.offered + it.capacity * static_cast<double>(now - it.capacity_since);
  LinkStatistics out;
  out.carried = Bytes{it.carried + running};
  out.offered = Bytes{offered};
  out.mean_load = offered > 0.0 ? out.carried.value() / offered : 0.0;
  const double peak = now > it.load_since ? std::max(it.peak, it.load / it.capacity) : it.peak;
  // Shares of a full link are rounded before they are added up.
  out.peak_load = peak > 1.0 && peak < 1.0 + 1e-9 ? 1.0 : peak;
  return out;
}

std::span<const LoadChange> FlowLinks::changes(std::uint32_t link) const {
  if (changes_.empty()) return {};
  return changes_[link];
}

}  // namespace orrery::sim
