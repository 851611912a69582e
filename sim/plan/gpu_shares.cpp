#include "sim/plan/gpu_shares.hpp"

#include <algorithm>
#include <stdexcept>

#include "sim/plan/durations.hpp"

namespace orrery::sim {

namespace {

constexpr double kLeastSpeed = 0.05;

}  // namespace

double speed_beside(const GpuShare& kernel, const GpuShare& taken) {
  double speed = 1.0;
  if (kernel.sms > 0.0) speed = std::min(speed, (1.0 - taken.sms) / kernel.sms);
  if (kernel.memory > 0.0) speed = std::min(speed, (1.0 - taken.memory) / kernel.memory);
  return std::max(speed, kLeastSpeed);
}

RankSpeeds::RankSpeeds(const Plan& plan) : plan_(plan), given_(plan.ranks.size(), 1.0), under_way_(plan.ranks.size()) {}

void RankSpeeds::share(const GpuShares& shares) {
  if (shares.kernels.size() != plan_.kernels.size() * gpu_classes(plan_) ||
      shares.collectives.size() != plan_.collectives.size() || shares.transfers.size() != plan_.transfers.size()) {
    throw std::invalid_argument("the shares of GPUs are not those of this plan: the tables have other sizes");
  }
  shares_ = &shares;
}

void RankSpeeds::set(RankId rank, double speed) {
  if (!(speed > 0.0)) throw std::invalid_argument("a rank's speed must be > 0");
  given_[rank.index()] = speed;
}

const GpuShare* RankSpeeds::share_of(Step step) const {
  if (shares_ == nullptr) return nullptr;
  if (step.kind == StepKind::collective) return &shares_->collectives[step.index];
  const bool message = step.kind == StepKind::send || step.kind == StepKind::recv;
  return message ? &shares_->transfers[step.index] : nullptr;
}

bool RankSpeeds::begin(RankId rank, Step step) {
  const GpuShare* share = share_of(step);
  if (share != nullptr) under_way_[rank.index()].push_back(share);
  return share != nullptr;
}

bool RankSpeeds::end(RankId rank, Step step) {
  const GpuShare* share = share_of(step);
  if (share == nullptr) return false;
  std::vector<const GpuShare*>& list = under_way_[rank.index()];
  list.erase(std::find(list.begin(), list.end(), share));
  return true;
}

void RankSpeeds::clear() {
  for (std::vector<const GpuShare*>& list : under_way_) list.clear();
}

double RankSpeeds::of(RankId rank, Step step) const {
  const std::vector<const GpuShare*>& list = under_way_[rank.index()];
  const double given = given_[rank.index()];
  if (list.empty() || step.kind != StepKind::launch) return given;
  GpuShare taken;
  for (const GpuShare* share : list) {
    taken.sms += share->sms;
    taken.memory += share->memory;
  }
  const std::size_t gpu_class = plan_.ranks[rank.index()].gpu_class;
  return given * speed_beside(shares_->kernels[gpu_class * plan_.kernels.size() + step.index], taken);
}

}  // namespace orrery::sim
