#include "models/serving/iteration_links.hpp"

#include <algorithm>
#include <utility>

namespace orrery::models {
namespace {

// Shapes with prompts hardly come again: what is known is forgotten before it fills the memory.
constexpr std::size_t kMostShapes = std::size_t{1} << 15;

// A token of each kind: lowered, it has every group and message that any iteration has.
constexpr StepShape kOneOfEach{1, 1, 1, 2, 4.0, 1};

/// What decides the collectives of an iteration. Fewer than 2^31 tokens are in one.
std::uint64_t key_of(const StepShape& shape, std::int64_t rows) {
  return (static_cast<std::uint64_t>(rows) << 33) | (static_cast<std::uint64_t>(shape.sampled) << 1) |
         (shape.decode_only() ? 1U : 0U);
}

/// Adds operations up to one, in every state of the fabric.
class PartSum {
 public:
  explicit PartSum(std::size_t states) : carried_(states) {}

  /// `times` more runs of an operation.
  void add(std::uint64_t times, sim::SimTime time, const sim::LinkLoadEntry& load) {
    part_.time += times * time;
    part_.work += times * load.work;
    for (std::size_t state = 0; state < carried_.size(); ++state) {
      for (const sim::LinkUse& use : load.ways ? (*load.ways)[state].uses : load.uses) {
        Carried& carried = on(state, use.link);
        carried.bytes += use.share * static_cast<double>(times) * static_cast<double>(load.work);
        carried.most = std::max(carried.most, use.share);
      }
    }
  }
  LinkPart take() {
    part_.uses = uses(0);
    sim::Ways ways;
    bool differ = false;
    for (std::size_t state = 0; carried_.size() > 1 && state < carried_.size(); ++state) {
      ways.push_back({uses(state), 0.0});
      differ = differ || !is_same(ways.front(), ways.back());
    }
    if (differ) part_.ways = std::make_shared<const sim::Ways>(std::move(ways));
    return std::move(part_);
  }

 private:
  struct Carried {
    std::uint32_t link = 0;
    double bytes = 0.0, most = 0.0;  // the most bytes per picosecond
  };

  Carried& on(std::size_t state, std::uint32_t link) {
    std::vector<Carried>& all = carried_[state];
    const auto known = std::find_if(all.begin(), all.end(), [link](const Carried& one) { return one.link == link; });
    return known != all.end() ? *known : all.emplace_back(Carried{link});
  }
  [[nodiscard]] std::vector<sim::LinkUse> uses(std::size_t state) const {
    std::vector<sim::LinkUse> out;
    for (const Carried& carried : carried_[state]) {
      // Rounding must not make the mean rate more than the highest: links that no operation fills stay so.
      const double mean = carried.bytes / static_cast<double>(part_.work);
      out.push_back({carried.link, std::min(mean, carried.most)});
    }
    return out;
  }

  LinkPart part_;
  std::vector<std::vector<Carried>> carried_;  ///< by state
};

}  // namespace

IterationLinks::IterationLinks(const StepModel& steps, int replica)
    : steps_(&steps),
      replica_(replica),
      prices_(steps.prices()),
      plan_(std::make_unique<const sim::Plan>(steps.lower(kOneOfEach, replica))) {}

void IterationLinks::join(sim::LinkClasses& links) { number_ = links.add(*plan_, *prices_); }

void IterationLinks::use(const sim::LinkClasses& links) {
  links_ = &links;
  known_.clear();
}

std::vector<LinkId> IterationLinks::own(const sim::LinkClasses& links, int stage) const {
  return links.own(number_, RankId(static_cast<std::size_t>(stage)));
}

const StageLinks& IterationLinks::at(const StepShape& shape, int stage) {
  const std::uint64_t key = key_of(shape, steps_->padded(shape.tokens()));
  const auto found = known_.find(key);
  if (found != known_.end()) return found->second[static_cast<std::size_t>(stage)];
  if (known_.size() >= kMostShapes) known_.clear();
  return known_.emplace(key, lower(shape)).first->second[static_cast<std::size_t>(stage)];
}

std::vector<StageLinks> IterationLinks::lower(const StepShape& shape) const {
  const sim::Plan plan = steps_->lower(shape, replica_);
  sim::Durations durations;
  for (const sim::CollectiveEntry& entry : plan.collectives) {
    durations.collectives.push_back(sim::to_sim_time(prices_->time(entry, plan)));
  }
  for (const sim::TransferEntry& entry : plan.transfers) {
    durations.transfers.push_back(sim::to_sim_time(prices_->time(entry, plan)));
  }
  const sim::Loads loads = links_->loads(number_, plan, durations);
  std::vector<StageLinks> stages(plan.streams.size());
  for (const sim::Stream& stream : plan.streams) {
    PartSum collectives(links_->states()), message(links_->states());
    std::vector<std::uint64_t> runs(plan.collectives.size(), 0);
    for (const sim::Step& step : stream.steps) {
      if (step.kind == sim::StepKind::collective) ++runs[step.index];
      if (step.kind == sim::StepKind::send) {
        message.add(1, durations.transfers[step.index], loads.transfers[step.index]);
      }
    }
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (runs[i] > 0) collectives.add(runs[i], durations.collectives[i], loads.collectives[i]);
    }
    stages[stream.rank.index()] = {collectives.take(), message.take()};
  }
  return stages;
}

}  // namespace orrery::models
