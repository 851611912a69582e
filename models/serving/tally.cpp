#include "models/serving/tally.hpp"

#include <algorithm>
#include <array>

namespace orrery::models {

namespace {

constexpr double kPicosecond = 1e-12;

double seconds(sim::SimTime time) { return static_cast<double>(time) * kPicosecond; }

constexpr unsigned kFractionBits = 20;

/// `sum` of all samples is in picoseconds.
LatencySummary summarise(const sim::Distribution& samples, double sum) {
  const std::vector<double> q = samples.quantiles({0.50, 0.90, 0.95, 0.99});
  const double mean = samples.count() == 0 ? 0.0 : sum * kPicosecond / static_cast<double>(samples.count());
  return {samples.count(), mean, q[0], q[1], q[2], q[3]};
}

}  // namespace

Tally::Tally(const ServingConfig& config, const ServingOptions& options)
    : config_(config), options_(options), may_miss_(~std::uint64_t{0}) {
  const std::int64_t counted = config.load.requests - config.warmup_requests;
  if (options.workload || counted <= 0 || !(config.slo.attainment > 0.0)) return;
  // One more than the share, against its rounding: to stop a run that would have kept it is the mistake to avoid.
  may_miss_ = static_cast<std::uint64_t>((1.0 - config.slo.attainment) * static_cast<double>(counted)) + 1;
}

void QueueTrend::sample(sim::SimTime now, std::int64_t waiting) {
  if (seen_++ % stride_ != 0) return;
  samples_.push_back({now, waiting});
  if (samples_.size() < kMost) return;
  for (std::size_t i = 0; i < kMost / 2; ++i) samples_[i] = samples_[2 * i];
  samples_.resize(kMost / 2);
  stride_ *= 2;
}

bool QueueTrend::grows() const {
  // Quarters see a trend and not a single peak; eight requests and a tenth are more than the noise of a stable queue.
  // A burst has no span of arrivals to judge by.
  constexpr std::size_t kQuarters = 4;
  constexpr std::int64_t kLeast = 8;
  constexpr double kRise = 1.1;
  if (samples_.size() < 4 * kQuarters) return false;
  const sim::SimTime first = samples_.front().time, span = samples_.back().time - first;
  if (span == 0) return false;
  std::array<double, kQuarters> sum{};
  std::array<double, kQuarters> count{};
  for (const Sample& sample : samples_) {
    const double share = static_cast<double>(sample.time - first) / static_cast<double>(span);
    const std::size_t quarter = std::min(kQuarters - 1, static_cast<std::size_t>(share * kQuarters));
    sum[quarter] += static_cast<double>(sample.waiting);
    count[quarter] += 1.0;
  }
  std::array<double, kQuarters> mean{};
  for (std::size_t i = 0; i < kQuarters; ++i) mean[i] = count[i] > 0.0 ? sum[i] / count[i] : 0.0;
  return mean[3] >= static_cast<double>(kLeast) && mean[3] > kRise * mean[2] && mean[2] > kRise * mean[1] &&
         mean[1] >= mean[0];
}

void Tally::arrived(const Request& request, std::int64_t waiting) {
  ++arrived_;
  trend_.sample(request.arrival, waiting);
  if (!is_warmup(request)) first_arrival_ = std::min(first_arrival_, request.arrival);
}

void Tally::rejected(const Request& request, std::uint32_t replica) {
  ++rejected_;
  Sequence refused;
  refused.request = request;
  refused.state = SequenceState::rejected;
  keep(refused, replica);
}

void Tally::finished(const Sequence& sequence, std::uint32_t replica) {
  keep(sequence, replica);
  const Request& request = sequence.request;
  if (is_warmup(request)) return;
  preemptions_ += static_cast<std::uint64_t>(sequence.preemptions);
  ++requests_;
  input_ += static_cast<std::uint64_t>(request.input_tokens);
  output_ += static_cast<std::uint64_t>(sequence.generated);
  cached_ += static_cast<std::uint64_t>(std::max<std::int64_t>(0, sequence.cached));
  last_token_ = std::max(last_token_, sequence.last_token);
  const sim::SimTime first = sequence.first_token - request.arrival;
  const double ttft = seconds(first);
  ttft_.add(ttft);
  ttft_sum_ += first;
  e2e_.add(seconds(sequence.last_token - request.arrival));
  e2e_sum_ += sequence.last_token - request.arrival;
  queue_.add(seconds(sequence.scheduled - request.arrival));
  queue_sum_ += sequence.scheduled - request.arrival;
  double tpot = 0.0;
  if (sequence.generated > 1) {
    const sim::SimTime rest = sequence.last_token - sequence.first_token;
    const auto gaps = static_cast<std::uint64_t>(sequence.generated - 1);
    tpot = seconds(rest) / static_cast<double>(gaps);
    tpot_.add(tpot);
    tpot_sum_ += (static_cast<TimeSum>(rest) << kFractionBits) / gaps;
  }
  const SloConfig& slo = config_.slo;
  const bool rest_in_time = slo.tpot <= Seconds{0.0} || tpot <= slo.tpot.value();
  if (!first_in_time(first)) return;  // first_token() has counted it
  ++(rest_in_time ? within_slo_ : missed_);
}

void Tally::keep(const Sequence& sequence, std::uint32_t replica) {
  if (!options_.keep_records) return;
  const Request& request = sequence.request;
  RequestRecord record;
  record.id = request.id;
  record.replica = replica;
  record.state = sequence.state;
  record.arrival = request.arrival;
  record.queued = sequence.queued;
  record.scheduled = sequence.scheduled;
  record.first_token = sequence.first_token;
  record.last_token = sequence.last_token;
  record.input_tokens = request.input_tokens;
  record.output_tokens = sequence.state == SequenceState::rejected ? request.output_tokens : sequence.generated;
  record.cached_tokens = std::max<std::int64_t>(0, sequence.cached);
  record.preemptions = sequence.preemptions;
  record.warmup = is_warmup(request);
  records_.push_back(record);
}

void Tally::add_usage(TimeSum block_time, std::int64_t peak_blocks, std::int64_t blocks) {
  block_time_ += block_time;
  blocks_ += blocks;
  if (blocks > 0) {
    peak_usage_ = std::max(peak_usage_, static_cast<double>(peak_blocks) / static_cast<double>(blocks));
  }
}

void Tally::report(ServingResult& result, sim::SimTime end) {
  result.arrived = arrived_;
  result.requests = requests_;
  result.rejected = rejected_;
  result.truncated = truncated_;
  result.input_tokens = input_;
  result.output_tokens = output_;
  if (requests_ > 0) result.duration = Seconds{seconds(last_token_ - first_arrival_)};
  result.ttft = summarise(ttft_, static_cast<double>(ttft_sum_));
  result.tpot = summarise(tpot_, static_cast<double>(tpot_sum_) / static_cast<double>(1u << kFractionBits));
  result.itl = summarise(itl_, static_cast<double>(gaps_));
  result.e2e = summarise(e2e_, static_cast<double>(e2e_sum_));
  result.queue = summarise(queue_, static_cast<double>(queue_sum_));
  result.within_slo = within_slo_;
  const double block_seconds = static_cast<double>(blocks_) * static_cast<double>(end);
  if (block_seconds > 0.0) result.kv_usage_mean = static_cast<double>(block_time_) / block_seconds;
  result.kv_usage_peak = peak_usage_;
  if (input_ > 0) result.prefix_hit_rate = static_cast<double>(cached_) / static_cast<double>(input_);
  result.preemptions = preemptions_;
  result.steps = steps_;
  if (steps_ > 0) result.mean_batch = static_cast<double>(step_sequences_) / static_cast<double>(steps_);
  result.saturated = trend_.grows();
  // By id: replicas finish in any order.
  sim::Pacer pacer(options_.control);
  std::sort(records_.begin(), records_.end(), [&pacer](const auto& a, const auto& b) {
    pacer.add();
    return a.id < b.id;
  });
  result.records = std::move(records_);
  std::stable_sort(timeline_.begin(), timeline_.end(), [&pacer](const auto& a, const auto& b) {
    pacer.add();
    return a.replica != b.replica ? a.replica < b.replica : a.start < b.start;
  });
  result.timeline = std::move(timeline_);
}

}  // namespace orrery::models
