// Tables of collectives over several nodes: what is read, predicted, and skipped with its reason.
#include "calibrate/network_rows.hpp"

#include <cmath>
#include <filesystem>

#include <gmock/gmock.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "sim/collective/collective.hpp"

namespace orrery::calibrate {
namespace {

using ::testing::HasSubstr;

CsvTable eager(std::vector<std::vector<std::string>> rows) {
  return {"t.csv", {"system", "op", "workers", "devices_per_node", "rank", "bytes", "median_us"}, std::move(rows)};
}

ErrorReport eager_report(const CsvTable& table, const hardware::Cluster& node) {
  Machines machines(node.site(0));
  return validate_eager(table, machines);
}

CsvTable published(std::vector<std::vector<std::string>> rows) {
  return {"t.csv",
          {"id", "op", "dtype", "node", "fabric", "gpus", "nodes", "bytes", "busbw_GBps", "source"},
          std::move(rows)};
}

TEST(EagerRows, ArePredictedOverTheirNodes) {
  const CsvTable table = eager({{"h100_dgx", "all_reduce", "8", "8", "0", "67108864", "500"},
                                {"h100_dgx", "send_recv", "2", "1", "0", "36000000", "1014"},
                                {"h100_dgx", "send_recv", "2", "2", "0", "2048", "60"}});
  ASSERT_TRUE(is_eager_table(table));
  const hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "single_node", 1);
  const ErrorReport report = eager_report(table, cluster);
  ASSERT_EQ(report.rows.size(), 3u);
  EXPECT_EQ(report.rows[0].predicted,
            sim::collective_time({sim::CollectiveKind::all_reduce, Bytes{67108864.0}, 8, 1}, cluster.site(0)).value());
  // 14 us and 36 GB/s of one pair, behind a leaf of the fabric.
  EXPECT_NEAR(report.rows[1].predicted, 1014e-6, 3e-6);
  EXPECT_EQ(report.rows[1].measured, 1014e-6);
  EXPECT_EQ(report.rows[1].group, "unseen_family");
  EXPECT_EQ(report.rows[2].group, "host_bound") << "below 1 MiB launches are slower than links";
  EXPECT_EQ(report.rows[1].family, "send_recv, h100_dgx, 2 GPUs of 2 nodes");
}

TEST(EagerRows, OfAnotherMachineAreSkippedByName) {
  const CsvTable table = eager({{"a100_dgx", "all_reduce", "16", "8", "0", "1048576", "500"},
                                {"h100_dgx", "broadcast", "8", "8", "0", "1048576", "500"},
                                {"h100_dgx", "all_reduce", "9", "8", "0", "1048576", "500"},
                                {"h100_dgx", "all_reduce", "16", "16", "0", "1048576", "500"},
                                {"mi300", "all_reduce", "8", "8", "0", "1048576", "500"}});
  const hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "single_node", 1);
  const ErrorReport report = eager_report(table, cluster);
  EXPECT_TRUE(report.rows.empty());
  ASSERT_EQ(report.skipped.size(), 5u);
  EXPECT_EQ(report.skipped[0].reason, "measured on a100_sxm (--gpu)");
  EXPECT_EQ(report.skipped[1].reason, "unknown operation");
  EXPECT_THAT(report.skipped[2].reason, HasSubstr("as many on each node"));
  EXPECT_EQ(report.skipped[3].reason, "a node has 8 GPUs");
  EXPECT_EQ(report.skipped[4].reason, "an unknown system \"mi300\"");
  EXPECT_THROW((void)eager_report(eager({{"h100_dgx", "all_reduce", "8", "8", "0", "many", "1"}}), cluster),
               hardware::ConfigError);
}

TEST(EagerRows, OfBridgedPairsNeedANodeWithBridges) {
  const CsvTable table = eager({{"a100_pairwise_nvlink", "send_recv", "2", "2", "0", "67108864", "500"}});
  const hardware::Cluster box = hardware::make_cluster("a100_pcie_box", "single_node", 1);
  const hardware::Cluster bridged = hardware::make_cluster("a100_pcie_bridged_box", "single_node", 1);
  EXPECT_THAT(eager_report(table, box).skipped.at(0).reason, HasSubstr("a100_pcie_box has no bridge (--node)"));
  EXPECT_EQ(eager_report(table, bridged).rows.size(), 1u);
}

TEST(PublishedRows, HaveAnErrorEach) {
  const CsvTable table =
      published({{"a", "all_reduce", "float", "dgx_h100", "rail_fat_tree_ndr", "32", "4", "4294967296", "330.9", "s"},
                 {"b", "all_reduce", "half", "dgx_h100", "single_node", "8", "1", "8589934592", "479.7", "s"}});
  ASSERT_TRUE(is_published_table(table));
  const ErrorReport report = validate_published(table, {});
  ASSERT_EQ(report.rows.size(), 2u);
  EXPECT_EQ(report.rows[0].metric, "busbw_bytes_per_s");
  EXPECT_EQ(report.rows[0].id, "a");
  EXPECT_DOUBLE_EQ(report.rows[0].measured, 330.9e9);
  const hardware::Cluster four = hardware::make_cluster("dgx_h100", "rail_fat_tree_ndr", 4);
  const Seconds time =
      sim::collective_time({sim::CollectiveKind::all_reduce, Bytes{4294967296.0}, 32, 4}, four.site(0));
  EXPECT_DOUBLE_EQ(report.rows[0].predicted, 4294967296.0 * 1.9375 / time.value());
  EXPECT_LT(report.rows[1].error(), 0.05);
  EXPECT_EQ(validate_published(table, "h200_sxm").skipped.at(0).reason, "of h100_sxm (--gpu)");
}

TEST(PublishedRows, ThatCannotBePredictedSayWhy) {
  const auto why = [](const char* op, const char* dtype, const char* node, const char* gpus, const char* nodes) {
    const ErrorReport report = validate_published(
        published({{"a", op, dtype, node, "rail_fat_tree_ndr", gpus, nodes, "1048576", "100", "s"}}), {});
    return report.skipped.empty() ? std::string("none") : report.skipped[0].reason;
  };
  EXPECT_EQ(why("all_reduce", "half", "dgx_h100", "16", "2"), "none");
  EXPECT_EQ(why("scan", "half", "dgx_h100", "16", "2"), "unknown operation");
  EXPECT_EQ(why("all_reduce", "quad", "dgx_h100", "16", "2"), "unknown type \"quad\"");
  EXPECT_THAT(why("all_reduce", "half", "dgx_h10", "16", "2"), HasSubstr("dgx_h100"));
  EXPECT_EQ(why("all_reduce", "half", "dgx_h100", "32", "2"), "a node has 8 GPUs");
  EXPECT_THAT(why("all_reduce", "half", "dgx_h100", "15", "2"), HasSubstr("as many on each node"));
  EXPECT_EQ(why("all_reduce", "int4", "dgx_h100", "16", "2"),
            "all_reduce of int4: NCCL sums no such elements, it can only move their bytes");
  EXPECT_EQ(why("all_gather", "int4", "dgx_h100", "16", "2"), "none") << "bytes can be moved";
}

// What NCCL would do instead is no prediction of the row. Trees go through no all_gather; an NVLS tree joins nodes.
TEST(PublishedRows, OfAnAlgorithmThatNcclDoesNotHaveForThemAreSkipped) {
  const auto why = [](const char* op, const char* algorithm, const char* gpus, const char* nodes) {
    CsvTable table = published(
        {{"a", op, "half", "dgx_h100", "rail_fat_tree_ndr", gpus, nodes, "268435456", "300", "s", algorithm}});
    table.columns.push_back("algorithm");
    const ErrorReport report = validate_published(table, {});
    return report.skipped.empty() ? std::string("none") : report.skipped[0].reason;
  };
  for (const char* algorithm : {"nvls_tree", "tree"}) {
    EXPECT_THAT(why("all_gather", algorithm, "16", "2"),
                HasSubstr(std::string("algorithm: ") + algorithm + " is nothing that NCCL has for all_gather"));
    EXPECT_EQ(why("all_reduce", algorithm, "16", "2"), "none");
  }
  EXPECT_THAT(why("all_reduce", "nvls_tree", "8", "1"),
              HasSubstr("algorithm: nvls_tree: NCCL lays no nvls_tree for all_reduce over 8 GPUs of 1 node"));
  EXPECT_EQ(why("all_gather", "ring", "16", "2"), "none");
}

TEST(PublishedRows, OfTheLibraryAreAllRead) {
  const ErrorReport report =
      validate_published(read_csv(hardware::data_root() / "scenarios/library/collectives/bus_bandwidths.csv"), {});
  EXPECT_EQ(report.skipped.size(), 0u);
  EXPECT_EQ(report.rows.size(), 39u);
  for (const PredictedRow& row : report.rows) EXPECT_TRUE(std::isfinite(row.error())) << row.id;
}

// Bars of published bandwidths over several nodes. Of EFA's four rows 256 MiB and 4 GiB were fitted, the others not
// seen.
TEST(PublishedRows, FromASixteenthOfAGibibyteOnOverSeveralNodesAreWithinATenth) {
  const ErrorReport report =
      validate_published(read_csv(hardware::data_root() / "scenarios/library/collectives/bus_bandwidths.csv"), {});
  int seen = 0;
  for (const PredictedRow& row : report.rows) {
    const bool large =
        row.id.find("-268435456") != std::string::npos || row.id.find("-1073741824") != std::string::npos ||
        row.id.find("-2147483648") != std::string::npos || row.id.find("-4294967296") != std::string::npos ||
        row.id.find("-17179869184") != std::string::npos;
    if (row.family.find(" of 1 node") != std::string::npos || !large) continue;
    EXPECT_LE(std::abs(row.error()), 0.10) << row.id;
    ++seen;
  }
  EXPECT_EQ(seen, 5);
}

TEST(PublishedRows, TakeTheAlgorithmThatTheyName) {
  CsvTable table = published({});
  table.columns.push_back("algorithm");
  const auto row = [](const char* algorithm) {
    return std::vector<std::string>{"a",         "all_reduce", "half",     "dgx_h100", "rail_fat_tree_ndr", "32", "4",
                                    "268435456", "300",        "somebody", algorithm};
  };
  table.rows = {row(""), row("ring"), row("tree"), row("rings")};
  const ErrorReport report = validate_published(table, {});
  ASSERT_EQ(report.rows.size(), 3u);
  hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "rail_fat_tree_ndr", 4);
  sim::CollectiveCall call{sim::CollectiveKind::all_reduce, Bytes{268435456.0}, 32, 4};
  call.dtype = Dtype::fp16;
  for (const char* algorithm : {"ring", "tree"}) {
    cluster.nccl.algorithms = hardware::parse_nccl_algorithms(algorithm).list;
    const double time = sim::collective_time(call, cluster.site(0)).value();
    EXPECT_NEAR(report.rows[algorithm == std::string("ring") ? 1 : 2].predicted, 268435456.0 * 62.0 / 32.0 / time, 1.0);
  }
  EXPECT_NE(report.rows[1].predicted, report.rows[2].predicted);
  ASSERT_EQ(report.skipped.size(), 1u);
  EXPECT_THAT(report.skipped[0].reason, HasSubstr("rings"));
  table.rows = {row("ring")};
  table.rows[0][1] = "all_to_all";
  EXPECT_THAT(validate_published(table, {}).skipped.at(0).reason, HasSubstr("NCCL has no algorithm for it"));
  table.rows = {row("")};
  table.rows[0][4] = "torus_v5p";
  EXPECT_EQ(validate_published(table, {}).skipped.size(), 1u) << "GPUs on a torus of chips";
  table.columns.back() = "algoritm";
  EXPECT_THROW((void)validate_published(table, {}), hardware::ConfigError);
}

TEST(EagerRows, OfTheMeasuredTableAreRead) {
  const std::filesystem::path table = data_folder() / "kernels/vidur_network.csv.gz";
  if (data_folder().empty() || !std::filesystem::exists(table)) GTEST_SKIP() << "no measured tables";
  const hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "single_node", 1);
  const ErrorReport report = eager_report(read_csv(table), cluster);
  EXPECT_EQ(report.rows.size(), 3792u) << "all of h100_dgx";
  EXPECT_EQ(report.rows.size() + report.skipped.size(), 15361u);
}

}  // namespace
}  // namespace orrery::calibrate
