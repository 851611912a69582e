// Tables of measured serving runs as jobs to predict.
//
// Three kinds, told apart by their columns:
// - requests: when each request of a run arrived, was scheduled and got its tokens (vLLM 0.19 on one GPU;
//   casys-kaist/LLMServingSim, bench/examples). The run is simulated with its own arrivals and lengths.
// - benchmarks: the mean TTFT and TPOT of one closed-loop benchmark a row (ai-dynamo/aiconfigurator,
//   silicon_sample.csv). Every engine is simulated under vLLM V1's scheduler, with its own kernels where the GPU's
//   profile has them: SGLang and TensorRT-LLM decide otherwise, which is not modelled yet.
// - published: one printed figure a row, of many engines and papers (columns engine, model, gpu, isl, osl, metric,
// value). A row that says too little, or uses what can't be expressed (expert parallelism, data-parallel attention,
// disaggregation), is skipped and named.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "calibrate/error_report.hpp"
#include "calibrate/tables.hpp"
#include "models/serving/serving.hpp"

namespace orrery::scenarios {

/// A request of a measured run; seconds on the run's clock.
struct MeasuredRequest {
  int line = 0;
  std::string name;
  double arrival = 0.0;
  std::int64_t input_tokens = 0, output_tokens = 0;
  double queued = 0.0, first_token = 0.0, last_token = 0.0;
};

/// One simulation, and what was measured.
struct MeasuredRun {
  int line = 0;  ///< of its first row
  std::string id;
  std::string description;
  std::string group;  ///< "vllm h100_sxm"
  models::ServingJob job;
  Seconds ttft, tpot;                     ///< means of a benchmark
  std::string metric;                     ///< of a published result: the one figure that is printed
  double value = 0.0;                     ///< in the unit of `metric` (see tables_published.cpp)
  std::vector<MeasuredRequest> requests;  ///< in order of arrival; empty for a benchmark
};

struct ServingTable {
  std::vector<MeasuredRun> runs;
  std::vector<calibrate::SkippedRow> skipped;
};

/// Reads any of them. Where `gpu` is not empty, runs on other GPUs are skipped. Throws ConfigError for a table with
/// other columns.
[[nodiscard]] ServingTable read_serving_table(const std::string& path, const std::string& gpu);

/// Predicted and measured figures of one run.
struct ServingErrors {
  std::vector<calibrate::PredictedRow> rows;     ///< one per row of the table: its TPOT, or a request's end-to-end time
  std::vector<calibrate::PredictedRow> figures;  ///< a benchmark's TTFT; means and quantiles over a run's requests
  std::vector<calibrate::SkippedRow> skipped;
};

/// A request's times count from when the scheduler saw it, predicted and measured: the measured clocks of arrivals and
/// of tokens differ.
[[nodiscard]] ServingErrors compare_serving(const MeasuredRun& run, const kernels::KernelTimer& timer);

/// Nothing predicted: every row of the run skipped for `reason`.
[[nodiscard]] ServingErrors skipped_run(const MeasuredRun& run, const std::string& reason);

// The kinds, each in its file.
[[nodiscard]] ServingTable read_request_runs(const calibrate::CsvTable& table, const std::string& gpu);
[[nodiscard]] ServingTable read_benchmarks(const calibrate::CsvTable& table, const std::string& gpu);
[[nodiscard]] ServingTable read_published(const calibrate::CsvTable& table, const std::string& gpu);
/// What a run predicts for a published result's metric.
[[nodiscard]] std::optional<double> published_figure(const MeasuredRun& run, const models::ServingResult& result);

}  // namespace orrery::scenarios
