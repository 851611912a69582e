// Scenarios of unlike nodes: cluster.nodes as a list of groups.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kMixed = R"(scenario: "Two kinds of node"
model: gpt2-124m
cluster:
  nodes:
    - {node: dgx_h100, count: 2}
    - {node: dgx_a100, count: 1, price: 1.5 USD/h, gpu_memory: 60 GiB}
  fabric: rail_fat_tree_ndr
training:
  sequence_length: 1024
  global_batch_size: 48
  micro_batch_size: 2
)";

class UnlikeNodes : public FolderTest {
 protected:
  nlohmann::json run(const std::string& text, const std::vector<std::string>& set = {}) {
    std::vector<std::string> args = {"run", write("mixed.yaml", text), "--json", path("report.json")};
    for (const std::string& each : set) args.insert(args.end(), {"--set", each});
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    text_ = outcome.out;
    return nlohmann::json::parse(read_file(path("report.json")));
  }
  std::string error_of(const std::string& text) {
    const Outcome outcome = orrery({"run", write("mixed.yaml", text)});
    EXPECT_EQ(outcome.code, kExitInput) << outcome.out;
    return outcome.err;
  }
  static double step_of(const nlohmann::json& report) { return report.at("training").at("step_time_s").get<double>(); }

  std::string text_;
};

TEST_F(UnlikeNodes, AreReportedGroupByGroup) {
  const nlohmann::json report = run(kMixed);
  const auto& cluster = report.at("scenario").at("cluster");
  EXPECT_EQ(cluster.at("nodes"), 3);
  EXPECT_EQ(cluster.at("gpus"), 24);
  ASSERT_EQ(cluster.at("groups").size(), 2u);
  EXPECT_EQ(cluster.at("groups")[0].at("gpu"), "h100_sxm");
  EXPECT_EQ(cluster.at("groups")[1].at("node"), "dgx_a100");
  EXPECT_EQ(cluster.at("groups")[1].at("gpu_memory_bytes"), 60.0 * 1073741824.0);
  EXPECT_THAT(text_, HasSubstr("2 x dgx_h100 + 1 x dgx_a100 (24 GPUs, h100_sxm + a100_sxm), rail_fat_tree_ndr"));
  std::set<std::string> gpus;
  for (const auto& line : report.at("provenance")) {
    if (line.at("kind") == "gpu") gpus.insert(line.at("name"));
  }
  EXPECT_EQ(gpus, (std::set<std::string>{"a100_sxm", "h100_sxm"}));
}

TEST_F(UnlikeNodes, GoAtThePaceOfTheSlower) {
  const nlohmann::json mixed = run(kMixed);
  const std::string of_one = replaced(kMixed, "{node: dgx_h100, count: 2}", "{node: dgx_a100, count: 2}");
  const nlohmann::json slow = run(of_one);
  const nlohmann::json fast = run(replaced(kMixed, "node: dgx_a100, count: 1", "node: dgx_h100, count: 1"));
  // A little slower than the slower alone: NCCL 2.28 has no LL128 between GPUs of unlike compute capability.
  EXPECT_GE(step_of(mixed), step_of(slow));
  EXPECT_LT(step_of(mixed), 1.05 * step_of(slow));
  EXPECT_LT(step_of(fast), step_of(mixed));
  // The smaller memory and the mean of prices are those of the group.
  EXPECT_EQ(mixed.at("memory").at("capacity_bytes"), slow.at("memory").at("capacity_bytes"));
  const double hours = mixed.at("cost").at("gpu_hours"), usd = mixed.at("cost").at("usd");
  const double h100 = fast.at("scenario").at("cluster").at("groups")[0].at("price_usd_per_gpu_hour");
  EXPECT_NEAR(usd / hours, (2.0 * h100 + 1.5) / 3.0, 1e-9);
}

TEST_F(UnlikeNodes, AreReachedByOverrides) {
  EXPECT_EQ(
      run(kMixed, {"cluster.nodes.1.count=4", "training.data_parallel=24"}).at("scenario").at("cluster").at("gpus"),
      48);
  EXPECT_EQ(run(kMixed, {"cluster.nodes.1.gpu=a100_sxm_40gb"}).at("scenario").at("cluster").at("groups")[1].at("gpu"),
            "a100_sxm_40gb");
}

TEST_F(UnlikeNodes, OneGroupIsWhatTheShortFormSays) {
  const std::string one =
      replaced(kMixed, "    - {node: dgx_a100, count: 1, price: 1.5 USD/h, gpu_memory: 60 GiB}\n", "");
  nlohmann::json list = run(replaced(one, "count: 2", "count: 3"));
  const std::string scalar =
      replaced(replaced(one, "  nodes:\n    - {node: dgx_h100, count: 2}\n", "  node: dgx_h100\n  nodes: 3\n"),
               "Two kinds", "Two kinds");
  nlohmann::json plain = run(scalar);
  list.erase("engine");
  plain.erase("engine");
  EXPECT_EQ(list, plain);
}

TEST_F(UnlikeNodes, ExplainSaysWhichGpuAKernelRunsOn) {
  const Outcome outcome = orrery({"explain", write("mixed.yaml", kMixed)});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr(" on h100_sxm"), HasSubstr(" on a100_sxm"), HasSubstr("at the pace of a100_sxm"),
                    HasSubstr("Facts of h100_sxm"), HasSubstr("Facts of a100_sxm")));
}

TEST_F(UnlikeNodes, ExplainTellsGroupsOfOneGpuApart) {
  const std::string text = replaced(kMixed, "{node: dgx_a100, count: 1, price: 1.5 USD/h, gpu_memory: 60 GiB}",
                                    "{node: dgx_h100, count: 1, gpu_memory_bandwidth: 500 GB/s}");
  const Outcome outcome = orrery({"explain", write("mixed.yaml", text), "--metric", "training.compute_s"});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("on h100_sxm of node group 0"), HasSubstr("on h100_sxm of node group 1")));
  EXPECT_THAT(outcome.out, ::testing::Not(HasSubstr("kernels  -"))) << "no gap is negative";
}

TEST_F(UnlikeNodes, AreNeitherTooManyNorTooLarge) {
  std::string groups;
  for (int i = 0; i < 65; ++i) groups += std::string(i > 0 ? ", " : "") + "{node: dgx_h100, count: 9999999}";
  const auto with = [](const std::string& list) {
    return "scenario: x\nmodel: gpt2-124m\ncluster: {nodes: [" + list +
           "], fabric: rail_fat_tree_ndr}\ntraining: {sequence_length: 8, global_batch_size: 8}\n";
  };
  EXPECT_THAT(error_of(with(groups)), AllOf(HasSubstr("mixed.yaml:3:"), HasSubstr("at most 64")));
  EXPECT_THAT(error_of(with("{node: dgx_h100, count: 9999999}, {node: dgx_a100, count: 9999999}")),
              AllOf(HasSubstr("mixed.yaml:3:"), HasSubstr("19999998 nodes are more than")));
  EXPECT_THAT(error_of(with("{node: dgx_h100, count: 1, gpus: 4}")), HasSubstr("gpu"));
}

TEST_F(UnlikeNodes, TwoJobsMayHaveAKindEach) {
  const nlohmann::json report = run(R"(scenario: "A kind each"
model: gpt2-124m
cluster:
  nodes: [{node: dgx_h100, count: 1}, {node: dgx_a100, count: 1}]
  fabric: rail_fat_tree_ndr
jobs:
  - name: fast
    training: {sequence_length: 1024, global_batch_size: 16, micro_batch_size: 2, data_parallel: 8}
  - name: slow
    placement: {first_node: 1}
    training: {sequence_length: 1024, global_batch_size: 16, micro_batch_size: 2, data_parallel: 8}
)");
  const auto step = [&](int job) { return report.at("jobs")[job].at("training").at("step_time_s").get<double>(); };
  EXPECT_LT(step(0), step(1));
}

TEST_F(UnlikeNodes, WhatCannotBeIsAnErrorInItsPlace) {
  EXPECT_THAT(error_of(replaced(kMixed, "node: dgx_a100", "node: dgx_a101")),
              AllOf(HasSubstr("mixed.yaml:6:14"), HasSubstr("dgx_a100")));
  EXPECT_THAT(error_of(replaced(kMixed, ", count: 2", "")), AllOf(HasSubstr("mixed.yaml:5:7"), HasSubstr("count")));
  EXPECT_THAT(error_of(replaced(kMixed, "count: 2", "count: 0")), HasSubstr("mixed.yaml:5:31"));
  EXPECT_THAT(error_of(replaced(kMixed, "count: 2", "cuont: 2")), HasSubstr("cuont"));
  EXPECT_THAT(error_of(replaced(kMixed, "  fabric:", "  gpu_memory: 70 GiB\n  fabric:")),
              AllOf(HasSubstr("mixed.yaml:7:"), HasSubstr("'gpu_memory' belongs to a group of nodes here")));
  EXPECT_THAT(error_of(replaced(kMixed, "  fabric: rail_fat_tree_ndr\n", "")), HasSubstr("fabric"));
  EXPECT_THAT(error_of(replaced(kMixed, "{node: dgx_a100,", "{node: a100_pcie_box,")),
              AllOf(HasSubstr("mixed.yaml:5:"), HasSubstr("equally many network cards")));
  EXPECT_THAT(error_of(replaced(kMixed, "60 GiB", "100 MiB")), HasSubstr("cluster.nodes.1.gpu_memory"));
  EXPECT_THAT(error_of("scenario: x\nmodel: gpt2-124m\ncluster: {nodes: []}\n" +
                       std::string("training: {sequence_length: 8, global_batch_size: 8}\n")),
              AllOf(HasSubstr("mixed.yaml:3:"), HasSubstr("at least one {node, count}")));
}

TEST_F(UnlikeNodes, AnEngineStandsOnOneKind) {
  const std::string serving = R"(scenario: "Serve on both"
model: llama-3-8b
cluster:
  nodes: [{node: dgx_h100, count: 1}, {node: dgx_a100, count: 1}]
  fabric: rail_fat_tree_ndr
serving:
  tensor_parallel: 4
  replicas: 4
  load: {arrivals: burst, requests: 40, input: 100, output: 20}
)";
  const nlohmann::json report = run(serving);
  EXPECT_EQ(report.at("serving").at("requests"), 40);
  EXPECT_THAT(
      error_of(replaced(replaced(serving, "tensor_parallel: 4", "tensor_parallel: 16"), "replicas: 4", "replicas: 1")),
      AllOf(HasSubstr("mixed.yaml:7:"), HasSubstr("unlike GPUs, h100_sxm in dgx_h100 and a100_sxm")));
}

}  // namespace
}  // namespace orrery::scenarios::testing
