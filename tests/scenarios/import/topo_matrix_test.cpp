// What nvidia-smi topo -m prints as a node.
#include "scenarios/import/topo_matrix.hpp"

#include <gmock/gmock.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/topology/topology.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Eight H100 on an NVSwitch, a card each and two for storage, as a DGX H100 prints it; the header underlined.
std::string dgx_h100() {
  std::string text = "\x1b[4m\t";
  for (int i = 0; i < 8; ++i) text += "GPU" + std::to_string(i) + "\t";
  for (int i = 0; i < 10; ++i) text += "NIC" + std::to_string(i) + "\t";
  text += "CPU Affinity\tNUMA Affinity\tGPU NUMA ID\x1b[0m\n";
  for (int i = 0; i < 18; ++i) {
    const bool gpu = i < 8;
    text += (gpu ? "GPU" : "NIC") + std::to_string(gpu ? i : i - 8) + "\t";
    for (int j = 0; j < 18; ++j) {
      const bool both_gpus = gpu && j < 8, own = gpu ? j - 8 == i : i - 8 == j;
      text += std::string(i == j                       ? " X "
                          : both_gpus                  ? "NV18"
                          : own                        ? "PIX"
                          : (i % 8) / 4 == (j % 8) / 4 ? "NODE"
                                                       : "SYS") +
              "\t";
    }
    if (gpu) text += std::string(i < 4 ? "0-55,112-167\t0" : "56-111,168-223\t1") + "\t\tN/A";
    text += "\n";
  }
  return text +
         "\nLegend:\n\n  X    = Self\n  SYS  = Connection traversing PCIe as well as the SMP interconnect\n"
         "\nNIC Legend:\n\n  NIC0: mlx5_0\n";
}

/// Four cards in two bridged pairs, as older drivers print: cards by their names, no NUMA column.
constexpr const char* kPairs =
    "\tGPU0\tGPU1\tGPU2\tGPU3\tmlx5_0\tCPU Affinity\n"
    "GPU0\t X \tNV12\tPHB\tSYS\tPHB\t0-31\n"
    "GPU1\tNV12\t X \tPHB\tSYS\tPHB\t0-31\n"
    "GPU2\tPHB\tPHB\t X \tNV12\tSYS\t32-63\n"
    "GPU3\tSYS\tSYS\tNV12\t X \tSYS\t32-63\n"
    "mlx5_0\tPHB\tPHB\tSYS\tSYS\t X \n"
    "\nLegend:\n\n  X    = Self\n";

/// `gpus` of a box, each joined to every other as `path` says ("PHB", "NV12"), without a card.
std::string part_of_a_box(int gpus, const std::string& path) {
  std::string text;
  for (int i = 0; i < gpus; ++i) text += "\tGPU" + std::to_string(i);
  text += "\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\n";
  for (int i = 0; i < gpus; ++i) {
    text += "GPU" + std::to_string(i);
    for (int j = 0; j < gpus; ++j) text += "\t" + (i == j ? " X " : path);
    text += "\t0-25\t0\t\tN/A\n";
  }
  return text + "\nLegend:\n\n  X    = Self\n";
}

/// The mesh of a DGX-1 with V100, eight GPUs of six links.
std::string dgx_1() {
  const int links[8][8] = {{0, 1, 1, 2, 2, 0, 0, 0}, {1, 0, 2, 1, 0, 2, 0, 0}, {1, 2, 0, 1, 0, 0, 2, 0},
                           {2, 1, 1, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 1, 1, 2}, {0, 2, 0, 0, 1, 0, 2, 1},
                           {0, 0, 2, 0, 1, 2, 0, 1}, {0, 0, 0, 2, 2, 1, 1, 0}};
  std::string text;
  for (int i = 0; i < 8; ++i) text += "\tGPU" + std::to_string(i);
  text += "\tCPU Affinity\n";
  for (int i = 0; i < 8; ++i) {
    text += "GPU" + std::to_string(i);
    for (int j = 0; j < 8; ++j) {
      text += i == j ? "\t X " : links[i][j] > 0 ? "\tNV" + std::to_string(links[i][j]) : std::string("\tSYS");
    }
    text += i < 4 ? "\t0-19,40-59\n" : "\t20-39,60-79\n";
  }
  return text;
}

class TopoMatrixFile : public FolderTest {
 protected:
  std::string error_of(const std::string& text, const std::string& gpu = "h100_sxm") const {
    const Outcome outcome = orrery({"import", write("topo.txt", text), "--gpu", gpu});
    EXPECT_EQ(outcome.code, 2) << outcome.out;
    return outcome.err;
  }
  hardware::Node node_of(const std::string& text, const std::string& gpu) const {
    const Outcome outcome =
        orrery({"import", write("topo.txt", text), "--gpu", gpu, "-o", path("node.yaml"), "--force"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return hardware::load_node(path("node.yaml"));
  }
};

TEST_F(TopoMatrixFile, SaysWhatTheMachineIs) {
  const TopoMatrix found = read_topo_matrix(dgx_h100(), "topo.txt");
  EXPECT_EQ(found.gpus, 8);
  EXPECT_EQ(found.nvlinks[0][7], 18);
  EXPECT_EQ(found.cards.size(), 10u);
  EXPECT_EQ(found.near_cards, 8) << "two reach every GPU through the host only";
  EXPECT_EQ(found.numa_nodes, 2);
}

TEST_F(TopoMatrixFile, BecomesANodeWithASwitch) {
  const hardware::Node node = node_of(dgx_h100(), "h100_sxm");
  EXPECT_EQ(node.gpus, 8);
  EXPECT_TRUE(node.nvswitch && node.in_network_reduction);
  EXPECT_TRUE(node.nvlink_mesh.empty());
  EXPECT_EQ(node.nics, 8);
  EXPECT_EQ(node.sockets, 2);
  EXPECT_EQ(node.pcie_bandwidth, BytesPerSecond{64e9}) << "the board's own: the table has no rate";
  EXPECT_EQ(orrery({"collective", "all_reduce", "--cluster", path("node.yaml"), "--bytes", "1MiB"}).code, 0);
  EXPECT_THAT(orrery({"import", path("topo.txt"), "--gpu", "h100_sxm"}).err,
              AllOf(HasSubstr("nic_bandwidth"), HasSubstr("2 cards that reach every GPU through the host only")));
}

TEST_F(TopoMatrixFile, BecomesANodeWithBridgesBetweenPairs) {
  const hardware::Node node = node_of(kPairs, "a100_pcie");
  EXPECT_FALSE(node.nvswitch);
  EXPECT_THAT(node.nvlink_mesh, ElementsAre(1, 0));
  EXPECT_EQ(node.mesh_bandwidth, BytesPerSecond{300e9}) << "12 links of 25 GB/s";
  EXPECT_EQ(node.nics, 1);
  EXPECT_EQ(node.sockets, 2) << "by the CPUs, where there is no NUMA column";
}

TEST_F(TopoMatrixFile, OfOneBridgeOrAWeakerOneSaysNoMore) {
  // Two of the three bridges that an H100 PCIe takes.
  const std::string weaker =
      replaced(replaced(replaced(replaced(kPairs, "NV12", "NV8"), "NV12", "NV8"), "NV12", "NV8"), "NV12", "NV8");
  EXPECT_EQ(node_of(weaker, "h100_pcie").mesh_bandwidth, BytesPerSecond{200e9})
      << "8 links of 25 GB/s, not the board's 12";
  const std::string one = replaced(replaced(kPairs, "\t X \tNV12\tSYS\t32", "\t X \tPHB\tSYS\t32"),
                                   "SYS\tNV12\t X \tSYS", "SYS\tPHB\t X \tSYS");
  EXPECT_TRUE(node_of(one, "a100_pcie").nvlink_mesh.empty()) << "GPU2 and GPU3 have none";
  EXPECT_THAT(orrery({"import", path("topo.txt"), "--gpu", "a100_pcie"}).err,
              HasSubstr("NVLink between GPU0 and GPU1: other neighbours have no bridge"));
}

TEST_F(TopoMatrixFile, BoardsWithoutNvlinkHaveNone) {
  for (const char* board : {"l40s", "a10", "rtx_4090", "v100_pcie"}) {
    EXPECT_THAT(error_of(kPairs, board), AllOf(HasSubstr("topo.txt:1:1"), HasSubstr("12 NVLinks of a GPU, and "),
                                               HasSubstr("has none: another board than --gpu says")))
        << board;
  }
}

// As NCCL's file of the same box: see NcclTopologyFile.RefusesABoxWithoutTheNvlinksOfItsBoard.
TEST_F(TopoMatrixFile, RefusesABoxWithoutTheNvlinksOfItsBoard) {
  const std::string none = part_of_a_box(8, "PHB");
  EXPECT_THAT(error_of(none, "h100_sxm"),
              AllOf(HasSubstr("topo.txt:1:1"), HasSubstr("0 NVLinks of a GPU, and h100_sxm has 18: another board")));
  EXPECT_FALSE(node_of(none, "a100_pcie").nvswitch) << "its bridges are sold apart";
  EXPECT_TRUE(node_of(none, "l40s").nvlink_mesh.empty());
  EXPECT_THAT(error_of(part_of_a_box(2, "NV4"), "h100_sxm"), HasSubstr("4 NVLinks of a GPU, and h100_sxm has 18"))
      << "a switch is reached by all links or by none";
}

// A virtual machine is given one GPU or some of an HGX board: it has the links that it shows.
TEST_F(TopoMatrixFile, OfAPartOfABoxHasWhatItShows) {
  for (const char* board : {"h100_sxm", "a100_sxm", "b200_sxm", "gb200", "v100_sxm_16gb", "h100_pcie", "l40s"}) {
    const hardware::Node one = node_of(part_of_a_box(1, ""), board);
    EXPECT_EQ(one.gpus, 1) << board;
    EXPECT_FALSE(one.nvswitch) << board;
  }
  const hardware::Node two = node_of(part_of_a_box(2, "PHB"), "h100_sxm");
  EXPECT_EQ(two.gpus, 2);
  EXPECT_FALSE(two.nvswitch);
  EXPECT_TRUE(two.nvlink_mesh.empty()) << "no link is seen";
  EXPECT_THAT(orrery({"import", path("topo.txt"), "--gpu", "h100_sxm"}).err,
              HasSubstr("NVLinks: 0 of the 18 of a h100_sxm, as nvidia-smi topo -m shows them: of a part of its box"));
  EXPECT_EQ(node_of(part_of_a_box(2, "NV18"), "h100_sxm").nvlink_mesh.size(), 1U) << "both reach the switch";
  EXPECT_TRUE(node_of(part_of_a_box(4, "NV12"), "a100_sxm").nvswitch);
}

TEST_F(TopoMatrixFile, ReadsWhatWindowsSavesAndTheNameThatTheDriverHas) {
  std::string text = "\xEF\xBB\xBF" + part_of_a_box(8, "NV18");
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) text.replace(at, 1, "\r\n");
  const hardware::Node node = node_of(text, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(node.gpu, "h100_sxm");
  EXPECT_TRUE(node.nvswitch);
}

// Half of a DGX-1, as clouds give it: the cables to the other half aren't seen. By hand: GPU 0 has 1 + 1 + 2 links to
// the three others; 25 GB/s each.
TEST_F(TopoMatrixFile, OfHalfAMeshHasTheCablesWithinIt) {
  const int links[4][4] = {{0, 1, 1, 2}, {1, 0, 2, 1}, {1, 2, 0, 1}, {2, 1, 1, 0}};
  std::string text = part_of_a_box(4, "SYS");
  for (const auto& row : links) {
    for (const int count : row) {
      if (count > 0) text = replaced(text, "SYS", "NV" + std::to_string(count));
    }
  }
  const hardware::Node half = node_of(text, "v100_sxm_16gb");
  EXPECT_THAT(half.nvlink_mesh, ElementsAre(1, 2, 4)) << "as the first four of the whole";
  EXPECT_EQ(half.mesh_bandwidth, BytesPerSecond{100e9});
}

TEST_F(TopoMatrixFile, IsOfNoChipThatNcclDoesNotRunOn) {
  EXPECT_THAT(error_of(kPairs, "tpu_v5p"), HasSubstr("NVIDIA's boards, and tpu_v5p is none"));
}

TEST_F(TopoMatrixFile, BecomesAMeshWhereSomeGpusShareMoreLinks) {
  const hardware::Node node = node_of(dgx_1(), "v100_sxm_16gb");
  // GPUs 0 and 1 share one link; of five the fifth has one neighbour: no ring passes it; of six it has two, by two
  // links and by one, and a ring goes in by one and out by the other.
  EXPECT_THAT(node.nvlink_mesh, ElementsAre(1, 2, 4, 0, 2, 4, 6));
  EXPECT_THAT(hardware::load_node("dgx_1").nvlink_mesh, ElementsAre(1, 2, 4, 0, 2, 4, 6));
}

TEST_F(TopoMatrixFile, TellsWhatIsWrongAtItsPlace) {
  EXPECT_THAT(error_of(replaced(kPairs, "GPU1\tNV12\t X \tPHB\tSYS\tPHB\t0-31\n", "GPU1\tNV12\t X \tPHB\tSYS\n")),
              AllOf(HasSubstr("topo.txt:3:"), HasSubstr("ends before the column \"mlx5_0\": it has 4 of 5 cells")));
  EXPECT_THAT(error_of(replaced(kPairs, "GPU1\tNV12\t X \tPHB\tSYS\tPHB\t0-31\n", "GPU1\tNV12\t X \tPHB\tPHB\t0-31\n")),
              AllOf(HasSubstr("topo.txt:3:"), HasSubstr("\"0-31\" between \"GPU1\" and \"mlx5_0\"")));
  EXPECT_THAT(error_of(replaced(kPairs, "\tGPU2\tGPU3", "\tGPU3")),
              AllOf(HasSubstr("topo.txt:1:12"), HasSubstr("\"GPU3\" where GPU2 was expected")));
  EXPECT_THAT(error_of(replaced(kPairs, "GPU0\t X \tNV12\tPHB", "GPU0\t X \tNV12\tPHP")),
              AllOf(HasSubstr("topo.txt:2:"), HasSubstr("did you mean PHB")));
  EXPECT_THAT(error_of(replaced(kPairs, "GPU0\t X \tNV12", "GPU0\t X \tNV4")), HasSubstr("4 NVLinks one way and 12"));
  EXPECT_THAT(error_of(replaced(kPairs, "GPU3\tSYS\tSYS\tNV12\t X \tSYS\t32-63\n", "")),
              HasSubstr("\"GPU3\" has a column and no row"));
  EXPECT_THAT(error_of(replaced(kPairs, "GPU1\tNV12\t X ", "GPU0\tNV12\t X ")), HasSubstr("a second row of \"GPU0\""));
  EXPECT_THAT(error_of(replaced(kPairs, "GPU1\tNV12\t X ", "GPU1\tNV12\tPIX")), HasSubstr("X stands for a device"));
  EXPECT_THAT(error_of(replaced(kPairs, "GPU1\tNV12\t X ", "GPU7\tNV12\t X ")), HasSubstr("which is no column"));
  EXPECT_THAT(error_of(replaced(kPairs, "mlx5_0\tPHB\tPHB\tSYS\tSYS\t X \n", "mlx5_0\tPHB\tPHB\tSYS\tSYS\t X \tPIX\n")),
              HasSubstr("more cells than columns"));
  EXPECT_THAT(error_of(dgx_h100(), "a100_sxm"), HasSubstr("18 NVLinks of a GPU, and a100_sxm has 12"));
  const Outcome unnamed = orrery({"import", write("topo.txt", dgx_h100())});
  EXPECT_EQ(unnamed.code, 2);
  EXPECT_THAT(unnamed.err, HasSubstr("name it with --gpu"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
