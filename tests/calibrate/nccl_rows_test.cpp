#include "calibrate/nccl_rows.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "sim/collective/collective.hpp"
#include "sim/collective/constants.hpp"
#include "sim/collective/fitted.hpp"
#include "tests/calibrate/measured_node.hpp"

namespace orrery::calibrate {
namespace {

using sim::CollectiveKind;

hardware::Gpu h100() {
  hardware::Gpu gpu;
  gpu.name = "h100_sxm";
  gpu.generation = hardware::load_generation("hopper");
  gpu.nvlink_bandwidth = BytesPerSecond{450e9};
  return gpu;
}

CsvTable table_of(std::vector<std::vector<std::string>> rows) {
  return {"nccl.csv", {"op", "dtype", "gpus", "bytes", "time_us"}, std::move(rows)};
}

// t = 10 µs + 4 µs·(S/MiB)^0.5 + S·(7/8)/300 GB/s, for two dtypes.
CsvTable exact_table() {
  std::vector<std::vector<std::string>> rows;
  for (const char* dtype : {"fp16", "int8"}) {
    for (double bytes = 512.0; bytes <= 536870912.0; bytes *= 2.0) {
      const double us = 10.0 + 4.0 * std::sqrt(bytes / 1048576.0) + bytes * 0.875 / 300e9 * 1e6;
      rows.push_back({"all_gather", dtype, "8", fmt::format("{}", bytes), fmt::format("{:.17g}", us)});
    }
  }
  return table_of(rows);
}

TEST(FitNccl, RecoversTheCoefficientsOfAnExactCurve) {
  const FitOutcome outcome = fit_nccl(exact_table(), h100(), "2026-01-01");
  ASSERT_EQ(outcome.fits.size(), 1u);
  const hardware::Fit& fit = outcome.fits[0];
  EXPECT_EQ(fit.key, "nccl/all_gather/8");
  EXPECT_EQ(fit.date, "2026-01-01");
  EXPECT_NEAR(*fit.coefficient("base_s"), 10e-6, 1e-10);
  EXPECT_NEAR(*fit.coefficient("mid_s_per_mib"), 4e-6, 1e-10);
  EXPECT_NEAR(*fit.coefficient("exponent"), 0.5, 1e-9);
  EXPECT_NEAR(*fit.coefficient("bus_bandwidth"), 300e9, 1e7);
  ASSERT_EQ(fit.residuals.size(), 2u);
  EXPECT_EQ(fit.residuals[0].group, "seen");
  EXPECT_EQ(fit.residuals[1].group, "unseen_point");
  EXPECT_EQ(fit.residuals[0].rows + fit.residuals[1].rows, 42);
  for (const hardware::FitResidual& residual : fit.residuals) EXPECT_LT(residual.p95, 1e-4);
}

TEST(FitNccl, IsDeafToAFewSlowRows) {
  CsvTable table = exact_table();
  table.rows[4][4] = "900";
  table.rows[30][4] = "80";
  const FitOutcome outcome = fit_nccl(table, h100(), "");
  EXPECT_NEAR(*outcome.fits[0].coefficient("base_s"), 10e-6, 0.5e-6);
  EXPECT_NEAR(*outcome.fits[0].coefficient("bus_bandwidth") / 300e9, 1.0, 0.1);
}

TEST(FitNccl, NeverBeatsTheLinks) {
  // A table that claims 2 TB/s: the fit stays at NVLink's 450 GB/s less protocol overhead, 370.8 GB/s.
  std::vector<std::vector<std::string>> rows;
  for (double bytes = 1048576.0; bytes < 1e10; bytes *= 2.0) {
    rows.push_back(
        {"reduce_scatter", "fp16", "8", fmt::format("{}", bytes), fmt::format("{}", bytes * 0.875 / 2e12 * 1e6)});
  }
  const FitOutcome outcome = fit_nccl(table_of(rows), h100(), "");
  ASSERT_EQ(outcome.fits.size(), 1u);
  EXPECT_LE(*outcome.fits[0].coefficient("bus_bandwidth"), 370.8e9 * (1 + 1e-5));
}

TEST(FitNccl, NamesWhatItLeavesOut) {
  CsvTable table = exact_table();
  table.rows.push_back({"gather", "fp16", "8", "1024", "10"});
  table.rows.push_back({"broadcast", "fp16", "4", "1024", "10"});
  table.rows.push_back({"all_reduce", "fp16", "1", "1024", "10"});
  table.rows.push_back({"all_reduce", "fp16", "2", "1024", "0"});
  const FitOutcome outcome = fit_nccl(table, h100(), "");
  EXPECT_EQ(outcome.fits.size(), 1u);
  ASSERT_EQ(outcome.left_out.size(), 4u);
  EXPECT_EQ(outcome.left_out[0].line, 44);
  EXPECT_EQ(outcome.left_out[0].reason, "unknown operation");
  EXPECT_EQ(outcome.left_out[3].reason, "fewer than six rows to fit");
}

TEST(NcclRows, KeepBackASizeForAllDtypesAlike) {
  const NcclRows read = read_nccl_rows(exact_table());
  ASSERT_EQ(read.rows.size(), 42u);
  int kept = 0;
  for (std::size_t i = 0; i < 21; ++i) {
    EXPECT_EQ(read.rows[i].kept_back, read.rows[i + 21].kept_back) << "a twin would give the answer away";
    kept += read.rows[i].kept_back ? 1 : 0;
  }
  EXPECT_GE(kept, 1);
  EXPECT_LE(kept, 10);
  EXPECT_EQ(read.rows[0].line, 2);
}

TEST(NcclRows, RefuseACellThatIsNoNumber) {
  CsvTable table = exact_table();
  table.rows[3][3] = "many";
  EXPECT_THROW((void)read_nccl_rows(table), hardware::ConfigError);
}

TEST(NcclRows, AreToldByTheirColumns) {
  EXPECT_TRUE(is_nccl_table(exact_table()));
  EXPECT_FALSE(is_nccl_table({"gemm.csv", {"dtype", "m", "n", "k", "time_us"}, {}}));
}

TEST(ValidateCollectives, RefusesAnotherKindOfTable) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "orrery_no_collectives.csv";
  std::ofstream(path) << "dtype,m,n,k,time_us\nbf16,1,1,1,1\n";
  hardware::Cluster cluster;
  cluster.groups.resize(1);
  EXPECT_THROW((void)validate_collectives(path, cluster.site(0)), hardware::ConfigError);
  std::filesystem::remove(path);
}

TEST(ValidateCollectives, SkipsRowsOfMoreGpusThanANodeHas) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "orrery_small_node.csv";
  std::ofstream(path) << "op,dtype,gpus,bytes,time_us\nall_reduce,fp16,2,1024,10\nall_reduce,fp16,8,1024,10\n";
  hardware::Cluster cluster;
  cluster.groups.resize(1);
  cluster.groups[0].gpu = h100();
  cluster.groups[0].node.gpus = 4;
  cluster.groups[0].node.nvswitch = true;
  cluster.groups[0].count = 1;
  const ErrorReport report = validate_collectives(path, cluster.site(0));
  std::filesystem::remove(path);
  EXPECT_EQ(report.all.rows, 1);
  ASSERT_EQ(report.skipped.size(), 1u);
  EXPECT_EQ(report.skipped[0].line, 3);
  EXPECT_EQ(report.skipped[0].reason, "a node has 4 GPUs");
}

// On measured tables. Baselines with the same form: 4 to 6 % median, 20 to 25 % at the 95th percentile.
class MeasuredCollectives : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (data_folder().empty()) GTEST_SKIP() << "ORRERY_DATA is not set";
    path_ = data_folder() / "kernels" / GetParam() / "nccl.csv";
    cluster_ = tests::measured_node(GetParam());
  }

  std::filesystem::path path_;
  hardware::Cluster cluster_;
};

TEST_P(MeasuredCollectives, KeptBackSizesAreWithinTheFormsError) {
  cluster_.groups[0].gpu.fits = fit_nccl(read_csv(path_), cluster_.groups[0].gpu, "").fits;
  const ErrorReport report = validate_collectives(path_, cluster_.site(0));
  for (const ErrorSummary& group : report.groups) {
    if (group.rows == 0) continue;
    EXPECT_NE(group.name, "unseen_family") << "every family of the table has a fit";
    EXPECT_LE(group.median_error, 0.065) << group.name;
    EXPECT_LE(group.p95_error, 0.25) << group.name;
  }
  EXPECT_TRUE(report.skipped.empty());
}

TEST_P(MeasuredCollectives, FamiliesWithoutAFitFollowFromTheirNeighbours) {
  const std::vector<hardware::Fit> all = fit_nccl(read_csv(path_), cluster_.groups[0].gpu, "").fits;
  double sum = 0.0, worst = 0.0;
  for (const hardware::Fit& left_out : all) {
    cluster_.groups[0].gpu.fits.clear();
    for (const hardware::Fit& fit : all) {
      if (fit.key != left_out.key) cluster_.groups[0].gpu.fits.push_back(fit);
    }
    const ErrorReport report = validate_collectives(path_, cluster_.site(0));
    for (const ErrorSummary& group : report.groups) {
      if (group.name != "unseen_family") continue;
      sum += group.median_error;
      worst = std::max(worst, group.median_error);
    }
  }
  EXPECT_LE(sum / static_cast<double>(all.size()), 0.13);
  EXPECT_LE(worst, 0.25);
}

TEST_P(MeasuredCollectives, TheProfileHoldsTheFitsOfTheTable) {
  for (const hardware::Fit& fit : fit_nccl(read_csv(path_), cluster_.groups[0].gpu, "").fits) {
    const hardware::Fit* stored = cluster_.groups[0].gpu.find_fit(fit.key);
    ASSERT_NE(stored, nullptr) << fit.key;
    EXPECT_FALSE(stored->source.empty());
    for (const auto& [name, value] : fit.coefficients) {
      ASSERT_TRUE(stored->coefficient(name).has_value()) << name;
      EXPECT_NEAR(*stored->coefficient(name) / std::max(value, 1e-30), value > 0.0 ? 1.0 : 0.0, 1e-4) << fit.key;
    }
  }
}

TEST_P(MeasuredCollectives, NoFitBeatsTheLinks) {
  const CsvTable table = read_csv(path_);
  for (const sim::CollectiveCurve& curve : sim::collective_curves(cluster_.groups[0].gpu)) {
    const double limit = sim::node_bus_limit(cluster_.groups[0].gpu, curve.kind, curve.ranks).value();
    EXPECT_LE(curve.bus.value(), limit * (1 + 1e-5)) << curve.key;
    EXPECT_GE(curve.base.value(), 0.0);
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, MeasuredCollectives, ::testing::Values("h100_sxm", "a100_sxm"),
                         [](const auto& param_info) { return std::string(param_info.param); });

}  // namespace
}  // namespace orrery::calibrate
