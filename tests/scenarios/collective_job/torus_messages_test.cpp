// Messages between chips of a torus: the links and hops on their way, and who has no such links.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kLink = 90e9;  // 0.9 of 100 GB/s
constexpr double kMessage = 64.0 * 1024 * 1024;

class TorusMessages : public FolderTest {
 protected:
  static std::string on(const std::string& cluster, const std::string& collective) {
    return "scenario: chips\ncluster: " + cluster + "\ncollective: " + collective + "\n";
  }
  nlohmann::json report_of(const std::string& text) const {
    const Outcome outcome = orrery({"run", write("s.yaml", text), "-q", "--json", path("r.json")});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(read_file(path("r.json")));
  }
  double time_of(const std::string& cluster, const std::string& collective) const {
    return report_of(on(cluster, collective))["collective"]["time_s"];
  }
  std::string error_of(const std::string& text) const {
    const Outcome outcome = orrery({"run", write("s.yaml", text)});
    EXPECT_EQ(outcome.code, 2) << outcome.out;
    return outcome.err;
  }
};

const char* const kCube = "{node: tpu_v5p_host, nodes: 16, fabric: torus_v5p, torus: [4, 4, 4]}";

// Along x, then y, then z: of the 63 senders the 48 outside of plane 0 come in over the two links of the third axis, 24
// over each.
TEST_F(TorusMessages, OfAnIncastQueueOnTheLinksIntoTheChip) {
  const double time = time_of(kCube, "{operation: incast, bytes: 64 MiB}");
  EXPECT_NEAR(time, 24 * kMessage / kLink, 10e-6);
  EXPECT_LT(63 * kMessage / time, 6 * kLink) << "no more than the wire";
}

// Two links into the chip; the message from across takes the one of the second axis, as that axis's neighbour does.
TEST_F(TorusMessages, OfOneHostStayOnItsLinks) {
  const double time = time_of("{node: tpu_v5p_host, nodes: 1, fabric: torus_v5p, torus: [2, 2, 1]}",
                              "{operation: incast, bytes: 64 MiB}");
  EXPECT_NEAR(time, 2 * kMessage / kLink, 5e-6);
  EXPECT_LT(3 * kMessage / time, 2 * kLink);
}

// Four hops of every chip's message over its two links of the axis.
TEST_F(TorusMessages, HalfwayTakeTheirHopsOnEveryLink) {
  const auto report = report_of(on("{node: tpu_v5p_host, nodes: 128, fabric: torus_v5p, torus: [8, 8, 8]}",
                                   "{operation: halfway, bytes: 64 MiB}"));
  EXPECT_NEAR(report["collective"]["time_s"].get<double>(), 2 * kMessage / kLink, 10e-6);
  EXPECT_NEAR(report["collective"]["alone_s"].get<double>(), kMessage / kLink + 4e-6, 1e-9) << "four hops of 1 us";
}

TEST_F(TorusMessages, WaitForEachHop) {
  const auto alone = [&](const std::string& axes, int hosts, int spread) {
    std::string text =
        on("{node: tpu_v5p_host, nodes: " + std::to_string(hosts) + ", fabric: torus_v5p, torus: " + axes +
               ", placement: {spread: " + std::to_string(spread) + "}}",
           "{operation: incast, bytes: 900 B, gpus: 2, gpus_per_node: 1}");
    return report_of(text)["collective"]["alone_s"].get<double>();
  };
  EXPECT_NEAR(alone("[4, 4, 4]", 16, 8), 2e-6 + 10e-9, 1e-12) << "two along the third axis";
  EXPECT_NEAR(alone("[4, 4, 4]", 16, 6), 3e-6 + 10e-9, 1e-12) << "host 6: chip 24 = (0, 2, 1)";
}

// Lines of three chips, a host for each: corner to corner are two hops along each axis.
TEST_F(TorusMessages, FromCornerToCornerTakeTheHopsOfAllAxes) {
  const std::string host =
      write("host.yaml",
            "title: one chip\nnode:\n  gpus: 1\n  gpu: tpu_v5p\n  nvswitch: false\n  in_network_reduction: false\n"
            "  nics: 0\n  pcie_bandwidth: 32 GB/s\n  host_memory_bandwidth: 300 GB/s\n  host_memory: 448 GB\n"
            "sources:\n  default: made up\n");
  const auto time = [&](const char* bytes, int spread) {
    return time_of("{node: " + host + ", nodes: 27, fabric: torus_v5p, torus: [3, 3, 3], placement: {spread: " +
                       std::to_string(spread) + "}}",
                   std::string("{operation: halfway, gpus: 2, bytes: ") + bytes + "}");
  };
  EXPECT_NEAR(time("900 B", 26), 6e-6 + 10e-9, 1e-12);
  EXPECT_NEAR(time("900 B", 13), 3e-6 + 10e-9, 1e-12) << "to the middle";
  EXPECT_NEAR(time("64 MiB", 26), 6e-6 + kMessage / kLink, 1e-9);
}

// A chip of half the ports' rate on the same fabric takes twice as long.
TEST_F(TorusMessages, TakeTheLesserOfTheFabricsRateAndTheChips) {
  const std::string v4 = replaced(kCube, "tpu_v5p_host", "tpu_v4_host");
  const char* const gather = "{operation: all_gather, bytes: 1 GiB}";
  const double gathered = 1073741824.0 * 63 / 64;
  EXPECT_NEAR(time_of(v4, gather), gathered / (6 * 45e9), 1e-9);
  EXPECT_NEAR(time_of(replaced(kCube, "torus_v5p", "torus_v4"), gather), gathered / (6 * 45e9), 1e-9);
  const auto links = report_of(on(replaced(kCube, "torus_v5p", "torus_v4"), gather))["links"];
  for (const auto& link : links) EXPECT_DOUBLE_EQ(link["capacity_bytes_per_s"].get<double>(), 270e9) << link;
}

TEST_F(TorusMessages, AreOfChipsThatAreLinkedToEachOther) {
  const char* const reduce = "{operation: all_reduce, bytes: 1 MiB}";
  EXPECT_THAT(error_of(on("{node: dgx_h100, nodes: 8, fabric: torus_v5p, torus: [4, 4, 4]}", reduce)),
              AllOf(HasSubstr("s.yaml:2:"), HasSubstr("'h100_sxm' has no such links")));
  EXPECT_THAT(error_of(on("{node: tpu_v5p_host}", reduce)),
              AllOf(HasSubstr("s.yaml:2:17"), HasSubstr("nothing but a torus joins the chips 'tpu_v5p'")));
  EXPECT_THAT(error_of(on("{node: tpu_v5p_host, nodes: 2, fabric: fat_tree_ndr}", reduce)),
              HasSubstr("nothing but a torus"));
}

TEST_F(TorusMessages, AreNoneOfNccls) {
  const std::string directed = replaced(kCube, "}", ", nccl: {algo: tree}}");
  EXPECT_THAT(error_of(on(directed, "{operation: all_reduce, bytes: 1 MiB}")),
              AllOf(HasSubstr("s.yaml:2:"), HasSubstr("compiled by XLA")));
  const std::string reduce = "{operation: all_reduce, bytes: 1 MiB}";
  EXPECT_THAT(error_of(on(replaced(kCube, "}", ", collective_algorithm: ring}"), reduce)),
              HasSubstr("compiled by XLA"));
  EXPECT_EQ(orrery({"run", write("s.yaml", on(replaced(kCube, "}", ", collective_algorithm: torus}"), reduce))}).code,
            0);
  const std::string file = write("c.yaml", on(kCube, "{operation: all_reduce, bytes: 1 MiB}"));
  const Outcome table = orrery({"collective", "all_reduce", "--cluster", file, "--bytes", "1MiB", "--csv",
                                path("t.csv"), "--json", path("t.json")});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.out, AllOf(HasSubstr("compiled by XLA"), Not(HasSubstr("NCCL 2"))));
  const auto json = nlohmann::json::parse(read_file(path("t.json")));
  EXPECT_FALSE(json.contains("nccl_version"));
  EXPECT_EQ(json["rows"][0]["provenance"], "extrapolated") << "as the table has it";
  EXPECT_THAT(table.out, HasSubstr("extrapolated"));
  EXPECT_THAT(read_file(path("t.csv")), HasSubstr(",extrapolated,"));
}

TEST_F(TorusMessages, SayOneMistakeOnce) {
  const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
  const char* const reduce = "{operation: all_reduce, bytes: 1 MiB}";
  for (const char* broken : {"{node: tpu_v5p_host, nodes: 16, fabric: torus_v5, torus: [4, 4, 4]}",
                             "{node: tpu_v5p_host, nodes: 16, fabric: torus_v5p, torus: [4, 4, x]}",
                             "{node: tpu_v5p_host, nodes: 16, fabric: torus_v5p, torus: [4, 4, 0]}",
                             "{node: tpu_v5p_hosts, nodes: 16, fabric: torus_v5p, torus: [4, 4, 4]}",
                             "{node: tpu_v5p_host, nodes: 16, fabric: torus_v5p}"}) {
    EXPECT_EQ(lines(error_of(on(broken, reduce))), 1) << broken << "\n" << error_of(on(broken, reduce));
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
