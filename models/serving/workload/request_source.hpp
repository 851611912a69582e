// What generated requests hold: lengths and shared prefixes, drawn in order of arrival.
//
// The n-th request is the same whatever the arrival process and the system that serves it (common random numbers).
#pragma once

#include <cstdint>
#include <memory>

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
  /// REQUIRES check(load).empty().
  RequestSource(const LoadConfig& load, std::uint64_t seed);

  /// The next request.
  [[nodiscard]] Request draw(sim::SimTime arrival);
  /// Requests left to draw.
  [[nodiscard]] std::uint64_t left() const { return most_ - drawn_; }
  [[nodiscard]] std::uint64_t drawn() const { return drawn_; }

 private:
  std::unique_ptr<LengthSource> input_, output_;
  sim::Random input_random_, output_random_, prefix_random_;
  std::int64_t prefix_tokens_;
  std::uint64_t prefix_groups_;
  std::uint64_t most_;
  std::uint64_t drawn_ = 0;
};

}  // namespace orrery::models
