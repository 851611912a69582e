#include "sim/plan/run.hpp"

#include <stdexcept>
#include <utility>

#include "sim/plan/run_walker.hpp"

namespace orrery::sim {

PlanRun::PlanRun(World& world, const RunnablePlan& plan, const Durations& durations, const Loads& loads,
                 std::span<const ActivitySet> sets, const RunControl& control) {
  require_durations_of(plan.plan(), durations);
  const auto fits = [](const auto& table, const auto& entries) {
    return table.empty() || table.size() == entries.size();
  };
  if (!fits(loads.collectives, plan.plan().collectives) || !fits(loads.transfers, plan.plan().transfers)) {
    throw std::invalid_argument("the loads are not those of this plan: the tables have other sizes");
  }
  // The clock keeps the addresses of the walker's parts: it stays where it is.
  walker_ = std::make_unique<Walker>(world, plan, durations, loads, sets, control);
}

PlanRun::~PlanRun() = default;

void PlanRun::start(SimTime at, std::function<void(SimTime)> ended, EvaluationBuilder* out) {
  walker_->start(at, std::move(ended), out);
}

void PlanRun::stop() { walker_->stop(); }

void PlanRun::step_by_step(RankId rank) { walker_->step_by_step(rank); }

void PlanRun::set_speed(RankId rank, double speed) { walker_->set_speed(rank, speed); }

void PlanRun::share_gpus(const GpuShares& shares) { walker_->share_gpus(shares); }

void PlanRun::on_lost(std::function<void(LinkId)> lost) { walker_->on_lost(std::move(lost)); }

void PlanRun::count_again(std::uint64_t times) { walker_->count_again(times); }

std::vector<HeldUpEntry> PlanRun::held_up() const { return walker_->held_up(); }

std::vector<HeldUpEntry> PlanRun::held_up_in_ended() const { return walker_->held_up_in_ended(); }

Timeline run_alone(const RunnablePlan& plan, const Durations& durations, const RunControl& control) {
  World world;
  const Loads loads;
  PlanRun run(world, plan, durations, loads, {}, control);
  for (std::uint32_t rank = 0; rank < plan.plan().ranks.size(); ++rank) run.step_by_step(RankId(rank));
  Pacer pacer(control);
  EvaluationBuilder out(plan, {}, true, pacer);
  SimTime makespan = 0;
  run.start(
      0, [&makespan](SimTime end) { makespan = end; }, &out);
  (void)world.clock().run();
  return out.take(makespan, control).timeline;
}

}  // namespace orrery::sim
