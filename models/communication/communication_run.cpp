#include "models/communication/communication_run.hpp"

#include <algorithm>

#include "sim/links/link_report.hpp"

namespace orrery::models {

namespace {

/// The World looks whether to stop, not its jobs.
const sim::RunControl kUncontrolled;

}  // namespace

CommunicationRun::CommunicationRun(const CommunicationJob& job, const kernels::KernelTimer& timer, Calls calls,
                                   bool keep_timeline)
    : job_(&job),
      calls_(calls),
      keep_timeline_(keep_timeline),
      prices_(communication_prices(job, timer)),
      plan_(std::make_unique<const sim::RunnablePlan>(lower(job))),
      durations_(sim::price(plan(), prices_)) {}

Seconds CommunicationRun::alone() const {
  sim::SimTime longest = 0;
  for (const sim::SimTime time : durations_.collectives) longest = std::max(longest, time);
  for (const sim::SimTime time : durations_.transfers) longest = std::max(longest, time);
  return sim::to_seconds(longest);
}

void CommunicationRun::begin(sim::World& world, const sim::LinkClasses& links, sim::SimTime at,
                             std::function<void()> done) {
  links_ = &links;
  done_ = std::move(done);
  loads_ = links.loads(number_, durations_);
  times_.clear();
  held_up_.clear();
  run_ = std::make_unique<sim::PlanRun>(world, *plan_, durations_, loads_);
  run_->on_lost([this](LinkId link) { lose(link); });
  call(at);
}

void CommunicationRun::call(sim::SimTime at) {
  began_ = at;
  recorder_.reset();
  if (keep_timeline_ && times_.empty()) {
    sim::Pacer pacer(kUncontrolled);
    recorder_ = std::make_unique<sim::EvaluationBuilder>(*plan_, std::span<const sim::ActivitySet>(), true, pacer);
  }
  run_->start(
      at, [this](sim::SimTime end) { ended(end); }, recorder_.get());
}

void CommunicationRun::ended(sim::SimTime end) {
  if (recorder_) {
    timeline_ = recorder_->take(end - began_, kUncontrolled).timeline;
    for (const sim::LinkInfo& link : links_->links()) timeline_.links.push_back(sim::link_name(link));
  }
  times_.push_back(sim::to_seconds(end - began_));
  const auto count = static_cast<std::size_t>(calls_.count);
  if (times_.size() == count) tell(done_);
  if (times_.size() >= count && !calls_.background) return;
  const sim::SimTime next = std::max(end, sim::checked_add(began_, sim::to_sim_time(calls_.interval)));
  // A call that takes no time would repeat for ever at one time.
  if (next > began_) call(next);
}

void CommunicationRun::stop() {
  require_not_telling();
  if (!run_) return;
  held_up_ = run_->held_up();
  run_.reset();
}

sim::Timeline CommunicationRun::take_timeline() { return std::move(timeline_); }

std::vector<sim::HeldUpOn> CommunicationRun::held_up() const {
  std::vector<sim::HeldUpOn> out;
  for (const sim::HeldUpEntry& entry : held_up_) {
    const std::string name = entry.kind == sim::StepKind::collective
                                 ? sim::operation_name(plan(), plan().collectives[entry.entry])
                                 : sim::operation_name(plan(), plan().transfers[entry.entry]);
    out.push_back({entry.link, {name, entry.delay}});
  }
  return out;
}

std::optional<RankId> CommunicationRun::rank_of(std::uint32_t gpu) const {
  for (std::uint32_t rank = 0; rank < plan().ranks.size(); ++rank) {
    for (const std::uint32_t member : plan().ranks[rank].stands_for) {
      if (prices_.placement().gpu(member) == gpu) return RankId(rank);
    }
  }
  return std::nullopt;
}

bool CommunicationRun::set_speed(std::uint32_t gpu, double) { return rank_of(gpu).has_value(); }

std::vector<LinkId> CommunicationRun::own_links(const sim::LinkClasses& links, std::uint32_t gpu) const {
  const std::optional<RankId> rank = rank_of(gpu);
  return rank ? links.own(number_, *rank) : std::vector<LinkId>{};
}

}  // namespace orrery::models
