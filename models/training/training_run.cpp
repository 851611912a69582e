#include "models/training/training_run.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "models/training/parallel.hpp"
#include "models/training/pricing.hpp"
#include "models/training/result.hpp"
#include "sim/prices/shares.hpp"

namespace orrery::models {

namespace {

// Shares of the time that a large job takes: lowered and checked to here, the rest is pricing.
constexpr double kLowered = 0.9;

/// Parting makes no more ranks of one than this: a plan of many thousand ranks takes seconds.
constexpr std::size_t kMostParts = 64;

/// The World looks whether to stop, not its jobs.
const sim::RunControl kUncontrolled;

}  // namespace

TrainingRun::TrainingRun(const TrainingJob& job, const kernels::KernelTimer& timer, const MeshClasses& classes,
                         LoweredSteps* lowered, const sim::RunControl& control)
    : job_(&job), prices_(training_prices(job, timer)), classes_(classes), lowered_(lowered) {
  lower_and_price(control);
}

void TrainingRun::lower_and_price(const sim::RunControl& control) {
  const sim::RunControl lowering = control.part(0.0, kLowered);
  step_ = lowered_ != nullptr ? lowered_->get(*job_, classes_, lowering)
                              : std::make_shared<const LoweredStep>(*job_, classes_, lowering);
  durations_ = sim::price(plan(), prices_, control);
  control.report(1.0);
}

bool TrainingRun::part(const std::vector<std::vector<std::uint32_t>>& colours) {
  const std::vector<std::uint32_t>& own = colours.at(number_);
  MeshClasses parted = with_parts_apart(
      *job_, refine(make_mesh(*job_), [&own](std::uint32_t member) { return std::uint64_t{own.at(member)}; }));
  const std::size_t ranks =
      parted.count(MeshAxis::tensor) * parted.count(MeshAxis::data) * parted.count(MeshAxis::pipeline);
  if (parted == classes_ || ranks > kMostParts * plan().ranks.size()) return false;
  classes_ = std::move(parted);
  lower_and_price(kUncontrolled);
  return true;
}

bool TrainingRun::leaves_nodes() const {
  const sim::Placement& placement = prices_.placement();
  if (placement.torus && !plan().transfers.empty()) return true;
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
  return sim::evaluate(step_->runnable(), durations_, options, control);
}

void TrainingRun::join(sim::LinkClasses& links) { number_ = links.add(plan(), prices_); }

std::vector<std::uint32_t> TrainingRun::fills(const sim::LinkClasses& links) const {
  if (!plan().blocks.empty()) return evaluate(&links, false, kUncontrolled).filled_links;
  // Nothing could go in one go: to know which links are spare is of no use.
  std::vector<std::uint32_t> all(links.links().size());
  std::iota(all.begin(), all.end(), 0u);
  return all;
}

bool TrainingRun::has_gpu(RankId rank, std::uint32_t gpu) const {
  const std::vector<std::uint32_t>& members = plan().ranks[rank.index()].stands_for;
  return std::any_of(members.begin(), members.end(),
                     [&](std::uint32_t member) { return prices_.placement().gpu(member) == gpu; });
}

void TrainingRun::begin(sim::World& world, const sim::LinkClasses& links, sim::SimTime at, std::function<void()> done) {
  world_ = &world;
  links_ = &links;
  done_ = std::move(done);
  loads_ = links.loads(number_, durations_);
  steps_.clear();
  ended_ = 0;
  held_up_.clear();
  held_up_in_steps_.clear();
  run_ = std::make_unique<sim::PlanRun>(world, step_->runnable(), durations_, loads_, summary_sets());
  if (job_->cluster.network.gpu_shares) {
    shares_ = sim::gpu_shares(plan(), prices_, durations_);
    run_->share_gpus(shares_);
  }
  run_->on_lost([this](LinkId link) { lose(link); });
  for (std::uint32_t rank = 0; rank < plan().ranks.size(); ++rank) {
    for (const std::uint32_t gpu : changing_) {
      if (has_gpu(RankId(rank), gpu)) run_->step_by_step(RankId(rank));
    }
  }
  began_ = at;
  step_begins();
}

void TrainingRun::step_begins() {
  recorder_.reset();
  alone_until_ = alone_until();
  if (alone_until_ > began_) carried_ = world_->carried();
  if (record_ == steps_.size()) {
    sim::Pacer pacer(kUncontrolled);
    recorder_ = std::make_unique<sim::EvaluationBuilder>(step_->runnable(), summary_sets(), keep_timeline_, pacer);
  }
  run_->start(
      began_, [this](sim::SimTime end) { step_ended(end); }, recorder_.get());
}

void TrainingRun::step_ended(sim::SimTime end) {
  if (recorder_) recorded_ = recorder_->take(end - began_, kUncontrolled);
  if (recorder_ && !recorded_->timeline.held_up.empty()) {
    for (const sim::LinkInfo& link : links_->links()) recorded_->timeline.links.push_back(sim::link_name(link));
  }
  steps_.push_back({began_, end - began_});
  began_ = end;
  // A step without steps of its own would repeat for ever at one time.
  const bool repeats = steps_.back().duration > 0;
  if (++ended_ == must_) tell(done_);
  if (!repeats) return;
  count_equal_steps();
  step_begins();
}

// The last one that must be done is run: it tells that all are, at its time.
void TrainingRun::count_equal_steps() {
  Steps& last = steps_.back();
  if (steps_.size() < 2 || steps_[steps_.size() - 2].duration != last.duration || alone_until_ <= began_) return;
  const sim::SimTime until = alone_until();
  if (until <= began_ || (until == sim::kNever && ended_ >= must_)) return;
  auto count =
      static_cast<std::uint64_t>(ended_ < must_ ? must_ - ended_ - 1 : std::numeric_limits<std::int64_t>::max());
  if (until != sim::kNever) count = std::min(count, (until - 1 - began_) / last.duration);
  if (count == 0) return;
  began_ = sim::checked_add(began_, sim::checked_multiply(last.duration, count));
  std::vector<double> carried = world_->carried();
  for (std::size_t link = 0; link < carried.size(); ++link) {
    carried[link] = (carried[link] - carried_[link]) * static_cast<double>(count);
  }
  world_->carry_unseen(carried);
  run_->count_again(count);
  last.count += static_cast<std::int64_t>(count);
  ended_ += static_cast<std::int64_t>(count);
}

void TrainingRun::stop() {
  require_not_telling();
  if (!run_) return;
  held_up_ = run_->held_up();
  held_up_in_steps_ = run_->held_up_in_ended();
  run_.reset();
}

bool TrainingRun::wants_again() {
  if (steps_.empty()) return false;
  const std::size_t median = median_step();
  return std::exchange(record_, median) != median;
}

std::vector<sim::HeldUpOn> TrainingRun::held_up() const {
  std::vector<sim::HeldUpOn> out;
  for (const sim::HeldUpEntry& entry : held_up_) {
    out.push_back({entry.link, {operation_name(entry), entry.delay}});
  }
  return out;
}

bool TrainingRun::set_speed(std::uint32_t gpu, double speed) {
  bool found = false;
  for (std::uint32_t rank = 0; rank < plan().ranks.size(); ++rank) {
    if (!has_gpu(RankId(rank), gpu)) continue;
    if (run_) run_->set_speed(RankId(rank), speed);
    found = true;
  }
  return found;
}

std::vector<LinkId> TrainingRun::own_links(const sim::LinkClasses& links, std::uint32_t gpu) const {
  for (std::uint32_t rank = 0; rank < plan().ranks.size(); ++rank) {
    if (has_gpu(RankId(rank), gpu)) return links.own(number_, RankId(rank));
  }
  return {};
}

std::size_t TrainingRun::median_step() const {
  std::vector<std::size_t> order(steps_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [this](std::size_t a, std::size_t b) { return steps_[a].duration < steps_[b].duration; });
  std::int64_t before = (ended_ - 1) / 2;
  return *std::find_if(order.begin(), order.end(), [&](std::size_t i) { return (before -= steps_[i].count) < 0; });
}

std::string TrainingRun::operation_name(const sim::HeldUpEntry& entry) const {
  return entry.kind == sim::StepKind::collective ? sim::operation_name(plan(), plan().collectives[entry.entry])
                                                 : sim::operation_name(plan(), plan().transfers[entry.entry]);
}

std::vector<HeldUpOperations> TrainingRun::held_up_operations() const {
  std::vector<HeldUpOperations> out;
  for (const sim::HeldUpEntry& entry : held_up_in_steps_) {
    const sim::LinkInfo& link = links_->links()[entry.link.index()];
    out.push_back({entry.kind, entry.entry, link.link_class, link.capacity, entry.delay / static_cast<double>(ended_)});
  }
  return out;
}

TrainingResult TrainingRun::world_result() && {
  std::vector<RepeatedSteps> repeated;
  for (const Steps& steps : steps_) repeated.push_back({sim::to_seconds(steps.duration), steps.count});
  std::vector<HeldUpOperations> held_up = held_up_operations();
  sim::Evaluation step = std::move(recorded_).value();
  TrainingResult out = std::move(*this).result(std::move(step));
  out.reading = links_->reads_messages() ? "messages" : "flows";
  out.repeated_steps = std::move(repeated);
  out.held_up = std::move(held_up);
  return out;
}

TrainingResult TrainingRun::result(sim::Evaluation step) && {
  TrainingResult result;
  result.steps = step_->runnable().step_count();
  run_.reset();
  result.plan = {step_, &step_->plan()};
  summarise(*job_, step, result);
  result.timeline = std::move(step.timeline);
  return result;
}

}  // namespace orrery::models
