#include "models/training/outer_run.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "models/training/outer_plan.hpp"
#include "models/training/parallel.hpp"
#include "models/training/pricing.hpp"
#include "models/world_job.hpp"
#include "sim/collective/collective.hpp"
#include "sim/plan/evaluate.hpp"
#include "sim/plan/run.hpp"
#include "sim/plan/runnable.hpp"

namespace orrery::models {
namespace {

/// One part of an exchange as the only job of a World.
class OuterRun final : public WorldJob {
 public:
  OuterRun(const TrainingJob& job, const kernels::KernelTimer& timer, OuterPart part)
      : job_(job),
        prices_(training_prices(job, timer)),
        plan_(lower_outer(job, part)),
        durations_(sim::price(plan_.plan(), prices_, {})) {}

  /// On the cluster's links, of which its operations fill some or none.
  Seconds duration(const TrainingOptions& options) {
    std::optional<hardware::Topology> own;
    const hardware::Topology* topology = options.topology;
    const bool shares = options.shares_links && job_.cluster.has_fabric_links() && leaves_nodes();
    if (topology == nullptr && shares) topology = &own.emplace(job_.cluster);
    std::optional<sim::LinkClasses> links(std::in_place, job_.cluster, topology);
    join(*links);
    links->fold();
    const sim::Loads loads = links->loads(number_, durations_);
    const std::vector<BytesPerSecond> capacities = links->capacities();
    sim::EvaluateOptions evaluation;
    if (options.shares_links) evaluation.loads = &loads, evaluation.capacities = capacities;
    const sim::Evaluation alone = sim::evaluate(plan_, durations_, evaluation, options.control);
    if (alone.filled_links.empty()) return sim::to_seconds(alone.makespan);
    const WorldOutcome outcome = run_on_cluster(job_.cluster, topology, {{this, Seconds{0.0}, std::nullopt}}, {},
                                                options.control, links, alone.filled_links);
    if (outcome.halted.front()) throw Disturbed(outcome.halted.front()->why);
    return sim::to_seconds(took_);
  }

  [[nodiscard]] const sim::Plan& plan() const { return plan_.plan(); }

  void join(sim::LinkClasses& links) override { number_ = links.add(plan(), prices_); }
  void begin(sim::World& world, const sim::LinkClasses& links, sim::SimTime at, std::function<void()> done) override {
    loads_ = links.loads(number_, durations_);
    done_ = std::move(done);
    run_ = std::make_unique<sim::PlanRun>(world, plan_, durations_, loads_);
    run_->on_lost([this](LinkId link) { lose(link); });
    run_->start(at, [this, at](sim::SimTime end) {
      took_ = end - at;
      tell(done_);
    });
  }
  void stop() override {
    require_not_telling();
    run_.reset();
  }
  // All ranks are alike and wait for the same links: none is to be told apart.
  [[nodiscard]] std::vector<sim::HeldUpOn> held_up() const override { return {}; }
  bool set_speed(std::uint32_t, double) override { return false; }
  [[nodiscard]] std::vector<LinkId> own_links(const sim::LinkClasses&, std::uint32_t) const override { return {}; }

 private:
  [[nodiscard]] bool leaves_nodes() const {
    return std::any_of(plan().groups.begin(), plan().groups.end(),
                       [&](const sim::Group& group) { return sim::nodes_spanned(group, prices_.placement()) > 1; });
  }

  const TrainingJob& job_;
  TrainingPrices prices_;
  sim::RunnablePlan plan_;
  sim::Durations durations_;
  std::size_t number_ = 0;
  sim::Loads loads_;
  std::unique_ptr<sim::PlanRun> run_;
  std::function<void()> done_;
  sim::SimTime took_ = 0;
};

Bytes sent_by(const sim::CollectiveEntry& entry, int workers) {
  return entry.bytes * sim::bus_factor(entry.kind, workers);
}

OuterStep outer_step(const TrainingJob& job, const kernels::KernelTimer& timer, const TrainingOptions& options,
                     Seconds inner) {
  const OuterConfig& outer = job.config.outer;
  const auto part = [&](OuterPart which) { return OuterRun(job, timer, which).duration(options); };
  OuterRun exchange(job, timer, OuterPart::exchange);
  OuterStep step;
  step.inner = inner;
  step.exchange = exchange.duration(options);
  step.update = part(OuterPart::update);
  step.gather = part(OuterPart::gather);
  step.exchanges = static_cast<double>(outer.fragments) / static_cast<double>(outer.steps);
  for (const sim::CollectiveEntry& entry : exchange.plan().collectives) {
    const Bytes sent = sent_by(entry, outer.workers);
    const auto ranks = static_cast<double>(exchange.plan().groups[entry.group.index()].bases.size());
    step.sent = max(step.sent, sent);
    step.worker_sent += sent * (ranks * outer.fragments);
  }
  return step;
}

}  // namespace

void require_undisturbed(const TrainingConfig& config, bool others) {
  if (!config.outer.is_on() || !others) return;
  throw std::invalid_argument(
      "training.outer_workers: workers that synchronise every so many steps are predicted alone and in the mean; they "
      "can't go with events, other jobs or steps that are played one by one");
}

void add_outer(const TrainingJob& job, const kernels::KernelTimer& timer, const TrainingOptions& options,
               TrainingResult& result) {
  OuterStep step = outer_step(job, timer, options, result.step_time);
  const double often = step.exchanges;
  // Beside inner steps it has the time until the next one.
  const Seconds beside = job.config.outer.overlap ? step.inner / often : Seconds{0.0};
  const Seconds waited = max(step.exchange - beside, Seconds{0.0});
  step.exposed = (waited + step.update + step.gather) * often;
  result.step_time += step.exposed;
  result.compute += step.update * often;
  result.optimizer += step.update * often;
  result.communication += (step.exchange + step.gather) * often;
  result.exposed_communication += (waited + step.gather) * often;
  const double slower = step.inner / result.step_time;
  result.tokens_per_second *= slower * job.config.outer.workers;
  result.tokens_per_second_per_gpu *= slower;
  result.model_flops_per_gpu *= slower;
  result.hardware_flops_per_gpu *= slower;
  result.mfu *= slower;
  result.hfu *= slower;
  result.outer = step;
}

}  // namespace orrery::models
