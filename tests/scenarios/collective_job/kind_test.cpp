// `collective:` from a file to a report, and fabrics that it is called on.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/collective_job/job.hpp"
#include "scenarios/report.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSmall =
    "scenario: \"small\"\n"
    "cluster:\n"
    "  node: dgx_h100\n"
    "  nodes: 2\n"
    "  fabric: rail_fat_tree_ndr\n"
    "collective:\n"
    "  operation: all_reduce\n"
    "  bytes: 64 MiB\n";

class CollectiveJob : public FolderTest {
 protected:
  std::string error_of(const std::string& from, const std::string& to) const {
    const Outcome outcome = orrery({"run", write("s.yaml", replaced(kSmall, from, to))});
    EXPECT_EQ(outcome.code, 2) << outcome.out;
    return outcome.err;
  }
};

TEST_F(CollectiveJob, NeedsNoModelAndReportsNone) {
  const Outcome outcome = orrery({"run", write("s.yaml", kSmall), "--json", path("r.json")});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("Collective: all_reduce of 64.00 MiB among 16 GPUs"), Not(HasSubstr("parameters"))));
  const auto report = nlohmann::json::parse(read_file(path("r.json")));
  EXPECT_FALSE(report.contains("model"));
  EXPECT_FALSE(report["scenario"].contains("model"));
  EXPECT_EQ(report["scenario"]["collective"]["gpus"], 16);
  const double time = report["collective"]["time_s"], alone = report["collective"]["alone_s"];
  EXPECT_DOUBLE_EQ(time, alone);
  EXPECT_NEAR(report["collective"]["bus_bytes_per_s"], 67108864.0 / time * 2 * 15 / 16, 1.0);
  EXPECT_NEAR(report["cost"]["gpu_hours"], 16 * time / 3600, 1e-15);
}

TEST_F(CollectiveJob, TakesTheTimeOfTheCollectiveTable) {
  const std::string file = write("s.yaml", kSmall);
  ASSERT_EQ(
      orrery({"collective", "all_reduce", "--cluster", file, "--bytes", "64MiB", "--json", path("t.json"), "--quiet"})
          .code,
      0);
  ASSERT_EQ(orrery({"run", file, "--json", path("r.json"), "--quiet"}).code, 0);
  const auto table = nlohmann::json::parse(read_file(path("t.json")));
  const auto report = nlohmann::json::parse(read_file(path("r.json")));
  EXPECT_NEAR(table["rows"][0]["time_s"].get<double>(), report["collective"]["time_s"].get<double>(), 1e-12);
}

// Every hop of a chain has the whole buffer: a leaf whose up-links are an eighth of its cards holds it up by that.
TEST_F(CollectiveJob, WithARootIsHeldUpByANarrowLeaf) {
  write("leaves.yaml",
        "title: leaves of one node\nfabric: {kind: fat_tree, link_bandwidth: 400 Gb/s, switch_latency: 150 ns, "
        "cable_latency: 100 ns, leaf_ports: 8, pod_leaves: 32, oversubscription: 8, max_nodes: 128}\n"
        "sources: {default: \"made up for a test\"}\n");
  for (const int nodes : {2, 3, 4}) {
    const std::string text = "scenario: chain\ncluster: {node: dgx_h100, nodes: " + std::to_string(nodes) +
                             ", fabric: ./leaves.yaml}\ncollective: {operation: broadcast, bytes: 1 GiB, gpus: " +
                             std::to_string(8 * nodes) + "}\n";
    const Outcome outcome = orrery({"run", write("s.yaml", text), "--json", path("r.json"), "--quiet"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const auto report = nlohmann::json::parse(read_file(path("r.json")));
    // 8 cards of 50 GB/s over 8: 50 GB/s for a GiB at most.
    EXPECT_GE(report["collective"]["time_s"].get<double>(), 1073741824.0 / 50e9) << nodes;
  }
}

// Out of and into all GPUs: twice what travels, (n - 1) S of a buffer with a root and 2 (n - 1) S of a sum for all.
TEST_F(CollectiveJob, CountsOnItsLinksWhatTravels) {
  const auto bytes = [&](const std::string& operation, int gpus) {
    const std::string text =
        "scenario: one node\ncluster: {node: dgx_h100, fabric: single_node}\ncollective: {operation: " + operation +
        ", bytes: 64 MiB, gpus: " + std::to_string(gpus) + "}\n";
    EXPECT_EQ(orrery({"run", write("s.yaml", text), "--json", path("r.json"), "--quiet"}).code, 0);
    const auto report = nlohmann::json::parse(read_file(path("r.json")));
    EXPECT_EQ(report["links"].size(), 1u);
    return report["links"][0]["bytes"].get<double>();
  };
  EXPECT_NEAR(bytes("broadcast", 2), 134217728.0, 100.0);
  EXPECT_NEAR(bytes("broadcast", 4), 402653184.0, 100.0);
  EXPECT_NEAR(bytes("reduce", 2), 134217728.0, 100.0);
  EXPECT_NEAR(bytes("reduce", 4), 402653184.0, 100.0);
  EXPECT_NEAR(bytes("all_reduce", 2), 268435456.0, 100.0);
  EXPECT_NEAR(bytes("all_gather", 4), 402653184.0, 100.0);
}

TEST_F(CollectiveJob, NamesEachMistakeAtItsPlace) {
  EXPECT_THAT(error_of("all_reduce", "all_reduse"), AllOf(HasSubstr("s.yaml:7:14"), HasSubstr("all_reduce")));
  EXPECT_THAT(error_of("64 MiB", "0 B"), HasSubstr("s.yaml:8:10"));
  EXPECT_THAT(error_of("64 MiB", "64 MiB\n  gpus: 17"), AllOf(HasSubstr("s.yaml:9:9"), HasSubstr("17 GPUs")));
  EXPECT_THAT(error_of("64 MiB", "64 MiB\n  interval: -1 s"), HasSubstr("s.yaml:9:13"));
  EXPECT_THAT(error_of("64 MiB", "64 MiB\n  calls: 0"), HasSubstr("s.yaml:9:10"));
  EXPECT_THAT(error_of("all_reduce\n", "incast\n  receivers: 5\n"),
              AllOf(HasSubstr("s.yaml:8:14"), HasSubstr("evenly")));
  EXPECT_THAT(error_of("64 MiB", "2 TB"), AllOf(HasSubstr("s.yaml:8:10"), HasSubstr("memory")));
  EXPECT_THAT(error_of("scenario: \"small\"\n", "scenario: \"small\"\nmodel: llama-3-8b\n"),
              AllOf(HasSubstr("s.yaml:2:8"), HasSubstr("no model")));
  EXPECT_THAT(error_of("64 MiB", "64 MiB\n  recievers: 2"), HasSubstr("receivers"));
}

TEST_F(CollectiveJob, SumsNoFormatThatNcclCanOnlyMove) {
  for (const char* dtype : {"int4", "nvfp4", "fp8_block"}) {
    const std::string keys = std::string("64 MiB\n  dtype: ") + dtype + "\n";
    EXPECT_THAT(error_of("64 MiB\n", keys), AllOf(HasSubstr("s.yaml:9:"), HasSubstr("NCCL sums no such elements")));
    const std::string moved = replaced(replaced(kSmall, "64 MiB\n", keys), "all_reduce", "all_gather");
    EXPECT_EQ(orrery({"run", write("moved.yaml", moved)}).code, 0) << dtype;
  }
}

TEST_F(CollectiveJob, StandsBesideATrainingJob) {
  const std::string both =
      "scenario: \"both\"\n"
      "cluster: {node: dgx_h100, nodes: 4, fabric: rail_fat_tree_ndr}\n"
      "jobs:\n"
      "  - name: learn\n"
      "    model: gpt2-124m\n"
      "    training: {sequence_length: 1024, global_batch_size: 16, micro_batch_size: 1, data_parallel: 16}\n"
      "  - name: noise\n"
      "    placement: {first_node: 2}\n"
      "    collective: {operation: all_gather, bytes: 64 MiB, background: true}\n";
  const Outcome outcome = orrery({"run", write("both.yaml", both), "--json", path("r.json")});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto report = nlohmann::json::parse(read_file(path("r.json")));
  EXPECT_TRUE(report["jobs"][0].contains("model"));
  EXPECT_FALSE(report["jobs"][1].contains("model"));
  EXPECT_GT(report["jobs"][1]["collective"]["calls"], 1);
  const std::string with_model = replaced(both, "    collective:", "    model: gpt2-124m\n    collective:");
  const Outcome wrong = orrery({"run", write("wrong.yaml", with_model)});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("wrong.yaml:9:12"), HasSubstr("no model")));
}

TEST_F(CollectiveJob, OnATorusNeedsAxesThatMultiplyToTheChips) {
  const std::string torus = replaced(replaced(replaced(kSmall, "dgx_h100", "tpu_v5p_host"), "nodes: 2", "nodes: 16"),
                                     "rail_fat_tree_ndr", "torus_v5p\n  torus: [4, 4, 4]");
  EXPECT_EQ(orrery({"run", write("t.yaml", torus)}).code, 0);
  const auto error = [&](const std::string& to) {
    const Outcome outcome = orrery({"run", write("t.yaml", replaced(torus, "torus: [4, 4, 4]", to))});
    EXPECT_EQ(outcome.code, 2) << outcome.out;
    return outcome.err;
  };
  EXPECT_THAT(error("torus: [4, 4, 5]"), AllOf(HasSubstr("t.yaml:6:10"), HasSubstr("80 chips, and the nodes have 64")));
  EXPECT_THAT(error("torus: [8, 8]"), AllOf(HasSubstr("t.yaml:6:10"), HasSubstr("3 axes")));
  EXPECT_THAT(error("torus: [4, 4, -4]"), HasSubstr("t.yaml:6:"));
  const Outcome event =
      orrery({"run", write("t.yaml", torus + "events:\n  - {at: 0 s, link: node0.gpu1.pcie_out, down: true}\n")});
  EXPECT_EQ(event.code, 2);
  EXPECT_THAT(event.err, AllOf(HasSubstr("t.yaml:11:"), HasSubstr("torus")));
  EXPECT_THAT(error_of("rail_fat_tree_ndr", "rail_fat_tree_ndr\n  torus: [4, 4]"),
              AllOf(HasSubstr("s.yaml:6:10"), HasSubstr("is none")));
}

TEST_F(CollectiveJob, OnADragonflyNeedsGroupsThatReachEachOther) {
  const Outcome outcome = orrery(
      {"run", write("d.yaml", replaced(replaced(kSmall, "rail_fat_tree_ndr", "./f.yaml"), "nodes: 2", "nodes: 25"))});
  EXPECT_EQ(outcome.code, 2) << "the fabric's file is not there";
  const auto fabric = [&](const std::string& from, const std::string& to) {
    return replaced(
        "title: A dragonfly\n"
        "fabric:\n"
        "  kind: dragonfly\n"
        "  link_bandwidth: 400 Gb/s\n"
        "  switch_latency: 150 ns\n"
        "  cable_latency: 100 ns\n"
        "  leaf_ports: 8\n"
        "  group_routers: 4\n"
        "  global_links: 1\n"
        "  global_bandwidth: 400 Gb/s\n"
        "  global_latency: 500 ns\n"
        "  max_nodes: 100\n"
        "sources:\n"
        "  default: \"made up\"\n",
        from, to);
  };
  const auto run = [&](const std::string& from, const std::string& to) {
    write("f.yaml", fabric(from, to));
    return orrery(
        {"run", write("d.yaml", replaced(replaced(kSmall, "rail_fat_tree_ndr", "./f.yaml"), "nodes: 2", "nodes: 20"))});
  };
  EXPECT_EQ(run("made up", "made up").code, 0) << "five groups of four routers of one node";
  const Outcome unreached = run("group_routers: 4", "group_routers: 3");
  EXPECT_EQ(unreached.code, 2);
  EXPECT_THAT(unreached.err, AllOf(HasSubstr("d.yaml:4:"), HasSubstr("7 groups"), HasSubstr("reach 3")));
  EXPECT_THAT(run("global_bandwidth: 400", "global_bandwidth: 0").err,
              AllOf(HasSubstr("f.yaml:10:"), HasSubstr("greater than 0")));
  EXPECT_THAT(run("global_latency: 500 ns", "global_latency: -1 ns").err, HasSubstr("f.yaml:11:"));
  EXPECT_THAT(run("group_routers: 4", "group_routers: 1").err, HasSubstr("f.yaml:8:"));
}

TEST_F(CollectiveJob, SaysHowFlowsAreSpread) {
  EXPECT_THAT(error_of("rail_fat_tree_ndr", "rail_fat_tree_ndr\n  network: {hash_seed: 3}"), HasSubstr("spread: hash"));
  EXPECT_THAT(error_of("rail_fat_tree_ndr", "rail_fat_tree_ndr\n  network: {spread: hashed}"), HasSubstr("hash"));
  const Outcome outcome =
      orrery({"run",
              write("s.yaml", replaced(kSmall, "rail_fat_tree_ndr",
                                       "rail_fat_tree_ndr\n  network: {spread: hash, hash_seed: 3}")),
              "--json", path("r.json")});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(read_file(path("r.json")))["scenario"]["cluster"]["network"]["hash_seed"], 3);
}

}  // namespace
}  // namespace orrery::scenarios::testing
