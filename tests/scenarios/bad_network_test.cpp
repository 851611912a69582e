// Networks that can't be: links without bandwidth, cards and switches that are not there, groups larger than the job,
// lists that NCCL doesn't know.
#include <gmock/gmock.h>

#include "hardware/config/config.hpp"
#include "scenarios/report.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class BadNetwork : public FolderTest {
 protected:
  /// A profile of a node with a line of it in place of another, in the small scenario.
  std::string node_error(const std::string& from, const std::string& to) const {
    const Outcome made = orrery({"new", "node", "-o", path("node.yaml"), "--force"});
    EXPECT_EQ(made.code, 0) << made.err;
    write("node.yaml", replaced(read_file(path("node.yaml")), from, to));
    const Outcome outcome = orrery({"run", write("s.yaml", replaced(small_scenario(), "dgx_a100", "./node.yaml"))});
    EXPECT_EQ(outcome.code, 2) << outcome.out;
    return outcome.err;
  }
  std::string cluster_error(const std::string& line) const {
    const Outcome outcome =
        orrery({"run", write("s.yaml", replaced(small_scenario(), "  nodes: 1\n", "  nodes: 1\n  " + line + "\n"))});
    EXPECT_EQ(outcome.code, 2) << outcome.out;
    return outcome.err;
  }
};

TEST_F(BadNetwork, LinksWithoutBandwidth) {
  EXPECT_THAT(cluster_error("nvlink_bandwidth: 0 GB/s"), AllOf(HasSubstr("s.yaml:6:"), HasSubstr("nvlink_bandwidth")));
  EXPECT_THAT(cluster_error("nic_bandwidth: 0 Gb/s"), AllOf(HasSubstr("s.yaml:6:"), HasSubstr("nic_bandwidth")));
}

TEST_F(BadNetwork, MeshesThatAreNone) {
  const auto mesh = [&](const std::string& lines) { return node_error("  nvswitch: ", lines + "  nvswitch: "); };
  EXPECT_THAT(mesh("  nvlink_mesh: [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"), HasSubstr("at most 7 figures"));
  EXPECT_THAT(mesh("  mesh_bandwidth: 300 GB/s\n"), HasSubstr("mesh_bandwidth without nvlink_mesh"));
  EXPECT_THAT(mesh("  nvlink_mesh: [-1]\n"), HasSubstr("nvlink_mesh"));
  EXPECT_THAT(mesh("  nvlink_mash: [1]\n"), HasSubstr("nvlink_mesh")) << "the nearest name";
}

TEST_F(BadNetwork, NodesThatNothingJoins) {
  const Outcome outcome = orrery(
      {"run", write("s.yaml", replaced(small_scenario(), "  nodes: 1\n", "  nodes: 2\n  fabric: single_node\n"))});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("single_node"));
}

TEST_F(BadNetwork, CardsAndSwitchesThatAreNotThere) {
  const auto event = [&](const std::string& link) {
    const Outcome outcome =
        orrery({"run", write("s.yaml",
                             replaced(small_scenario(), "  nodes: 1\n", "  nodes: 2\n  fabric: rail_fat_tree_hdr\n") +
                                 "events:\n  - {at: 0 s, link: " + link + ", down: true}\n")});
    EXPECT_EQ(outcome.code, 2) << outcome.out;
    return outcome.err;
  };
  EXPECT_THAT(event("node0.nic9.out"), AllOf(HasSubstr("node0.nic9.out"), HasSubstr("node0.nic")));
  EXPECT_THAT(event("leaf99.spine0.up"), HasSubstr("leaf99.spine0.up"));
}

TEST_F(BadNetwork, ListsThatNcclDoesNotKnow) {
  EXPECT_THAT(cluster_error("nccl: {algo: tre}"), HasSubstr("did you mean tree"));
  EXPECT_THAT(cluster_error("nccl: {algo: \"allreduce:rnig\"}"), HasSubstr("did you mean ring"));
  EXPECT_THAT(cluster_error("nccl: {algo: \"all_redce:ring\"}"), HasSubstr("did you mean all_reduce"));
  EXPECT_THAT(cluster_error("nccl: {proto: LL12}"), AllOf(HasSubstr("LL128"), HasSubstr("'LL12'")));
  EXPECT_THAT(cluster_error("nccl: {ib_qps_per_connection: 0}"), HasSubstr("from 1 to 128"));
}

TEST_F(BadNetwork, GroupsLargerThanTheJob) {
  const Outcome outcome =
      orrery({"run", write("s.yaml", replaced(small_scenario(), "tensor_parallel: 2", "tensor_parallel: 16"))});
  EXPECT_EQ(outcome.code, 2) << outcome.out;
  EXPECT_THAT(outcome.err, HasSubstr("tensor_parallel"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
