// Tables of measured training steps as jobs to predict.
//
// Two kinds, told apart by their columns: vTrain's iteration times (Megatron-DeepSpeed on A100: fp16, 1F1B,
// full recompute, plain data parallel without overlap; VIA-Research/vTrain) and published results (one
// printed number a row, many frameworks). A row that says too little, or uses what this build can't express
// (context or expert parallelism, sharded parameters, fp8, zero-bubble schedules), is skipped and named.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "calibrate/error_report.hpp"
#include "calibrate/tables.hpp"
#include "models/training/training.hpp"

namespace orrery::scenarios {

/// A row that can be predicted: the job, and what turns the printed number into a step time.
struct MeasuredStep {
  int line = 0;
  std::string id;  ///< the table's own name for the row
  std::string description;
  std::string group;
  models::TrainingJob job;
  std::string metric = "step_time";  ///< of the row; rates are compared as the step time that they imply
  double value = 0.0;                ///< in the metric's unit
};

struct TrainingTable {
  std::vector<MeasuredStep> steps;
  std::vector<calibrate::SkippedRow> skipped;
};

/// Reads either kind. `gpu` replaces the table's own GPU where it is not empty. Throws ConfigError for a table
/// with other columns.
[[nodiscard]] TrainingTable read_training_table(const std::string& path, const std::string& gpu);

/// The step time that a printed figure implies, given the prediction for FLOPs and tokens of a step.
[[nodiscard]] std::optional<Seconds> implied_step_time(const MeasuredStep& step, const models::TrainingResult& result);

}  // namespace orrery::scenarios
