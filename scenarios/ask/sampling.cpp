#include "scenarios/ask/sampling.hpp"

#include <algorithm>

#include "scenarios/ask/replicas.hpp"
#include "scenarios/format.hpp"

namespace orrery::scenarios {

namespace {

// A sample is large enough to turn where the whole does: some percent of chance are too many steps saved.
constexpr double kLeastUsers = 256.0, kLeastReplicas = 8.0;
/// From one sample to the next.
constexpr std::int64_t kRefine = 8;
/// So many times what may be missed is no chance.
constexpr double kHopeless = 5.0;
/// By how much the search of the whole goes on from a guess by rate.
constexpr std::int64_t kStepShare = 128;

std::int64_t rounded_up(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

}  // namespace

std::vector<std::int64_t> sample_scales(double whole, double unit) {
  const auto largest = static_cast<std::int64_t>(whole / unit);
  std::vector<std::int64_t> scales;
  for (const std::int64_t scale : {largest, largest / kRefine}) {
    if (scale >= 2) scales.push_back(scale);
  }
  return scales;
}

TurnStart TurnSampler::around(std::int64_t found) { return {found, rounded_up(found, kStepShare)}; }

TurnStart TurnSampler::fewest_replicas(const AskedEngine& engine, const RangeLimits& limits) const {
  TurnStart start{limits.least, 2};
  if (question_.rate > 0.0) {
    if (question_.rate < kLeastSampledRate) return start;
    const std::int64_t found = fewest_that_holds(limits.least, limits.most, false, [&](std::int64_t n) {
                                 return holds_with(part_keys(question_, engine, n));
                               }).value_or(limits.most);
    return around(found);
  }
  for (const std::int64_t scale : sample_scales(static_cast<double>(question_.users), kLeastUsers)) {
    const std::int64_t least = std::max<std::int64_t>(1, limits.least / scale), most = rounded_up(limits.most, scale);
    const TurnStart from{rounded_up(start.n, scale), rounded_up(start.step, scale)};
    const std::optional<std::int64_t> found = fewest_that_holds(
        least, most, false, [&](std::int64_t n) { return holds_with(sample_keys(engine, n, question_.users, scale)); },
        [&] { return from; });
    if (!found) return {limits.most, scale};
    start = {*found * scale, scale};
  }
  return start;
}

TurnStart TurnSampler::most_users(const AskedEngine& engine, std::int64_t replicas, std::int64_t near,
                                  const RangeLimits& limits) const {
  constexpr std::int64_t kFirstStep = 64;  // of a guess
  TurnStart start{near, rounded_up(near, kFirstStep)};
  for (const std::int64_t scale : sample_scales(static_cast<double>(replicas), kLeastReplicas)) {
    const std::int64_t least = std::max<std::int64_t>(1, limits.least / scale), most = rounded_up(limits.most, scale);
    const std::optional<std::int64_t> found = most_that_holds(
        least, most, {start.n / scale, rounded_up(start.step, scale)},
        [&](std::int64_t n) { return holds_with(sample_keys(engine, replicas / scale, n * scale, scale)); });
    start = {found.value_or(least) * scale, scale};
  }
  return start;
}

std::optional<SearchPoint> TurnSampler::hopeless(const AskedEngine& engine, std::int64_t replicas) const {
  if (question_.rate < kLeastSampledRate || part_of(question_, replicas) * 2 > replicas) return std::nullopt;
  const double kept = 1.0 - kHopeless * (1.0 - question_.attainment);
  if (kept <= 0.0) return std::nullopt;
  std::vector<Override> keys = part_keys(question_, engine, replicas);
  keys.push_back({"serving.slo.attainment", shortest(kept), "ask"});
  SearchPoint point = runner_.run(std::move(keys), true);  // counted as the row's
  if (!point.ran() || holds(runner_.kept(), point, bounds_)) return std::nullopt;
  point.set = plan_keys(question_, engine, replicas, 0);
  point.given_up = kept_value(runner_.kept(), point, "memory.fits").value_or(0.0) > 0.5;  // its times are of a part
  return point;
}

bool TurnSampler::holds_with(std::vector<Override> keys) const {
  ++*runs_;
  return holds(runner_.kept(), runner_.run(std::move(keys), true), bounds_);
}

}  // namespace orrery::scenarios
