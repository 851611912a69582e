#include "sim/network/ring_run.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

namespace orrery::sim {

namespace {

constexpr double kPerPicosecond = 1e-12;
/// What rounding may add to a sum of shares that fill a link exactly, as FlowLinks has it.
constexpr double kSlack = 1.0 + 1e-9;

}  // namespace

RingRun::RingRun(World& world, std::uint32_t owner, const Operation& operation, const RingMessages& messages,
                 double weight)
    : world_(world),
      owner_(owner),
      ring_(&messages),
      alone_(operation.alone),
      work_(operation.work),
      weight_(weight),
      messages_(ring_->messages()),
      started_(world.now()),
      hops_(ring_->hops.size()),
      unfinished_(ring_->hops.size()) {
  if (hops_.empty() || messages_ == 0 || messages_ >> 32 != 0 || ring_->window <= ring_->slices) {
    throw std::invalid_argument("a ring needs a hop, 1 to 2^32 messages, and room for more than a chunk's slices");
  }
  id_ = world_.clock().add(*this);
  world_.clock().at(started_, id_);
}

RingRun::~RingRun() {
  drop_messages();
  world_.clock().remove(id_);
}

void RingRun::drop_messages() {
  for (Hop& hop : hops_) {
    if (hop.message) world_.cancel(*hop.message);
    hop.message.reset();
  }
}

void RingRun::go_by(const RingMessages& messages, double weight) {
  ring_ = &messages;
  weight_ = weight;
  for (std::size_t hop = 0; hop < hops_.size() && state_ == State::by_messages; ++hop) {
    if (hops_[hop].message) world_.move(*hops_[hop].message, ring_->hops[hop], weight_);
  }
}

SimTime RingRun::part(SimTime whole, std::uint64_t message) const {
  const std::uint64_t rest = whole % messages_;  // its square fits: there are less than 2^32 messages
  return whole / messages_ + ((message + 1) * rest / messages_ - message * rest / messages_);
}

void RingRun::fire(SimTime now) {
  if (state_ == State::in_one_go) return world_.end_ring(owner_, now, alone_, held_up_);
  const SimTime quiet = world_.quiet_until(id_);
  if (quiet > now && now + alone_ <= quiet && is_alone()) {
    if (const std::optional<SimTime> end = longest_path(quiet)) {
      state_ = State::in_one_go;
      carry(*end);
      return world_.clock().at(*end, id_);
    }
  }
  state_ = State::by_messages;
  for (std::size_t hop = 0; hop < hops_.size(); ++hop) begin_next(hop);
}

void RingRun::begin_next(std::size_t number) {
  Hop& hop = hops_[number];
  const std::uint64_t m = hop.begun;
  if (state_ == State::lost || hop.message || m == messages_) return;
  if (step(m) > 0 && hops_[before(number)].done + ring_->slices <= m) return;
  if (m >= ring_->window && step(m - ring_->window) + 1 < ring_->steps &&
      hops_[next(number)].done + ring_->window <= m + ring_->slices) {
    return;
  }
  ++hop.begun;
  const SimTime alone = part(alone_, m);
  const OperationId message =
      world_.start({alone, std::min(alone, part(work_, m)), ring_->hops[number], weight_}, *this, number);
  if (state_ != State::lost) hop.message = message;
}

void RingRun::completed(std::uint64_t number, SimTime now, const HeldUp& held_up) {
  Hop& hop = hops_[number];
  hop.message.reset();
  ++hop.done;
  if (held_up.delay > 0) {
    const auto same = [&](const std::pair<LinkId, SimTime>& held) { return held.first == held_up.link; };
    const auto found = std::find_if(held_up_.begin(), held_up_.end(), same);
    SimTime& delay = found != held_up_.end() ? found->second : held_up_.emplace_back(held_up.link, 0).second;
    delay += held_up.delay;
  }
  if (hop.done == messages_ && --unfinished_ == 0) return world_.end_ring(owner_, now, alone_, held_up_);
  begin_next(number);
  begin_next(next(number));
  begin_next(before(number));
}

void RingRun::lost(std::uint64_t number, SimTime, LinkId link) {
  hops_[number].message.reset();
  state_ = State::lost;
  drop_messages();
  world_.lose_ring(owner_, link);
}

bool RingRun::is_alone() {
  struct Asked {
    double most = 0.0, sum = 0.0;
    std::uint32_t hops = 0;
  };
  std::map<std::uint32_t, Asked> links;
  for (const std::vector<LinkUse>& uses : ring_->hops) {
    for (const LinkUse& use : uses) {
      if (world_.is_spare(use.link)) continue;
      Asked& asked = links[use.link];
      asked.most = std::max(asked.most, use.share);
      asked.sum += use.share;
      ++asked.hops;
    }
  }
  for (const auto& [link, asked] : links) {
    if (!world_.is_idle(LinkId(link))) return false;
    const double capacity = world_.links().capacity(LinkId(link)).value() * kPerPicosecond;
    if (asked.hops > 1 && asked.sum > capacity * kSlack) return false;
  }
  for (std::size_t h = 0; h < hops_.size(); ++h) {
    hops_[h].speed = 1.0;
    for (const LinkUse& use : ring_->hops[h]) {
      if (world_.is_spare(use.link)) continue;
      const double capacity = world_.links().capacity(LinkId(use.link)).value() * kPerPicosecond;
      if (use.share > capacity * kSlack) hops_[h].speed = std::min(hops_[h].speed, capacity / use.share);
    }
  }
  return true;
}

// Row by row of messages; what a message waits for lies at most a window back.
std::optional<SimTime> RingRun::longest_path(SimTime until) const {
  const std::size_t count = hops_.size(), rows = ring_->window + 1;
  std::vector<SimTime> ends(rows * count, world_.now());
  std::vector<std::size_t> slow;
  for (std::size_t h = 0; h < count; ++h) {
    if (hops_[h].speed < 1.0) slow.push_back(h);
  }
  std::vector<SimTime> takes(count);
  const auto row = [&](std::uint64_t m) { return ends.data() + m % rows * count; };
  for (std::uint64_t m = 0; m < messages_; ++m) {
    const SimTime alone = part(alone_, m), work = std::min(alone, part(work_, m));
    std::fill(takes.begin(), takes.end(), alone);
    for (const std::size_t h : slow) {
      takes[h] = alone - work + static_cast<SimTime>(std::llround(static_cast<double>(work) / hops_[h].speed));
    }
    SimTime* const now = row(m);
    if (m == 0) {
      for (std::size_t h = 0; h < count; ++h) now[h] += takes[h];
      continue;
    }
    const SimTime* const own = row(m - 1);
    const bool waits = step(m) > 0;
    const bool needs_room = m >= ring_->window && step(m - ring_->window) + 1 < ring_->steps;
    const SimTime* const left = waits ? row(m - ring_->slices) : own;
    const SimTime* const right = needs_room ? row(m - ring_->window + ring_->slices) : own;
    const auto end = [&](std::size_t h, std::size_t from, std::size_t to) {
      const SimTime comes = waits ? left[from] : 0, room = needs_room ? right[to] : 0;
      now[h] = std::max({own[h], comes, room}) + takes[h];
    };
    end(0, before(0), next(0));
    for (std::size_t h = 1; h + 1 < count; ++h) end(h, h - 1, h + 1);
    if (count > 1) end(count - 1, count - 2, 0);
    if (now[0] > until) return std::nullopt;
  }
  const SimTime* const last = row(messages_ - 1);
  const SimTime end = *std::max_element(last, last + count);
  return end <= until ? std::optional(end) : std::nullopt;
}

/// What its links carry until the end, and which of them holds it up.
void RingRun::carry(SimTime end) {
  const SimTime now = world_.now();
  std::map<std::uint32_t, std::pair<double, double>> links;  // rate and share of all hops
  double slowest = 1.0;
  for (std::size_t h = 0; h < hops_.size(); ++h) {
    for (const LinkUse& use : ring_->hops[h]) {
      auto& [rate, share] = links[use.link];
      rate += use.share * hops_[h].speed;
      share += use.share;
      if (world_.is_spare(use.link)) continue;
      const double speed = world_.links().capacity(LinkId(use.link)).value() * kPerPicosecond / use.share;
      if (speed * kSlack >= slowest) continue;
      slowest = speed;
      held_up_.assign(1, {LinkId(use.link), end - now > alone_ ? end - now - alone_ : 0});
    }
  }
  for (const auto& [link, asked] : links) {
    world_.carry_alone(link, now, end, asked.first, asked.second * static_cast<double>(work_));
  }
}

}  // namespace orrery::sim
