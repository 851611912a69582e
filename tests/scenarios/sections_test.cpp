// `model:` and `cluster:` as they are read: what a scenario changes, where that is told, and mistakes at their places.
#include "scenarios/sections.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/explanation.hpp"
#include "scenarios/report.hpp"
#include "scenarios/scenario.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// Model in line 2, cluster in line 3.
std::string with(const std::string& model, const std::string& cluster = "{node: dgx_h100}") {
  return "scenario: s\nmodel: " + model + "\ncluster: " + cluster +
         "\ntraining: {sequence_length: 1024, global_batch_size: 64}\n";
}

Scenario read(const std::string& model, const std::string& cluster = "{node: dgx_h100}") {
  return parse_scenario(with(model, cluster), "s.yaml");
}

models::Llm model_of(const std::string& changes) { return read("{config: gpt2-124m" + changes + "}").jobs[0].llm; }

std::string mistake(const std::string& text) {
  try {
    (void)parse_scenario(text, "s.yaml");
    return "";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}
std::string model_error(const std::string& model) { return mistake(with(model)); }
std::string cluster_error(const std::string& cluster) { return mistake(with("gpt2-124m", cluster)); }

TEST(ModelSection, ChangesWhatItNames) {
  const models::Llm llm =
      model_of(", layers: 24, hidden: 1024, heads: 16, vocab: 1000, max_positions: 4096, inter: 5000");
  EXPECT_EQ(llm.layers, 24);
  EXPECT_EQ(llm.hidden, 1024);
  EXPECT_EQ(llm.attention.heads, 16);
  EXPECT_EQ(llm.attention.kv_heads, 16) << "one per head, as before";
  EXPECT_EQ(llm.attention.head_dim, 64) << "1024 / 16";
  EXPECT_EQ(llm.mlp.inter, 5000);
  EXPECT_EQ(llm.vocab, 1000);
  EXPECT_EQ(llm.max_positions, 4096);
}

TEST(ModelSection, HeadSizeFollowsTheShapeUnlessGiven) {
  EXPECT_EQ(model_of("").attention.head_dim, 64);
  EXPECT_EQ(model_of(", hidden: 1536").attention.head_dim, 128);               // 1536 / 12
  EXPECT_EQ(model_of(", hidden: 1536, head_dim: 96").attention.head_dim, 96);  // wins
  EXPECT_EQ(model_of(", layers: 3").attention.head_dim, 64);
  EXPECT_FALSE(model_of(", tied_embeddings: false").tied_embeddings);
  EXPECT_EQ(model_of(", kv_heads: 4").attention.kv_heads, 4);
}

TEST(ModelSection, LeavesGroupsOfHeadsAsTheyAre) {
  // Llama-3 8B has 8 key/value heads for 32.
  const models::Llm llm = read("{config: llama-3-8b, heads: 64}").jobs[0].llm;
  EXPECT_EQ(llm.attention.kv_heads, 8);
  EXPECT_EQ(llm.attention.head_dim, 64);  // 4096 / 64
}

TEST(ModelSection, MistakesAreToldAtTheirPlace) {
  EXPECT_THAT(model_error("{config: gpt2-124m, layers: 0}"), AllOf(HasSubstr("s.yaml:2:"), HasSubstr("'layers'")));
  EXPECT_THAT(model_error("{layers: 3}"), AllOf(HasSubstr("s.yaml:2:8:"), HasSubstr("'config'")));
  EXPECT_THAT(model_error("{config: [gpt2-124m]}"),
              AllOf(HasSubstr("s.yaml:2:17:"), HasSubstr("must be a library name or a path to a config.json")));
  EXPECT_THAT(model_error("{config: gpt2-124m, lairs: 3}"), AllOf(HasSubstr("lairs"), HasSubstr("layers")));
  EXPECT_THAT(model_error("{config: gpt2-124m, hidden: 770}"),
              AllOf(HasSubstr("s.yaml:2:36:"), HasSubstr("hidden 770 is not a multiple of 12 heads")));
  EXPECT_THAT(model_error("[gpt2-124m]"), HasSubstr("s.yaml:2:8:"));
  EXPECT_THAT(model_error("./there/is/none.json"), AllOf(HasSubstr("s.yaml:2:8:"), HasSubstr("none.json")));
}

class UnlikeLayers : public FolderTest {};

TEST_F(UnlikeLayers, KeepTheirSizes) {
  // Gemma 3: five layers with a window, one without.
  const std::string config = write("g.json",
                                   R"({"model_type": "gemma3", "hidden_size": 256, "num_hidden_layers": 12,
                                       "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64,
                                       "intermediate_size": 512, "vocab_size": 1000, "sliding_window": 128,
                                       "max_position_embeddings": 4096})");
  const auto with_change = [&](const std::string& change) { return "{config: " + config + ", " + change + "}"; };
  for (const std::string key : {"heads", "kv_heads", "head_dim", "inter"}) {
    EXPECT_THAT(model_error(with_change(key + ": 16")),
                AllOf(HasSubstr("s.yaml:2:"), HasSubstr("model: " + key + " can't be changed: the layers of ")))
        << key;
  }
  EXPECT_EQ(read(with_change("layers: 6")).jobs[0].llm.layers, 6);
}

TEST(ClusterSection, TakesEveryKey) {
  const hardware::Cluster cluster =
      read("gpt2-124m",
           "{node: dgx_h100, nodes: 2, fabric: rail_fat_tree_ndr, gpu: h200_sxm, price: 3.5 USD/h, gpu_memory: "
           "100 GiB, gpu_memory_bandwidth: 4 TB/s, nvlink_bandwidth: 400 GB/s, nics: 4, nic_bandwidth: 200 Gb/s, "
           "collective_algorithm: ring, placement: {first_node: 0}}")
          .cluster;
  const hardware::NodeGroup& group = cluster.groups.at(0);
  EXPECT_EQ(group.count, 2);
  EXPECT_EQ(group.gpu.name, "h200_sxm");
  EXPECT_DOUBLE_EQ(group.gpu.price.value(), 3.5);
  EXPECT_DOUBLE_EQ(group.gpu.memory.value(), 100.0 * 1073741824.0);
  EXPECT_DOUBLE_EQ(group.gpu.memory_bandwidth.value(), 4e12);
  EXPECT_DOUBLE_EQ(group.gpu.nvlink_bandwidth.value(), 4e11);
  EXPECT_EQ(group.node.nics, 4);
  EXPECT_DOUBLE_EQ(group.node.nic_bandwidth.value(), 25e9);  // 200 Gb/s / 8
  EXPECT_EQ(cluster.nccl.algorithms.text, "ring");
  EXPECT_EQ(cluster.fabric.name, "rail_fat_tree_ndr");
  EXPECT_EQ(read("gpt2-124m", "{node: dgx_h100, collective_algorithm: automatic}").cluster.nccl.algorithms.text, "");
}

TEST(ClusterSection, MistakesAreToldAtTheirPlace) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"price: 3 EUR/h", "price"},
      {"price: 3", "price"},
      {"price: -1 USD/h", "price"},
      {"gpu_memory: 80", "has no unit"},
      {"gpu_memory: 0 GiB", "gpu_memory"},
      {"gpu_memory_bandwidth: 3 GB", "is not a unit of"},
      {"nvlink_bandwidth: fast", "nvlink_bandwidth"},
      {"nic_bandwidth: 400 GHz", "is not a unit of"},
      {"nics: 0", "nics"},
      {"nodes: 2.5", "whole number"},
      {"nodes: 0", "nodes"},
      {"nodes: 20000000", "nodes"},
      {"gpu: h1000", "h1000"},
      {"fabric: rail_fat_treee", "rail_fat_tree"},
      {"collective_algorithm: rings", "ring"},
      {"placement: {first_node: 1}", "first_node"},
      {"gpus: 8", "gpus"},
  };
  for (const auto& [key, says] : mistakes) {
    EXPECT_THAT(cluster_error("{node: dgx_h100, " + key + "}"), AllOf(StartsWith("s.yaml:3:"), HasSubstr(says))) << key;
  }
  EXPECT_THAT(cluster_error("{nodes: 1}"), AllOf(HasSubstr("s.yaml:3:"), HasSubstr("'node'")));
  EXPECT_THAT(cluster_error("dgx_h100"), HasSubstr("s.yaml:3:10:"));
  EXPECT_THAT(cluster_error("{node: l40s_box, nvlink_bandwidth: 100 GB/s}"),
              AllOf(HasSubstr("s.yaml:3:"), HasSubstr("the node 'l40s_box' has no NVLink switch")));
}

TEST(ClusterSection, IsRequired) {
  EXPECT_THAT(mistake("scenario: s\nmodel: gpt2-124m\ntraining: {sequence_length: 8, global_batch_size: 8}\n"),
              HasSubstr("'cluster'"));
  EXPECT_THAT(mistake("model: gpt2-124m\ncluster: {node: dgx_h100}\ntraining: {sequence_length: 8, global_batch_size: "
                      "8}\n"),
              HasSubstr("'scenario'"));
}

ExplainNode tree_of(const std::string& cluster, const std::string& metric) {
  const Report report = run_scenario(read("gpt2-124m", cluster), Keep{true, false});
  return Explanation(report).of(metric);
}

TEST(ChangedFigures, OfMemoryAreTheScenariosInTheTree) {
  const ExplainNode own = tree_of("{node: dgx_h100, gpu_memory: 100 GiB}", "memory.capacity_bytes");
  EXPECT_EQ(own.parts.at(0).level, "asserted");
  EXPECT_THAT(own.parts[0].source, StartsWith("changed by the scenario; the profile has 79.65 GiB ("));
  const ExplainNode same = tree_of("{node: dgx_h100}", "memory.capacity_bytes");
  EXPECT_EQ(same.parts.at(0).level, "datasheet");
  EXPECT_THAT(same.parts[0].source, Not(HasSubstr("changed")));
}

TEST(ChangedFigures, StandAmongTheSourcesOfTheReport) {
  const Report report = run_scenario(read("gpt2-124m", "{node: dgx_h100, nic_bandwidth: 10 GB/s, price: 1 USD/h}"));
  const auto source = [&](const std::string& kind) {
    for (const Provenance& line : report.provenance) {
      if (line.kind == kind) return line.source;
    }
    return std::string();
  };
  EXPECT_THAT(source("node"), HasSubstr("changed by the scenario; the profile has 50 GB/s"));
  EXPECT_THAT(source("gpu"), HasSubstr(std::string(kScenarioPrice)));
}

TEST(ChangedFigures, WrittenAsTheProfileHasThemAreNoChange) {
  // A DGX H100's cards: 400 Gb/s.
  const Scenario scenario = read("gpt2-124m", "{node: dgx_h100, nic_bandwidth: 400 Gb/s}");
  for (const auto& [key, source] : scenario.cluster.groups[0].node.sources) {
    EXPECT_THAT(source, Not(HasSubstr(std::string(kChangedByScenario)))) << key;
  }
}

class PriceOfOnesOwn : public FolderTest {};

// A profile of one's own has a price and says where it is from: it is not the scenario's.
TEST_F(PriceOfOnesOwn, IsFollowedToTheProfileThatHasIt) {
  const Outcome made = orrery({"new", "gpu"});
  ASSERT_EQ(made.code, kExitWell) << made.err;
  write("my.yaml", made.out);
  const std::string file = write("s.yaml", with("gpt2-124m", "{node: dgx_h100, gpu: ./my.yaml}"));
  const Outcome tree = orrery({"explain", file, "--metric", "cost.usd"});
  EXPECT_THAT(tree.out, AllOf(HasSubstr("price of one GPU hour  2.990 USD  [published: our contract]"),
                              Not(HasSubstr("cluster.price"))));
  const Outcome own = orrery({"explain", file, "--set", "cluster.price=9 USD/h", "--metric", "cost.usd"});
  EXPECT_THAT(own.out, HasSubstr("9.000 USD  [asserted: cluster.price of the scenario]"));
}

TEST(Paths, LeadToValuesThroughMapsAndLists) {
  const hardware::NodePtr root = hardware::parse_config("a:\n  b: [x, {c: 7}]\n", "p.yaml");
  ASSERT_NE(node_at(*root, "a.b.1.c"), nullptr);
  EXPECT_EQ(node_at(*root, "a.b.1.c")->scalar, "7");
  EXPECT_EQ(node_at(*root, "a.b.0")->scalar, "x");
  EXPECT_EQ(node_at(*root, ""), root.get());
  for (const char* none : {"a.c", "a.b.2", "a.b.-1", "a.b.1x", "a.b.1.d", "a.b.0.x", "b"}) {
    EXPECT_EQ(node_at(*root, none), nullptr) << none;
  }
  // Of what is not there: the deepest part that is.
  EXPECT_EQ(span_of(*root, "a.b.1.c").line, 2);
  EXPECT_EQ(span_of(*root, "a.b.1.d").begin, node_at(*root, "a.b.1")->span.begin);
  EXPECT_EQ(span_of(*root, "zzz").begin, root->span.begin);
}

}  // namespace
}  // namespace orrery::scenarios::testing
