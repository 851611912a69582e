#include "models/training/training_run.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "models/training/parallel.hpp"
#include "models/training/pricing.hpp"
#include "models/training/result.hpp"
#include "models/training/step.hpp"

namespace orrery::models {

namespace {

// A shape that no kernel can have would be priced as nonsense: it says so instead.
void require_sound_kernels(const sim::Plan& plan) {
  for (const sim::KernelEntry& entry : plan.kernels) {
    const std::string problem = kernels::check(entry.kernel);
    if (!problem.empty()) throw std::invalid_argument(plan.labels[entry.label.index()] + ": " + problem);
  }
}

// Shares of the time that a large job takes: lowering to here, the rest is checking and pricing.
constexpr double kLowered = 0.5;

}  // namespace

TrainingRun::TrainingRun(const TrainingJob& job, const kernels::KernelTimer& timer, const MeshClasses& classes,
                         const sim::RunControl& control)
    : job_(&job), prices_(training_prices(job, timer)) {
  sim::Plan plan = lower(job, classes, control.part(0.0, kLowered));
  require_sound_kernels(plan);
  control.report(kLowered);
  runnable_ = std::make_unique<sim::RunnablePlan>(std::move(plan), control);
  durations_ = sim::price(runnable_->plan(), prices_, control);
  control.report(1.0);
}

bool TrainingRun::leaves_nodes() const {
  const sim::Placement& placement = prices_.placement();
  for (const sim::TransferEntry& entry : plan().transfers) {
    if (!same_node(entry, plan(), placement)) return true;
  }
  for (const sim::CollectiveEntry& entry : plan().collectives) {
    if (nodes_spanned(plan().groups[entry.group.index()], placement) > 1) return true;
  }
  return false;
}

sim::Evaluation TrainingRun::evaluate(const sim::LinkClasses* links, bool keep_timeline,
                                      const sim::RunControl& control) const {
  sim::EvaluateOptions options;
  options.timeline = keep_timeline;
  options.busy = summary_sets();
  sim::Loads loads;
  std::vector<BytesPerSecond> capacities;
  if (links != nullptr) {
    loads = links->loads(number_, durations_);
    capacities = links->capacities();
    options.loads = &loads;
    options.capacities = capacities;
  }
  return sim::evaluate(*runnable_, durations_, options, control);
}

void TrainingRun::join(sim::LinkClasses& links) { number_ = links.add(plan(), prices_); }

void TrainingRun::begin(sim::World& world, const sim::LinkClasses& links, sim::SimTime at, std::function<void()> done) {
  world_ = &world;
  links_ = &links;
  done_ = std::move(done);
  loads_ = links.loads(number_, durations_);
  steps_.clear();
  held_up_.clear();
  run_ = std::make_unique<sim::PlanRun>(world, *runnable_, durations_, loads_);
  began_ = at;
  step_begins();
}

void TrainingRun::step_begins() {
  recorder_.reset();
  if (record_ == steps_.size()) {
    const sim::RunControl none;
    sim::Pacer pacer(none);
    recorder_ = std::make_unique<sim::TimelineRecorder>(*runnable_, pacer);
  }
  run_->start(
      began_, [this](sim::SimTime end) { step_ended(end); }, recorder_.get());
}

void TrainingRun::step_ended(sim::SimTime end) {
  if (recorder_) timeline_ = recorder_->take(end - began_);
  if (recorder_ && !timeline_->held_up.empty()) {
    for (const sim::LinkInfo& link : links_->links()) timeline_->links.push_back(sim::link_name(link));
  }
  steps_.push_back({began_, end});
  began_ = end;
  if (static_cast<std::int64_t>(steps_.size()) == must_) done_();
  // A step without steps of its own would repeat for ever at one time.
  if (steps_.back().duration() > 0) step_begins();
}

void TrainingRun::stop() {
  if (!run_) return;
  held_up_ = run_->held_up();
  run_.reset();
}

bool TrainingRun::wants_again() {
  if (steps_.empty()) return false;
  return std::exchange(record_, median_step()) != record_;
}

std::vector<sim::HeldUpOn> TrainingRun::held_up() const {
  std::vector<sim::HeldUpOn> out;
  for (const sim::HeldUpEntry& entry : held_up_) {
    out.push_back({entry.link, {operation_name(entry), sim::to_seconds(entry.delay)}});
  }
  return out;
}

bool TrainingRun::set_speed(std::uint32_t gpu, double speed) {
  bool found = false;
  for (std::uint32_t rank = 0; rank < plan().ranks.size(); ++rank) {
    const std::vector<std::uint32_t>& members = plan().ranks[rank].stands_for;
    const bool has =
        std::any_of(members.begin(), members.end(), [&](std::uint32_t m) { return prices_.placement().gpu(m) == gpu; });
    if (has && run_) run_->set_speed(RankId(rank), speed);
    found = found || has;
  }
  return found;
}

std::vector<LinkId> TrainingRun::own_links(const sim::LinkClasses& links, std::uint32_t gpu) const {
  for (std::uint32_t rank = 0; rank < plan().ranks.size(); ++rank) {
    for (const std::uint32_t member : plan().ranks[rank].stands_for) {
      if (prices_.placement().gpu(member) == gpu) return links.own(number_, RankId(rank));
    }
  }
  return {};
}

std::size_t TrainingRun::median_step() const {
  std::vector<std::size_t> order(steps_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [this](std::size_t a, std::size_t b) { return steps_[a].duration() < steps_[b].duration(); });
  return order.at((order.size() - 1) / 2);
}

std::string TrainingRun::operation_name(const sim::HeldUpEntry& entry) const {
  return entry.kind == sim::StepKind::collective ? sim::operation_name(plan(), plan().collectives[entry.entry])
                                                 : sim::operation_name(plan(), plan().transfers[entry.entry]);
}

sim::Evaluation TrainingRun::recorded(bool keep_timeline, const sim::RunControl& control) {
  sim::Evaluation step;
  step.makespan = timeline_.value().makespan;
  step.busy = sim::busy_times(*timeline_, summary_sets(), control);
  step.memory = sim::memory_ledger(*timeline_);
  if (keep_timeline) step.timeline = std::move(*timeline_);
  timeline_.reset();
  return step;
}

TrainingResult TrainingRun::world_result(bool keep_timeline, const sim::RunControl& control) && {
  std::vector<Seconds> durations;
  for (const Step& step : steps_) durations.push_back(sim::to_seconds(step.duration()));
  sim::Evaluation step = recorded(keep_timeline, control);
  TrainingResult out = std::move(*this).result(std::move(step));
  out.reading = "flows";
  out.repeated_steps = std::move(durations);
  return out;
}

TrainingResult TrainingRun::result(sim::Evaluation step) && {
  TrainingResult result;
  result.steps = runnable_->step_count();
  run_.reset();
  result.plan = std::move(*runnable_).take();
  summarise(*job_, step, result);
  result.timeline = std::move(step.timeline);
  return result;
}

}  // namespace orrery::models
