// Hardware that an import is told of: names of the library, profiles of one's own, and what a topology leaves open.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/import/import.hpp"
#include "scenarios/scenario.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ImportHardware : public FolderTest {
 protected:
  [[nodiscard]] Outcome import(std::vector<std::string> more) const {
    std::vector<std::string> args = {"import", write("serve.sh", "vllm serve Qwen/Qwen3-32B -tp 2\n")};
    args.insert(args.end(), more.begin(), more.end());
    return orrery(args);
  }
};

TEST_F(ImportHardware, NodesOfOnesOwnAreNamedByTheirPath) {
  ASSERT_EQ(orrery({"new", "node", "-o", path("box.yaml")}).code, kExitWell);
  const Outcome outcome = import({"--node", path("box.yaml"), "-o", path("s.yaml"), "-q"});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  const Scenario scenario = load_scenario(path("s.yaml"));
  EXPECT_EQ(scenario.cluster.groups.front().node.name, "box");
  EXPECT_EQ(orrery({"run", path("s.yaml"), "-q"}).code, kExitWell) << "from any folder";
}

TEST_F(ImportHardware, GpusOfOnesOwnAreNamedByTheirPath) {
  ASSERT_EQ(orrery({"new", "gpu", "-o", path("mine.yaml")}).code, kExitWell);
  const Outcome outcome = import({"--gpu", path("mine.yaml"), "--node", "dgx_h100", "-o", path("s.yaml"), "-q"});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_EQ(load_scenario(path("s.yaml")).cluster.groups.front().gpu.name, "mine");
  const Outcome alone = import({"--gpu", path("mine.yaml")});
  EXPECT_EQ(alone.code, kExitWell) << alone.err;
  EXPECT_THAT(alone.out, AllOf(HasSubstr("node: dgx_h100"), HasSubstr("change me")));
}

TEST_F(ImportHardware, NamesAndPathsThatAreNoneAreRefused) {
  EXPECT_THAT(import({"--node", path("none.yaml")}).err, HasSubstr("none.yaml: no such file"));
  EXPECT_THAT(import({"--gpu", path("none.yaml")}).err, HasSubstr("none.yaml: no such file"));
  EXPECT_THAT(import({"--node", "dgx_h10"}).err,
              HasSubstr("--node \"dgx_h10\": unknown name; did you mean 'dgx_h100'"));
  EXPECT_THAT(import({"--node", "zzzzzz"}).err, HasSubstr("unknown name. They are "));
}

TEST(GpusNamed, AreThoseThatBeginSo) {
  EXPECT_THAT(gpus_named("NVIDIA H100"), ElementsAre("h100_nvl", "h100_pcie", "h100_sxm", "h100_sxm_96gb"));
  EXPECT_THAT(gpus_named("L40S"), ElementsAre("l40s"));
  EXPECT_THAT(gpus_named("warp9"), IsEmpty());
  EXPECT_THAT(gpus_named("rtx"), Contains("rtx_4090"));
}

// hardware/catalogue/gpu_words.hpp has the names; of several the board of the usual servers is meant.
TEST(GpuNameOf, IsTheBoardThatIsMeant) {
  for (const char* usual : {"h100", "H100", "NVIDIA H100 80GB HBM3", "H100-SXM5-80GB", "h100sxm", "h100 80gb"}) {
    EXPECT_EQ(gpu_name_of(usual), "h100_sxm") << usual;
  }
  EXPECT_EQ(gpu_name_of("A100-SXM4-40GB"), "a100_sxm_40gb");
  EXPECT_EQ(gpu_name_of("a6000"), "rtx_a6000");
  EXPECT_EQ(gpu_name_of("5090"), "rtx_5090");
  EXPECT_EQ(gpu_name_of("pro6000"), "rtx_pro_6000_server");
  const auto refusal = [](const char* written) {
    try {
      return gpu_name_of(written);
    } catch (const hardware::ConfigError& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(refusal("6000"), "--gpu 6000: that is any of rtx_6000_ada, rtx_pro_6000_server; name one");
  EXPECT_EQ(refusal("v100"), "--gpu v100: that is any of v100_pcie, v100_sxm_16gb, v100_sxm_32gb; name one");
  EXPECT_THAT(refusal("A100-PCIE-40GB"),
              AllOf(HasSubstr("there is no such GPU; did you mean "), HasSubstr("a100_pcie")));
}

/// Two GPUs of Hopper in slots of Gen5, without NVLinks, with `more` beside them.
std::string topology(const std::string& more = "", const std::string& sm = "90") {
  const auto gpu = [&](const std::string& number) {
    return "<pci class=\"0x030200\" link_speed=\"32.0 GT/s PCIe\" link_width=\"16\"><gpu dev=\"" + number + "\" sm=\"" +
           sm + "\" rank=\"" + number + "\"/></pci>\n";
  };
  return "<system version=\"1\">\n<cpu numaid=\"0\" arch=\"x86_64\" vendor=\"AuthenticAMD\" familyid=\"25\" "
         "modelid=\"1\">\n" +
         gpu("0") + gpu("1") + more + "</cpu>\n</system>\n";
}

TEST_F(ImportHardware, ATopologyWithoutCardsSaysSoAndGivesNoRate) {
  const Outcome outcome = orrery({"import", write("t.xml", topology()), "--gpu", "h100_pcie", "-o", path("node.yaml")});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("no network card: NCCL's topology has none"), Not(HasSubstr("nic_latency"))));
  const hardware::Node node = hardware::load_node(path("node.yaml"));
  EXPECT_EQ(node.nics, 0);
  EXPECT_EQ(node.nic_bandwidth, BytesPerSecond{});
  EXPECT_EQ(orrery({"collective", "all_reduce", "--cluster", path("node.yaml"), "--bytes", "1MiB"}).code, kExitWell);
  EXPECT_THAT(orrery({"collective", "all_reduce", "--cluster", path("node.yaml"), "--nodes", "2"}).err,
              HasSubstr("the node 'node' has no network card: it can't be one of 2 nodes"));
  const std::string card =
      "<pci class=\"0x020000\" link_speed=\"32.0 GT/s PCIe\" link_width=\"16\"><nic><net name=\"mlx5_0\" "
      "speed=\"400000\"/></nic></pci>\n";
  const Outcome with_card = orrery({"import", write("c.xml", topology(card)), "--gpu", "h100_pcie"});
  EXPECT_THAT(with_card.out,
              AllOf(HasSubstr("nics: 1\n  nic_bandwidth: 400 Gb/s\n"), HasSubstr("nic_latency: 0.6 us")));
}

TEST_F(ImportHardware, BoardsOfATopologyAreNamedAsElsewhere) {
  const std::string file = write("t.xml", topology());
  // Of those that are called H100 the ones whose NVLinks are bridges stand in a box without.
  const Outcome any = orrery({"import", file});
  EXPECT_EQ(any.code, kExitInput);
  EXPECT_THAT(any.err, AllOf(HasSubstr("compute capability 9.0 with 0 NVLinks is one of "), HasSubstr("h100_pcie"),
                             Not(HasSubstr("h100_sxm"))));
  for (const char* written : {"h100_pcie", "H100 PCIe", "NVIDIA-H100-PCIE"}) {
    EXPECT_THAT(orrery({"import", file, "--gpu", written}).out, HasSubstr("gpu: h100_pcie")) << written;
  }
  EXPECT_THAT(orrery({"import", file, "--gpu", "h100"}).err,
              HasSubstr("--gpu h100: compute capability 9.0 with 0 NVLinks is any of h100_nvl, h100_pcie; name one"));
  const Outcome wrong = orrery({"import", file, "--gpu", "h100_pci"});
  EXPECT_EQ(wrong.code, kExitInput);
  EXPECT_THAT(wrong.err,
              AllOf(HasSubstr("--gpu h100_pci: there is no such GPU; did you mean"), HasSubstr("h100_pcie")));
  const Outcome other = orrery({"import", file, "--gpu", "a100_pcie"});
  EXPECT_EQ(other.code, kExitInput);
  EXPECT_THAT(other.err,
              AllOf(HasSubstr("sm=\"90\", and a100_pcie has compute capability 8.0: another board than --gpu says"),
                    HasSubstr("h100_pcie")));
  const Outcome unknown = orrery({"import", write("u.xml", topology("", "61"))});
  EXPECT_THAT(unknown.err, HasSubstr("compute capability 6.1 with 0 NVLinks is none of orrery list gpus"));
}

TEST_F(ImportHardware, FilesAreWeightsByTheirBytesAndNotByTheirName) {
  using namespace std::string_literals;
  const auto named = [&](const std::string& name, const std::string& bytes) {
    return orrery({"import", write(name, bytes)}).err;
  };
  const std::string noise = "\x07\x99\x00\x11\xfe"s;
  for (const char* name : {"r.bin", "r.pt", "r.safetensors"}) {
    EXPECT_THAT(named(name, noise), HasSubstr("is a binary file of no kind that is known here")) << name;
  }
  EXPECT_THAT(named("m.bin", "PK\x03\x04\x00rest"s), HasSubstr("is a model's weights"));
  EXPECT_THAT(named("m.pt", "\x80\x02\x8a\x0a\x00"s), HasSubstr("is a model's weights"));
  EXPECT_THAT(named("m.safetensors", "\x10\x00\x00\x00\x00\x00\x00\x00{\"a\":{}}"s), HasSubstr("is a model's weights"));
  EXPECT_THAT(named("m.any", "GGUF\x03\x00"s), HasSubstr("is a model's weights"));
  EXPECT_THAT(named("m.zip", "PK\x03\x04\x00rest"s), HasSubstr("is a zip archive"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
