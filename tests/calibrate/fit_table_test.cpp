#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "calibrate/tables.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "kernels/family.hpp"
#include "tests/calibrate/temporary_folder.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::calibrate {
namespace {

using tests::TemporaryFolder;

const ErrorSummary* group_of(const ErrorReport& report, std::string_view name) {
  for (const ErrorSummary& group : report.groups) {
    if (group.name == name) return &group;
  }
  return nullptr;
}

std::unique_ptr<kernels::KernelTimer> fitted() { return kernels::timers()[1].make(); }

// A table whose times the model itself made, with other coefficients than its defaults.
std::string synthetic_table(const hardware::Gpu& gpu, double scale) {
  const kernels::FittedModel& model = kernels::families()[0].model;
  std::vector<double> truth = model.defaults(gpu);
  truth[0] = 5.0;
  std::string text = "dtype,m,n,k,time_us\n";
  for (std::int64_t n = 512; n <= 8192; n += 512) {
    for (std::int64_t k = 512; k <= 8192; k *= 2) {
      for (std::int64_t m = 1; m <= 8192; m *= 4) {
        kernels::GemmShape shape;
        shape.m = m, shape.n = n, shape.k = k;
        const double us = model.time(shape, gpu, truth).value() * 1e6 * scale;
        text += fmt::format("bfloat16,{},{},{},{}\n", m, n, k, us);
      }
    }
  }
  return text;
}

TEST(FitTable, FitsSeveralTablesOfOneKindTogether) {
  const TemporaryFolder folder;
  auto gpu = tests::hopper_gpu();
  gpu.l2_size = Bytes{1e6};
  const std::string whole = synthetic_table(gpu, 1.0);
  // The same rows in one table, and shared out line by line over two.
  std::string halves[2];
  std::istringstream lines(whole);
  std::string header, line;
  std::getline(lines, header);
  halves[0] = halves[1] = header + "\n";
  for (int i = 0; std::getline(lines, line); ++i) halves[i % 2] += line + "\n";
  const auto one = folder.file("gemm.csv", whole);
  const auto odd = folder.file("odd.csv", halves[0]);
  const auto even = folder.file("even.csv", halves[1]);
  const FitOutcome alone = fit_table(one, gpu, "2025-02-03");
  const FitOutcome together = fit_tables({odd, even}, gpu, "2025-02-03");
  ASSERT_EQ(together.fits.size(), 1u);
  EXPECT_EQ(together.fits[0].residuals[0].rows, alone.fits[0].residuals[0].rows);
  EXPECT_EQ(together.fits[0].families_seen, alone.fits[0].families_seen);
  EXPECT_NE(together.fits[0].source.find("odd.csv + even.csv"), std::string::npos) << together.fits[0].source;
  EXPECT_LT(together.fits[0].residuals[0].median, 0.02);
}

TEST(FitTable, RefusesTablesOfDifferentKindsTogether) {
  const TemporaryFolder folder;
  const auto gpu = tests::hopper_gpu();
  const auto gemm = folder.file("gemm.csv", synthetic_table(gpu, 1.0));
  const auto nccl = folder.file("nccl.csv", "op,dtype,gpus,bytes,time_us\nall_reduce,half,8,1024,10\n");
  EXPECT_THROW((void)fit_tables({gemm, nccl}, gpu, "2025-02-03"), hardware::ConfigError);
}

TEST(FitTable, PredictsFamiliesItNeverSaw) {
  const TemporaryFolder folder;
  auto gpu = tests::hopper_gpu();
  gpu.l2_size = Bytes{1e6};  // every weight is cold, as in the table's making
  const auto path = folder.file("gemm.csv", synthetic_table(gpu, 1.0));
  const FitOutcome outcome = fit_table(path, gpu, "2025-02-03");
  ASSERT_EQ(outcome.fits.size(), 1u);
  const hardware::Fit& fit = outcome.fits[0];
  EXPECT_EQ(fit.key, "gemm/trtllm/bf16");
  EXPECT_EQ(fit.date, "2025-02-03");
  EXPECT_NE(fit.source.find("hopper/gemm.csv"), std::string::npos);
  EXPECT_NE(fit.split.find("fnv1a"), std::string::npos);
  ASSERT_EQ(fit.residuals.size(), 3u);
  for (const hardware::FitResidual& residual : fit.residuals) EXPECT_LT(residual.median, 0.02) << residual.group;
  EXPECT_TRUE(std::is_sorted(fit.families_seen.begin(), fit.families_seen.end()));
  EXPECT_GT(fit.families_seen.size(), 50u);
  EXPECT_LT(fit.families_seen.size(), 80u);  // 16·5 families, about a fifth kept back

  gpu.fits = outcome.fits;
  const ErrorReport report = validate_kernels(path, gpu, *fitted());
  ASSERT_EQ(report.groups.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(report.groups[i].name, fit.residuals[i].group);
    EXPECT_EQ(report.groups[i].rows, fit.residuals[i].rows);
    EXPECT_NEAR(report.groups[i].median_error, fit.residuals[i].median, 1e-5);
    EXPECT_NEAR(report.groups[i].p95_error, fit.residuals[i].p95, 1e-5);
  }
}

TEST(FitTable, LeavesOutRowsThatBeatTheRoofline) {
  const TemporaryFolder folder;
  const auto gpu = tests::hopper_gpu();
  // 8192³ at 989 TFLOP/s needs 1111 us at least.
  const auto path = folder.file("gemm.csv", synthetic_table(gpu, 1.3) + "bfloat16,8192,8192,8192,900\n");
  const FitOutcome outcome = fit_table(path, gpu, "2025-02-03");
  ASSERT_EQ(outcome.left_out.size(), 1u);
  EXPECT_NE(outcome.left_out[0].reason.find("beats the roofline"), std::string::npos);
  EXPECT_EQ(outcome.left_out[0].description, "gemm bf16 8192x8192x8192 (trtllm)");
  const ErrorReport report = validate_kernels(path, gpu, *fitted());
  ASSERT_EQ(report.skipped.size(), 1u);
  EXPECT_EQ(report.skipped[0].line, outcome.left_out[0].line);
}

TEST(FitTable, WithoutAFitEveryFamilyIsUnseen) {
  const TemporaryFolder folder;
  const auto gpu = tests::hopper_gpu();
  const ErrorReport report = validate_kernels(folder.file("gemm.csv", synthetic_table(gpu, 1.0)), gpu, *fitted());
  ASSERT_EQ(report.groups.size(), 1u);
  EXPECT_EQ(report.groups[0].name, "unseen_family");
}

TEST(FitTable, ValidatesOneFitAlone) {
  const TemporaryFolder folder;
  const auto gpu = tests::hopper_gpu();
  const auto path = folder.file("gemm.csv", synthetic_table(gpu, 1.0) + "fp8,64,512,512,20\n");
  EXPECT_EQ(validate_kernels(path, gpu, *fitted(), "gemm/trtllm/fp8").all.rows, 1);
  const int all = validate_kernels(path, gpu, *fitted()).all.rows;
  EXPECT_EQ(validate_kernels(path, gpu, *fitted(), "gemm/trtllm/bf16").all.rows, all - 1);
}

TEST(FitTable, TooFewRowsAreNamedNotFitted) {
  const TemporaryFolder folder;
  const auto path = folder.file("gemm.csv", "dtype,m,n,k,time_us\nbfloat16,1,512,512,9\n");
  const FitOutcome outcome = fit_table(path, tests::hopper_gpu(), "2025-01-01");
  EXPECT_TRUE(outcome.fits.empty());
  ASSERT_EQ(outcome.left_out.size(), 1u);
  EXPECT_EQ(outcome.left_out[0].reason, "only 1 usable rows");
}

// Targets on shape families that no fit saw, median and 95th percentile; H100 and A100 measured tables.
struct Target {
  const char* gpu;
  const char* key;
  double median, p95;
};

void PrintTo(const Target& target, std::ostream* out) { *out << target.gpu << " " << target.key; }

class GemmAccuracy : public testing::TestWithParam<Target> {};

TEST_P(GemmAccuracy, HoldsOnUnseenFamilies) {
  if (data_folder().empty()) GTEST_SKIP() << "ORRERY_DATA is not set: no measured tables";
  const Target target = GetParam();
  const auto table = data_folder() / "kernels" / target.gpu / "gemm.csv.gz";
  if (!std::filesystem::exists(table)) GTEST_SKIP() << table << " is not there";
  const hardware::Gpu gpu = hardware::load_gpu(target.gpu);
  const ErrorReport report = validate_kernels(table, gpu, *fitted(), target.key);
  const ErrorSummary* unseen = group_of(report, "unseen_family");
  const ErrorSummary* seen = group_of(report, "seen");
  ASSERT_NE(unseen, nullptr);
  ASSERT_NE(seen, nullptr);
  EXPECT_GT(unseen->rows, 1000);
  EXPECT_LE(unseen->median_error, target.median);
  EXPECT_LE(unseen->p95_error, target.p95);
  // The profile says what it is worth: a fit older than its model or its datasheet would show here.
  const hardware::Fit* fit = gpu.find_fit(target.key);
  ASSERT_NE(fit, nullptr);
  for (const hardware::FitResidual& stored : fit->residuals) {
    const ErrorSummary* now = group_of(report, stored.group);
    ASSERT_NE(now, nullptr) << stored.group;
    EXPECT_EQ(now->rows, stored.rows) << stored.group;
    EXPECT_NEAR(now->median_error, stored.median, 1e-4) << stored.group;
    EXPECT_NEAR(now->p95_error, stored.p95, 1e-4) << stored.group;
  }
  // Few rows may fall to the roofline's filter: a wrong bound would hide rows.
  EXPECT_LT(static_cast<double>(report.skipped.size()), 0.02 * report.all.rows);
  // A model that memorises does far better on what it saw.
  EXPECT_LT(unseen->median_error, 1.5 * seen->median_error + 0.01);
}

INSTANTIATE_TEST_SUITE_P(Tables, GemmAccuracy,
                         testing::Values(Target{"h100_sxm", "gemm/trtllm/bf16", 0.05, 0.18},
                                         Target{"h100_sxm", "gemm/trtllm/fp8", 0.04, 0.15},
                                         Target{"h100_sxm", "gemm/trtllm/fp8_block", 0.07, 0.30},
                                         Target{"h200_sxm", "gemm/trtllm/bf16", 0.07, 0.25},
                                         Target{"a100_sxm", "gemm/sglang/bf16", 0.07, 0.27},
                                         Target{"b200_sxm", "gemm/trtllm/bf16", 0.07, 0.26},
                                         Target{"b200_sxm", "gemm/trtllm/nvfp4", 0.04, 0.17}),
                         [](const auto& tested) {
                           std::string name = std::string(tested.param.gpu) + "_" + tested.param.key;
                           for (char& c : name) {
                             if (c == '/') c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace orrery::calibrate
