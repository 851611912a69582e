#include "scenarios/ask/estimates.hpp"

#include <algorithm>
#include <memory>
#include <numeric>

#include "scenarios/ask/replicas.hpp"

namespace orrery::scenarios {

namespace {

/// By how much a sample may find too few replicas for the plan that then is the cheapest.
constexpr double kEstimateSlack = 1.05;

/// Takes what the row of an engine found. Samples of few replicas are all of them, and their runs those of the plan.
void take_row(RateEstimate& estimate, SearchRow row, const ServeQuestion& question, const AskedEngine& engine) {
  if (row.holds) estimate.replicas = row.value;
  if (row.runs == 0 || estimate.hopeless || part_of(question, row.value) < row.value) return;
  row.point.set = plan_keys(question, engine, row.value, 0);
  if (row.beyond) row.beyond->set = plan_keys(question, engine, row.value - 1, 0);
  if (row.holds) {
    estimate.whole = std::move(row);
  } else if (row.point.ran()) {
    estimate.hopeless = std::move(row.point);
    estimate.hopeless_at = row.value;
  }
}

}  // namespace

RangeLimits replica_limits(const ServeQuestion& question, const AskedEngine& engine, double usd_per_hour) {
  const int count = question.gpu_count;
  const double there_are = (count > 0 ? count : kMostGpus) / engine.gpus();
  const double affordable = usd_per_hour / (engine.gpu.price * engine.gpus());
  const bool bounded = count > 0 || affordable < there_are;
  return {1, static_cast<std::int64_t>(std::min(there_are, affordable)), bounded};
}

double RateEstimate::usd_per_hour(const AskedEngine& engine) const {
  return replicas > 0 ? engine.gpu.price * static_cast<double>(engine.gpus() * replicas) : kAnyPrice;
}

std::optional<SearchPoint> RateEstimate::hopeless_of(const ServeQuestion& question, const AskedEngine& engine,
                                                     std::int64_t most) const {
  if (!hopeless || most > hopeless_at) return std::nullopt;
  SearchPoint point = *hopeless;
  point.set = plan_keys(question, engine, most, 0);
  return point;
}

std::vector<RateEstimate> estimate_replicas(const std::vector<AskedEngine>& engines, const ServeQuestion& question,
                                            const EstimateRuns& runs) {
  if (question.rate < kLeastSampledRate) return {};
  // Each written by its own row.
  const auto estimates = std::make_shared<std::vector<RateEstimate>>(engines.size());
  double cheapest = kAnyPrice;
  for (std::size_t first = 0, next = kUnpricedRows; first < engines.size() && !runs.stopped();
       first = next, next += kPricedRows) {
    const std::size_t end = std::min(engines.size(), next);
    const std::vector<AskedEngine> batch(engines.begin() + static_cast<std::ptrdiff_t>(first),
                                         engines.begin() + static_cast<std::ptrdiff_t>(end));
    SearchQuery query = runs.blank;
    query.rows.count = batch.size();
    query.range = SearchRange{"", Seek::fewest, [batch, question, cheapest](std::size_t row) {
                                return replica_limits(question, batch[row], cheapest * kPriceSlack * kEstimateSlack);
                              }};
    if (cheapest < kAnyPrice) {
      query.range->hopeless = [batch, first, estimates, sampler = runs.sampler](std::size_t row,
                                                                                const RangeLimits& limits) {
        RateEstimate& estimate = (*estimates)[first + row];
        estimate.hopeless = sampler.hopeless(batch[row], limits.most);
        if (estimate.hopeless) estimate.hopeless_at = limits.most;
        return estimate.hopeless;
      };
    }
    query.also = [batch, question](std::size_t row, std::int64_t n) { return part_keys(question, batch[row], n); };
    std::vector<SearchRow> rows = runs.run(query);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      RateEstimate& estimate = (*estimates)[first + i];
      take_row(estimate, std::move(rows[i]), question, batch[i]);
      cheapest = std::min(cheapest, estimate.usd_per_hour(batch[i]));
    }
  }
  return *estimates;
}

void drop_whole(std::vector<AskedEngine>& engines, std::vector<RateEstimate>& estimates) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    if (estimates[i].whole) continue;
    if (kept != i) {
      engines[kept] = std::move(engines[i]);
      estimates[kept] = std::move(estimates[i]);
    }
    ++kept;
  }
  if (estimates.empty()) return;
  engines.resize(kept);
  estimates.resize(kept);
}

void sort_by_estimate(std::vector<AskedEngine>& engines, std::vector<RateEstimate>& estimates) {
  std::vector<std::size_t> order(estimates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return estimates[a].usd_per_hour(engines[a]) < estimates[b].usd_per_hour(engines[b]);
  });
  std::vector<AskedEngine> sorted;
  std::vector<RateEstimate> with;
  for (const std::size_t i : order) {
    sorted.push_back(std::move(engines[i]));
    with.push_back(std::move(estimates[i]));
  }
  if (order.empty()) return;
  engines = std::move(sorted);
  estimates = std::move(with);
}

SearchQuery cheapest_query(const std::vector<AskedEngine>& batch, const std::vector<RateEstimate>& estimates,
                           const ServeQuestion& question, const EstimateRuns& runs, double cheapest) {
  // What a sample held with is asked first.
  const auto is_near = [estimates](std::size_t row, const RangeLimits& limits) {
    return estimates[row].replicas > 0 && estimates[row].replicas <= limits.most;
  };
  SearchQuery query = runs.blank;
  query.rows.count = batch.size();
  query.range = SearchRange{"", Seek::fewest, [batch, question, is_near, cheapest](std::size_t row) {
                              RangeLimits limits = replica_limits(question, batch[row], cheapest * kPriceSlack);
                              limits.top_first = limits.top_first && !is_near(row, limits);
                              return limits;
                            }};
  query.range->guess = [batch, estimates, sampler = runs.sampler](std::size_t row, const RangeLimits& limits) {
    return estimates[row].replicas > 0 ? TurnSampler::around(estimates[row].replicas)
                                       : sampler.fewest_replicas(batch[row], limits);
  };
  // Only beside a plan that holds: which of those that don't is nearest is told by whole runs.
  if (cheapest < kAnyPrice) {
    query.range->hopeless = [batch, estimates, question, is_near, sampler = runs.sampler](
                                std::size_t row, const RangeLimits& limits) -> std::optional<SearchPoint> {
      if (is_near(row, limits)) return std::nullopt;
      if (auto known = estimates[row].hopeless_of(question, batch[row], limits.most)) return known;
      return sampler.hopeless(batch[row], limits.most);
    };
  }
  query.also = [batch, question](std::size_t row, std::int64_t replicas) {
    return group_keys(question, batch[row], replicas, question.users);
  };
  return query;
}

}  // namespace orrery::scenarios
