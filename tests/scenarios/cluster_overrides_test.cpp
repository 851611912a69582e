// What a scenario changes about its cluster reaches the prediction.

#include <algorithm>

#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

class ClusterOverrides : public FolderTest {
 protected:
  /// The report of the library's Llama-3 8B with `set` changed.
  nlohmann::json run(const std::vector<std::string>& set) const {
    std::vector<std::string> args = {"run", library("llama-3-8b-hgx-h100"), "--json", path("report.json")};
    for (const std::string& each : set) args.insert(args.end(), {"--set", each});
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(read_file(path("report.json")));
  }
  double step(const std::vector<std::string>& set) const { return step_of(run(set)); }
  static double step_of(const nlohmann::json& report) { return report.at("training").at("step_time_s").get<double>(); }
};

TEST_F(ClusterOverrides, SlowerNvlinkGivesASlowerStep) {
  const double usual = step({});
  EXPECT_EQ(step({"cluster.nvlink_bandwidth=450 GB/s"}), usual);
  const double narrower = step({"cluster.nvlink_bandwidth=440 GB/s"});
  EXPECT_GT(narrower, usual);
  EXPECT_LT(narrower, 1.02 * usual);
  EXPECT_LT(step({"cluster.nvlink_bandwidth=900 GB/s"}), usual);
  EXPECT_GT(step({"cluster.nvlink_bandwidth=1 GB/s"}), 5.0 * usual);
}

TEST_F(ClusterOverrides, NoCollectiveIsCalledMeasuredOnAnotherLink) {
  const auto measured = [](const nlohmann::json& report) {
    int lines = 0;
    for (const auto& line : report.at("provenance")) {
      lines += line.at("kind") == "collectives" && line.at("provenance") == "measured";
    }
    return lines;
  };
  EXPECT_GT(measured(run({})), 0);
  EXPECT_EQ(measured(run({"cluster.nvlink_bandwidth=200 GB/s"})), 0);
}

TEST_F(ClusterOverrides, SlowerMemoryGivesASlowerStep) {
  EXPECT_GT(step({"cluster.gpu_memory_bandwidth=1 TB/s"}), 1.02 * step({}));
}

TEST_F(ClusterOverrides, LessPowerGivesASlowerStep) {
  const nlohmann::json usual = run({}), limited = run({"cluster.power_limit=350 W"});
  EXPECT_GT(step_of(limited), 1.03 * step_of(usual));
  EXPECT_LT(step_of(limited), 1.16 * step_of(usual)) << "2^(1/5) is 1.149";
  EXPECT_EQ(limited.at("scenario").at("cluster").at("power_limit_w"), 350.0);
  EXPECT_FALSE(usual.at("scenario").at("cluster").contains("power_limit_w"));
  EXPECT_EQ(step({"cluster.power_limit=700 W"}), step_of(usual));
  const Outcome too_much = orrery({"run", library("llama-3-8b-hgx-h100"), "--set", "cluster.power_limit=701 W"});
  EXPECT_EQ(too_much.code, 2);
  EXPECT_NE(too_much.err.find("a h100_sxm draws 700 W at most"), std::string::npos) << too_much.err;
}

TEST_F(ClusterOverrides, AStateOfTheBoardIsAWhatIf) {
  const double usual = step({"cluster.node=hgx_b200"});
  const nlohmann::json capped = run({"cluster.node=hgx_b200", "cluster.power_state=capped"});
  EXPECT_GT(step_of(capped), 1.1 * usual);
  EXPECT_LT(step_of(capped), 1.4 * usual);
  EXPECT_EQ(capped.at("scenario").at("cluster").at("power_state"), "capped");
  const auto error = [&](std::vector<std::string> set) {
    std::vector<std::string> args = {"run", library("llama-3-8b-hgx-h100")};
    for (const std::string& each : set) args.insert(args.end(), {"--set", each});
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, 2);
    return outcome.err;
  };
  EXPECT_NE(error({"cluster.power_state=capped"}).find("no state of h100_sxm is known"), std::string::npos);
  EXPECT_NE(error({"cluster.node=hgx_b200", "cluster.power_state=caped"}).find("known: capped"), std::string::npos);
  EXPECT_NE(error({"cluster.node=hgx_b200", "cluster.power_state=capped", "cluster.power_limit=900 W"})
                .find("follows one of them"),
            std::string::npos);
}

TEST_F(ClusterOverrides, AForcedCollectiveAlgorithmIsAWhatIf) {
  const nlohmann::json usual = run({}), tree = run({"cluster.collective_algorithm=tree"});
  EXPECT_EQ(usual.at("scenario").at("cluster").at("collective_algorithm"), "automatic");
  EXPECT_EQ(tree.at("scenario").at("cluster").at("collective_algorithm"), "tree");
  EXPECT_NE(step_of(tree), step_of(usual));
  EXPECT_EQ(step({"cluster.collective_algorithm=automatic"}), step_of(usual));
  const auto& lines = tree.at("provenance");
  EXPECT_TRUE(std::any_of(lines.begin(), lines.end(), [](const auto& line) {
    return line.at("kind") == "collectives" && line.at("name") == "tree";
  }));
  const Outcome explained =
      orrery({"explain", library("llama-3-8b-hgx-h100"), "--set", "cluster.collective_algorithm=tree"});
  EXPECT_NE(explained.out.find("collective_algorithm: the scenario's own choice"), std::string::npos);
  const Outcome wrong = orrery({"run", library("llama-3-8b-hgx-h100"), "--set", "cluster.collective_algorithm=tre"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("tree"), std::string::npos) << wrong.err;
}

TEST_F(ClusterOverrides, NvlinkOfANodeWithoutASwitchIsAnError) {
  const std::string file =
      write("s.yaml", replaced(small_scenario(), "node: dgx_a100\n", "node: l40s_box\n  nvlink_bandwidth: 100 GB/s\n"));
  const Outcome outcome = orrery({"run", file});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("has no NVLink switch"), std::string::npos) << outcome.err;
}

TEST_F(ClusterOverrides, OversubscribedPodsSlowTheJobsThatAreLargerThanOne) {
  const auto on = [this](const std::string& fabric, int nodes) {
    return step({"cluster.nodes=" + std::to_string(nodes), "cluster.fabric=" + fabric,
                 "training.data_parallel=" + std::to_string(4 * nodes),
                 "training.global_batch_size=" + std::to_string(4 * nodes)});
  };
  EXPECT_GT(on("fat_tree_ndr_oversubscribed_7to1", 1024), 1.1 * on("fat_tree_ndr", 1024));
  EXPECT_EQ(on("fat_tree_ndr_oversubscribed_7to1", 384), on("fat_tree_ndr", 384)) << "one pod";
}

TEST_F(ClusterOverrides, ListShowsBothOversubscriptions) {
  const Outcome outcome = orrery({"list", "fabrics"});
  EXPECT_NE(outcome.out.find("up to 3072 nodes, oversubscription 1 of leaves, 7 of pods"), std::string::npos);
  EXPECT_NE(outcome.out.find("torus of inter-chip interconnect: up to 2240 nodes, 3 axes, rings where chips are a "
                             "multiple of 4, links of 800 Gb/s"),
            std::string::npos)
      << "no leaves, and nothing above them";
  EXPECT_NE(outcome.out.find("up to 4020 nodes, 200 links of a group to others of 200 Gb/s"), std::string::npos);
}

}  // namespace
}  // namespace orrery::scenarios::testing
