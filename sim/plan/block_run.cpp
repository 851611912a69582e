#include "sim/plan/block_run.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace orrery::sim {

namespace {

std::int64_t add(std::int64_t time, SimTime duration) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(time, duration, &sum)) {
    throw TimeOverflow("simulated time exceeds 2^63 picoseconds (106 days) within one block");
  }
  return sum;
}

}  // namespace

BlockRunner::BlockRunner(const RunnablePlan& plan, const Durations& durations, std::span<const ActivitySet> sets,
                         const Loads* loads)
    : plan_(plan),
      durations_(durations),
      sets_(sets),
      loads_(loads != nullptr && !loads->collectives.empty() ? loads : nullptr),
      known_(plan.plan().blocks.size() * gpu_classes(plan.plan())) {}

BlockRun& BlockRunner::run(std::uint32_t block, std::uint32_t gpu_class, std::span<const SimTime> inputs) {
  constexpr std::size_t kLookedAt = 8;  // a block that meets more sets than this rarely meets one again
  const BlockOrder& order = plan_.block(block);
  relative_.clear();
  for (std::size_t part = 0; part < inputs.size(); ++part) {
    const auto difference = static_cast<std::int64_t>(inputs[part] - inputs[0]);
    relative_.push_back(order.follows_first(part) ? std::max<std::int64_t>(0, difference) : difference);
  }
  std::vector<BlockRun*>& known = known_[gpu_class * plan_.plan().blocks.size() + block];
  const std::size_t first = known.size() > kLookedAt ? known.size() - kLookedAt : 0;
  for (std::size_t i = known.size(); i-- > first;) {
    if (known[i]->inputs == relative_) return *known[i];
  }
  BlockRun& fresh = runs_.emplace_back();
  fresh.inputs = relative_;
  evaluate(block, gpu_class, fresh);
  if (loads_ != nullptr) fresh.links = links_until(fresh, std::numeric_limits<std::int64_t>::max());
  known.push_back(&fresh);
  return fresh;
}

void BlockRunner::evaluate(std::uint32_t block, std::uint32_t gpu_class, BlockRun& run) {
  const BlockOrder& order = plan_.block(block);
  run.outputs = run.inputs;
  run.spans.reserve(order.timed());
  run.memory.assign(order.memory().size(), 0);
  events_.assign(plan_.plan().blocks[block].events, 0);
  // memory() lists the steps part by part, and so do the counters.
  std::vector<std::size_t> next_memory(order.parts(), 0);
  for (const BlockStep& step : order.memory()) {
    for (std::size_t part = step.part + std::size_t{1}; part < next_memory.size(); ++part) ++next_memory[part];
  }
  for (const BlockStep& s : order.steps()) {
    std::int64_t& clock = run.outputs[s.part];
    switch (s.step.kind) {
      case StepKind::record:
        events_[s.step.index] = clock;
        break;
      case StepKind::wait:
        clock = std::max(clock, events_[s.step.index]);
        break;
      case StepKind::alloc:
      case StepKind::free:
        run.memory[next_memory[s.part]++] = clock;
        break;
      default: {
        const StepPrice price = step_price(plan_.plan(), durations_, s.step, gpu_class);
        const std::int64_t start = clock;
        clock = add(clock, price.duration);
        run.spans.push_back({start, clock, s.part, s.step, price.label, price.activity});
      }
    }
  }
}

void BlockRunner::sum_up(BlockRun& run) {
  if (std::exchange(run.is_summed_up, true)) return;
  for (const BlockSpan& span : run.spans) {
    const auto a = static_cast<std::size_t>(span.activity);
    run.sum[a] += static_cast<SimTime>(span.end - span.start);
    run.last_end[a] = run.count[a] == 0 ? span.end : std::max(run.last_end[a], span.end);
    ++run.count[a];
  }
  const auto earlier = [](const BlockSpan& a, const BlockSpan& b) { return a.start < b.start; };
  by_start_.assign(run.spans.begin(), run.spans.end());
  if (!std::is_sorted(by_start_.begin(), by_start_.end(), earlier)) {
    std::sort(by_start_.begin(), by_start_.end(), earlier);
  }
  run.unions.resize(sets_.size());
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    united_.parts.clear();
    united_.length = 0;
    for (const BlockSpan& span : by_start_) {
      if (contains(sets_[i], span.activity)) united_.append({span.start, span.end});
    }
    run.unions[i] = united_;
  }
}

// Two operations of a block that overlap on a link ask for both their shares: each gets an entry of its own. Those that
// follow one another share one.
std::vector<BlockLinkUse> BlockRunner::links_until(const BlockRun& run, std::int64_t until) const {
  std::vector<BlockLinkUse> links;
  for (const BlockSpan& span : run.spans) {
    if (span.step.kind != StepKind::collective) continue;
    const LinkLoadEntry& load = loads_->collectives[span.step.index];
    const std::int64_t start = span.end - static_cast<std::int64_t>(load.work);
    const std::int64_t loaded = std::max<std::int64_t>(0, std::min(span.end, until) - start);
    for (const LinkUse& use : load.uses) {
      const double bytes = use.share * static_cast<double>(loaded);
      const auto known = std::find_if(links.begin(), links.end(), [&](const BlockLinkUse& other) {
        return other.link == use.link && other.end <= start;
      });
      if (known == links.end()) {
        links.push_back({use.link, start, span.end, use.share, bytes});
        continue;
      }
      known->end = span.end;
      known->share = std::max(known->share, use.share);
      known->bytes += bytes;
    }
  }
  return links;
}

}  // namespace orrery::sim
