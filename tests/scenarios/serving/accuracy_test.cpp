// How well serving runs are predicted that others measured, by metric and engine.
//
// Bars: docs of casys-kaist/LLMServingSim print TPOT within 1.0 %, end to end within 1.8 % and TTFT within 4 % on the
// request runs, from kernel times profiled on those very cards; here the kernels are fitted to other tables.
// ai-dynamo/aiconfigurator prints no error for its benchmarks; repeats of one configuration differ by up to 42 % in
// TPOT (90th percentile).
#include <filesystem>

#include <gtest/gtest.h>

#include "calibrate/error_report.hpp"
#include "scenarios/serving/tables.hpp"

namespace orrery::scenarios {
namespace {

/// Predicts every run of a table measured on one GPU.
class ServingAccuracy : public ::testing::Test {
 protected:
  void SetUp() override {
    if (calibrate::data_folder().empty()) GTEST_SKIP() << "ORRERY_DATA is not set: no measured runs to compare with";
  }

  static ServingErrors predict_all(const char* file, const std::string& gpu) {
    const std::filesystem::path path = calibrate::data_folder() / "serving" / file;
    const ServingTable table = read_serving_table(path.string(), gpu);
    const auto timer = kernels::timers().back().make();
    ServingErrors all;
    for (const MeasuredRun& run : table.runs) {
      const ServingErrors errors = compare_serving(run, *timer);
      all.rows.insert(all.rows.end(), errors.rows.begin(), errors.rows.end());
      all.figures.insert(all.figures.end(), errors.figures.begin(), errors.figures.end());
      all.skipped.insert(all.skipped.end(), errors.skipped.begin(), errors.skipped.end());
    }
    return all;
  }

  static double error_of(const ServingErrors& errors, const std::string& group) {
    for (const calibrate::PredictedRow& row : errors.figures) {
      if (row.group == group) return row.error();
    }
    ADD_FAILURE() << "no figure " << group;
    return 1.0;
  }
};

class RequestRuns : public ServingAccuracy, public ::testing::WithParamInterface<const char*> {};

TEST_P(RequestRuns, MeansAreWithinTheBars) {
  const std::string gpu = GetParam();
  const ServingErrors errors = predict_all("vllm_requests.csv", gpu);
  EXPECT_EQ(errors.rows.size(), 300u);
  EXPECT_LE(error_of(errors, gpu + " tpot mean"), 0.08);
  EXPECT_LE(error_of(errors, gpu + " ttft mean"), 0.25);
  EXPECT_LE(error_of(errors, gpu + " e2e mean"), 0.08);
}

INSTANTIATE_TEST_SUITE_P(Cards, RequestRuns, ::testing::Values("rtx_4090", "rtx_pro_6000_server"));

struct Benchmarks {
  const char* gpu;
  const char* engine;
  int rows;  ///< at least so many are predicted
};

void PrintTo(const Benchmarks& benchmarks, std::ostream* out) { *out << benchmarks.engine << " " << benchmarks.gpu; }

class BenchmarkRuns : public ServingAccuracy, public ::testing::WithParamInterface<Benchmarks> {};

TEST_P(BenchmarkRuns, MedianTpotErrorIsAtMostAQuarter) {
  const Benchmarks benchmarks = GetParam();
  const ServingErrors errors = predict_all("silicon_serving.csv.gz", benchmarks.gpu);
  const std::string group = std::string(benchmarks.engine) + " " + benchmarks.gpu + " tpot";
  for (const calibrate::ErrorSummary& summary : calibrate::summarise(errors.rows, {}).groups) {
    if (summary.name != group) continue;
    EXPECT_GE(summary.rows, benchmarks.rows);
    EXPECT_LE(summary.median_error, 0.25);
    return;
  }
  ADD_FAILURE() << "no group " << group;
}

INSTANTIATE_TEST_SUITE_P(Engines, BenchmarkRuns,
                         ::testing::Values(Benchmarks{"h100_sxm", "vllm", 70}, Benchmarks{"h100_sxm", "trtllm", 250},
                                           Benchmarks{"h100_sxm", "sglang", 50}, Benchmarks{"h200_sxm", "vllm", 50},
                                           Benchmarks{"h200_sxm", "trtllm", 18}, Benchmarks{"h200_sxm", "sglang", 40}));

}  // namespace
}  // namespace orrery::scenarios
