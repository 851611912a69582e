// Flows over time with component-incremental max-min rates. See flow_network.hpp.
#include "sim/network/flow_network.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

namespace orrery::sim {
namespace {

constexpr double kPerPicosecond = 1e-12;
constexpr std::uint32_t kNoLink = 0xffffffffu;

}  // namespace

FlowNetwork::FlowNetwork(std::span<const BytesPerSecond> capacities, FlowOptions options) : options_(options) {
  if (!(options.batch >= 0.0 && options.batch < 1.0)) throw std::invalid_argument("batch must be in [0, 1)");
  for (const BytesPerSecond capacity : capacities) {
    if (!(capacity.value() > 0.0)) throw std::invalid_argument("a link needs a capacity > 0");
    capacities_.push_back(capacity.value() * kPerPicosecond);
  }
  flows_of_link_.resize(capacities_.size());
  dirty_.assign(capacities_.size(), 0);
  local_link_.assign(capacities_.size(), kNoLink);
}

void FlowNetwork::touch(const Flow& flow) {
  for (const LinkUse& use : flow.uses) {
    if (dirty_[use.link]) continue;
    dirty_[use.link] = 1;
    dirty_links_.push_back(use.link);
  }
}

void FlowNetwork::start(const FlowSpec& spec, SimTime now) {
  if (now < now_) throw std::invalid_argument("a flow can't start in the past");
  if (!(spec.work >= 0.0)) throw std::invalid_argument("a flow needs work >= 0");
  if (!(spec.weight > 0.0) || !(spec.limit > 0.0)) throw std::invalid_argument("a flow needs weight > 0 and limit > 0");
  if (spec.uses.empty() && spec.limit == kUnlimited) throw std::invalid_argument("a flow needs a link or a limit");
  for (const LinkUse& use : spec.uses) {
    if (use.link >= capacities_.size()) throw std::invalid_argument("a flow uses a link that does not exist");
    if (!(use.share > 0.0)) throw std::invalid_argument("a flow needs shares > 0");
  }
  if (now > now_ && !dirty_links_.empty()) solve();
  now_ = now;
  std::uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(flows_.size());
    flows_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  Flow& flow = flows_[slot];
  flow.tag = spec.tag;
  flow.remaining = spec.work;
  flow.rate = 0.0;
  flow.weight = spec.weight;
  flow.limit = spec.limit;
  flow.started = flow.updated = now;
  flow.end = kNever;
  flow.uses.assign(spec.uses.begin(), spec.uses.end());
  flow.active = true;
  ++active_;
  for (const LinkUse& use : flow.uses) flows_of_link_[use.link].push_back(slot);
  touch(flow);
  if (flow.uses.empty()) {
    set_rate(slot, flow.limit);
    sort_endings();
  }
}

void FlowNetwork::start_bytes(std::uint64_t tag, Bytes bytes, std::span<const LinkId> route, SimTime now) {
  std::vector<LinkUse> uses;
  uses.reserve(route.size());
  for (const LinkId link : route) uses.push_back({link.value, 1.0});
  start({tag, bytes.value(), 1.0, kUnlimited, uses}, now);
}

// Breadth-first from the dirty links through flows to all links that they reach.
void FlowNetwork::collect_component() {
  component_.clear();
  component_links_ = dirty_links_;
  for (std::size_t next = 0; next < component_links_.size(); ++next) {
    for (const std::uint32_t slot : flows_of_link_[component_links_[next]]) {
      Flow& flow = flows_[slot];
      if (flow.marked) continue;
      flow.marked = true;
      component_.push_back(slot);
      for (const LinkUse& use : flow.uses) {
        if (dirty_[use.link]) continue;
        dirty_[use.link] = 1;
        component_links_.push_back(use.link);
      }
    }
  }
  // By slot, which a flow keeps: a solution that changes nothing then has the same bits as the one before.
  std::sort(component_links_.begin(), component_links_.end());
  if (component_.size() * 8 < flows_.size()) {
    std::sort(component_.begin(), component_.end());
    return;
  }
  component_.clear();
  for (std::uint32_t slot = 0; slot < flows_.size(); ++slot) {
    if (flows_[slot].marked) component_.push_back(slot);
  }
}

void FlowNetwork::solve() {
  collect_component();
  problem_.clear();
  for (std::size_t i = 0; i < component_links_.size(); ++i) {
    const std::uint32_t link = component_links_[i];
    local_link_[link] = static_cast<std::uint32_t>(i);
    problem_.capacity.push_back(capacities_[link]);
    dirty_[link] = 0;
  }
  dirty_links_.clear();
  for (const std::uint32_t slot : component_) {
    Flow& flow = flows_[slot];
    flow.marked = false;
    local_uses_ = flow.uses;
    for (LinkUse& use : local_uses_) use.link = local_link_[use.link];
    problem_.add_flow(local_uses_.data(), local_uses_.size(), flow.weight, flow.limit);
  }
  const std::vector<double>& rates = solver_.solve(problem_);
  for (std::size_t i = 0; i < component_.size(); ++i) set_rate(component_[i], rates[i]);
  sort_endings();
  ++solutions_;
  flows_solved_ += component_.size();
}

// Keeps the completion of a flow whose rate stays: no rounding error gathers on undisturbed flows.
void FlowNetwork::set_rate(std::uint32_t slot, double rate) {
  Flow& flow = flows_[slot];
  if (rate == flow.rate && flow.end != kNever) return;
  flow.remaining = std::max(0.0, flow.remaining - flow.rate * static_cast<double>(now_ - flow.updated));
  flow.updated = now_;
  flow.rate = rate;
  if (flow.remaining > 0.0 && !(rate > 0.0)) throw std::logic_error("a flow got no rate");
  const double left = flow.remaining > 0.0 ? std::round(flow.remaining / rate) : 0.0;
  if (!(left < 1.8e19)) throw TimeOverflow("a flow would end after 2^64 picoseconds (213 days)");
  flow.end = checked_add(now_, static_cast<SimTime>(left));
  ++flow.version;
  new_endings_.push_back({flow.end, flow.tag, slot, flow.version});
}

// Few new entries are pushed one by one; many replace stale ones, and the heap is built again: a queue of stale
// entries would otherwise outgrow the flows.
void FlowNetwork::sort_endings() {
  if (endings_.size() + new_endings_.size() > 2 * active_ + 16) {
    std::erase_if(endings_, [this](const Ending& ending) {
      return !flows_[ending.slot].active || flows_[ending.slot].version != ending.version;
    });
    endings_.insert(endings_.end(), new_endings_.begin(), new_endings_.end());
    std::make_heap(endings_.begin(), endings_.end(), std::greater<>{});
  } else {
    for (const Ending& ending : new_endings_) {
      endings_.push_back(ending);
      std::push_heap(endings_.begin(), endings_.end(), std::greater<>{});
    }
  }
  new_endings_.clear();
}

void FlowNetwork::drop_stale() {
  while (!endings_.empty()) {
    const Ending& first = endings_.front();
    const Flow& flow = flows_[first.slot];
    if (flow.active && flow.version == first.version) return;
    std::pop_heap(endings_.begin(), endings_.end(), std::greater<>{});
    endings_.pop_back();
  }
}

SimTime FlowNetwork::next_completion() {
  if (!dirty_links_.empty()) solve();
  drop_stale();
  if (endings_.empty()) return kNever;
  const Ending& first = endings_.front();
  if (options_.batch == 0.0) return first.time;
  const double duration = static_cast<double>(first.time - flows_[first.slot].started);
  return checked_add(first.time, static_cast<SimTime>(options_.batch * duration));
}

void FlowNetwork::finish(std::uint32_t slot, std::vector<std::uint64_t>& completed) {
  Flow& flow = flows_[slot];
  completed.push_back(flow.tag);
  flow.active = false;
  --active_;
  touch(flow);
  free_slots_.push_back(slot);
}

void FlowNetwork::advance(SimTime now, std::vector<std::uint64_t>& completed) {
  if (now < now_) throw std::invalid_argument("time can't go back");
  if (!dirty_links_.empty()) solve();
  now_ = now;
  const auto first_new = static_cast<std::ptrdiff_t>(completed.size());
  for (drop_stale(); !endings_.empty() && endings_.front().time <= now; drop_stale()) {
    const std::uint32_t slot = endings_.front().slot;
    std::pop_heap(endings_.begin(), endings_.end(), std::greater<>{});
    endings_.pop_back();
    finish(slot, completed);
  }
  std::sort(completed.begin() + first_new, completed.end());
  // Links forget ended flows in one sweep each, however many of them end together.
  for (const std::uint32_t link : dirty_links_) {
    std::erase_if(flows_of_link_[link], [this](std::uint32_t slot) { return !flows_[slot].active; });
  }
}

double FlowNetwork::rate(std::uint64_t tag) {
  if (!dirty_links_.empty()) solve();
  for (const Flow& flow : flows_) {
    if (flow.active && flow.tag == tag) return flow.rate;
  }
  return 0.0;
}

BytesPerSecond FlowNetwork::load(LinkId link) {
  if (!dirty_links_.empty()) solve();
  double sum = 0.0;
  for (const std::uint32_t slot : flows_of_link_[link.index()]) {
    for (const LinkUse& use : flows_[slot].uses) {
      if (use.link == link.value) sum += flows_[slot].rate * use.share;
    }
  }
  return BytesPerSecond{sum / kPerPicosecond};
}

}  // namespace orrery::sim
