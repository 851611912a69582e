// NCCL's variables as keys of a scenario: what they change, and how their mistakes are told.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class NcclSection : public FolderTest {
 protected:
  /// A table row of the command for one size on an H100 node, told so.
  nlohmann::json row(const std::vector<std::string>& set, const std::string& size = "256MiB",
                     std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {"collective", "all_reduce", "--cluster",    "dgx_h100", "--bytes",
                                     size,         "--json",     path("t.json"), "-q"};
    for (const std::string& each : set) args.insert(args.end(), {"--set", "cluster.nccl." + each});
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(read_file(path("t.json"))).at("rows").at(0);
  }
  std::string way(const std::vector<std::string>& set, const std::string& size = "256MiB",
                  std::vector<std::string> more = {}) const {
    const nlohmann::json one = row(set, size, std::move(more));
    return one.at("algorithm").get<std::string>() + " " + one.at("protocol").get<std::string>() + " " +
           std::to_string(one.at("channels").get<int>()) + "x" + std::to_string(one.at("threads").get<int>());
  }
  /// The small scenario with a line of its cluster.
  Outcome run(const std::string& line) const {
    return orrery({"run", write("s.yaml", replaced(small_scenario(), "  nodes: 1\n", "  nodes: 1\n  " + line + "\n"))});
  }
};

TEST_F(NcclSection, ChangesAlgorithmProtocolChannelsAndThreads) {
  EXPECT_EQ(way({}), "nvls Simple 16x640");
  EXPECT_EQ(way({"algo=ring"}), "ring Simple 24x544");
  EXPECT_EQ(way({"algo=^nvls", "proto=LL128"}), "ring LL128 24x640");
  EXPECT_EQ(way({"algo=allreduce:tree"}), "tree Simple 24x640");
  EXPECT_EQ(way({"nvls=false"}), "ring Simple 24x544");
  EXPECT_EQ(way({"algo=ring", "max_channels=8"}), "ring Simple 8x544");
  EXPECT_EQ(way({"algo=ring", "min_ctas=32"}), "ring Simple 32x544");
  EXPECT_EQ(way({"algo=ring", "nthreads=256"}), "ring Simple 24x288");
  EXPECT_EQ(way({"algo=ring", "proto=LL128", "ll128_nthreads=320"}), "ring LL128 24x320");
  EXPECT_EQ(way({"max_ctas=4"}), "nvls Simple 4x640");
  EXPECT_EQ(way({}, "32KiB"), "ring LL 1x512");
  // Six thresholds: of the ring's LL 1 B a thread in place of 64, so that 32 KiB fill more; their traffic, twice for a
  // sum and four times for LL, is eight channels of 32 KiB.
  EXPECT_EQ(way({"thread_thresholds=[8, 8, 64, 1, 8, 64]"}, "32KiB"), "ring LL 8x512");
}

TEST_F(NcclSection, ReachesEveryChoiceThatItNames) {
  EXPECT_EQ(way({"collnet=true"}, "256MiB", {"--nodes", "4"}).substr(0, 5), "nvls ") << "the fabric's switches too";
  EXPECT_EQ(way({"collnet=true", "algo=collnet_direct"}, "256MiB", {"--nodes", "4"}).substr(0, 15), "collnet_direct ");
  EXPECT_EQ(way({"collnet=true", "algo=CollNetChain"}, "256MiB", {"--nodes", "4"}).substr(0, 14), "collnet_chain ");
  EXPECT_EQ(way({}, "16MiB", {"--nodes", "4"}).substr(0, 9), "nvls_tree");
  // A proxy of 10 us a step makes rings of 62 steps dear: a tree is taken for longer.
  EXPECT_EQ(way({"algo=ring,tree"}, "1GiB", {"--nodes", "4"}).substr(0, 4), "ring");
  EXPECT_EQ(way({"algo=ring,tree", "net_overhead=300 us"}, "1GiB", {"--nodes", "4"}).substr(0, 4), "tree");
}

TEST_F(NcclSection, TakesKernelsOfSymmetricMemoryForRegisteredWindows) {
  EXPECT_EQ(way({"symmetric=true"}, "8KiB"), "symmetric_ll LL 5x512");
  EXPECT_EQ(way({"symmetric=true"}), "symmetric_multicast Simple 2x512");
  EXPECT_EQ(way({"symmetric=true", "nvls=false"}).substr(0, 17), "symmetric Simple ");
  EXPECT_EQ(way({"symmetric=true"}, "256MiB", {"--nodes", "4"}).substr(0, 9), "nvls_tree") << "one domain only";
  EXPECT_EQ(row({"symmetric=true"}).at("provenance"), "extrapolated");
  const Outcome four = orrery({"collective", "all_reduce", "--cluster", "dgx_h100", "--nodes", "4", "--bytes", "1MiB",
                               "--set", "cluster.nccl.symmetric=true"});
  EXPECT_THAT(four.out, HasSubstr("cluster.nccl.symmetric: NCCL has no kernel over symmetric memory for this call"));
  const Outcome both = run("nccl: {symmetric: true, algo: ring}");
  EXPECT_EQ(both.code, 2);
  EXPECT_THAT(both.err,
              AllOf(HasSubstr("s.yaml:6:"), HasSubstr("nccl.symmetric: the kernels of registered windows come")));
}

TEST_F(NcclSection, OfAPlainChoiceIsItsOwnPrice) {
  EXPECT_EQ(row({"algo=nvls"}), row({}));
  EXPECT_EQ(row({}).at("provenance"), "measured");
  EXPECT_EQ(row({"algo=ring"}).at("provenance"), "extrapolated") << "no curve measured it";
}

TEST_F(NcclSection, TellsMistakesAtTheirPlace) {
  const Outcome name = run("nccl: {algo: tre}");
  EXPECT_EQ(name.code, 2);
  EXPECT_THAT(name.err, AllOf(HasSubstr("s.yaml:6:16: nccl.algo: unknown algorithm 'tre' at character 1 of the list"),
                              HasSubstr("did you mean tree")));
  const Outcome key = run("nccl: {algos: tree}");
  EXPECT_THAT(key.err, AllOf(HasSubstr("unknown key 'algos'"), HasSubstr("algo")));
  EXPECT_THAT(run("nccl: {proto: LL64}").err, HasSubstr("unknown protocol 'LL64'"));
  EXPECT_THAT(run("nccl: {version: 2.18}").err, HasSubstr("2.28.9"));
  EXPECT_THAT(run("nccl: {min_channels: 16, max_channels: 8}").err,
              HasSubstr("min_channels 16 is above max_channels 8"));
  EXPECT_THAT(run("nccl: {min_channels: 65}").err, HasSubstr("must be from 1 to 64, found '65'"));
  EXPECT_THAT(run("nccl: {thread_thresholds: [1, 2, 3, 4, 5, 6, 7]}").err, HasSubstr("at most six"));
  EXPECT_THAT(run("nccl: {algo: tree}\n  collective_algorithm: ring").err, HasSubstr("keep one of them"));
}

TEST_F(NcclSection, StandsInReportsAndExplanations) {
  const std::string file = write(
      "s.yaml", replaced(small_scenario(), "  nodes: 1\n", "  nodes: 1\n  nccl: {algo: ^ring, min_channels: 4}\n"));
  ASSERT_EQ(orrery({"explain", file, "--json", path("r.json")}).code, 0);
  const nlohmann::json report = nlohmann::json::parse(read_file(path("r.json")));
  const nlohmann::json& cluster = report.at("scenario").at("cluster");
  EXPECT_EQ(cluster.at("nccl").dump(), R"({"algo":"^ring","min_channels":4})");
  EXPECT_EQ(cluster.at("collective_algorithm"), "^ring");
  const Outcome plain = orrery({"explain", write("p.yaml", small_scenario())});
  EXPECT_THAT(plain.out, HasSubstr("ring Simple, 24 channels of 544 threads"));
  ASSERT_EQ(orrery({"run", path("p.yaml"), "--json", path("p.json")}).code, 0);
  EXPECT_FALSE(nlohmann::json::parse(read_file(path("p.json"))).at("scenario").at("cluster").contains("nccl"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
