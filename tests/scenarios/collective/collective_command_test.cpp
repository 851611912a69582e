// orrery collective: the table, its files, and nccl-tests' output beside it.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CollectiveCommand : public FolderTest {
 protected:
  Outcome table(std::vector<std::string> more, const std::string& op = "all_reduce") const {
    std::vector<std::string> args = {"collective", op, "--cluster", "dgx_h100"};
    args.insert(args.end(), more.begin(), more.end());
    return orrery(args);
  }
  nlohmann::json json(std::vector<std::string> more, const std::string& op = "all_reduce") const {
    more.insert(more.end(), {"-q", "--json", path("t.json")});
    const Outcome outcome = table(more, op);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(read_file(path("t.json")));
  }
};

/// As all_reduce_perf prints on two nodes.
constexpr const char* kLog =
    "# nThread 1 nGpus 1 minBytes 1048576 maxBytes 268435456 step: 16(factor)\n"
    "#\n"
    "#                                                              out-of-place                       in-place\n"
    "#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw\n"
    "node-7: NCCL version 2.28.9+cuda13.0\n"
    "     1048576        524288  bfloat16     sum      -1    64.00   16.38   30.72      0    63.10   16.62   31.16     "
    " 0\n"
    "   268435456     134217728  bfloat16     sum      -1   1200.0  223.70  419.43      0   1198.2  224.03  420.06     "
    " 0\n"
    "# Avg bus bandwidth    : 225.1\n";

TEST_F(CollectiveCommand, PrintsARowPerSizeAsNcclTests) {
  const Outcome two = table({"--gpus", "8", "--nodes", "2", "--bytes", "1KiB..1GiB"});
  EXPECT_EQ(two.code, 0) << two.err;
  EXPECT_THAT(two.out, AllOf(HasSubstr("all_reduce over 16 GPUs: 2 x 8 h100_sxm (dgx_h100), rail_fat_tree_ndr"),
                             HasSubstr("busbw"), HasSubstr("nvls_tree")));
  int rows = 0;
  std::istringstream lines(two.out);
  for (std::string line; std::getline(lines, line);) rows += line.empty() || line[0] == '#' ? 0 : 1;
  EXPECT_EQ(rows, 21) << "1 KiB to 1 GiB by factors of two";
}

TEST_F(CollectiveCommand, CountsAndBandwidthsAreNcclTests) {
  const nlohmann::json reduce = json({"--bytes", "256MiB"}).at("rows").at(0);
  EXPECT_EQ(reduce.at("count"), 134217728.0) << "256 MiB of two bytes";
  const double time = reduce.at("time_s");
  EXPECT_DOUBLE_EQ(reduce.at("algbw_bytes_per_s"), 268435456.0 / time);
  EXPECT_DOUBLE_EQ(reduce.at("busbw_bytes_per_s"), 268435456.0 / time * 1.75);
  EXPECT_EQ(reduce.at("link_bytes").at("node"), 268435456.0) << "in the switch the buffer goes up once";
  EXPECT_EQ(reduce.at("bound_by"), "nvlink");
  EXPECT_EQ(reduce.at("rounding_depth"), 3);
  const nlohmann::json gather = json({"--bytes", "256MiB", "--type", "float"}, "all_gather").at("rows").at(0);
  EXPECT_EQ(gather.at("count"), 8388608.0) << "of one rank's part, four bytes each";
  EXPECT_FALSE(gather.contains("rounding_depth"));
  const nlohmann::json one = json({"--bytes", "64KiB", "--gpus", "4"}, "broadcast");
  EXPECT_EQ(one.at("gpus"), 4);
  EXPECT_DOUBLE_EQ(one.at("rows").at(0).at("busbw_bytes_per_s"), one.at("rows").at(0).at("algbw_bytes_per_s"));
  EXPECT_EQ(json({"--bytes", "1MiB"}, "reduce").at("rows").at(0).at("rounding_depth"), 7);
  EXPECT_EQ(json({"--bytes", "1MiB"}, "all_to_all").at("rows").at(0).at("algorithm"), "pairwise");
}

TEST_F(CollectiveCommand, DatatypeIsAKeyOfTheChoice) {
  EXPECT_EQ(json({"--bytes", "256MiB"}).at("rows").at(0).at("algorithm"), "nvls");
  EXPECT_EQ(json({"--bytes", "256MiB", "--type", "int8"}).at("rows").at(0).at("algorithm"), "ring");
}

TEST_F(CollectiveCommand, TakesAnotherLibrarysAlgorithmWhereItIsNamed) {
  const auto row = [&](const std::string& algorithm, const std::string& op = "all_reduce") {
    const Outcome outcome =
        orrery({"collective", op, "--cluster", "a100_pcie_box", "--fabric", "fat_tree_hdr", "--nodes", "2", "--bytes",
                "186MiB", "-q", "--json", path("t.json"), "--set", "cluster.collective_algorithm=" + algorithm});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    const nlohmann::json all = nlohmann::json::parse(read_file(path("t.json")));
    EXPECT_EQ(all.contains("nccl"), algorithm == "ring") << "no list of NCCL's has another library's";
    return all.at("rows").at(0);
  };
  const nlohmann::json host = row("hfreduce");
  EXPECT_EQ(host.at("algorithm"), "hfreduce");
  EXPECT_EQ(host.at("bound_by"), "host_memory");
  EXPECT_EQ(host.at("rounding_depth"), 8);
  EXPECT_FALSE(host.contains("refused"));
  EXPECT_NEAR(host.at("algbw_bytes_per_s").get<double>() / 8.1e9, 1.0, 0.10) << "Fire-Flyer AI-HPC, 16 GPUs";
  EXPECT_EQ(row("ring").at("algorithm"), "ring");
  EXPECT_EQ(row("hfreduce", "all_gather").at("algorithm"), "ring") << "HFReduce has sums only";
}

TEST_F(CollectiveCommand, NamesAnUnknownAlgorithmWithTheNearest) {
  const Outcome wrong = table({"--set", "cluster.collective_algorithm=hfreduse"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("hfreduse"), HasSubstr("hfreduce")));
}

TEST_F(CollectiveCommand, WritesCsvAndAPicture) {
  ASSERT_EQ(table({"--bytes", "1MiB..4MiB", "-q", "--csv", path("t.csv"), "--svg", path("t.svg")}).code, 0);
  const std::string csv = read_file(path("t.csv")), svg = read_file(path("t.svg"));
  EXPECT_THAT(csv, AllOf(HasSubstr("op,gpus,nodes,size_bytes,count,type,algorithm,protocol,channels,threads,time_s"),
                         HasSubstr("all_reduce,8,1,1048576,524288,bfloat16,ring,LL,")));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
  EXPECT_THAT(svg, AllOf(HasSubstr("<svg"), HasSubstr("</svg>"), HasSubstr("ring LL"), HasSubstr("nvls Simple"),
                         Not(HasSubstr("measured"))));
}

TEST_F(CollectiveCommand, LaysMeasurementsBeside) {
  const std::string log = write("perf.log", kLog);
  const Outcome text = table({"--nodes", "2", "--compare", log, "--svg", path("t.svg")});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("measured"), HasSubstr("1200.00"), HasSubstr("# 2 sizes measured: mean error")));
  EXPECT_THAT(read_file(path("t.svg")), HasSubstr("measured"));
  const nlohmann::json report = json({"--nodes", "2", "--compare", log});
  ASSERT_EQ(report.at("rows").size(), 2u);
  EXPECT_EQ(report.at("type"), "bfloat16");
  const nlohmann::json& row = report.at("rows").at(1);
  EXPECT_DOUBLE_EQ(row.at("measured_s"), 1200e-6);
  EXPECT_DOUBLE_EQ(row.at("error"), row.at("time_s").get<double>() / 1200e-6 - 1.0);
  EXPECT_EQ(report.at("errors").at("rows"), 2);
}

TEST_F(CollectiveCommand, ReadsOlderLogsWithoutReduction) {
  const std::string log = write("perf.log", "  1048576  32768  float  55.1  19.0  16.6  0e+00\n");
  const nlohmann::json report = json({"--compare", log}, "all_gather");
  EXPECT_DOUBLE_EQ(report.at("rows").at(0).at("measured_s"), 55.1e-6);
  EXPECT_EQ(report.at("type"), "float");
}

TEST_F(CollectiveCommand, TakesTheClusterOfAScenario) {
  const std::string file = write("s.yaml", replaced(small_scenario(), "node: dgx_a100", "node: hgx_a800"));
  const Outcome outcome = orrery({"collective", "all_reduce", "--cluster", file, "--bytes", "1MiB"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("a800_sxm"));
}

TEST_F(CollectiveCommand, RefusesWhatIsWrong) {
  const auto error = [&](std::vector<std::string> more, const std::string& op = "all_reduce") {
    const Outcome outcome = table(std::move(more), op);
    EXPECT_EQ(outcome.code, 2) << outcome.out;
    return outcome.err;
  };
  EXPECT_THAT(error({}, "allreduce"), HasSubstr("unknown operation 'allreduce'; did you mean all_reduce"));
  EXPECT_THAT(error({"--gpus", "9"}), HasSubstr("9 GPUs on each of 1 nodes are more than 1 nodes of 8 GPUs"));
  EXPECT_THAT(error({"--gpus", "1"}), HasSubstr("two GPUs"));
  EXPECT_THAT(error({"--bytes", "1GiB..1KiB"}), HasSubstr("the second size is below the first"));
  EXPECT_THAT(error({"--bytes", "12 parsecs"}), HasSubstr("--bytes '12 parsecs'"));
  EXPECT_THAT(error({"--type", "flaot"}), HasSubstr("unknown type 'flaot'"));
  EXPECT_THAT(error({"--set", "cluster.nccl.algo=tre"}), AllOf(HasSubstr("'tre'"), HasSubstr("--set")));
  EXPECT_THAT(orrery({"collective", "all_reduce", "--cluster", "dgx_h10"}).err, HasSubstr("did you mean dgx_h100"));
  EXPECT_THAT(error({"--compare", path("none.log")}), HasSubstr("none.log"));
  EXPECT_THAT(error({"--compare", path("none.log"), "--bytes", "1MiB"}), HasSubstr("--bytes beside --compare"));
  const std::string empty = write("empty.log", "# nothing\n");
  EXPECT_THAT(error({"--compare", empty}), HasSubstr("no row of nccl-tests"));
  const std::string cut = write("cut.log", "# size count type\n 1024 512 half sum\n");
  EXPECT_THAT(error({"--compare", cut}), HasSubstr("cut.log:2:16: a row of nccl-tests has"));
  const std::string time = write("time.log", " 1024 512 half sum -1 N/A 1.0 1.0\n");
  EXPECT_THAT(error({"--compare", time}), HasSubstr("time.log:1:23: the time 'N/A' is no positive number"));
  EXPECT_THAT(error({"--compare", time, "--json", time}), HasSubstr("would overwrite the input"));
}

TEST_F(CollectiveCommand, SaysWhatNcclWouldRefuse) {
  // PAT gathers over nodes of one GPU; nothing else may.
  const Outcome pat = table({"--bytes", "1MiB", "--set", "cluster.nccl.algo=pat"}, "all_gather");
  EXPECT_EQ(pat.code, 0) << pat.err;
  EXPECT_THAT(pat.out,
              AllOf(HasSubstr(" refused"), HasSubstr("cluster.nccl.algo: pat: NCCL lays no pat for all_gather over 8 "
                                                     "GPUs of 1 node; what NCCL takes unasked is shown")));
  // Neither are other libraries' algorithms where they can't be: no host-memory sums on NVSwitch, no three ranks of
  // 2^n.
  for (const char* told : {"hierarchical", "pairwise"}) {
    const std::string set = std::string("cluster.collective_algorithm=") + told;
    const nlohmann::json row = json({"--bytes", "1MiB", "--set", set}, "all_reduce").at("rows").at(0);
    EXPECT_EQ(row.value("refused", false), true) << told;
  }
  EXPECT_TRUE(json({"--bytes", "1MiB", "--set", "cluster.nccl.algo=pat"}, "all_gather").at("rows").at(0).at("refused"));
  EXPECT_THAT(table({"--bytes", "1MiB", "--set", "cluster.nccl.algo=ring"}, "all_gather").out,
              Not(HasSubstr("refused")));
}

TEST_F(CollectiveCommand, NamesTheKeyThatToldIt) {
  const auto notes = [&](const std::string& set, const std::string& op) {
    return json({"--bytes", "1MiB", "--set", set}, op).at("notes").dump();
  };
  EXPECT_THAT(notes("cluster.collective_algorithm=hierarchical", "all_reduce"),
              HasSubstr("refused: cluster.collective_algorithm: hierarchical has no all_reduce over 8 GPUs of 1 node"));
  EXPECT_THAT(notes("cluster.collective_algorithm=tree", "all_gather"),
              HasSubstr("refused: cluster.collective_algorithm: tree is nothing that NCCL has for all_gather, which is "
                        "ring, nvls, pat, collnet_direct"));
  EXPECT_THAT(notes("cluster.nccl.algo=tree", "all_gather"), HasSubstr("refused: cluster.nccl.algo: tree is nothing"));
  const std::string file = write("c.yaml", "cluster:\n  node: dgx_h100\n  collective_algorithm: tree\n");
  const Outcome of_file = orrery({"collective", "broadcast", "--cluster", file, "--bytes", "1MiB"});
  EXPECT_THAT(of_file.out, HasSubstr("refused: cluster.collective_algorithm: tree is nothing"));
  // The switch takes Simple only.
  const std::string both = write("b.yaml", "cluster:\n  node: dgx_h100\n  nccl: {algo: nvls, proto: LL}\n");
  const Outcome none = orrery({"collective", "all_reduce", "--cluster", both, "--bytes", "1MiB"});
  EXPECT_THAT(none.out, HasSubstr("refused: cluster.nccl.algo: nvls and cluster.nccl.proto: LL leave NCCL no way for "
                                  "all_reduce over 8 GPUs of 1 node"));
}

TEST_F(CollectiveCommand, SaysWhichKeysHoldForAPart) {
  const nlohmann::json few = json({"--bytes", "256MiB", "--set", "cluster.nccl.max_channels=1"});
  EXPECT_THAT(few.at("notes").dump(), HasSubstr("reduction in the switch (nvls) has channels of its own"));
  const nlohmann::json ring = json({"--bytes", "256MiB", "--set", "cluster.nccl.max_channels=1"}, "reduce_scatter");
  EXPECT_NE(ring.at("rows").at(0).at("provenance"), "measured");
  EXPECT_THAT(ring.at("rows").at(0).at("extrapolated").dump(), HasSubstr("told other channels"));
}

TEST_F(CollectiveCommand, TakesEveryTypeOfNcclTestsAndSumsNoOther) {
  EXPECT_EQ(json({"--bytes", "1MiB", "--type", "double"}).at("rows").at(0).at("count"), 131072.0);
  EXPECT_EQ(json({"--bytes", "1MiB", "--type", "uint8"}).at("rows").at(0).at("count"), 1048576.0);
  EXPECT_EQ(json({"--bytes", "1MiB", "--type", "int32"}).at("type"), "int32");
  for (const char* type : {"nvfp4", "int4", "fp8_block"}) {
    const Outcome sum = table({"--bytes", "1MiB", "--type", type});
    EXPECT_EQ(sum.code, kExitInput);
    EXPECT_THAT(sum.err,
                AllOf(HasSubstr(std::string("all_reduce of ") + type), HasSubstr("NCCL sums no such elements")));
    const nlohmann::json moved = json({"--bytes", "1MiB", "--type", type}, "all_gather");
    EXPECT_EQ(moved.at("type"), "uint8");
    EXPECT_EQ(moved.at("rows").at(0).at("count"), 131072.0) << "bytes of one rank's part";
    EXPECT_THAT(moved.at("notes").dump(),
                HasSubstr(std::string(type) + ": NCCL has no such type; it is moved as bytes"));
  }
  EXPECT_THAT(table({"--type", "bf17"}).err, AllOf(HasSubstr("unknown type 'bf17'"), HasSubstr("bf16")));
}

TEST_F(CollectiveCommand, RoundsSizesDownToWholeElements) {
  EXPECT_EQ(json({"--bytes", "1001 B"}).at("rows").at(0).at("bytes"), 1000.0);
  EXPECT_EQ(json({"--bytes", "1000 B"}, "all_gather").at("rows").at(0).at("bytes"), 992.0) << "62 of 2 B for each of 8";
  EXPECT_EQ(json({"--bytes", "100 B", "--operations", "3"}).at("rows").at(0).at("bytes"), 96.0);
  EXPECT_THAT(table({"--bytes", "1 B"}).err, HasSubstr("--bytes 1 B is no element of 2 B (bfloat16): at least 2 B"));
  EXPECT_THAT(table({"--bytes", "4 B", "--operations", "3", "--type", "float"}).err,
              HasSubstr("no element of 4 B (float) in each of 3 operations: at least 12 B"));
  EXPECT_THAT(table({"--bytes", "8 B..1KiB"}, "all_to_all").err, HasSubstr("for each of 8 ranks: at least 16 B"));
  EXPECT_NE(json({"--bytes", "256MiB", "--operations", "2"}).at("rows").at(0).at("provenance"), "measured");
  // Sizes that nobody asked for begin with one that every rank has a part of: 128 x 8 ranks of 2 B.
  EXPECT_EQ(json({"--nodes", "128"}, "all_gather").at("rows").at(0).at("bytes"), 2048.0);
}

TEST_F(CollectiveCommand, NamesWhereMoreNodesAreFaster) {
  // Whatever is faster on twice the nodes stands in the notes, with both ways: 16 MiB by the switches and a tree above
  // them on 16 nodes of H100 take longer than the trees of LL128 that NCCL's model goes to on 32.
  const auto of = [&](const std::string& cluster, int nodes) {
    const Outcome outcome = orrery({"collective", "all_reduce", "--cluster", cluster, "--nodes", std::to_string(nodes),
                                    "-q", "--json", path("t.json")});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(read_file(path("t.json")));
  };
  int found = 0;
  for (const char* cluster : {"dgx_h100", "dgx_a100"}) {
    for (const int nodes : {2, 4, 16, 32}) {
      const nlohmann::json many = of(cluster, nodes), few = of(cluster, nodes / 2);
      bool faster = false;
      for (std::size_t i = 0; i < many.at("rows").size(); ++i) {
        const double less = few["rows"][i]["time_s"].get<double>();
        faster = faster || many["rows"][i]["time_s"].get<double>() * 1.01 < less;
      }
      const std::string said = "on " + std::to_string(nodes) + " nodes take less than " + std::to_string(nodes / 2);
      const std::string notes = many.contains("notes") ? many["notes"].dump() : "";
      EXPECT_EQ(notes.find(said) != std::string::npos, faster) << cluster << " " << nodes << notes;
      found += faster ? 1 : 0;
    }
  }
  EXPECT_GT(found, 0);
  EXPECT_THAT(of("dgx_h100", 32).at("notes").dump(), HasSubstr("goes from nvls_tree Simple there to tree LL128 here"));
}

TEST_F(CollectiveCommand, RefusesWhatItWouldIgnore) {
  const auto told = [&](const std::vector<std::string>& args) {
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitInput);
    return outcome.err;
  };
  EXPECT_THAT(told({"collective", "all_reduce", "--cluster", "dgx_h100", "--set", "nccl.algo=tree"}),
              AllOf(HasSubstr("--set nccl.algo"), HasSubstr("begin with cluster.")));
  const std::string unlike = write("unlike.yaml",
                                   "scenario: s\nmodel: llama-3-8b\ncluster: {fabric: rail_fat_tree_ndr, nodes: "
                                   "[{node: dgx_h100, count: 1}, {node: dgx_a100, count: 1}]}\n"
                                   "training: {sequence_length: 1024, global_batch_size: 16, data_parallel: 16}\n");
  EXPECT_THAT(told({"collective", "all_reduce", "--cluster", unlike}), HasSubstr("unlike nodes"));
  EXPECT_THAT(told({"collective", "all_reduce", "--cluster", unlike, "--fabric", "fat_tree_ndr"}),
              HasSubstr("--set cluster.fabric=fat_tree_ndr"));
  // Its cluster's text is no file of the user's: what is wrong has no place in it.
  EXPECT_EQ(told({"collective", "all_reduce", "--cluster", "dgx_h100", "--nodes", "3000", "--fabric", "fat_tree_hdr"})
                .find("orrery: collective: the fabric 'fat_tree_hdr' holds at most"),
            0U);
  EXPECT_THAT(told({"collective", "all_reduce", "--cluster", "dgx_h100", "--fabric", "fat"}),
              ::testing::StartsWith("orrery: collective: 'fabric': 'fat' is not valid"));
  EXPECT_THAT(told({"collective", "all_reduce", "--cluster", "dgx_h100", "--set", "cluster.nodes=x"}),
              ::testing::StartsWith("orrery: collective: --set cluster.nodes=x: 'nodes': expected a whole number"));
  EXPECT_THAT(told({"collective", "all_reduce", "--cluster", path("none.yaml")}),
              ::testing::HasSubstr("none.yaml: no such file"));
  EXPECT_THAT(told({"collective", "sendrecv", "--cluster", "dgx_h100"}), HasSubstr("known: all_reduce"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
