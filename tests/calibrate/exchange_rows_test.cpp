#include "calibrate/exchange_rows.hpp"

#include <cmath>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"

namespace orrery::calibrate {
namespace {

using models::ExchangePhase;
using ::testing::HasSubstr;

CsvTable normal_table(std::vector<std::vector<std::string>> rows) {
  return {"deepep_normal.csv",
          {"sglang_version", "nodes", "hidden", "tokens", "topk", "experts", "dispatch_sms", "dispatch_transmit_us",
           "dispatch_notify_us", "combine_sms", "combine_transmit_us", "combine_notify_us"},
          std::move(rows)};
}

CsvTable low_latency_table(std::vector<std::vector<std::string>> rows) {
  return {"deepep_low_latency.csv",
          {"sglang_version", "nodes", "hidden", "tokens", "topk", "experts", "dispatch_us", "dispatch_GBps",
           "combine_us", "combine_GBps"},
          std::move(rows)};
}

CsvTable nvlink_table(std::vector<std::vector<std::string>> rows) {
  return {"nvlink_alltoall.csv",
          {"op", "kernel", "dtype", "tokens", "hidden", "topk", "experts", "moe_ep", "distribution", "time_us"},
          std::move(rows)};
}

hardware::Cluster cluster_of(std::string_view gpu) {
  return hardware::make_cluster(hardware::node_with(gpu), "single_node", 1);
}

class ExchangeTables : public ::testing::Test {
 protected:
  hardware::Cluster cluster_ = cluster_of("h100_sxm");
  hardware::Site site() const { return cluster_.site(0); }
};

TEST_F(ExchangeTables, ARowOfDeepEpIsTwoMeasurements) {
  const ExchangeRows read = read_exchange_rows(
      normal_table({{"0.5.6", "2", "7168", "64", "8", "256", "20", "47.5", "30", "24", "100", "31"}}), site());
  ASSERT_EQ(read.rows.size(), 2u);
  const ExchangeMeasurement& dispatch = read.rows[0];
  EXPECT_EQ(dispatch.row->name, "deepep_normal");
  EXPECT_EQ(dispatch.phase, ExchangePhase::dispatch);
  EXPECT_NEAR(dispatch.measured.value(), 77.5e-6, 1e-12);  // what it sends and the notification before it
  EXPECT_EQ(dispatch.shape.ranks, 16);
  EXPECT_EQ(dispatch.shape.nodes, 2);
  EXPECT_EQ(dispatch.shape.sms, 20);
  EXPECT_EQ(read.rows[1].shape.sms, 24);
  EXPECT_EQ(read.rows[1].fit_key(), "expert_exchange/deepep_internode/combine");
  EXPECT_EQ(read.rows[0].kept_back, read.rows[1].kept_back);
}

TEST_F(ExchangeTables, SuspectRowsAreNamed) {
  const ExchangeRows read = read_exchange_rows(
      normal_table({{"0.5.6", "8", "7168", "64", "8", "256", "20", "47.5", "30", "20", "100", "31"},
                    {"0.5.6", "1", "7168", "64", "300", "256", "20", "47.5", "0", "20", "100", "0"}}),
      site());
  EXPECT_TRUE(read.rows.empty());
  ASSERT_EQ(read.skipped.size(), 3u);
  EXPECT_EQ(read.skipped[0].line, 2);
  EXPECT_THAT(read.skipped[0].reason, HasSubstr("suspect"));
  EXPECT_THAT(read.skipped[1].reason, HasSubstr("can't pick 300 of 256"));
}

TEST_F(ExchangeTables, ABandwidthMustFitItsTime) {
  // 128 x 8 x 7408 B in 39.8 us are 190.6 GB/s; 400 GB/s would be twice the bytes there are.
  const ExchangeRows read = read_exchange_rows(
      low_latency_table({{"0.5.6", "1", "7168", "128", "8", "256", "39.8", "190.6", "72.4", "400"}}), site());
  ASSERT_EQ(read.rows.size(), 1u);
  EXPECT_EQ(read.rows[0].phase, ExchangePhase::dispatch);
  ASSERT_EQ(read.skipped.size(), 1u);
  EXPECT_THAT(read.skipped[0].reason, HasSubstr("more bytes than its tokens have"));
}

TEST_F(ExchangeTables, TellsTheOperationsOfNvlinkApart) {
  const auto row = [](std::string op, std::string kernel, std::string dtype, std::string gates = "balanced") {
    return std::vector<std::string>{
        std::move(op), std::move(kernel), std::move(dtype), "64", "7168", "8", "256", "8", std::move(gates), "20"};
  };
  const ExchangeRows read = read_exchange_rows(
      nvlink_table({row("alltoall_prepare", "NVLinkTwoSided", "fp8"), row("alltoall_dispatch", "NVLinkTwoSided", "fp8"),
                    row("alltoall_combine", "NVLinkOneSided", "nvfp4"),
                    row("alltoall_combine_low_precision", "NVLinkTwoSided", "nvfp4"),
                    row("alltoall_sort", "NVLinkTwoSided", "fp8"), row("alltoall_combine", "Mnnvl", "fp8"),
                    row("alltoall_combine", "NVLinkOneSided", "fp8", "power_law"),
                    row("alltoall_combine", "NVLinkOneSided", "fp3")}),
      site());
  ASSERT_EQ(read.rows.size(), 4u);
  EXPECT_EQ(read.rows[0].fit_key(), "expert_exchange/nvlink_two_sided/prepare");
  EXPECT_EQ(read.rows[1].fit_key(), "expert_exchange/nvlink_two_sided/dispatch");
  EXPECT_EQ(read.rows[1].shape.dispatch, Dtype::fp8);
  EXPECT_EQ(read.rows[2].fit_key(), "expert_exchange/nvlink_one_sided/combine");
  EXPECT_EQ(read.rows[2].shape.combine, Dtype::bf16);  // what comes back is 16 bits wide
  EXPECT_EQ(read.rows[3].fit_key(), "expert_exchange/nvlink_two_sided/combine_nvfp4");
  ASSERT_EQ(read.skipped.size(), 4u);
  EXPECT_THAT(read.skipped[0].reason, HasSubstr("unknown operation"));
  EXPECT_THAT(read.skipped[1].reason, HasSubstr("unknown kernel"));
  EXPECT_THAT(read.skipped[2].reason, HasSubstr("balanced"));
  EXPECT_THAT(read.skipped[3].reason, HasSubstr("fp3"));
}

TEST_F(ExchangeTables, RanksThatANodeHasNotAreSkipped) {
  const CsvTable table =
      nvlink_table({{"alltoall_dispatch", "NVLinkTwoSided", "fp8", "64", "7168", "8", "256", "8", "balanced", "20"},
                    {"alltoall_dispatch", "NVLinkTwoSided", "fp8", "64", "7168", "8", "256", "32", "balanced", "20"}});
  const ErrorReport report = validate_exchange(table, site());
  EXPECT_EQ(report.all.rows, 1);
  ASSERT_EQ(report.skipped.size(), 1u);
  EXPECT_EQ(report.skipped[0].line, 3);
  EXPECT_EQ(report.skipped[0].reason, "a node has 8 GPUs");
}

TEST_F(ExchangeTables, ACellThatIsNoNumberIsAnError) {
  EXPECT_THROW((void)read_exchange_rows(
                   normal_table({{"0.5.6", "1", "7168", "many", "8", "256", "20", "1", "0", "20", "1", "0"}}), site()),
               hardware::ConfigError);
}

// Rows that the law itself makes come back from the fit.
TEST_F(ExchangeTables, AFitFollowsAnExactLaw) {
  const models::ExchangeLaw& law = models::deepep_normal_law();
  const std::vector<double> truth = {30e-6, 0.2e-6, 20e-12, 40e-9, 10e-12, 12.0, 15.0, 0.8, 3.0};
  std::vector<std::vector<std::string>> rows;
  for (const int sms : {4, 12, 24}) {
    for (const int hidden : {2048, 7168}) {
      for (const int topk : {2, 8}) {
        for (int tokens = 1; tokens <= 65536; tokens *= 4) {
          models::ExchangeShape shape;
          shape.tokens = tokens, shape.hidden = hidden, shape.topk = topk, shape.experts = 256;
          shape.ranks = 8, shape.sms = sms;
          const auto us = [&](ExchangePhase phase) {
            return fmt::format("{:.17g}", law.time(shape, phase, site(), truth).total().value() * 1e6);
          };
          rows.push_back({"x", "1", fmt::format("{}", hidden), fmt::format("{}", tokens), fmt::format("{}", topk),
                          "256", fmt::format("{}", sms), us(ExchangePhase::dispatch), "0", fmt::format("{}", sms),
                          us(ExchangePhase::combine), "0"});
        }
      }
    }
  }
  const FitOutcome outcome = fit_exchange(normal_table(std::move(rows)), site(), "2026-01-01");
  ASSERT_EQ(outcome.fits.size(), 2u);
  for (const hardware::Fit& fit : outcome.fits) {
    ASSERT_GE(fit.residuals.size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_LE(fit.residuals[i].median, 0.01) << fit.key << fit.residuals[i].group;
    EXPECT_LE(*fit.coefficient("node_share"), 1.0);
  }
}

TEST_F(ExchangeTables, ATableOfOneNodeSaysNothingOfTheNetwork) {
  std::vector<std::vector<std::string>> rows;
  for (const int topk : {1, 2, 4, 8}) {
    for (int tokens = 1; tokens <= 1024; tokens *= 2) {
      const double us = 10.0 + 0.01 * tokens * topk;
      rows.push_back({"x", "1", "4096", fmt::format("{}", tokens), fmt::format("{}", topk), "256",
                      fmt::format("{}", us), "1", fmt::format("{}", us), "1"});
    }
  }
  const FitOutcome outcome = fit_exchange(low_latency_table(std::move(rows)), site(), "2026-01-01");
  ASSERT_EQ(outcome.fits.size(), 2u);
  for (const hardware::Fit& fit : outcome.fits) {
    EXPECT_FALSE(fit.coefficient("network_share").has_value());
    EXPECT_TRUE(fit.coefficient("node_share").has_value());
  }
}

// On measured tables: the bars that the project sets itself.
struct Table {
  const char* gpu;
  const char* file;
};

class MeasuredExchange : public ::testing::TestWithParam<Table> {
 protected:
  void SetUp() override {
    if (data_folder().empty()) GTEST_SKIP() << "ORRERY_DATA is not set";
    path_ = data_folder() / "kernels" / GetParam().gpu / (std::string(GetParam().file) + ".csv");
    cluster_ = cluster_of(GetParam().gpu);
  }

  std::filesystem::path path_;
  hardware::Cluster cluster_;
};

TEST_P(MeasuredExchange, KeptBackRowsAreWithinTheBars) {
  const ErrorReport report = validate_collectives(path_, cluster_.site(0));
  EXPECT_LE(report.all.median_error, 0.06);
  EXPECT_LE(report.all.p95_error, 0.20);
  bool kept = false;
  for (const ErrorSummary& group : report.groups) {
    if (group.name != "unseen_point") continue;
    kept = true;
    EXPECT_LE(group.median_error, 0.06);
    EXPECT_LE(group.p95_error, 0.20);
  }
  EXPECT_TRUE(kept);
  const auto used = static_cast<double>(report.all.rows), skipped = static_cast<double>(report.skipped.size());
  EXPECT_LE(skipped / (used + skipped), 0.10);
}

TEST_P(MeasuredExchange, TheProfileHoldsFitsAsGoodAsTheTables) {
  if (GetParam().file == std::string("deepep_normal")) return;  // seconds of fitting each: the others say as much
  for (const hardware::Fit& fit : fit_table(path_, cluster_.groups[0].gpu, "").fits) {
    const hardware::Fit* stored = cluster_.groups[0].gpu.find_fit(fit.key);
    ASSERT_NE(stored, nullptr) << fit.key;
    ASSERT_EQ(stored->residuals.size(), fit.residuals.size()) << fit.key;
    for (std::size_t i = 0; i < fit.residuals.size(); ++i) {
      EXPECT_EQ(stored->residuals[i].rows, fit.residuals[i].rows) << fit.key;
      EXPECT_NEAR(stored->residuals[i].median, fit.residuals[i].median, 0.003) << fit.key << fit.residuals[i].group;
    }
  }
}

TEST_P(MeasuredExchange, NoShareOfALinkPassesOne) {
  for (const hardware::Fit& fit : cluster_.groups[0].gpu.fits) {
    for (const auto& [name, value] : fit.coefficients) {
      if (name != "node_share" && name != "network_share") continue;
      EXPECT_LE(value, 1.0) << fit.key;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, MeasuredExchange,
                         ::testing::Values(Table{"h100_sxm", "deepep_normal"}, Table{"h200_sxm", "deepep_normal"},
                                           Table{"b200_sxm", "deepep_normal"}, Table{"gb200", "deepep_normal"},
                                           Table{"h100_sxm", "deepep_low_latency"},
                                           Table{"h200_sxm", "deepep_low_latency"},
                                           Table{"b200_sxm", "deepep_low_latency"},
                                           Table{"gb200", "deepep_low_latency"}, Table{"gb200", "nvlink_alltoall"}),
                         [](const auto& one) { return std::string(one.param.gpu) + "_" + one.param.file; });

}  // namespace
}  // namespace orrery::calibrate
