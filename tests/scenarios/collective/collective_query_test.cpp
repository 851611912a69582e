// From words to a group of ranks: which cluster, which group, which measurements.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/config/config.hpp"
#include "scenarios/collective/cluster_query.hpp"
#include "scenarios/collective/collective_table.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class CollectiveQueries : public FolderTest {
 protected:
  static CollectiveWords of(const std::string& cluster) {
    CollectiveWords words;
    words.cluster = cluster;
    return words;
  }
  std::string error(const CollectiveWords& words, const std::vector<Override>& overrides = {}) const {
    try {
      (void)read_query("all_reduce", words, overrides);
    } catch (const hardware::ConfigError& error) {
      return error.what();
    }
    return "no error";
  }
};

constexpr const char* kCluster =
    "# Ours.\n"
    "cluster:\n"
    "  node: dgx_h100\n"
    "  nodes: 4\n"
    "  fabric: rail_fat_tree_ndr\n"
    "  nccl: {algo: tree}\n";

TEST_F(CollectiveQueries, TakeAFileThatHasNothingButACluster) {
  const CollectiveQuery query = read_query("all_reduce", of(write("c.yaml", kCluster)), {});
  EXPECT_EQ(query.nodes, 4);
  EXPECT_EQ(query.ranks(), 32);
  EXPECT_EQ(query.cluster.nccl.algorithms.text, "tree");
  EXPECT_EQ(query.sizes.size(), 21u);
  const CollectiveQuery fewer = read_query("all_reduce", of(path("c.yaml")), {{"cluster.nodes", "2"}});
  EXPECT_EQ(fewer.nodes, 2);
  const std::string titled = write("t.yaml", "scenario: ours\n" + std::string(kCluster));
  EXPECT_EQ(read_query("all_reduce", of(titled), {}).nodes, 4);
}

TEST_F(CollectiveQueries, OfAClusterThatIsAtHandAreThoseOfItsFile) {
  const std::string file = write("c.yaml", kCluster);
  CollectiveWords words = of(file);
  words.gpus = 4;
  words.bytes = "1MiB..4MiB";
  words.type = "half";
  const CollectiveQuery of_file = read_query("all_gather", words, {});
  words.cluster.clear();
  const CollectiveQuery at_hand = query_of_cluster("all_gather", words, of_file.cluster);
  EXPECT_EQ(table_json(predict(at_hand)), table_json(predict(of_file)));
  words.gpus = 9;
  EXPECT_THROW((void)query_of_cluster("all_gather", words, of_file.cluster), hardware::ConfigError);
  for (const std::string& name : collective_operations()) {
    EXPECT_EQ(sim::name(read_query(name, of(file), {}).kind), name);
  }
  EXPECT_THAT(collective_operations(), ::testing::Contains("all_to_all"));
  EXPECT_THROW((void)query_of_cluster("all_redce", words, of_file.cluster), hardware::ConfigError);
}

TEST_F(CollectiveQueries, SeeProfilesFromTheFilesOwnFolder) {
  const Outcome made = orrery({"new", "node", "-o", path("mine.yaml")});
  ASSERT_EQ(made.code, 0) << made.err;
  const std::string file = write("c.yaml", "cluster:\n  node: ./mine.yaml\n");
  EXPECT_EQ(error(of(file)), "no error");
}

TEST_F(CollectiveQueries, TellWhatIsWrongInSuchAFile) {
  EXPECT_THAT(error(of(write("c.yaml", replaced(kCluster, "algo: tree", "algo: tre")))),
              AllOf(HasSubstr("c.yaml:6:"), HasSubstr("did you mean tree")));
  EXPECT_THAT(error(of(write("c.yaml", replaced(kCluster, "dgx_h100", "dgx_h10")))),
              AllOf(HasSubstr("c.yaml:3:"), HasSubstr("dgx_h100")));
  EXPECT_THAT(error(of(write("c.yaml", std::string(kCluster) + "fabrics: 1\n"))),
              AllOf(HasSubstr("c.yaml:7:"), HasSubstr("fabrics")));
  EXPECT_THAT(error(of(write("c.yaml", std::string(kCluster) + "training: {}\n"))), HasSubstr("model")) << "a scenario";
  CollectiveWords fabric = of(write("c.yaml", kCluster));
  fabric.fabric = "fat_tree_ndr";
  EXPECT_THAT(error(fabric), HasSubstr("--set cluster.fabric=fat_tree_ndr"));
}

TEST_F(CollectiveQueries, RefuseAGroupThatIsNotThere) {
  CollectiveWords many = of(write("c.yaml", kCluster));
  many.nodes = 5;
  EXPECT_THAT(error(many), HasSubstr("8 GPUs on each of 5 nodes are more than 4 nodes of 8 GPUs"));
  many.nodes = 1;
  many.gpus = 9;
  EXPECT_THAT(error(many), HasSubstr("9 GPUs on each of 1 nodes"));
}

TEST_F(CollectiveQueries, TakeTheTypeAndTheSizesOfTheMeasurements) {
  CollectiveWords words = of("dgx_h100");
  words.compare = write("perf.log",
                        "# Collective test starting: all_reduce_perf\n"
                        "# size count type redop root time algbw busbw\n"
                        "  1048576  524288  half   sum  -1  64.00  16.38  28.67  0\n"
                        "  1048576  262144  float  sum  -1  66.00  15.89  27.80  0\n");
  EXPECT_THAT(error(words), HasSubstr("rows of half and of float: say with --type which are meant"));
  words.type = "fp32";
  const CollectiveQuery query = read_query("all_reduce", words, {});
  ASSERT_EQ(query.measured.size(), 1u);
  EXPECT_DOUBLE_EQ(query.measured[0].time.value(), 66e-6);
  words.type = "bf16";
  EXPECT_THAT(error(words), HasSubstr("rows of half, and --type is bfloat16"));
  words.type = "half";
  EXPECT_THROW((void)read_query("all_gather", words, {}), hardware::ConfigError) << "rows of all_reduce";
  words.gpus = 4;
  EXPECT_THAT(error(words), HasSubstr("another number of ranks")) << "busbw/algbw of 8 ranks";
}

}  // namespace
}  // namespace orrery::scenarios::testing
