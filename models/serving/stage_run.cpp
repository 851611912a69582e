#include "models/serving/stage_run.hpp"

#include <algorithm>
#include <cmath>

namespace orrery::models {
namespace {

sim::SimTime stretched(sim::SimTime time, double factor) {
  return factor == 1.0 ? time : static_cast<sim::SimTime>(std::llround(static_cast<double>(time) * factor));
}

}  // namespace

StageRun::StageRun(sim::World& world, StepModel& steps, IterationLinks& links, Owner& owner)
    : world_(world), steps_(steps), links_(links), owner_(owner), stages_(static_cast<std::size_t>(steps.stages())) {}

void StageRun::leave() {
  for (Stage& stage : stages_) {
    if (std::exchange(stage.busy, false)) world_.cancel(stage.operation);
    stage.waiting.clear();
  }
}

void StageRun::enter(std::uint64_t step, const StepShape& shape, sim::SimTime ready) {
  stages_.front().waiting.push_back({step, shape, ready});
  begin_next(0);
}

void StageRun::begin_next(std::size_t number) {
  Stage& stage = stages_[number];
  if (stage.busy || stage.waiting.empty()) return;
  stage.step = std::move(stage.waiting.front());
  stage.waiting.pop_front();
  stage.busy = true;
  stage.sends = false;
  stage.start = std::max(stage.step.ready, world_.now());
  const sim::SimTime alone = steps_.time(stage.step.shape, static_cast<int>(number));
  const StageLinks& links = links_of(number);
  stage.message = fit(links.message, alone);
  stage.collectives = fit(links.collectives, alone - stage.message.time);
  stage.kernels = stretched(alone - stage.message.time - stage.collectives.time, 1.0 / stage.speed);
  start(number, links);
}

// Parts are rounded by themselves; together they are no more than the whole.
StageRun::Part StageRun::fit(const LinkPart& part, sim::SimTime most) {
  const sim::SimTime time = std::min(part.time, most);
  return {time, std::min(part.work, time)};
}

void StageRun::start(std::size_t number, const StageLinks& links) {
  Stage& stage = stages_[number];
  const sim::SimTime kernels_end = sim::checked_add(stage.start, stage.kernels);
  const sim::SimTime alone = sim::checked_add(kernels_end - world_.now(), stage.collectives.time);
  stage.operation = world_.start(
      {alone, stage.collectives.work, links.collectives.uses, 0.0, nullptr, links.collectives.ways}, *this, number);
}

void StageRun::set_speed(std::size_t number, double speed) {
  Stage& stage = stages_[number];
  const double before = std::exchange(stage.speed, speed);
  const sim::SimTime now = world_.now();
  if (!stage.busy || stage.sends || now >= stage.start + stage.kernels) return;
  const sim::SimTime done = now > stage.start ? now - stage.start : 0;
  stage.kernels = done + stretched(stage.kernels - done, before / speed);
  world_.cancel(stage.operation);
  start(number, links_of(number));
}

void StageRun::completed(std::uint64_t tag, sim::SimTime now, const sim::HeldUp& held_up) {
  const std::size_t number = static_cast<std::size_t>(tag);
  Stage& stage = stages_[number];
  if (held_up.delay > 0) {
    const auto known = std::find_if(held_up_.begin(), held_up_.end(), [&](const HeldUpStage& one) {
      return one.stage == number && one.link == held_up.link;
    });
    if (known != held_up_.end()) {
      known->delay += held_up.delay;
    } else {
      held_up_.push_back({number, held_up.link, held_up.delay});
    }
  }
  if (!stage.sends && stage.message.time > 0) {
    stage.sends = true;
    const LinkPart& message = links_of(number).message;
    stage.operation =
        world_.start({stage.message.time, stage.message.work, message.uses, 0.0, nullptr, message.ways}, *this, number);
    return;
  }
  stage.busy = false;
  const std::uint64_t step = stage.step.number;
  const sim::SimTime start = stage.start;
  if (number + 1 < stages_.size()) {
    stages_[number + 1].waiting.push_back({step, stage.step.shape, now});
    begin_next(number + 1);
  }
  begin_next(number);
  owner_.stage_ended(step, number, start, now);
}

}  // namespace orrery::models
