// orrery validate collectives: rows over several nodes, the machine that they are predicted on, and logs of nccl-tests.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/catalogue/catalogue.hpp"
#include "sim/collective/collective.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kColumns = "op,dtype,gpus,bytes,time_us\n";
// NVIDIA/nccl-tests issue 153: 16 H800 of two nodes. NVIDIA/nccl issue 1357: 24 A100 of three.
constexpr const char* kTwoNodes = "all_reduce,float32,16,8589934592,100038.1\n";
constexpr const char* kThreeNodes = "op,dtype,gpus,nodes,bytes,time_us\nall_reduce,float32,24,3,134217728,2673\n";

class ValidateCollectives : public FolderTest {
 protected:
  Outcome validated(const std::string& table, std::vector<std::string> more) const {
    std::vector<std::string> args = {"validate", "collectives", write("t.csv", table)};
    args.insert(args.end(), more.begin(), more.end());
    return orrery(args);
  }
  json report(const std::string& table, std::vector<std::string> more) const {
    more.insert(more.end(), {"-q", "--json", "-"});
    const Outcome outcome = validated(table, std::move(more));
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    return json::parse(outcome.out, nullptr, false);
  }
  std::string refusal(const std::string& table, std::vector<std::string> more) const {
    const Outcome outcome = validated(table, std::move(more));
    EXPECT_EQ(outcome.code, kExitInput) << outcome.out;
    return outcome.err;
  }
};

/// An all_reduce of fp32 over whole nodes of the library.
double seconds(double bytes, int ranks, int nodes, const char* node, const char* fabric) {
  const hardware::Cluster cluster = hardware::make_cluster(node, fabric, nodes);
  sim::CollectiveCall call{sim::CollectiveKind::all_reduce, Bytes{bytes}, ranks, nodes};
  call.dtype = Dtype::fp32;
  return sim::collective_time(call, cluster.site(0)).value();
}

TEST_F(ValidateCollectives, GpusBeyondANodeAreOfWholeNodes) {
  const json r = report(std::string(kColumns) + kTwoNodes, {"--gpu", "h800_sxm"});
  ASSERT_EQ(r["rows"], 1);
  EXPECT_EQ(r["all"][0]["group"], "over_nodes");
  EXPECT_EQ(r["all"][0]["description"], "all_reduce of 8589934592 bytes (float32) on 16 GPUs of 2 nodes");
  const std::string node = hardware::node_with("h800_sxm");
  EXPECT_DOUBLE_EQ(r["all"][0]["predicted"].get<double>(),
                   seconds(8589934592.0, 16, 2, node.c_str(), "rail_fat_tree_ndr"));
  EXPECT_DOUBLE_EQ(r["all"][0]["measured"].get<double>(), 0.1000381);
  EXPECT_EQ(r["groups"].back()["name"], "all_reduce, 16 GPUs of 2 nodes");
  ASSERT_EQ(r["notes"].size(), 2U);
  EXPECT_EQ(r["notes"][0], "16 GPUs are taken as those of whole nodes of 8: the table has no column nodes");
  EXPECT_EQ(r["notes"][1],
            "over 2 nodes: 2 x " + node +
                " with 8 cards of 50 GB/s each, rail_fat_tree_ndr (assumed: --fabric, or --cluster, says "
                "another)");
  const Outcome text = validated(std::string(kColumns) + kTwoNodes, {"--gpu", "h800_sxm"});
  EXPECT_THAT(text.out, HasSubstr("\nNote: 16 GPUs are taken as those of whole nodes of 8"));
}

TEST_F(ValidateCollectives, TheNodesOfARowAreItsColumn) {
  for (const char* column : {"nodes", "num_nodes"}) {
    const json r = report(replaced(kThreeNodes, "nodes", column), {"--gpu", "a100_sxm"});
    ASSERT_EQ(r["rows"], 1) << column;
    EXPECT_DOUBLE_EQ(r["all"][0]["predicted"].get<double>(),
                     seconds(134217728.0, 24, 3, "dgx_a100", "rail_fat_tree_hdr"));
    EXPECT_THAT(r["notes"].dump(), AllOf(HasSubstr("3 x dgx_a100"), Not(HasSubstr("no column nodes"))));
  }
  // Two GPUs of each of four nodes are no eight of one.
  const std::string spread = "op,dtype,gpus,nodes,bytes,time_us\nall_reduce,float32,8,4,134217728,9000\n";
  EXPECT_DOUBLE_EQ(report(spread, {"--gpu", "a100_sxm"})["all"][0]["predicted"].get<double>(),
                   seconds(134217728.0, 8, 4, "dgx_a100", "rail_fat_tree_hdr"));
}

TEST_F(ValidateCollectives, RowsOfOneNodeAreAsBefore) {
  const std::string rows = "all_reduce,half,8,1048576,30\n";
  const json bare = report(kColumns + rows, {"--gpu", "h100_sxm"});
  const json said =
      report("op,dtype,gpus,bytes,time_us,nodes\nall_reduce,half,8,1048576,30,1\n", {"--gpu", "h100_sxm"});
  EXPECT_EQ(bare["all"], said["all"]);
  EXPECT_FALSE(bare.contains("notes"));
  EXPECT_NE(bare["all"][0]["group"], "over_nodes");
}

TEST_F(ValidateCollectives, WhatCannotBeIsSkippedWithItsReason) {
  const auto why = [&](const std::string& row, const char* columns = "op,dtype,gpus,nodes,bytes,time_us\n") {
    const Outcome outcome = validated(columns + row + "\n", {"--gpu", "h100_sxm", "-q", "--json", "-"});
    EXPECT_EQ(outcome.code, kExitFinding);
    return json::parse(outcome.out)["skipped_rows"][0]["reason"].get<std::string>();
  };
  EXPECT_EQ(why("all_reduce,half,12,1048576,30", kColumns), "a node has 8 GPUs, and 12 are of no whole nodes");
  EXPECT_EQ(why("all_reduce,half,16,1,1048576,30"), "a node has 8 GPUs");
  EXPECT_EQ(why("all_reduce,half,16,3,1048576,30"), "16 GPUs are not as many on each of 3 nodes");
  EXPECT_EQ(why("all_reduce,half,16,0,1048576,30"), "16 GPUs are not as many on each of 0 nodes");
  EXPECT_THAT(why("all_reduce,int4,16,2,1048576,30"), HasSubstr("NCCL sums no such elements"));
}

TEST_F(ValidateCollectives, AnotherClusterOrNetworkIsThatOfTheRows) {
  const std::string table = std::string(kColumns) + kTwoNodes;
  const auto time = [&](const std::vector<std::string>& more) {
    return report(table, more)["all"][0]["predicted"].get<double>();
  };
  const double wide = seconds(8589934592.0, 16, 2, "dgx_h100", "rail_fat_tree_ndr");
  const double narrow = seconds(8589934592.0, 16, 2, "dgx_h100", "fat_tree_ndr_oversubscribed_7to1");
  EXPECT_DOUBLE_EQ(time({"--cluster", "dgx_h100"}), wide);
  for (const char* option : {"--fabric", "--network"}) {
    EXPECT_DOUBLE_EQ(time({"--gpu", "h100_sxm", "--node", "dgx_h100", option, "fat_tree_ndr_oversubscribed_7to1"}),
                     narrow);
  }
  const std::string file = write("c.yaml", "cluster: {node: dgx_h100, nodes: 4, fabric: rail_fat_tree_ndr}\n");
  EXPECT_DOUBLE_EQ(time({"--cluster", file}), seconds(8589934592.0, 16, 2, "dgx_h100", "rail_fat_tree_ndr"));
  const json described = report(table, {"--cluster", file});
  EXPECT_THAT(described["notes"].dump(), Not(HasSubstr("assumed")));
  // A node of one's own, by its path.
  const std::string own = write("own.yaml", read_file(hardware::data_root() / "hardware/profiles/nodes/dgx_h100.yaml"));
  EXPECT_DOUBLE_EQ(time({"--cluster", own}), wide);
}

TEST_F(ValidateCollectives, MachinesThatContradictAreRefused) {
  const std::string table = std::string(kColumns) + kTwoNodes;
  const std::string file = write("c.yaml", "cluster: {node: dgx_h100, nodes: 1}\n");
  EXPECT_THAT(refusal(table, {}), HasSubstr("validate collectives needs --gpu NAME (orrery list gpus), or --cluster"));
  EXPECT_THAT(refusal(table, {"--cluster", "dgx_h10"}), HasSubstr("did you mean 'dgx_h100'"));
  EXPECT_THAT(refusal(table, {"--cluster", "dgx_h100", "--fabric", "rail_fat_tre_ndr"}),
              HasSubstr("did you mean 'rail_fat_tree_ndr'"));
  EXPECT_THAT(refusal(table, {"--cluster", file, "--fabric", "rail_fat_tree_ndr"}),
              HasSubstr("c.yaml, whose cluster has one"));
  EXPECT_THAT(refusal(table, {"--cluster", file, "--gpu", "a100_sxm"}), HasSubstr("whose GPUs are h100_sxm"));
  EXPECT_THAT(refusal(table, {"--cluster", file, "--node", "dgx_h100"}), HasSubstr("--node beside --cluster"));
  const Outcome few = validated(table, {"--cluster", file});
  EXPECT_EQ(few.code, kExitFinding);
  EXPECT_THAT(few.out, HasSubstr("the cluster has 1 node"));
  const std::string kernels = write("k.csv", "dtype,m,n,k,time_us\nbf16,1,1,1,1\n");
  EXPECT_THAT(orrery({"validate", "kernels", kernels, "--gpu", "h100_sxm", "--cluster", "dgx_h100"}).err,
              HasSubstr("--cluster, --fabric and --node are of collectives"));
}

/// As nccl-tests 2.17 prints it on two hosts of `each` GPUs.
std::string log_of(int hosts, int each, const char* board) {
  std::string text =
      "# Collective test starting: all_reduce_perf\n"
      "# nThread 1 nGpus 1 minBytes 8589934592 maxBytes 8589934592 step: 2(factor) warmup iters: 5 iters: 20 agg "
      "iters: 1 "
      "validation: 1 graph: 0\n#\n# Using devices\n";
  for (int i = 0; i < hosts * each; ++i) {
    text += "#  Rank " + std::to_string(i) + " Group  0 Pid " + std::to_string(100 + i) + " on  host-" +
            std::to_string(i / each) + " device  " + std::to_string(i % each) + " [0000:1b:00] " + board + "\n";
  }
  return text +
         "#\n"
         "#                                                              out-of-place                       in-place\n"
         "#       size         count      type   redop    root     time   algbw   busbw  #wrong     time   algbw   "
         "busbw\n"
         "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)             (us)  (GB/s)\n"
         "  8589934592    2147483648     float     sum      -1   100038   85.87  161.00       0   100100   85.81  "
         "160.90\n"
         "# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 160.95\n";
}

TEST_F(ValidateCollectives, WhatNcclTestsPrintedIsATable) {
  const json r = report(log_of(2, 8, "NVIDIA H800"), {});
  ASSERT_EQ(r["rows"], 1) << "the board is the log's";
  const json table = report(std::string(kColumns) + replaced(kTwoNodes, "100038.1", "100038"), {"--gpu", "h800_sxm"});
  EXPECT_EQ(r["all"][0]["predicted"], table["all"][0]["predicted"]);
  EXPECT_EQ(r["all"][0]["measured"], table["all"][0]["measured"]);
  EXPECT_EQ(r["all"][0]["line"], 25);
  EXPECT_EQ(r["groups"].back()["name"], "all_reduce, 16 GPUs of 2 nodes");
  EXPECT_THAT(r["notes"].dump(), Not(HasSubstr("no column nodes"))) << "the log lists its hosts";
  // As the command that lays a log beside its own table.
  const Outcome collective =
      orrery({"collective", "all_reduce", "--cluster", hardware::node_with("h800_sxm"), "--nodes", "2", "--compare",
              write("perf.log", log_of(2, 8, "NVIDIA H800")), "-q", "--json", path("c.json")});
  ASSERT_EQ(collective.code, kExitWell) << collective.err;
  const json compared = json::parse(read_file(path("c.json")));
  EXPECT_THAT(compared.dump(), HasSubstr(r["all"][0]["predicted"].dump()));
}

TEST_F(ValidateCollectives, LogsThatDoNotSayEnoughAreSkippedOrRefused) {
  const auto why = [&](const std::string& log, const char* gpu) {
    const Outcome outcome = validated(log, {"--gpu", gpu, "-q", "--json", "-"});
    EXPECT_EQ(outcome.code, kExitFinding);
    return json::parse(outcome.out)["skipped_rows"][0]["reason"].get<std::string>();
  };
  const std::string log = log_of(2, 8, "NVIDIA H800");
  EXPECT_EQ(why(log, "a100_sxm"), "measured on NVIDIA H800 (--gpu)");
  EXPECT_THAT(why(log_of(0, 8, ""), "h800_sxm"), HasSubstr("the log lists no ranks"));
  EXPECT_THAT(why(replaced(log, "all_reduce_perf", "tests"), "h800_sxm"), HasSubstr("the log names no test"));
  EXPECT_EQ(why(replaced(log, "all_reduce_perf", "sendrecv_perf"), "h800_sxm"), "unknown operation");
  EXPECT_THAT(refusal(log_of(0, 8, ""), {}), HasSubstr("needs --gpu NAME"));
  EXPECT_THAT(refusal(replaced(log, "100038", "many"), {"--gpu", "h800_sxm"}),
              HasSubstr("t.csv:25:56: the time 'many' is no positive number of microseconds"));
}

// The cards that the reports name: 8 of 100 Gb/s, which 161 GB/s are a tree above the switches of; 4 of HDR.
TEST_F(ValidateCollectives, OfCardsThatAreToldIsAsMeasured) {
  const std::string h800 = write("h800.yaml",
                                 "cluster:\n  node: hgx_h800\n  nodes: 2\n  fabric: rail_fat_tree_ndr\n"
                                 "  nic_bandwidth: 100 Gb/s\n");
  EXPECT_LT(report(std::string(kColumns) + kTwoNodes, {"--cluster", h800}).at("all").at(0).at("error"), 0.05);
  const std::string a100 = write("a100.yaml",
                                 "cluster:\n  node: dgx_a100\n  nodes: 3\n  fabric: rail_fat_tree_hdr\n"
                                 "  nics: 4\n");
  const json row = report(kThreeNodes, {"--cluster", a100}).at("all").at(0);
  EXPECT_GT(row.at("predicted"), row.at("measured")) << "four cards are no faster than 96 GB/s of 100";
}

TEST_F(ValidateCollectives, TakesAnEmptyCellOfNodesAsNoWordOnThem) {
  const auto predicted = [&](const std::string& table) {
    return report(table, {"--gpu", "h800_sxm"}).at("all").at(0).at("predicted").get<double>();
  };
  const std::string row = "all_reduce,float32,16,,8589934592,100038.1\n";
  EXPECT_EQ(predicted("op,dtype,gpus,nodes,bytes,time_us\n" + row), predicted(std::string(kColumns) + kTwoNodes));
}

}  // namespace
}  // namespace orrery::scenarios::testing
