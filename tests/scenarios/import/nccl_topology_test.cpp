// NCCL's topology files as nodes: what is read, what is refused, and that the selector then chooses as NCCL does.
#include "scenarios/import/nccl_topology.hpp"

#include <algorithm>
#include <cstdlib>

#include <gmock/gmock.h>

#include "hardware/catalogue/catalogue.hpp"
#include "sim/collective/nccl/tuner.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using hardware::HostCpu;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// H100 behind a switch of PCIe Gen5 each, beside a 400 Gb/s card; `nvlink` of each.
std::string topology_of(int gpus, const std::string& nvlink) {
  const auto gpu = [&](int i) {
    return "<pci busid=\"0:" + std::to_string(i) +
           "\" class=\"0x060400\" link_speed=\"32.0 GT/s PCIe\" link_width=\"16\">\n"
           "<pci class=\"0x030200\" link_speed=\"32.0 GT/s PCIe\" link_width=\"16\"><gpu dev=\"" +
           std::to_string(i - 1) + "\" sm=\"90\" rank=\"" + std::to_string(i - 1) + "\">\n" + nvlink +
           "</gpu></pci>\n"
           "<pci class=\"0x020000\" link_speed=\"32.0 GT/s PCIe\" link_width=\"16\"><nic><net name=\"mlx5_" +
           std::to_string(i) +
           "\" "
           "speed=\"400000\"/></nic></pci></pci>\n";
  };
  std::string text =
      "<system version=\"1\">\n"
      "<cpu numaid=\"0\" arch=\"x86_64\" vendor=\"GenuineIntel\" familyid=\"6\" modelid=\"143\">\n";
  for (int i = 1; i <= gpus; ++i) text += gpu(i);
  return text + "</cpu>\n</system>\n";
}

/// Two on an NVSwitch.
std::string small_topology() {
  return topology_of(2, "<nvlink target=\"0000:00:00.0\" count=\"18\" tclass=\"0x068000\"/>");
}

class NcclTopologyFile : public FolderTest {
 protected:
  std::string error_of(const std::string& text) const {
    const Outcome outcome = orrery({"import", write("t.xml", text), "--gpu", "h100_sxm"});
    EXPECT_EQ(outcome.code, 2) << outcome.out;
    return outcome.err;
  }
};

TEST_F(NcclTopologyFile, SaysWhatTheMachineIs) {
  const NcclTopology found = read_nccl_topology(small_topology(), "t.xml");
  EXPECT_EQ(found.gpus, 2);
  EXPECT_EQ(found.compute_capability, 90);
  EXPECT_EQ(found.nvlinks, 18);
  EXPECT_EQ(found.slot, BytesPerSecond{64e9});
  EXPECT_EQ(found.nics, 2);
  EXPECT_EQ(found.nic, BytesPerSecond{50e9});
  EXPECT_EQ(found.cpu, HostCpu::intel_sapphire_rapids);
  EXPECT_EQ(found.sockets, 1);
}

TEST_F(NcclTopologyFile, BecomesANodeThatAScenarioNames) {
  const std::string file = write("t.xml", small_topology());
  const Outcome ambiguous = orrery({"import", file});
  EXPECT_EQ(ambiguous.code, 2);
  EXPECT_THAT(ambiguous.err, AllOf(HasSubstr("h100_sxm"), HasSubstr("h200_sxm"), HasSubstr("--gpu")));
  const Outcome outcome = orrery({"import", file, "--gpu", "h100_sxm", "-o", path("node.yaml")});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("assumed: nic_latency"));
  const hardware::Node node = hardware::load_node(path("node.yaml"));
  EXPECT_EQ(node.gpus, 2);
  EXPECT_EQ(node.gpu, "h100_sxm");
  EXPECT_TRUE(node.nvswitch && node.in_network_reduction);
  EXPECT_EQ(node.nic_bandwidth, BytesPerSecond{50e9});
  EXPECT_EQ(node.sockets, 1);
  EXPECT_EQ(orrery({"collective", "all_reduce", "--cluster", path("node.yaml"), "--bytes", "1MiB"}).code, 0);
}

TEST_F(NcclTopologyFile, TellsWhatIsWrongAtItsPlace) {
  EXPECT_THAT(error_of("<system version=\"1\">\n<cpu>"), HasSubstr("t.xml:2:"));
  EXPECT_THAT(error_of("<system>\n</system>\n"), HasSubstr("no <gpu>"));
  EXPECT_THAT(error_of(replaced(small_topology(), "vendor=\"GenuineIntel\"", "vendor=\"Nobody\"")),
              AllOf(HasSubstr("t.xml:2:2"), HasSubstr("vendor=\"Nobody\"")));
  EXPECT_THAT(error_of(replaced(small_topology(), "speed=\"400000\"", "speed=\"fast\"")),
              HasSubstr("speed=\"fast\" is no number"));
  EXPECT_THAT(error_of(replaced(small_topology(), "speed=\"400000\"", "speed=\"200000\"")),
              HasSubstr("cards that are unlike"));
  EXPECT_THAT(error_of(replaced(small_topology(), "count=\"18\"", "count=\"12\"")), HasSubstr("GPUs that are unlike"));
  EXPECT_THAT(error_of(replaced(small_topology(), "sm=\"90\"", "sm=\"\"")), HasSubstr("sm=\"\" is no number"));
  // A bomb of entities is not read, let alone unfolded.
  EXPECT_THAT(error_of("<?xml version=\"1.0\"?>\n<!DOCTYPE s [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]>\n"
                       "<system><cpu>&b;</cpu></system>\n"),
              HasSubstr("t.xml:2:1: a document type is not read"));
  std::string deep = "<system><cpu arch=\"arm64\">";
  for (int i = 0; i < 5000; ++i) deep += "<pci>";
  EXPECT_THAT(error_of(deep), HasSubstr("t.xml:1:"));
  std::string closed = deep;
  for (int i = 0; i < 5000; ++i) closed += "</pci>";
  EXPECT_THAT(error_of(closed + "</cpu></system>"), HasSubstr("more than 64 elements inside one another"));
  std::string many = "<system><cpu arch=\"arm64\"><pci link_speed=\"32.0 GT/s PCIe\" link_width=\"16\">";
  for (int i = 0; i < 1100; ++i) many += "<gpu sm=\"90\"><nvlink count=\"18\" tclass=\"0x068000\"/></gpu>";
  EXPECT_THAT(error_of(many + "</pci></cpu></system>"), HasSubstr("as a node: 'gpus'"));
  const Outcome two = orrery({"import", write("a.xml", small_topology()), write("b.xml", small_topology())});
  EXPECT_THAT(two.err, HasSubstr("import it alone"));
}

TEST_F(NcclTopologyFile, RefusesWhatContradictsItself) {
  const std::string well = small_topology();
  EXPECT_THAT(error_of(replaced(well, "dev=\"1\" sm", "dev=\"0\" sm")),
              AllOf(HasSubstr("t.xml:8:"), HasSubstr("<gpu>: dev=\"0\" is there twice")));
  EXPECT_THAT(error_of(replaced(well, "rank=\"1\"", "rank=\"0\"")), HasSubstr("rank=\"0\" is there twice"));
  EXPECT_THAT(error_of(replaced(well, "mlx5_2", "mlx5_1")), HasSubstr("name=\"mlx5_1\" is there twice"));
  const std::string cpu = "<cpu numaid=\"0\" arch=\"x86_64\" vendor=\"AuthenticAMD\"/>\n</system>";
  EXPECT_THAT(error_of(replaced(well, "</system>", cpu)), HasSubstr("the socket \"0\" is there twice"));
  const std::string host = replaced(cpu, "numaid=\"0\"", "host_hash=\"0x2\" numaid=\"1\"");
  EXPECT_THAT(error_of(replaced(well, "</system>", host)), HasSubstr("a second host"));
  EXPECT_THAT(error_of(well + well), HasSubstr("a second <system>"));
  EXPECT_THAT(error_of(replaced(well, "</system>", "<nic><net name=\"mlx5_9\" speed=\"1\"/></nic></system>")),
              HasSubstr("<nic> hangs on no <cpu>"));
  // The board that --gpu names is not the one of the file.
  const auto with = [&](const std::string& gpu) {
    const Outcome outcome = orrery({"import", write("t.xml", well), "--gpu", gpu});
    EXPECT_EQ(outcome.code, 2) << outcome.out;
    return outcome.err;
  };
  EXPECT_THAT(with("a100_sxm"),
              AllOf(HasSubstr("t.xml:4:"), HasSubstr("sm=\"90\", and a100_sxm has compute capability 8.0")));
  EXPECT_THAT(with("h800_sxm"), HasSubstr("18 NVLinks of a GPU, and h800_sxm has 8"));
  EXPECT_THAT(with("h100_sxn"), HasSubstr("h100_sxm"));
}

TEST_F(NcclTopologyFile, RefusesABoxWithoutTheNvlinksOfItsBoard) {
  const std::string none = topology_of(8, "");
  EXPECT_THAT(error_of(none), HasSubstr("0 NVLinks of a GPU, and h100_sxm has 18: another board"));
  EXPECT_EQ(orrery({"import", write("t.xml", none), "--gpu", "h100_pcie"}).code, 0) << "its bridges are sold apart";
}

// As nvidia-smi's table of the same machine: see TopoMatrixFile.OfAPartOfABoxHasWhatItShows.
TEST_F(NcclTopologyFile, OfAPartOfABoxHasWhatItShows) {
  for (const int gpus : {1, 2}) {
    const Outcome outcome = orrery(
        {"import", write("t.xml", topology_of(gpus, "")), "--gpu", "h100_sxm", "-o", path("part.yaml"), "--force"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    const hardware::Node node = hardware::load_node(path("part.yaml"));
    EXPECT_EQ(node.gpus, gpus);
    EXPECT_FALSE(node.nvswitch);
  }
}

TEST_F(NcclTopologyFile, IsOfNoChipThatNcclDoesNotRunOn) {
  std::string chips = small_topology();
  for (int i = 0; i < 2; ++i) chips = replaced(chips, "sm=\"90\"", "sm=\"10\"");
  const Outcome named = orrery({"import", write("t.xml", chips), "--gpu", "tpu_v5p"});
  EXPECT_EQ(named.code, 2) << named.out;
  EXPECT_THAT(named.err, HasSubstr("NVIDIA's boards, and tpu_v5p is none"));
  EXPECT_THAT(orrery({"import", path("t.xml")}).err, ::testing::Not(HasSubstr("tpu")));
}

TEST_F(NcclTopologyFile, KnowsTheWidthsOfPcie) {
  const std::string well = small_topology();
  for (const char* width : {"64", "4096", "1e9", "-1"}) {
    EXPECT_THAT(
        error_of(replaced(well, "link_width=\"16\"", std::string("link_width=\"") + width + "\"")),
        AllOf(HasSubstr("t.xml:3:"), HasSubstr("link_width=\"" + std::string(width) + "\" is no number from 0")));
  }
  EXPECT_THAT(error_of(replaced(well, "link_width=\"16\"", "link_width=\"15\"")),
              HasSubstr("is no width of PCIe: 1, 2, 4, 8, 12, 16 or 32 lanes"));
  EXPECT_THAT(error_of(replaced(well, "link_speed=\"32.0 GT/s", "link_speed=\"512.0 GT/s")),
              HasSubstr("from 0 to 128"));
}

TEST_F(NcclTopologyFile, OfBridgedPairsBecomesANodeWithAMesh) {
  // As virtual machines show it: a card behind each socket without a rate, bridges between 0 and 1, 2 and 3.
  std::string text = "<system version=\"1\">\n";
  for (int i = 0; i < 4; ++i) {
    const std::string own = std::to_string(i), other = std::to_string(i ^ 1);
    text += "<cpu numaid=\"" + own + "\" arch=\"x86_64\" vendor=\"AuthenticAMD\"><pci busid=\"" + own +
            "\" class=\"0x030200\" link_speed=\"\" link_width=\"0\"><gpu dev=\"" + own + "\" sm=\"80\" rank=\"" + own +
            "\"><nvlink target=\"" + other + "\" count=\"12\" tclass=\"0x030200\"/></gpu></pci></cpu>\n";
  }
  text += "</system>\n";
  const Outcome outcome =
      orrery({"import", write("t.xml", text), "--gpu", "a100_pcie", "-o", path("node.yaml"), "--force"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const hardware::Node node = hardware::load_node(path("node.yaml"));
  EXPECT_THAT(node.nvlink_mesh, ::testing::ElementsAre(1, 0));
  EXPECT_EQ(node.mesh_bandwidth, BytesPerSecond{300e9});
  EXPECT_THAT(outcome.err, HasSubstr("pcie_bandwidth: the board's own rate"));
  EXPECT_THAT(error_of(replaced(text, "target=\"1\"", "target=\"7\"")), HasSubstr("no GPU is on the bus \"7\""));
  EXPECT_THAT(error_of(replaced(text, "busid=\"3\"", "busid=\"2\"")), HasSubstr("busid=\"2\" is there twice"));
  EXPECT_THAT(error_of(replaced(text, "count=\"12\"", "count=\"4\"")), HasSubstr("4 links one way and 12 the other"));
}

TEST_F(NcclTopologyFile, TellsBoardsOfOneGenerationApartByTheirCapability) {
  const auto tried = [&](const std::string& sm, const char* gpu) {
    const std::string text =
        replaced(replaced(small_topology(), "sm=\"90\"", "sm=\"" + sm + "\""), "sm=\"90\"", "sm=\"" + sm + "\"");
    return orrery({"import", write("t.xml", text), "--gpu", gpu, "-o", path("n.yaml"), "--force"});
  };
  EXPECT_EQ(tried("103", "b300_sxm").code, 0);
  EXPECT_EQ(tried("100", "b200_sxm").code, 0);
  EXPECT_THAT(tried("103", "b200_sxm").err, HasSubstr("sm=\"103\", and b200_sxm has compute capability 10.0"));
  EXPECT_THAT(tried("100", "b300_sxm").err, HasSubstr("sm=\"100\", and b300_sxm has compute capability 10.3"));
  EXPECT_THAT(tried("86", "a100_sxm").err, HasSubstr("sm=\"86\", and a100_sxm has compute capability 8.0"));
  EXPECT_THAT(tried("80", "a40").err, HasSubstr("sm=\"80\", and a40 has compute capability 8.6"));
}

TEST_F(NcclTopologyFile, SaysWhereItsNvlinksLeadNowhere) {
  const auto told = [&](const std::string& text, const char* gpu) {
    return orrery({"import", write("t.xml", text), "--gpu", gpu, "-o", path("n.yaml"), "--force"});
  };
  const std::string nowhere = small_topology();
  EXPECT_THAT(told(nowhere, "h100_sxm").err,
              HasSubstr("lead to no device that it names; taken as a switch, as NCCL does"));
  const std::string bus = "target=\"0000:00:00.0\"", named = "target=\"0000:c5:00.0\"";
  const Outcome a_switch = told(replaced(replaced(nowhere, bus, named), bus, named), "h100_sxm");
  EXPECT_EQ(a_switch.code, 0);
  EXPECT_EQ(a_switch.err.find("taken as a switch"), std::string::npos);
  EXPECT_THAT(error_of(replaced(nowhere, "tclass=\"0x068000\"", "tclass=\"0x020000\"")),
              AllOf(HasSubstr("t.xml:5:"), HasSubstr("tclass=\"0x020000\" is neither a GPU")));
  // A bridge has no switch behind it.
  std::string pairs = nowhere;
  for (int i = 0; i < 2; ++i)
    pairs = replaced(replaced(pairs, "sm=\"90\"", "sm=\"80\""), "count=\"18\"", "count=\"4\"");
  EXPECT_THAT(told(pairs, "a30").err, HasSubstr("those of a30 are bridges between pairs"));
}

/// The graphs that NCCL prints for each file on one node: rings, trees, stars of the switch, channels.
struct Printed {
  const char *file, *gpu;
  int ring, tree, nvls, channels;
  double speed;
};

TEST_F(NcclTopologyFile, GivesTheGraphsThatNcclFinds) {
  const char* data = std::getenv("ORRERY_DATA");
  if (data == nullptr) GTEST_SKIP() << "ORRERY_DATA is not set";
  for (const Printed& printed :
       {Printed{"dgxh100.xml", "h100_sxm", 12, 12, 8, 24, 30.0}, Printed{"h800.xml", "h800_sxm", 8, 8, 8, 16, 20.0},
        Printed{"dgxa100.xml", "a100_sxm", 12, 12, 0, 24, 20.0}, Printed{"a800.xml", "a800_sxm", 8, 8, 0, 16, 20.0},
        Printed{"hgxb200.xml", "b200_sxm", 16, 16, 8, 32, 45.0}, Printed{"h100x4.xml", "h100_sxm", 12, 12, 4, 24, 30.0},
        Printed{"h100x2.xml", "h100_sxm", 12, 12, 2, 24, 30.0}, Printed{"a100pcie8.xml", "a100_pcie", 1, 1, 0, 2, 15.0},
        Printed{"l40s8.xml", "l40s", 1, 1, 0, 2, 20.0}}) {
    const std::string out = path("node.yaml");
    const Outcome outcome = orrery(
        {"import", std::string(data) + "/nccl_golden/" + printed.file, "--gpu", printed.gpu, "-o", out, "--force"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const hardware::Cluster cluster = hardware::make_cluster(out, "single_node", 1);
    const sim::nccl::Graphs graphs =
        sim::nccl::search(sim::nccl::box_of(cluster.site(0), cluster.groups[0].node.gpus, 1));
    EXPECT_EQ(graphs.ring.channels, printed.ring) << printed.file;
    EXPECT_EQ(graphs.ring.intra, printed.speed) << printed.file;
    EXPECT_EQ(graphs.tree.channels, printed.tree) << printed.file;
    EXPECT_EQ(graphs.nvls.channels, printed.nvls) << printed.file;
    EXPECT_EQ(graphs.channels, printed.channels) << printed.file;
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
