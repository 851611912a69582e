// What the trees of a training step say: the parts of each figure give it again by its equation.
#include "scenarios/explanation.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/training/job.hpp"
#include "tests/scenarios/explanation_tree.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string with(const std::string& keys, const std::string& cluster = "node: dgx_a100") {
  return "scenario: s\nmodel: gpt2-124m\ncluster: {" + cluster +
         "}\ntraining:\n  sequence_length: 1024\n  global_batch_size: 64\n  micro_batch_size: 2\n" + keys;
}

TEST(TrainingTrees, OfRatesAreTheQuotientOfTheirParts) {
  const Tree tree(with("  tensor_parallel: 2\n"));
  const ExplainNode tokens = tree.of("training.tokens_per_s");
  ASSERT_EQ(tokens.parts.size(), 2U);
  EXPECT_DOUBLE_EQ(tokens.parts[0].value, 65536.0);
  EXPECT_NEAR(tokens.value, tokens.parts[0].value / tokens.parts[1].value, 1e-9 * tokens.value);
  const ExplainNode each = tree.of("training.tokens_per_s_per_gpu");
  EXPECT_DOUBLE_EQ(part(each, "GPUs")->value, 8.0);
  EXPECT_NEAR(each.value, each.parts[0].value / 8.0, 1e-9 * each.value);
}

TEST(TrainingTrees, OfUtilisationEndAtTheDatasheetPeak) {
  const Tree tree(with("  recompute: full\n  attention: unfused\n"));
  const ExplainNode mfu = tree.of("training.mfu"), hfu = tree.of("training.hfu");
  const ExplainNode* peak = part(mfu, "dense peak of");
  EXPECT_DOUBLE_EQ(peak->value, 312.0);
  EXPECT_EQ(peak->level, "datasheet");
  EXPECT_FALSE(peak->source.empty());
  EXPECT_NEAR(mfu.value, mfu.parts[0].value / 312.0, 1e-9);
  // TFLOP of a step / (step time x GPUs).
  const ExplainNode model = tree.of("training.model_tflops_per_gpu");
  ASSERT_EQ(model.parts.size(), 3U);
  EXPECT_NEAR(model.value, model.parts[0].value / (model.parts[1].value * model.parts[2].value), 1e-9 * model.value);
  const ExplainNode hardware = tree.of("training.hardware_tflops_per_gpu");
  EXPECT_TRUE(hardware.sums);
  EXPECT_NEAR(sum_of(hardware), hardware.value, 1e-9 * hardware.value);
  EXPECT_GT(part(hardware, "recomputation")->value, 0.0);
  EXPECT_NEAR(hfu.value, hfu.parts[0].value / 312.0, 1e-9);
}

TEST(TrainingTrees, WithoutRecomputationHaveNoPartOfIt) {
  const ExplainNode hardware = Tree(with("")).of("training.hardware_tflops_per_gpu");
  ASSERT_EQ(hardware.parts.size(), 1U);
  EXPECT_NEAR(hardware.value, hardware.parts[0].value, 1e-9 * hardware.value);
}

TEST(TrainingTrees, OfUnlikeGpusHaveTheMeanOfTheirPeaks) {
  const Tree tree(with("  data_parallel: 16\n",
                       "nodes: [{node: dgx_a100, count: 1}, {node: dgx_h100, count: 1}], fabric: rail_fat_tree_ndr"));
  const ExplainNode* peak = part(tree.of("training.mfu"), "dense peak in bf16");
  // 312 and 989.4 (H100 SXM, dense).
  ASSERT_EQ(peak->parts.size(), 2U);
  EXPECT_DOUBLE_EQ(peak->parts[0].value, 312.0);
  EXPECT_NEAR(peak->parts[1].value, 989.4, 0.5);
  EXPECT_NEAR(peak->value, (peak->parts[0].value + peak->parts[1].value) / 2.0, 1e-6);
  const ExplainNode* price = part(tree.of("cost.usd"), "price of one GPU hour");
  ASSERT_EQ(price->parts.size(), 2U);
  EXPECT_NEAR(price->value, (price->parts[0].value + price->parts[1].value) / 2.0, 1e-12);
}

TEST(TrainingTrees, OfExposedCommunicationTakeOffWhatIsHidden) {
  const Tree tree(with("  tensor_parallel: 2\n"));
  const ExplainNode exposed = tree.of("training.exposed_communication_s");
  ASSERT_EQ(exposed.parts.size(), 2U);
  EXPECT_DOUBLE_EQ(exposed.parts[0].value, tree.metric("training.communication_s"));
  EXPECT_LE(exposed.parts[1].value, 0.0);
  EXPECT_NEAR(sum_of(exposed), exposed.value, 1e-12);
}

TEST(TrainingTrees, OfOneGpuSayThatThereIsNoCommunication) {
  const Tree tree(with("  data_parallel: 1\n"));
  const ExplainNode none = tree.of("training.communication_s");
  ASSERT_EQ(none.parts.size(), 1U);
  EXPECT_EQ(none.parts[0].equation, "there are none");
  EXPECT_EQ(none.value, 0.0);
}

TEST(TrainingTrees, OfGapsNameWhatTheHostCosts) {
  const auto gaps = [](const std::string& keys) {
    const Tree tree(with(keys));
    return *part(tree.of("training.compute_s"), "gaps after ");
  };
  EXPECT_EQ(part(gaps(""), "kernel_launch")->level, "datasheet");
  const ExplainNode own = gaps("  host_overhead: 50 us\n");
  EXPECT_DOUBLE_EQ(part(own, "training.host_overhead")->value, 50e-6);
  EXPECT_EQ(part(own, "training.host_overhead")->level, "asserted");
  EXPECT_EQ(part(gaps("  cuda_graphs: true\n"), "training.cuda_graphs")->value, 0.0);
  // A host that takes 50 us a kernel leaves longer gaps than the GPU's own.
  EXPECT_GT(own.value, gaps("  cuda_graphs: true\n").value);
}

TEST(TrainingTrees, OfTheBubbleCountTheMicrobatches) {
  // 64 sequences / (2 in a microbatch x 2 replicas) = 16.
  const Tree tree(with("  pipeline_parallel: 4\n"));
  const ExplainNode bubble = tree.of("training.bubble_fraction");
  EXPECT_DOUBLE_EQ(part(bubble, "microbatches")->value, 16.0);
  EXPECT_DOUBLE_EQ(part(bubble, "training.pipeline_parallel")->value, 4.0);
  const ExplainNode* ideal = part(bubble, "of the schedule 1f1b with equal stages");
  EXPECT_FALSE(ideal->has_value);
  EXPECT_FALSE(ideal->source.empty());
}

TEST(TrainingTrees, OfOptimizerStateSayWhatIsSharded) {
  // 12 layers of 7,087,872 parameters, 12 B each, over eight replicas.
  const ExplainNode node = Tree(with("  zero: optimizer\n")).of("memory.optimizer_bytes");
  EXPECT_TRUE(node.sums);
  EXPECT_NEAR(sum_of(node), node.value, 1e-9 * node.value);
  EXPECT_THAT(part(node, "12 layers")->equation,
              AllOf(HasSubstr("85054464 parameters"), HasSubstr("x 12 B / 8 data-parallel ranks")));
  EXPECT_NEAR(part(node, "12 layers")->value, 85'054'464.0 * 12 / 8, 12.0);
  const ExplainNode weights = Tree(with("")).of("memory.weights_bytes");
  EXPECT_THAT(part(weights, "12 layers")->equation, HasSubstr("85054464 parameters of a tensor-parallel rank x 2 B"));
  // 50,257 + 1,024 rows of 768.
  EXPECT_DOUBLE_EQ(part(weights, "embedding")->value, 2.0 * (50257 + 1024) * 768);
}

TEST(TrainingTrees, OfStagesHaveTheirOwnLayers) {
  const Tree tree(with("  pipeline_parallel: 2\n  stage_layers: [5, 7]\n"));
  const ExplainNode first = tree.of("memory.stages.0.weights_bytes"), last = tree.of("memory.stages.1.weights_bytes");
  EXPECT_DOUBLE_EQ(part(first, "5 layers")->value, 2.0 * 5 * 85'054'464 / 12);
  EXPECT_DOUBLE_EQ(part(last, "7 layers")->value, 2.0 * 7 * 85'054'464 / 12);
  EXPECT_GT(part(first, "embedding")->value, 0.0);
  EXPECT_GT(part(last, "output head and final norm")->value, 0.0);
  EXPECT_THAT(tree.of("memory.peak_bytes").equation, HasSubstr("the fullest GPU is one of stage "));
}

TEST(TrainingTrees, OfActivationsCountThePassesInFlight) {
  // 1F1B keeps as many microbatches as there are stages left: 4 on the first, 1 on the last.
  const Tree tree(with("  pipeline_parallel: 4\n"));
  EXPECT_NEAR(part(tree.of("memory.stages.0.activations_bytes"), "microbatches in flight")->value, 4.0, 1e-9);
  EXPECT_NEAR(part(tree.of("memory.stages.3.activations_bytes"), "microbatches in flight")->value, 1.0, 1e-9);
  const ExplainNode kept = *part(tree.of("memory.stages.0.activations_bytes"), "kept by a microbatch in layers 0 to 2");
  EXPECT_TRUE(kept.sums);
  EXPECT_NEAR(sum_of(kept), kept.value, 1e-9 * kept.value);
}

TEST(TrainingTrees, OfRecomputedLayersKeepTheirInputAlone) {
  const Tree tree(with("  recompute: full\n  recompute_layers: 4\n  pipeline_parallel: 2\n"));
  const ExplainNode kept = *part(tree.of("memory.stages.0.activations_bytes"), "kept by a microbatch in layers 0 to 5");
  // The input of a layer: 2 sequences x 1,024 tokens x 768, two bytes each.
  EXPECT_DOUBLE_EQ(part(kept, "4 recomputed layers")->value, 4.0 * 2 * 1024 * 768 * 2);
  EXPECT_GT(part(kept, "2 layers")->value, part(kept, "4 recomputed layers")->value);
}

TEST(TrainingTrees, OfTheMarginAreCapacityLessPeak) {
  for (const std::string memory : {"80 GiB", "2 GiB"}) {
    const Tree tree(with("", "node: dgx_a100, gpu_memory: " + memory));
    const ExplainNode node = tree.of("memory.margin_bytes");
    EXPECT_TRUE(node.sums);
    ASSERT_EQ(node.parts.size(), 2U);
    EXPECT_DOUBLE_EQ(node.parts[0].value, tree.metric("memory.capacity_bytes"));
    EXPECT_DOUBLE_EQ(node.parts[1].value, -tree.metric("memory.peak_bytes"));
    EXPECT_NEAR(sum_of(node), node.value, 1.0);
    EXPECT_EQ(part(node.parts[1], "memory.peak_bytes")->parts.size(), 5U);
  }
}

TEST(TrainingTrees, OfTheCapacityTakeOffWhatTheDriverReserves) {
  const Tree tree(with("", "node: dgx_a100, gpu_memory: 40 GiB"));
  const ExplainNode node = tree.of("memory.capacity_bytes");
  EXPECT_TRUE(node.sums);
  EXPECT_DOUBLE_EQ(node.parts[0].value, 40.0 * 1073741824.0);
  EXPECT_LT(node.parts[1].value, 0.0);
  EXPECT_NEAR(sum_of(node), node.value, 1.0);
  const ExplainNode cache = tree.of("memory.kv_cache_bytes");
  EXPECT_THAT(cache.equation, StartsWith("0: training has no KV cache"));
}

TEST(TrainingTrees, OfTheCostMultiplyHoursAndPrice) {
  const Tree tree(with("  total_tokens: 1000000000\n", "node: dgx_a100, price: 3 USD/h"));
  const ExplainNode hours = tree.of("cost.gpu_hours");
  // 8 GPUs x step x 15,259 steps / 3600.
  EXPECT_DOUBLE_EQ(part(hours, "optimizer steps")->value, 15259.0);
  EXPECT_NEAR(hours.value, hours.parts[0].value * hours.parts[1].value * hours.parts[2].value / 3600.0,
              1e-9 * hours.value);
  const ExplainNode usd = tree.of("cost.usd");
  EXPECT_DOUBLE_EQ(part(usd, "price of one GPU hour")->value, 3.0);
  EXPECT_EQ(part(usd, "price of one GPU hour")->level, "asserted");
  EXPECT_NEAR(usd.value, hours.value * 3.0, 1e-9 * usd.value);
  const ExplainNode each = tree.of("cost.usd_per_million_tokens");
  EXPECT_DOUBLE_EQ(part(each, "training.total_tokens")->value, 1e9);
  EXPECT_NEAR(each.value, each.parts[0].value / each.parts[1].value * 1e6, 1e-9 * each.value);
}

class ExplainTraining : public FolderTest {};

TEST_F(ExplainTraining, JsonHasEntriesWhoseTimesMultiply) {
  const std::string file = write("s.yaml", with("  tensor_parallel: 2\n"));
  ASSERT_EQ(orrery({"explain", file, "-q", "--json", path("e.json")}).code, kExitWell);
  const json report = json::parse(read_file(path("e.json")));
  ASSERT_FALSE(report["steps"].empty());
  bool collective = false;
  for (const json& entry : report["steps"]) {
    const double total = entry["total_s"], each = entry["time_s"], runs = entry["runs"];
    EXPECT_NEAR(total, each * runs, 1e-9 * total) << entry["what"];
    collective = collective || entry.contains("algorithm");
    EXPECT_TRUE(entry["provenance"] == "measured" || entry["provenance"] == "datasheet" ||
                (entry["provenance"] == "published" && entry.contains("algorithm")))
        << entry["what"];
  }
  EXPECT_TRUE(collective) << "tensor parallelism communicates";
  // Faster work makes no slower step, and none is faster than ten per cent.
  for (const json& kind : report["sensitivity"]) {
    const double step = report["training"]["step_time_s"];
    EXPECT_LE(kind["step_time_if_10_percent_faster_s"].get<double>(), step * (1 + 1e-9)) << kind["kind"];
    EXPECT_LE(kind["step_time_without_s"].get<double>(),
              kind["step_time_if_10_percent_faster_s"].get<double>() * (1 + 1e-9));
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
