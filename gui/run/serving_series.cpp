// Latencies are sorted as floats (their bit patterns order as the numbers do, 6e-8 of a value is lost) by three passes
// of a radix sort, so that a million requests cost milliseconds.
//
// States are piecewise linear: an iteration's record says what held when it was decided, and it holds until the next
// one of that replica; the KV cache of a run of equal iterations grows evenly to what the run ends with. A replica that
// has answered everything holds nothing until its next iteration.

#include "gui/run/serving_series.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <queue>

#include "scenarios/serving/job.hpp"

namespace orrery::gui {

namespace {

using models::RequestRecord;
using models::ServingResult;
using models::StepRecord;
using sim::SimTime;

constexpr double kPicosecond = 1e-12;
/// The histogram's axis is logarithmic: what is shorter, a queueing time of 0 too, is counted in its first bin.
constexpr double kLeastLatency = 1e-6;

double seconds(SimTime time) { return static_cast<double>(time) * kPicosecond; }

// ---- Latencies ------------------------------------------------------------------------------------------------------

/// Non-negative floats in order.
void sort_latencies(std::vector<float>& values) {
  constexpr unsigned kBits = 11, kPasses = 3;
  constexpr std::size_t kDigits = std::size_t{1} << kBits;
  std::vector<float> other(values.size());
  const auto digit = [](float value, unsigned pass) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    return std::size_t{bits >> (pass * kBits)} & (kDigits - 1);
  };
  for (unsigned pass = 0; pass < kPasses; ++pass) {
    std::array<std::size_t, kDigits + 1> place{};
    for (const float value : values) ++place[digit(value, pass) + 1];
    for (std::size_t i = 1; i <= kDigits; ++i) place[i] += place[i - 1];
    for (const float value : values) other[place[digit(value, pass)]++] = value;
    values.swap(other);
  }
}

/// Linear between order statistics at q·(n − 1), as sim::Distribution.
double quantile(const std::vector<float>& sorted, double q) {
  const double position = q * static_cast<double>(sorted.size() - 1);
  const std::size_t below = std::min(sorted.size() - 1, static_cast<std::size_t>(position));
  const std::size_t above = std::min(sorted.size() - 1, below + 1);
  const double share = position - static_cast<double>(below);
  return (1.0 - share) * static_cast<double>(sorted[below]) + share * static_cast<double>(sorted[above]);
}

void fill_histogram(const std::vector<float>& sorted, LatencyCurve& curve) {
  double least = std::max(kLeastLatency, static_cast<double>(sorted.front()));
  double most = std::max(kLeastLatency, static_cast<double>(sorted.back()));
  if (most < 1.05 * least) {  // one value: a bin in the middle of a readable axis
    const double middle = std::sqrt(least * most);
    least = middle * 0.5;
    most = middle * 2.0;
  }
  const double first = std::log10(least), width = (std::log10(most) - first) / static_cast<double>(kHistogramBins);
  for (std::size_t i = 0; i <= kHistogramBins; ++i) {
    curve.bin_edges.push_back(std::pow(10.0, first + width * static_cast<double>(i)));
  }
  auto begin = sorted.begin();
  for (std::size_t i = 0; i < kHistogramBins; ++i) {
    const auto edge = static_cast<float>(curve.bin_edges[i + 1]);
    const auto end = i + 1 == kHistogramBins ? sorted.end() : std::lower_bound(begin, sorted.end(), edge);
    curve.counts.push_back(static_cast<double>(end - begin));
    begin = end;
  }
}

LatencyCurve make_curve(std::string name, std::string metric, std::vector<float> values, Seconds limit) {
  LatencyCurve curve;
  curve.name = std::move(name);
  curve.metric = std::move(metric);
  curve.limit = std::max(0.0, limit.value());
  if (values.empty()) return curve;
  sort_latencies(values);
  const std::size_t steps = std::min(kSeriesBins, std::max<std::size_t>(1, values.size() - 1));
  for (std::size_t i = 0; i <= steps; ++i) {
    curve.quantiles.push_back(quantile(values, static_cast<double>(i) / static_cast<double>(steps)));
  }
  fill_histogram(values, curve);
  return curve;
}

std::vector<LatencyCurve> latencies_of(const ServingResult& result) {
  std::vector<float> ttft, tpot, e2e, queue;
  for (std::vector<float>* values : {&ttft, &tpot, &e2e, &queue}) values->reserve(result.records.size());
  for (const RequestRecord& r : result.records) {
    if (r.warmup || r.state != models::SequenceState::finished) continue;
    ttft.push_back(static_cast<float>(seconds(r.first_token - r.arrival)));
    e2e.push_back(static_cast<float>(seconds(r.last_token - r.arrival)));
    queue.push_back(static_cast<float>(seconds(r.scheduled - r.arrival)));
    if (r.output_tokens > 1) {
      const double gaps = static_cast<double>(r.output_tokens - 1);
      tpot.push_back(static_cast<float>(seconds(r.last_token - r.first_token) / gaps));
    }
  }
  const models::SloConfig& slo = result.config.slo;
  std::vector<LatencyCurve> curves;
  curves.push_back(make_curve("TTFT", "serving.ttft_s", std::move(ttft), slo.ttft));
  curves.push_back(make_curve("TPOT", "serving.tpot_s", std::move(tpot), slo.tpot));
  curves.push_back(make_curve("E2E", "serving.e2e_s", std::move(e2e), Seconds{0.0}));
  curves.push_back(make_curve("queue", "serving.queue_s", std::move(queue), Seconds{0.0}));
  return curves;
}

// ---- States ---------------------------------------------------------------------------------------------------------

enum Quantity : std::size_t { kRunning, kWaiting, kBlocks, kPreemptions, kQuantities };
using Values = std::array<double, kQuantities>;

/// From `time` on a replica holds `values`; its blocks change by `slope` per picosecond.
struct Change {
  SimTime time = 0;
  Values values{};
  double slope = 0.0;
};

/// The changes of one replica in order of time, made up one after another from its records.
class Changes {
 public:
  /// [at, end) are the replica's records, ordered by start.
  Changes(const StepRecord* at, const StepRecord* end) : at_(at), end_(end) { read(); }

  [[nodiscard]] bool done() const { return next_ == pending_size_; }
  [[nodiscard]] const Change& front() const { return pending_[next_]; }
  void pop() {
    if (++next_ == pending_size_) read();
  }

 private:
  void put(const Change& change) { pending_[pending_size_++] = change; }

  /// Whether a gap after `last` means that nobody was there, and not that the host was busy: every sequence of the last
  /// iteration had its token, none waited, and none goes on in `next` (null: there is none).
  [[nodiscard]] static bool is_idle(const StepRecord& last, const StepRecord* next) {
    if (next == nullptr) return true;
    return last.waiting == 0 && last.sampled == last.prefill_sequences + last.decode_sequences &&
           next->decode_sequences == 0;
  }

  void read() {
    next_ = pending_size_ = 0;
    // Later stages only say how long an iteration is under way.
    while (at_ != end_ && at_->stage != 0) reach_ = std::max(reach_, (at_++)->end);
    const StepRecord* step = at_ != end_ ? at_ : nullptr;
    if (last_ != nullptr && (step == nullptr || step->start > reach_) && is_idle(*last_, step)) {
      Values idle{};
      idle[kPreemptions] = preemptions_;
      blocks_ = 0.0;
      put({reach_, idle, 0.0});
      last_ = nullptr;
    }
    if (step == nullptr) return;
    ++at_;
    last_ = step;
    preemptions_ += step->preempted;
    reach_ = std::max(reach_, step->end);
    const double blocks = static_cast<double>(step->used_blocks);
    Values values{static_cast<double>(step->running), static_cast<double>(step->waiting), blocks, preemptions_};
    if (step->repeats > 1 && step->end > step->start && blocks != blocks_) {
      Values ramp = values;
      ramp[kBlocks] = blocks_;
      put({step->start, ramp, (blocks - blocks_) / static_cast<double>(step->end - step->start)});
      put({step->end, values, 0.0});
    } else {
      put({step->start, values, 0.0});
    }
    blocks_ = blocks;
  }

  const StepRecord *at_, *end_, *last_ = nullptr;
  std::array<Change, 3> pending_{};
  std::size_t next_ = 0, pending_size_ = 0;
  SimTime reach_ = 0;
  double blocks_ = 0.0, preemptions_ = 0.0;
};

/// Least, integral and largest value in each of equal stretches of time.
class Stretches {
 public:
  Stretches(double end, std::size_t count)
      : width_(end / static_cast<double>(count)), least_(count, -1.0), sum_(count), most_(count) {}

  /// The value goes evenly from `a` at `begin` to `b` at `end`.
  void add(double begin, double end, double a, double b) {
    if (end <= begin) return;
    const std::size_t last = sum_.size() - 1;
    std::size_t bin = std::min(last, static_cast<std::size_t>(begin / width_));
    double from = begin, value = a;
    while (true) {
      const double edge = bin == last ? end : std::min(end, static_cast<double>(bin + 1) * width_);
      const double next = edge >= end ? b : a + (b - a) * (edge - begin) / (end - begin);
      sum_[bin] += 0.5 * (value + next) * std::max(0.0, edge - from);
      const double low = std::min(value, next);
      least_[bin] = least_[bin] < 0.0 ? low : std::min(least_[bin], low);
      most_[bin] = std::max(most_[bin], std::max(value, next));
      if (edge >= end) return;
      from = edge;
      value = next;
      ++bin;
    }
  }

  [[nodiscard]] StateSeries series(std::string name, std::string unit, double scale) const {
    StateSeries series;
    series.name = std::move(name);
    series.unit = std::move(unit);
    for (std::size_t i = 0; i < sum_.size(); ++i) {
      series.time.push_back((static_cast<double>(i) + 0.5) * width_ * kPicosecond);
      const double least = std::max(0.0, least_[i]);
      series.least.push_back(least * scale);
      series.mean.push_back(std::clamp(sum_[i] / width_, least, std::max(least, most_[i])) * scale);
      series.most.push_back(most_[i] * scale);
    }
    return series;
  }

 private:
  double width_;
  std::vector<double> least_, sum_, most_;
};

/// Walks through the changes of all replicas in order of time and tells each piece of their sum.
template <class Piece>
void walk(std::vector<Changes>& replicas, double end, const Piece& piece) {
  using Turn = std::pair<SimTime, std::size_t>;
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns;
  for (std::size_t r = 0; r < replicas.size(); ++r) {
    if (!replicas[r].done()) turns.push({replicas[r].front().time, r});
  }
  std::vector<Change> held(replicas.size());
  Values total{};
  double slope = 0.0, now = 0.0;
  while (!turns.empty()) {
    const std::size_t r = turns.top().second;
    turns.pop();
    const Change& change = replicas[r].front();
    const double time = static_cast<double>(change.time);
    piece(now, time, total, slope);
    total[kBlocks] += slope * (time - now);
    now = std::max(now, time);
    Change& old = held[r];
    for (std::size_t q = 0; q < kQuantities; ++q) total[q] += change.values[q] - old.values[q];
    // What a slope has added since is part of the total, and the new value takes its place.
    total[kBlocks] -= old.slope * (time - static_cast<double>(old.time));
    slope += change.slope - old.slope;
    if (std::fabs(slope) < 1e-30) slope = 0.0;
    old = change;
    replicas[r].pop();
    if (!replicas[r].done()) turns.push({replicas[r].front().time, r});
  }
  piece(now, end, total, slope);
}

void add_states(const ServingResult& result, ServingSeries& series) {
  const std::vector<StepRecord>& steps = result.timeline;
  SimTime end = 0;
  for (const StepRecord& step : steps) end = std::max(end, step.end);
  if (end == 0) return;
  series.duration = seconds(end);
  std::vector<Changes> replicas;
  for (std::size_t first = 0, last = 0; first < steps.size(); first = last) {
    while (last < steps.size() && steps[last].replica == steps[first].replica) ++last;
    replicas.emplace_back(steps.data() + first, steps.data() + last);
  }
  const double whole = static_cast<double>(end);
  std::vector<Stretches> stretches(kQuantities, Stretches(whole, kSeriesBins));
  walk(replicas, whole, [&](double from, double to, const Values& values, double slope) {
    for (std::size_t q = 0; q < kQuantities; ++q) {
      const double a = std::max(0.0, values[q]);
      stretches[q].add(from, to, a, q == kBlocks ? std::max(0.0, a + slope * (to - from)) : a);
    }
  });
  const double blocks = static_cast<double>(result.pool.blocks) * std::max(1, result.config.replicas);
  series.states.push_back(stretches[kRunning].series("running", "sequences", 1.0));
  series.states.push_back(stretches[kWaiting].series("waiting", "sequences", 1.0));
  series.states.push_back(stretches[kBlocks].series("KV cache", "share", blocks > 0.0 ? 1.0 / blocks : 0.0));
  series.states.push_back(stretches[kPreemptions].series("preemptions", "sequences", 1.0));
}

}  // namespace

ServingSeries series_of(const ServingResult& result) {
  ServingSeries series;
  if (result.records.empty() && result.timeline.empty()) return series;
  series.latencies = latencies_of(result);
  add_states(result, series);
  return series;
}

ServingSeries series_of(const scenarios::Report& report) {
  const ServingResult* result = scenarios::find_serving(report);
  return result != nullptr ? series_of(*result) : ServingSeries{};
}

}  // namespace orrery::gui
