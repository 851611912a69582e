// What the plots of a serving run draw: distributions of latencies, and the engine's state over time.
//
// Sizes are bounded whatever the length of the run: a distribution is kept as its cumulative curve and a histogram, a
// state as the least, the mean (weighted by time) and the largest value of each of at most kBins equal stretches of
// time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "models/serving/serving.hpp"
#include "scenarios/report.hpp"

namespace orrery::gui {

inline constexpr std::size_t kSeriesBins = 1000;
inline constexpr std::size_t kHistogramBins = 60;

/// Of one latency over the counted requests.
struct LatencyCurve {
  std::string name;               ///< "TTFT", "TPOT", "E2E", "queue"
  std::string metric;             ///< "serving.ttft_s"
  std::vector<double> quantiles;  ///< seconds at 0, 1/n, …, 1 (n + 1 values); empty: no request has it
  std::vector<double> bin_edges;  ///< of the histogram, equal in log10; one more than counts
  std::vector<double> counts;     ///< requests
  double limit = 0.0;             ///< the SLO's, seconds; 0: none
};

/// A state of all replicas together over time.
struct StateSeries {
  std::string name;                       ///< "running", "waiting", "KV cache", "preemptions" (so far)
  std::string unit;                       ///< "sequences", "share"
  std::vector<double> time;               ///< seconds, middle of each stretch
  std::vector<double> least, mean, most;  ///< as long as `time`
};

struct ServingSeries {
  std::vector<LatencyCurve> latencies;
  std::vector<StateSeries> states;
  double duration = 0.0;  ///< seconds
};

/// REQUIRES a result with records and timeline; empty series for one that served nothing.
[[nodiscard]] ServingSeries series_of(const models::ServingResult& result);
/// Of the first job that serves; empty where none does.
[[nodiscard]] ServingSeries series_of(const scenarios::Report& report);

}  // namespace orrery::gui
