// What is counted while requests are served: latencies, tokens, steps, use of the KV cache.
//
// Nothing here grows with the number of requests, unless records or a timeline are asked for. Times are kept as integer
// picoseconds until they become samples, so that counting a run of equal steps at once changes no digit.
#pragma once

#include <cstdint>
#include <vector>

#include "models/serving/serving.hpp"
#include "sim/distribution.hpp"

namespace orrery::models {

/// Sums of picoseconds, or of blocks times picoseconds.
__extension__ using TimeSum = unsigned __int128;

/// Whether the number of waiting requests grows without bound: its mean over the quarters of the arrivals rises
/// throughout, to at least eight requests and by more than a tenth from each of the last quarters to the next.
/// A queue that is merely long does not rise; one whose load exceeds the capacity does at every scale.
/// Memory is bounded: samples are thinned to every second one when there are too many.
class QueueTrend {
 public:
  void sample(sim::SimTime now, std::int64_t waiting);
  [[nodiscard]] bool grows() const;

 private:
  struct Sample {
    sim::SimTime time = 0;
    std::int64_t waiting = 0;
  };
  static constexpr std::size_t kMost = 4096;

  std::vector<Sample> samples_;
  std::uint64_t seen_ = 0, stride_ = 1;
};

class Tally {
 public:
  Tally(const ServingConfig& config, const ServingOptions& options);

  /// The request is excluded from the statistics.
  [[nodiscard]] bool is_warmup(const Request& request) const {
    return request.id < static_cast<std::uint64_t>(config_.warmup_requests);
  }

  void arrived(const Request& request, std::int64_t waiting);
  void rejected(const Request& request, std::uint32_t replica);
  void truncated() { ++truncated_; }
  /// The first token of its answer. One that comes too late has missed its limits, whenever the answer ends.
  void first_token(const Request& request, sim::SimTime now) {
    if (!is_warmup(request) && !first_in_time(now - request.arrival)) ++missed_;
  }
  void finished(const Sequence& sequence, std::uint32_t replica);

  /// `weight` gaps of the same length between two tokens of a request.
  void gap(sim::SimTime length, std::uint64_t weight) {
    if (weight == 0) return;
    itl_.add(static_cast<double>(length) * 1e-12, weight);
    gaps_ += static_cast<TimeSum>(length) * weight;
  }
  /// `times` steps of `sequences` sequences each.
  void steps(std::int64_t times, std::int64_t sequences) {
    steps_ += static_cast<std::uint64_t>(times);
    step_sequences_ += static_cast<std::uint64_t>(times * sequences);
  }
  void record(const StepRecord& step) { timeline_.push_back(step); }
  [[nodiscard]] bool keeps_timeline() const { return options_.keep_timeline; }

  /// Takes part in kv_cache_usage: blocks in use times how long, of one replica that has `blocks`.
  void add_usage(TimeSum block_time, std::int64_t peak_blocks, std::int64_t blocks);

  /// slo.attainment can't be kept any more, whatever the requests to come get: more have missed their limits than may
  /// of all. False where no share is promised, or the number of requests is not known beforehand.
  [[nodiscard]] bool is_missed() const { return missed_ > may_miss_; }

  /// Fills in everything but `config`, `pool` and `events`. `end`: the simulation's last event.
  void report(ServingResult& result, sim::SimTime end);

 private:
  [[nodiscard]] bool first_in_time(sim::SimTime ttft) const {
    return config_.slo.ttft <= Seconds{0.0} || sim::to_seconds(ttft) <= config_.slo.ttft;
  }
  void keep(const Sequence& sequence, std::uint32_t replica);

  ServingConfig config_;
  ServingOptions options_;
  sim::Distribution ttft_, tpot_, itl_, e2e_, queue_;
  std::uint64_t arrived_ = 0, requests_ = 0, rejected_ = 0, truncated_ = 0, input_ = 0, output_ = 0, cached_ = 0,
                within_slo_ = 0, missed_ = 0;
  std::uint64_t may_miss_;  ///< requests whose miss still keeps the promise
  std::uint64_t preemptions_ = 0, steps_ = 0, step_sequences_ = 0;
  sim::SimTime first_arrival_ = ~sim::SimTime{0}, last_token_ = 0;
  TimeSum block_time_ = 0;
  // Sums are exact, so that no mean depends on which replica's requests came first.
  TimeSum gaps_ = 0, ttft_sum_ = 0, e2e_sum_ = 0, queue_sum_ = 0;
  TimeSum tpot_sum_ = 0;     ///< in 2^-20 ps
  std::int64_t blocks_ = 0;  ///< of all replicas
  double peak_usage_ = 0.0;  ///< of any of them
  QueueTrend trend_;
  std::vector<RequestRecord> records_;
  std::vector<StepRecord> timeline_;
};

}  // namespace orrery::models
