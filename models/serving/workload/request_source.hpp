// What requests hold whose arrivals are generated: lengths and shared prefixes, drawn in order of arrival, or those of
// a trace in its order.
//
// The n-th request is the same whatever the arrival process and the system that serves it (common random numbers).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "models/serving/workload/trace_reader.hpp"
#include "models/serving/workload/workload.hpp"
#include "sim/random.hpp"

namespace orrery::models {

/// The load generator's substreams of a run's seed (sim/random.hpp): "load" in ASCII, then what is drawn.
inline constexpr std::uint32_t kLoadEntity = 0x6C6F6164;
enum class LoadPurpose : std::uint32_t { arrivals, input, output, prefix, think };

[[nodiscard]] inline sim::Random load_random(std::uint64_t seed, LoadPurpose purpose) {
  return {seed, kLoadEntity, static_cast<std::uint32_t>(purpose)};
}

class RequestSource {
 public:
  /// REQUIRES check(load).empty(). Throws hardware::ConfigError for a trace that can't be read.
  RequestSource(const LoadConfig& load, std::uint64_t seed);

  /// The next request. Throws hardware::ConfigError where the trace is broken.
  [[nodiscard]] Request draw(sim::SimTime arrival);
  [[nodiscard]] bool has_more() const { return drawn_ < most_ && (!trace_ || of_trace_); }
  [[nodiscard]] TraceTally tally() const { return trace_ ? trace_->tally() : TraceTally{}; }

 private:
  std::unique_ptr<TraceReader> trace_;
  std::optional<Request> of_trace_;  ///< its next one
  std::unique_ptr<LengthSource> input_, output_;
  sim::Random input_random_, output_random_, prefix_random_;
  std::int64_t prefix_tokens_;
  std::uint64_t prefix_groups_;
  std::uint64_t most_;
  std::uint64_t drawn_ = 0;
};

}  // namespace orrery::models
