// One's own measurements as laws of one's own profile.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/catalogue/catalogue.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class CollectiveFit : public FolderTest {
 protected:
  /// Sixteen sizes of an all_reduce among 8 that takes twenty microseconds and 200 GB/s of bus bandwidth.
  std::string log() const {
    std::string text = "# Collective test starting: all_reduce_perf\n# size count type redop root time algbw busbw\n";
    for (double size = 65536.0; size < 4e9; size *= 2.0) {
      const double time = 20.0 + size * 1.75 / 200e9 * 1e6;
      char line[160];
      std::snprintf(line, sizeof line, "  %.0f  %.0f  half  sum  -1  %.2f  %.2f  %.2f  0\n", size, size / 2, time,
                    size / time / 1e3, size / time / 1e3 * 1.75);
      text += line;
    }
    return write("perf.log", text);
  }
  Outcome fit(const std::string& cluster, const std::string& file, std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {"collective", "all_reduce",      "--cluster", cluster,  "--compare",        file,
                                     "--fit",      path("mine.yaml"), "-q",        "--json", path("before.json")};
    args.insert(args.end(), more.begin(), more.end());
    return orrery(args);
  }
};

TEST_F(CollectiveFit, MakesTheNextTableThatOfTheMachine) {
  const std::string file = log();
  const Outcome outcome = fit("dgx_1", file);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("fit nccl/all_reduce/8: "), HasSubstr("written to")));
  const hardware::Gpu mine = hardware::load_gpu(path("mine.yaml"));
  ASSERT_NE(mine.find_fit("nccl/all_reduce/8"), nullptr);
  EXPECT_EQ(mine.find_fit("nccl/all_reduce/8")->source.find("v100_sxm_16gb"), 0u);
  EXPECT_EQ(mine.memory, hardware::load_gpu("v100_sxm_16gb").memory) << "the rest is the board's";
}

TEST_F(CollectiveFit, KeepsOutOfAnotherBoardsProfile) {
  const std::string file = log();
  ASSERT_EQ(fit("dgx_h100", file).code, 0);
  const std::string before = read_file(path("mine.yaml"));
  const Outcome outcome = fit("dgx_a100", file);
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("mine.yaml: a hopper board with 450 GB/s of NVLink, and the cluster has"),
                                 HasSubstr("a100_sxm")));
  EXPECT_EQ(read_file(path("mine.yaml")), before);
  EXPECT_EQ(fit("dgx_h100", file).code, 0) << "its own again";
}

TEST_F(CollectiveFit, IsWhatTheTableThenPredicts) {
  const std::string file = log();
  ASSERT_EQ(fit("dgx_a100", file).code, 0);
  const std::string cluster = write("c.yaml", "cluster:\n  node: dgx_a100\n  gpu: ./mine.yaml\n");
  const Outcome after =
      orrery({"collective", "all_reduce", "--cluster", cluster, "--compare", file, "-q", "--json", path("after.json")});
  ASSERT_EQ(after.code, 0) << after.err;
  const auto errors = [](const std::string& report) { return nlohmann::json::parse(read_file(report)).at("errors"); };
  EXPECT_LT(errors(path("after.json")).at("mean").get<double>(), 0.05);
  EXPECT_LT(errors(path("after.json")).at("mean").get<double>(), errors(path("before.json")).at("mean").get<double>());
  EXPECT_EQ(nlohmann::json::parse(read_file(path("after.json"))).at("rows").at(3).at("provenance"), "measured");
  // The board's laws of the node are of all operations: they stay.
  const hardware::Gpu mine = hardware::load_gpu(path("mine.yaml")), own = hardware::load_gpu("a100_sxm");
  ASSERT_NE(own.find_fit("nccl/node"), nullptr);
  EXPECT_EQ(mine.find_fit("nccl/node")->coefficients, own.find_fit("nccl/node")->coefficients);
}

TEST_F(CollectiveFit, RefusesWhatItCannotFit) {
  const std::string few = write("few.log",
                                "# size count type redop root time algbw busbw\n"
                                "  1048576  524288  half  sum  -1  64.00  16.38  28.67  0\n");
  EXPECT_THAT(fit("dgx_h100", few).err, HasSubstr("1 rows are too few"));
  EXPECT_FALSE(std::filesystem::exists(path("mine.yaml"))) << "nothing is left behind";
  EXPECT_THAT(orrery({"collective", "all_reduce", "--cluster", "dgx_h100", "--fit", path("mine.yaml")}).err,
              HasSubstr("--fit needs measurements"));
  EXPECT_THAT(orrery({"collective", "all_reduce", "--cluster", "dgx_h100", "--compare", few, "--fit", few}).err,
              HasSubstr("would overwrite the input"));
  const std::string two = write("two.log",
                                "# size count type redop root time algbw busbw\n"
                                "  1048576  524288  half  sum  -1  64.00  16.38  30.72  0\n");
  EXPECT_THAT(fit("dgx_h100", two, {"--nodes", "2"}).err, HasSubstr("--fit is of one node"));
}

TEST_F(CollectiveFit, SaysUnderWhichSettings) {
  const std::string file = log();
  const Outcome plain = fit("dgx_h100", file);
  EXPECT_THAT(plain.err, HasSubstr("under NCCL 2.28.9, told nothing"));
  EXPECT_FALSE(hardware::load_gpu(path("mine.yaml")).find_fit("nccl/all_reduce/8")->coefficient("nvls_simple_base_s") ==
               std::nullopt)
      << "large messages run in the switch";
  std::filesystem::remove(path("mine.yaml"));
  const Outcome told = fit("dgx_h100", file, {"--set", "cluster.nccl.algo=ring"});
  ASSERT_EQ(told.code, 0) << told.err;
  EXPECT_THAT(told.err, HasSubstr("under NCCL 2.28.9, told {\"algo\":\"ring\"}"));
  const hardware::Gpu mine = hardware::load_gpu(path("mine.yaml"));
  EXPECT_FALSE(mine.find_fit("nccl/all_reduce/8")->coefficient("nvls_simple_base_s").has_value());
  EXPECT_TRUE(mine.find_fit("nccl/all_reduce/8")->coefficient("ring_simple_base_s").has_value());
  EXPECT_THAT(mine.find_fit("nccl/all_reduce/8")->source, HasSubstr("half elements, NCCL 2.28.9, told {\"algo\""));
}

TEST_F(CollectiveFit, RefusesWhatIsNoLawOfTheBoard) {
  const std::string file = log();
  EXPECT_THAT(
      fit("dgx_h100", file, {"--set", "cluster.nccl.max_channels=2"}).err,
      AllOf(HasSubstr("--fit under cluster.nccl {\"max_channels\":2}"), HasSubstr("version, algo, proto and nvls")));
  EXPECT_THAT(fit("dgx_h100", file, {"--set", "cluster.collective_algorithm=halving_doubling"}).err,
              HasSubstr("--fit under cluster.collective_algorithm halving_doubling"));
  const std::string product = write("max.log", replaced(read_file(file), "sum", "max"));
  EXPECT_THAT(fit("dgx_h100", product).err, HasSubstr("max.log:3:1: --fit: a reduction by max: laws are of sums"));
  const std::string listed = "#  Rank  0 Group  0 Pid  7 on host-0 device  0 [0000:1b:00] NVIDIA A100-SXM4-80GB\n";
  const std::string other = write("other.log", listed + read_file(file));
  EXPECT_THAT(fit("dgx_h100", other).err, HasSubstr("a test of 1 ranks on 1 hosts"));
  EXPECT_FALSE(std::filesystem::exists(path("mine.yaml")));
}

TEST_F(CollectiveFit, IsOfChipsThatRunNccl) {
  const std::string cluster =
      write("tpu.yaml", "cluster: {node: tpu_v5p_host, nodes: 2, fabric: torus_v5p, torus: [2, 2, 2]}\n");
  const Outcome outcome = fit(cluster, log());
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("--fit: collectives of 'tpu_v5p' are compiled by XLA, NCCL has no part in them"));
  EXPECT_FALSE(std::filesystem::exists(path("mine.yaml")));
  const std::string table = write("rows.csv", "op,dtype,gpus,bytes,time_us\nall_reduce,bf16,4,1048576,50\n");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"validate", "collectives", table}, {"calibrate", "fit", table, "--dry-run"}}) {
    std::vector<std::string> args = command;
    args.insert(args.end(), {"--gpu", "tpu_v5p"});
    const Outcome refused = orrery(args);
    EXPECT_EQ(refused.code, kExitInput) << refused.out;
    EXPECT_THAT(refused.err, HasSubstr("rows.csv:1:1: collectives of 'tpu_v5p' are compiled by XLA"));
  }
}

TEST_F(CollectiveFit, HasAPlaceOfItsOwn) {
  const std::string file = log();
  for (const char* option : {"--json", "--csv", "--svg"}) {
    const Outcome outcome = orrery({"collective", "all_reduce", "--cluster", "dgx_h100", "--compare", file, "--fit",
                                    path("one.out"), option, path("one.out")});
    EXPECT_EQ(outcome.code, kExitInput) << option;
    EXPECT_THAT(outcome.err, HasSubstr("one.out: two outputs can't go to the same place")) << option;
    EXPECT_FALSE(std::filesystem::exists(path("one.out"))) << option;
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
