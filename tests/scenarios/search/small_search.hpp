// A small sweep by hand: its metrics, points with given figures, and a scenario that is quick to run.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "scenarios/search/goal.hpp"
#include "scenarios/search/point.hpp"
#include "scenarios/search/point_forms.hpp"

namespace orrery::scenarios::testing {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

inline KeptMetrics speed_and_price() {
  return {{*find_metric_row("serving.output_tokens_per_s"), *find_metric_row("cost.usd_per_million_output_tokens")}};
}

inline SearchPoint point_of(double speed, double price, std::vector<Override> set = {}) {
  SearchPoint point;
  point.set = std::move(set);
  point.gpus = 1;
  point.values = {speed, price};
  return point;
}

/// GPT-2 on one node: a step of some milliseconds of work.
inline std::string quick_scenario() {
  return "scenario: \"quick\"\nmodel: gpt2-124m\ncluster: {node: dgx_a100, nodes: 1}\n"
         "training: {sequence_length: 1024, global_batch_size: 64, micro_batch_size: 4}\n";
}

}  // namespace orrery::scenarios::testing
