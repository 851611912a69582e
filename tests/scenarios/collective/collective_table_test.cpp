// What the table of `orrery collective` says beside its figures: dips, what no fit saw, keys that change nothing.
#include "scenarios/collective/collective_table.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/catalogue/catalogue.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class CollectiveNotes : public FolderTest {
 protected:
  nlohmann::json json(const std::string& cluster, std::vector<std::string> more,
                      const std::string& op = "all_reduce") const {
    std::vector<std::string> args = {"collective", op, "--cluster", cluster, "-q", "--json", path("t.json")};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(read_file(path("t.json")));
  }
};

CollectiveQuery query_of(sim::CollectiveKind kind, const char* node, int nodes, std::initializer_list<double> sizes) {
  CollectiveQuery query;
  query.kind = kind;
  query.cluster = hardware::make_cluster(node, nodes > 1 ? "rail_fat_tree_ndr" : "single_node", nodes);
  query.gpus = query.cluster.groups[0].node.gpus;
  query.nodes = nodes;
  for (const double size : sizes) query.sizes.emplace_back(size);
  return query;
}

TEST_F(CollectiveNotes, AGroupThatNoFitSawIsExtrapolated) {
  const nlohmann::json eight = json("dgx_h100", {"--bytes", "1MiB"}),
                       six = json("dgx_h100", {"--bytes", "1MiB", "--gpus", "6"});
  EXPECT_FALSE(eight.at("rows").at(0).contains("extrapolated"));
  EXPECT_EQ(eight.at("rows").at(0).at("provenance"), "measured");
  EXPECT_EQ(six.at("rows").at(0).at("extrapolated"), "no fit saw all_reduce of 6 GPUs");
  EXPECT_EQ(six.at("rows").at(0).at("provenance"), "extrapolated") << "as the table marks it";
  const nlohmann::json two = json("dgx_h100", {"--bytes", "1MiB", "--nodes", "2"});
  EXPECT_EQ(two.at("rows").at(0).at("extrapolated"), "no fit saw 2 nodes");
  EXPECT_THAT(two.at("notes"), Contains("extrapolated: no fit saw 2 nodes"));
  const Outcome text =
      orrery({"collective", "all_reduce", "--cluster", "dgx_h100", "--bytes", "1MiB..2MiB", "--gpus", "6"});
  EXPECT_THAT(text.out,
              AllOf(HasSubstr(" extrapolated\n"), HasSubstr("# extrapolated: no fit saw all_reduce of 6 GPUs\n")));
  orrery({"collective", "all_reduce", "--cluster", "dgx_h100", "--bytes", "1MiB", "--gpus", "6", "-q", "--csv",
          path("t.csv")});
  EXPECT_THAT(read_file(path("t.csv")), AllOf(HasSubstr(",extrapolated\n"), HasSubstr(",extrapolated,"),
                                              HasSubstr(",\"no fit saw all_reduce of 6 GPUs\"\n")));
}

TEST_F(CollectiveNotes, KeysThatChangeNoTimeAreNamed) {
  const nlohmann::json usual = json("dgx_h100", {"--bytes", "64MiB"});
  EXPECT_FALSE(usual.contains("notes"));
  const char* const keys[] = {"buffsize=8 MiB",          "ll_buffsize=1 MiB",       "ll128_buffsize=1 MiB",
                              "p2p_net_chunksize=1 MiB", "p2p_pci_chunksize=1 MiB", "p2p_nvl_chunksize=1 MiB",
                              "nvls_chunksize=64 KiB",   "ib_qps_per_connection=4", "ib_split_data_on_qps=true"};
  for (const std::string key : keys) {
    const nlohmann::json told = json("dgx_h100", {"--bytes", "64MiB", "--set", "cluster.nccl." + key});
    const std::string name = key.substr(0, key.find('='));
    EXPECT_THAT(told.at("notes"), Contains("cluster.nccl." + name + ": taken, changes no time in this model"));
    EXPECT_EQ(told.at("rows"), usual.at("rows")) << key;
    EXPECT_FALSE(told.at("nccl").empty()) << key;
  }
  const Outcome run = orrery(
      {"run", write("s.yaml", replaced(small_scenario(), "  nodes: 1\n", "  nodes: 1\n  nccl: {buffsize: 8 MiB}\n"))});
  EXPECT_THAT(run.out, HasSubstr("cluster.nccl.buffsize: taken, changes no time in this model"));
  EXPECT_THAT(orrery({"collective", "all_reduce", "--cluster", "dgx_h100", "--set", "cluster.nccl.buffsize=0 B"}).err,
              HasSubstr("buffsize"));
  EXPECT_THAT(orrery({"collective", "all_reduce", "--cluster", "dgx_h100", "--set", "cluster.nccl.bufsize=1 MiB"}).err,
              HasSubstr("did you mean 'buffsize'"));
}

TEST_F(CollectiveNotes, AGroupOfOperationsPaysItsRounds) {
  const auto time = [&](const char* operations) {
    return json("dgx_a100", {"--bytes", "60KiB", "--operations", operations})
        .at("rows")
        .at(0)
        .at("time_s")
        .get<double>();
  };
  EXPECT_EQ(time("24"), time("1")) << "24 channels take 24 operations at once";
  // 60 KiB are whole elements of 240 operations. Ten rounds of a ring would be ten latencies: NCCL then takes the tree,
  // which pays two.
  EXPECT_GT(time("240"), 1.5 * time("1"));
  EXPECT_EQ(json("dgx_a100", {"--bytes", "60KiB", "--operations", "240"}).at("rows").at(0).at("algorithm"), "tree");
}

TEST_F(CollectiveNotes, LinksOfTheFabricThatHoldAnExchangeUpAreNamed) {
  // 8 nodes, four to a leaf whose up-links carry a quarter: of what leaves a node 4/7 crosses them, 7/16 of its cards.
  const auto table = [](const char* fabric, sim::CollectiveKind kind) {
    CollectiveQuery query = query_of(kind, "dgx_h100", 8, {268435456.0});
    query.cluster = hardware::make_cluster("dgx_h100", fabric, 8);
    return notes_of(predict(query));
  };
  const std::string held = "links of the fabric hold it up (class leaf): a GPU gets 18.59 GB/s there";
  EXPECT_THAT(table("fat_tree_ndr_4to1", sim::CollectiveKind::all_to_all), Contains(held));
  EXPECT_THAT(table("fat_tree_ndr", sim::CollectiveKind::all_to_all), Not(Contains(HasSubstr("hold it up"))));
  EXPECT_THAT(table("fat_tree_ndr_4to1", sim::CollectiveKind::all_gather), Not(Contains(HasSubstr("hold it up"))));
  EXPECT_THAT(table("dragonfly_hdr", sim::CollectiveKind::all_to_all), Contains(HasSubstr("routers of a group")));
}

TEST_F(CollectiveNotes, ADipIsTheSwitchOfNccl) {
  // A dip is put together by hand: the table knows times, and names where a larger message takes less.
  CollectiveTable table =
      predict(query_of(sim::CollectiveKind::all_reduce, "dgx_h100", 1, {1048576.0, 2097152.0, 4194304.0}));
  for (const CollectiveLine& line : table.lines) EXPECT_FALSE(line.dips);
  EXPECT_THAT(table_text(table), Not(HasSubstr("take less than")));
  table.lines[1].dips = true;
  EXPECT_THAT(table_text(table),
              HasSubstr("# 2.000 MiB take less than 1.000 MiB: NCCL's own model goes from ring LL to "));
  EXPECT_TRUE(nlohmann::json::parse(table_json(table)).at("rows").at(1).at("dips"));
}

// NCCL's tuner takes Simple from 4 MiB on, whose latency on B200 is far above its own figure: of eight GPUs the
// measured reduce_scatter goes from 43.6 us at 8 MiB to 97.0 us at 16 MiB where it changes its protocol (nccl-tests,
// half).
TEST_F(CollectiveNotes, AJumpIsTheSwitchOfNccl) {
  const CollectiveTable table =
      predict(query_of(sim::CollectiveKind::broadcast, "hgx_b200", 1, {1048576.0, 2097152.0, 4194304.0, 8388608.0}));
  EXPECT_FALSE(table.lines[1].jump);
  ASSERT_TRUE(table.lines[2].jump);
  EXPECT_EQ(table.lines[2].jump->from, "ring LL");
  EXPECT_LT(table.lines[2].jump->time * 1.25, table.lines[2].estimate.time);
  EXPECT_FALSE(table.lines[3].jump);
  EXPECT_THAT(table_text(table),
              HasSubstr("# at 4.000 MiB the time jumps up: NCCL's own model goes from ring LL to ring "
                        "Simple there, "));
  const auto row = nlohmann::json::parse(table_json(table)).at("rows").at(2);
  EXPECT_EQ(row.at("jump").at("from"), "ring LL");
}

// More than twice the time for twice the bytes, or less for more, is no law's doing.
TEST_F(CollectiveNotes, EveryJumpIsNamed) {
  for (const char* node : {"dgx_h100", "dgx_a100", "hgx_b200", "gb200_nvl72", "rtx_pro_6000_box"}) {
    for (const int nodes : {1, 4}) {
      for (const sim::CollectiveKind kind : {sim::CollectiveKind::all_reduce, sim::CollectiveKind::all_gather,
                                             sim::CollectiveKind::reduce_scatter, sim::CollectiveKind::broadcast}) {
        CollectiveQuery query = query_of(kind, node, nodes, {});
        for (double size = 1024.0; size < 1e10; size *= 2.0) query.sizes.emplace_back(size);
        const CollectiveTable table = predict(query);
        for (std::size_t i = 1; i < table.lines.size(); ++i) {
          const double ratio = table.lines[i].estimate.time / table.lines[i - 1].estimate.time;
          if (ratio > 2.5 || ratio < 0.8) {
            EXPECT_TRUE(table.lines[i].jump) << describe(query) << " at " << table.lines[i].size.value();
          }
        }
      }
    }
  }
}

// Within one way of carrying a call out a larger message takes longer, on every platform and group; where NCCL's own
// choice makes one faster the table says so.
TEST_F(CollectiveNotes, TimesGrowWithinAWayAndEveryDipIsNamed) {
  int dips = 0;
  for (const char* node :
       {"dgx_h100", "dgx_a100", "hgx_b200", "hgx_h200", "rtx_pro_6000_box", "dgx_1", "a100_pcie_bridged_box"}) {
    for (const int nodes : {1, 2, 4}) {
      for (const sim::CollectiveKind kind :
           {sim::CollectiveKind::all_reduce, sim::CollectiveKind::all_gather, sim::CollectiveKind::reduce_scatter,
            sim::CollectiveKind::all_to_all, sim::CollectiveKind::broadcast}) {
        CollectiveQuery query = query_of(kind, node, nodes, {});
        for (double size = 1024.0; size < 1e10; size *= 2.0) query.sizes.emplace_back(size);
        const CollectiveTable table = predict(query);
        for (std::size_t i = 1; i < table.lines.size(); ++i) {
          const CollectiveLine &before = table.lines[i - 1], &line = table.lines[i];
          const bool less = line.estimate.time < before.estimate.time;
          EXPECT_EQ(line.dips, less);
          dips += less ? 1 : 0;
          const bool same = line.estimate.algorithm == before.estimate.algorithm &&
                            line.estimate.protocol == before.estimate.protocol;
          EXPECT_FALSE(less && same) << describe(query) << " at " << line.size.value();
        }
      }
    }
  }
  RecordProperty("dips", dips);
}

}  // namespace
}  // namespace orrery::scenarios::testing
