#include "sim/network/message_run.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

namespace orrery::sim {

namespace {

constexpr double kPerPicosecond = 1e-12;
/// What rounding may add to a sum of shares that fill a link exactly, as FlowLinks has it.
constexpr double kSlack = 1.0 + 1e-9;

/// Part `number` of `whole` in so many parts, which add up to it. REQUIRES less than 2^32 parts.
SimTime part(SimTime whole, std::uint64_t number, std::uint64_t parts) {
  const std::uint64_t rest = whole % parts;  // its square fits
  return whole / parts + ((number + 1) * rest / parts - number * rest / parts);
}

}  // namespace

MessageRun::MessageRun(World& world, std::uint32_t owner, const Operation& operation, const MessageGraph& graph,
                       double weight)
    : world_(world),
      owner_(owner),
      graph_(&graph),
      work_(operation.work),
      weight_(weight),
      messages_(graph_->messages()),
      started_(world.now()),
      hops_(graph_->hops.size()),
      unfinished_(graph_->hops.size()) {
  if (hops_.empty() || messages_ == 0 || graph_->window <= graph_->lag) {
    throw std::invalid_argument("messages need a hop, a message, and more room than a hop is behind");
  }
  connect();
  if (messages_ >> 32 != 0 || (messages_ + fill_) >> 32 != 0) throw std::invalid_argument("2^32 messages or more");
  set_times(operation);
  id_ = world_.clock().add(*this);
  world_.clock().at(started_, id_);
}

MessageRun::~MessageRun() {
  drop_messages();
  world_.clock().remove(id_);
}

MessageRun::Lists MessageRun::lists(const std::vector<std::vector<std::uint32_t>>& of) {
  Lists out;
  for (const std::vector<std::uint32_t>& list : of) {
    out.first.push_back(static_cast<std::uint32_t>(out.hops.size()));
    out.hops.insert(out.hops.end(), list.begin(), list.end());
  }
  out.first.push_back(static_cast<std::uint32_t>(out.hops.size()));
  return out;
}

void MessageRun::connect() {
  std::vector<std::vector<std::uint32_t>> after(hops_.size()), then(hops_.size());
  for (std::uint32_t h = 0; h < hops_.size(); ++h) {
    after[h] = graph_->hops[h].after;
    for (const std::uint32_t before : after[h]) {
      if (before >= hops_.size() || (graph_->lag == 0 && before >= h)) {
        throw std::invalid_argument("a hop passes on what no hop before it brings");
      }
      then[before].push_back(h);
      if (graph_->lag == 0) hops_[h].level = std::max(hops_[h].level, hops_[before].level + 1);
    }
    fill_ = std::max<std::uint64_t>(fill_, hops_[h].level);
  }
  after_ = lists(after);
  then_ = lists(then);
}

// Messages are sent no faster than their bytes go alone on the operation's slowest own link.
void MessageRun::set_times(const Operation& operation) {
  const double filling = static_cast<double>(work_) * static_cast<double>(fill_) / static_cast<double>(messages_);
  alone_ = std::max(operation.alone, checked_add(work_, static_cast<SimTime>(std::llround(filling))));
}

void MessageRun::go_by(const MessageGraph& graph, double weight) {
  graph_ = &graph;
  weight_ = weight;
  for (std::size_t hop = 0; hop < hops_.size() && state_ == State::by_messages; ++hop) {
    if (hops_[hop].message) world_.move(*hops_[hop].message, graph_->hops[hop].uses, weight_);
  }
}

SimTime MessageRun::lasts(std::uint64_t place) const { return part(alone_, place, messages_ + fill_); }

SimTime MessageRun::work(std::uint64_t message) const { return part(work_, message, messages_); }

void MessageRun::drop_messages() {
  for (Hop& hop : hops_) {
    if (hop.message) world_.cancel(*hop.message);
    hop.message.reset();
  }
}

void MessageRun::fire(SimTime now) {
  if (state_ == State::in_one_go) return end(now);
  const SimTime quiet = world_.quiet_until(id_);
  if (quiet > now && now + alone_ <= quiet && is_alone()) {
    if (const std::optional<SimTime> last = longest_path(quiet)) {
      state_ = State::in_one_go;
      carry(*last);
      return world_.clock().at(*last, id_);
    }
  }
  state_ = State::by_messages;
  for (std::size_t hop = 0; hop < hops_.size(); ++hop) begin_next(hop);
}

bool MessageRun::has_come(std::size_t hop, std::uint64_t message) const {
  if (begins_way(message)) return true;
  const auto brought = [&](std::uint32_t before) { return hops_[before].done + graph_->lag > message; };
  const std::span<const std::uint32_t> after = after_.of(hop);
  return std::all_of(after.begin(), after.end(), brought);
}

bool MessageRun::has_room(std::size_t hop, std::uint64_t message) const {
  if (message < graph_->window || ends_way(message - graph_->window)) return true;
  const auto passed_on = [&](std::uint32_t next) { return hops_[next].done + graph_->window > message + graph_->lag; };
  const std::span<const std::uint32_t> then = then_.of(hop);
  return std::all_of(then.begin(), then.end(), passed_on);
}

void MessageRun::begin_next(std::size_t number) {
  Hop& hop = hops_[number];
  const std::uint64_t m = hop.begun;
  if (state_ == State::lost || hop.message || m == messages_) return;
  if (!has_come(number, m) || !has_room(number, m)) return;
  ++hop.begun;
  const SimTime alone = lasts(m + hop.level);
  const OperationId message =
      world_.start({alone, std::min(alone, work(m)), graph_->hops[number].uses, weight_}, *this, number);
  if (state_ != State::lost) hop.message = message;
}

void MessageRun::completed(std::uint64_t number, SimTime now, const HeldUp& held_up) {
  Hop& hop = hops_[number];
  hop.message.reset();
  ++hop.done;
  if (held_up.delay > 0) {
    const auto same = [&](const std::pair<LinkId, SimTime>& held) { return held.first == held_up.link; };
    const auto found = std::find_if(held_up_.begin(), held_up_.end(), same);
    SimTime& delay = found != held_up_.end() ? found->second : held_up_.emplace_back(held_up.link, 0).second;
    delay += held_up.delay;
  }
  if (hop.done == messages_ && --unfinished_ == 0) return end(now);
  begin_next(number);
  for (const std::uint32_t next : then_.of(number)) begin_next(next);
  for (const std::uint32_t before : after_.of(number)) begin_next(before);
}

void MessageRun::end(SimTime now) { world_.end_messages(owner_, now - started_, alone_, held_up_); }

void MessageRun::lost(std::uint64_t number, SimTime, LinkId link) {
  hops_[number].message.reset();
  state_ = State::lost;
  drop_messages();
  world_.lose_messages(owner_, link);
}

bool MessageRun::is_alone() {
  struct Asked {
    double sum = 0.0;
    std::uint32_t hops = 0;
  };
  std::map<std::uint32_t, Asked> links;
  for (const MessageGraph::Hop& hop : graph_->hops) {
    for (const LinkUse& use : hop.uses) {
      if (world_.is_spare(use.link)) continue;
      Asked& asked = links[use.link];
      asked.sum += use.share;
      ++asked.hops;
    }
  }
  for (const auto& [link, asked] : links) {
    if (!world_.is_idle(LinkId(link))) return false;
    const double capacity = world_.links().capacity(LinkId(link)).value() * kPerPicosecond;
    if (asked.hops > 1 && asked.sum > capacity * kSlack) return false;
  }
  slow_.clear();
  for (std::size_t h = 0; h < hops_.size(); ++h) {
    hops_[h].speed = 1.0;
    for (const LinkUse& use : graph_->hops[h].uses) {
      if (world_.is_spare(use.link)) continue;
      const double capacity = world_.links().capacity(LinkId(use.link)).value() * kPerPicosecond;
      if (use.share > capacity * kSlack) hops_[h].speed = std::min(hops_[h].speed, capacity / use.share);
    }
    if (hops_[h].speed < 1.0) slow_.push_back(h);
  }
  return true;
}

/// How long each hop's message m lasts on links that nothing else loads.
void MessageRun::set_lasting(std::uint64_t m, std::vector<SimTime>& takes) const {
  if (fill_ == 0) std::fill(takes.begin(), takes.end(), lasts(m));
  for (std::size_t h = 0; h < hops_.size() && fill_ > 0; ++h) takes[h] = lasts(m + hops_[h].level);
  for (const std::size_t h : slow_) {
    const SimTime wire = std::min(takes[h], work(m));
    takes[h] += static_cast<SimTime>(std::llround(static_cast<double>(wire) / hops_[h].speed)) - wire;
  }
}

// Row by row of messages; what a message waits for lies at most a window back, or earlier in its row.
std::optional<SimTime> MessageRun::longest_path(SimTime until) const {
  const std::size_t count = hops_.size(), rows = graph_->window + 1;
  std::vector<SimTime> ends(rows * count, world_.now()), takes(count);
  const auto row = [&](std::uint64_t m) { return ends.data() + m % rows * count; };
  for (std::uint64_t m = 0; m < messages_; ++m) {
    set_lasting(m, takes);
    SimTime* const now = row(m);
    const SimTime* const own = row(m > 0 ? m - 1 : 0);  // of the first all that is before: now
    const bool waits = !begins_way(m), needs_room = m >= graph_->window && !ends_way(m - graph_->window);
    const SimTime* const brought = waits ? row(m - graph_->lag) : own;
    const SimTime* const passed_on = needs_room ? row(m - graph_->window + graph_->lag) : own;
    for (std::size_t h = 0; h < count; ++h) {
      SimTime begins = own[h];
      if (waits) {
        for (const std::uint32_t before : after_.of(h)) begins = std::max(begins, brought[before]);
      }
      if (needs_room) {
        for (const std::uint32_t next : then_.of(h)) begins = std::max(begins, passed_on[next]);
      }
      now[h] = begins + takes[h];
    }
    if (now[0] > until) return std::nullopt;
  }
  const SimTime* const last = row(messages_ - 1);
  const SimTime end = *std::max_element(last, last + count);
  return end <= until ? std::optional(end) : std::nullopt;
}

/// What its links carry until the end, and which of them holds it up.
void MessageRun::carry(SimTime end) {
  const SimTime now = world_.now();
  std::map<std::uint32_t, std::pair<double, double>> links;  // rate and share of all hops
  double slowest = 1.0;
  for (std::size_t h = 0; h < hops_.size(); ++h) {
    for (const LinkUse& use : graph_->hops[h].uses) {
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
