// Hardware of one's own: profiles named by their paths, templates to start from, and boards that take over the fits of
// a measured sister.

#include <algorithm>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using json = nlohmann::json;
using OwnHardware = FolderTest;

std::string scenario_on(const std::string& cluster) {
  return "scenario: \"mine\"\nmodel: gpt2-124m\ncluster: " + cluster +
         "\ntraining: {sequence_length: 1024, global_batch_size: 64, micro_batch_size: 1}\n";
}

std::string replaced(std::string text, const std::string& old, const std::string& by) {
  text.replace(text.find(old), old.size(), by);
  return text;
}

TEST_F(OwnHardware, TemplatesReadAsTheyStand) {
  ASSERT_EQ(orrery({"new", "gpu", "-o", path("my_gpu.yaml")}).code, kExitWell);
  ASSERT_EQ(orrery({"new", "node", "-o", path("my_node.yaml")}).code, kExitWell);
  ASSERT_EQ(orrery({"new", "fabric", "-o", path("my_fabric.yaml")}).code, kExitWell);
  const std::string file =
      write("s.yaml", scenario_on("{node: ./my_node.yaml, gpu: my_gpu.yaml, nodes: 4, fabric: ./my_fabric.yaml}"));
  const Outcome outcome = orrery({"run", file, "--json", path("r.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("4 x my_node (32 GPUs, my_gpu), my_fabric"));
}

// Of each kind, on the cluster that its second line names.
TEST_F(OwnHardware, EveryKindOfFabricHasATemplateThatReads) {
  for (const hardware::FabricKindRow& row : hardware::fabric_kinds()) {
    const std::string kind(row.name);
    const Outcome fresh = orrery({"new", "fabric", kind, "-o", path("my_fabric.yaml"), "--force"});
    ASSERT_EQ(fresh.code, kExitWell) << kind << fresh.err;
    const std::string text = read_file(path("my_fabric.yaml"));
    EXPECT_EQ(hardware::load_fabric(path("my_fabric.yaml")).kind, row.kind);
    const std::size_t at = text.find("cluster: ") + 9;
    const std::string cluster = text.substr(at, text.find('\n', at) - at);
    const std::string file = write(
        "s.yaml", "scenario: mine\ncluster: " + cluster + "\ncollective: {operation: all_reduce, bytes: 1 MiB}\n");
    const Outcome outcome = orrery({"run", file, "-q"});
    EXPECT_EQ(outcome.code, kExitWell) << kind << ": " << outcome.err;
  }
  EXPECT_EQ(orrery({"new", "fabric"}).out, orrery({"new", "fabric", "rail_fat_tree"}).out);
  const Outcome wrong = orrery({"new", "fabric", "hypercube"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("dragonfly, sites, torus"));
  EXPECT_EQ(orrery({"new", "gpu", "torus"}).code, 2);
}

// A kind that is none says nothing of the other keys.
TEST_F(OwnHardware, AFabricOfNoKindIsOneMistake) {
  const std::string text = replaced(orrery({"new", "fabric", "torus"}).out, "kind: torus", "kind: taurus");
  write("my_fabric.yaml", text);
  const std::string file =
      write("s.yaml",
            "scenario: mine\ncluster: {node: tpu_v5p_host, nodes: 16, fabric: ./my_fabric.yaml, torus: [4, 4, 4]}\n"
            "collective: {operation: all_reduce, bytes: 1 MiB}\n");
  const Outcome outcome = orrery({"run", file, "-q"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("torus"));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

// The template says what the library says of the board it copies: the same time to the last digit.
TEST_F(OwnHardware, TheGpuTemplateIsTheBoardThatItNames) {
  ASSERT_EQ(orrery({"new", "gpu", "-o", path("my_gpu.yaml")}).code, kExitWell);
  const auto step_time = [&](const std::string& cluster) {
    const std::string file = write("s.yaml", scenario_on(cluster));
    EXPECT_EQ(orrery({"run", file, "-q", "--json", path("r.json")}).code, kExitWell);
    return json::parse(read_file(path("r.json")))["training"]["step_time_s"].get<double>();
  };
  EXPECT_EQ(step_time("{node: dgx_h100, gpu: ./my_gpu.yaml}"), step_time("{node: dgx_h100}"));
}

TEST_F(OwnHardware, ANodeNamesAGpuBesideIt) {
  const std::string node = orrery({"new", "node"}).out, gpu = orrery({"new", "gpu"}).out;
  write("parts/big.yaml", replaced(gpu, "memory: 81559 MiB", "memory: 200 GiB"));
  write("parts/node.yaml", replaced(node, "gpu: h100_sxm", "gpu: ./big.yaml"));
  const std::string file = write("s.yaml", scenario_on("{node: parts/node.yaml}"));
  const Outcome outcome = orrery({"run", file, "-q", "--json", path("r.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_EQ(json::parse(read_file(path("r.json")))["memory"]["capacity_bytes"].get<double>(),
            (200.0 * 1024 - 551) * 1048576);
}

TEST_F(OwnHardware, AMissingFigureIsNamedWithItsPlace) {
  const std::string gpu = orrery({"new", "gpu"}).out;
  const std::string broken = write("g.yaml", replaced(gpu, "  l2_size: 50 MiB\n", ""));
  const Outcome outcome = orrery({"run", write("s.yaml", scenario_on("{node: dgx_h100, gpu: ./g.yaml}"))});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("s.yaml:3:"), HasSubstr(broken), HasSubstr("'l2_size' is missing")));
}

TEST_F(OwnHardware, BadPathsAndNamesAreErrors) {
  const auto error = [&](const std::string& cluster) {
    const Outcome outcome = orrery({"run", write("s.yaml", scenario_on(cluster))});
    EXPECT_EQ(outcome.code, kExitInput) << outcome.err;
    return outcome.err;
  };
  EXPECT_THAT(error("{node: ./none.yaml}"), HasSubstr("no such file"));
  EXPECT_THAT(error("{node: ./}"), HasSubstr("is a folder"));
  EXPECT_THAT(error("{node: dgx_h10}"), HasSubstr("dgx_h100"));
  write("sp ace.yaml", orrery({"new", "node"}).out);
  EXPECT_THAT(error("{node: \"./sp ace.yaml\"}"), HasSubstr("is called as its file"));
}

TEST_F(OwnHardware, AnOutputMayNotTakeTheProfilesPlace) {
  const std::string node = write("n.yaml", orrery({"new", "node"}).out);
  const std::string file = write("s.yaml", scenario_on("{node: ./n.yaml}"));
  const Outcome outcome = orrery({"run", file, "--json", node});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("would overwrite the input"));
}

TEST_F(OwnHardware, NewDoesNotOverwriteUnlessForced) {
  write("mine.yaml", "edited by hand\n");
  const Outcome refused = orrery({"new", "-o", path("mine.yaml")});
  EXPECT_EQ(refused.code, kExitInput);
  EXPECT_THAT(refused.err, HasSubstr("--force"));
  EXPECT_EQ(read_file(path("mine.yaml")), "edited by hand\n");
  EXPECT_EQ(orrery({"new", "-o", path("mine.yaml"), "--force"}).code, kExitWell);
  EXPECT_THAT(read_file(path("mine.yaml")), HasSubstr("scenario:"));
}

TEST(SisterBoards, TakeOverTheFitsOfTheirSilicon) {
  const hardware::Gpu own = hardware::load_gpu("h100_sxm"), sister = hardware::load_gpu("h20_sxm");
  const hardware::Fit* fit = sister.find_fit("gemm/trtllm/bf16");
  ASSERT_NE(fit, nullptr);
  EXPECT_EQ(fit->of, "h100_sxm");
  EXPECT_EQ(fit->coefficients, own.find_fit("gemm/trtllm/bf16")->coefficients);
  ASSERT_EQ(fit->residuals.size(), 1u);
  EXPECT_EQ(fit->residuals[0].group, "transfer");
  EXPECT_GT(fit->residuals[0].rows, 10000);
  // H20's NVLink is H100's, H800's is not: its collectives were not measured.
  EXPECT_NE(sister.find_fit("nccl/all_reduce/8"), nullptr);
  EXPECT_EQ(hardware::load_gpu("h800_sxm").find_fit("nccl/all_reduce/8"), nullptr);
}

TEST_F(OwnHardware, ASistersFiguresAreLabelled) {
  const std::string file = write("s.yaml", scenario_on("{node: hgx_h20}"));
  ASSERT_EQ(orrery({"run", file, "-q", "--json", path("r.json")}).code, kExitWell);
  bool labelled = false;
  const json report = json::parse(read_file(path("r.json")));
  for (const json& line : report["provenance"]) {
    if (line["name"] != "gemm") continue;
    labelled = true;
    EXPECT_EQ(line["provenance"], "published");
    EXPECT_THAT(line["source"].get<std::string>(), HasSubstr("h100_sxm's fit at this board's rates"));
  }
  EXPECT_TRUE(labelled);
  EXPECT_THAT(orrery({"explain", file}).out, HasSubstr("of other boards with this chip"));
}

TEST_F(OwnHardware, SiliconMustBeMeasuredAndOfTheSameGeneration) {
  const std::string gpu = orrery({"new", "gpu"}).out;
  const auto error = [&](const std::string& silicon) {
    write("g.yaml", replaced(gpu, "silicon: h100_sxm", "silicon: " + silicon));
    return orrery({"run", write("s.yaml", scenario_on("{node: dgx_h100, gpu: ./g.yaml}"))}).err;
  };
  EXPECT_THAT(error("h800_sxm"), HasSubstr("was not measured itself"));
  EXPECT_THAT(error("a100_sxm"), HasSubstr("is of the generation ampere, not hopper"));
  EXPECT_THAT(error("h100"), HasSubstr("h100_sxm"));
}

// Every card of the library runs something: in the format that it has. Four chips of a torus are two lines of two.
TEST_F(OwnHardware, EveryNodeWithCudaServesASmallModel) {
  for (const std::string& node : hardware::node_names()) {
    const hardware::Gpu gpu = hardware::load_gpu(hardware::load_node(node).gpu);
    const std::string dtype = gpu.peak.has(Dtype::bf16) ? "bf16" : "fp16";
    const bool chips = !gpu.has_cuda();
    const std::string file =
        write("s.yaml", "scenario: x\nmodel: gpt2-124m\ncluster: {node: " + node +
                            (chips ? ", fabric: torus_v5p, torus: [2, 2, 1]" : "") + "}\nserving:\n  dtype: " + dtype +
                            "\n  load: {arrivals: closed_loop, concurrency: 2, requests: 4, input: 100, output: 10}\n");
    const Outcome outcome = orrery({"run", file, "-q"});
    EXPECT_EQ(outcome.code, chips ? kExitInput : kExitWell) << node << ": " << outcome.err;
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
