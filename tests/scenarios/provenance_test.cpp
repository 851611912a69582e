// Where the numbers come from: every profile that a run used, every fit, and what each entry of its plan cost.
#include "scenarios/provenance.hpp"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "models/training/pricing.hpp"
#include "scenarios/report.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/training/job.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/serving/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsSubsetOf;
using ::testing::Not;

Report run(const std::string& text, const Keep& keep = {}) {
  return run_scenario(parse_scenario(text, "s.yaml"), keep);
}

std::vector<Provenance> lines_of(const Report& report, const std::string& kind) {
  std::vector<Provenance> some;
  for (const Provenance& line : report.provenance) {
    if (line.kind == kind) some.push_back(line);
  }
  return some;
}

std::vector<std::string> names_of(const Report& report, const std::string& kind) {
  std::vector<std::string> names;
  for (const Provenance& line : lines_of(report, kind)) names.push_back(line.name);
  return names;
}

TEST(ProvenanceOfAStep, NamesEveryProfileOnce) {
  const Report report = run(replaced(small_scenario(), "  nodes: 1\n", "  nodes: 2\n  fabric: rail_fat_tree_hdr\n"));
  using ::testing::ElementsAre;
  EXPECT_THAT(names_of(report, "gpu"), ElementsAre("a100_sxm"));
  EXPECT_THAT(names_of(report, "node"), ElementsAre("dgx_a100"));
  EXPECT_THAT(names_of(report, "fabric"), ElementsAre("rail_fat_tree_hdr"));
  EXPECT_THAT(names_of(report, "model"), ElementsAre("gpt2-124m"));
  for (const Provenance& line : report.provenance) {
    EXPECT_FALSE(line.source.empty()) << line.kind << " " << line.name;
    EXPECT_TRUE(line.level == "datasheet" || line.level == "published" || line.level == "measured") << line.level;
  }
}

TEST(ProvenanceOfAStep, NamesBothKindsOfNodes) {
  const Report report =
      run(replaced(small_scenario(), "  node: dgx_a100\n  nodes: 1\n",
                   "  nodes: [{node: dgx_a100, count: 1}, {node: dgx_h100, count: 1}]\n  fabric: rail_fat_tree_ndr\n"));
  // Eight GPUs: the first node's alone.
  EXPECT_EQ(names_of(report, "gpu").size(), 1U);
  const Report both =
      run(replaced(replaced(small_scenario(), "  node: dgx_a100\n  nodes: 1\n",
                            "  nodes: [{node: dgx_a100, count: 1}, {node: dgx_h100, count: 1}]\n  fabric: "
                            "rail_fat_tree_ndr\n"),
                   "data_parallel: 4", "data_parallel: 8"));
  EXPECT_THAT(names_of(both, "gpu"), ::testing::ElementsAre("a100_sxm", "h100_sxm"));
  EXPECT_THAT(names_of(both, "node"), ::testing::ElementsAre("dgx_a100", "dgx_h100"));
}

TEST(ProvenanceOfAStep, HasNoLineTwice) {
  for (const std::string& text : {small_scenario(), small_serving()}) {
    const std::vector<Provenance> lines = run(text).provenance;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (std::size_t j = i + 1; j < lines.size(); ++j) EXPECT_FALSE(lines[i] == lines[j]) << lines[i].name;
    }
  }
}

TEST(ProvenanceOfAStep, OrdersKernelsThenCollectivesThenTransfers) {
  const Report report =
      run(replaced(small_scenario(), "  data_parallel: 4\n", "  pipeline_parallel: 2\n  data_parallel: 2\n"));
  std::vector<std::string> kinds;
  for (const Provenance& line : report.provenance) {
    if (kinds.empty() || kinds.back() != line.kind) kinds.push_back(line.kind);
  }
  EXPECT_THAT(kinds, ::testing::ElementsAre("gpu", "node", "fabric", "model", "kernels", "collectives", "transfers"));
}

TEST(ProvenanceOfAStep, FitsAreOfTheGpu) {
  const Report report = run(small_scenario());
  const hardware::Gpu& gpu = report.scenario.cluster.groups[0].gpu;
  int fitted = 0;
  for (const Provenance& line : report.provenance) {
    if (line.fit.empty()) continue;
    ++fitted;
    const hardware::Fit* fit = gpu.find_fit(line.fit);
    ASSERT_NE(fit, nullptr) << line.fit;
    EXPECT_THAT(line.source, HasSubstr(fit->source)) << line.fit;
  }
  EXPECT_GT(fitted, 0);
}

// An eager all_reduce of a serving engine is timed by two fits: a line that names both keys names both sources.
TEST(ProvenanceOfAStep, OfTwoFitsHasBothSources) {
  models::TrainingJob job = training_job(parse_scenario(small_scenario(), "s.yaml"));
  hardware::Fit one, other;
  one.key = "nccl/a";
  one.source = "the first table";
  other.key = "nccl/b";
  other.source = "the second table";
  job.cluster.groups[0].gpu.fits = {one, other};
  CostedEntry entry;
  entry.family = "all_reduce";
  entry.algorithm = "ring";
  entry.estimate.fit_key = "nccl/a + nccl/b";
  EXPECT_EQ(provenance_of(job, {entry}).back().source, "the first table; the second table");
  entry.estimate.fit_key = "nccl/b + nccl/none";
  EXPECT_EQ(provenance_of(job, {entry}).back().source, "the second table");
}

TEST(ProvenanceOfAStep, ARooflineMeasuresNothing) {
  const Report report = run(small_scenario() + "timer: roofline\n");
  for (const Provenance& line : lines_of(report, "kernels")) EXPECT_EQ(line.level, "datasheet") << line.name;
  EXPECT_TRUE(rests_on_datasheets(report.provenance));
  EXPECT_FALSE(rests_on_datasheets(run(small_scenario()).provenance));
}

TEST(ProvenanceOfAStep, AForcedAlgorithmIsTheScenariosChoice) {
  const Report report = run(replaced(small_scenario(), "  nodes: 1\n", "  nodes: 1\n  collective_algorithm: ring\n"));
  EXPECT_THAT(names_of(report, "collectives"), Contains("ring"));
  EXPECT_THAT(names_of(run(small_scenario()), "collectives"), Not(Contains("ring")));
}

TEST(ProvenanceOfAStep, AnAssertedHostCostIsNamed) {
  const auto gaps = [](const std::string& text) {
    for (const Provenance& line : run(text).provenance) {
      if (line.name == "launch gaps") return line.source;
    }
    return std::string("none");
  };
  EXPECT_THAT(gaps(small_scenario()), AllOf(HasSubstr("kernel_gap: "), HasSubstr("; kernel_launch: ")));
  EXPECT_THAT(gaps(small_scenario() + "  host_overhead: 9 us\n"),
              AllOf(HasSubstr("host_overhead: the scenario's own figure"), Not(HasSubstr("kernel_launch"))));
}

TEST(ProvenanceOfAnEngine, NamesWhatIsAssertedAndWhatIsEstimated) {
  const auto source = [](const std::string& keys, const std::string& name) {
    const Report report = run(replaced(small_serving(), "  tensor_parallel: 1\n", "  tensor_parallel: 1\n" + keys));
    for (const Provenance& line : report.provenance) {
      if (line.name == name) return line.source;
    }
    return std::string("none");
  };
  EXPECT_EQ(source("", "host time"), "step_overhead: estimate; request_overhead: estimate");
  EXPECT_EQ(source("  step_overhead: 1 ms\n", "host time"),
            "step_overhead: the scenario's own figure; request_overhead: estimate");
  EXPECT_THAT(source("  activation_memory: 1 GiB\n", "memory beside the KV cache"),
              HasSubstr("activations: the scenario's own figure"));
  // A router has a choice only between replicas.
  EXPECT_EQ(source("  router: least_requests\n", "least_requests"), "none");
  EXPECT_NE(source("  router: least_requests\n  replicas: 2\n", "least_requests"), "none");
  EXPECT_NE(source("", "vllm_v1"), "none");
}

TEST(RestsOnDatasheets, NeedsAKernelAndNoMeasurement) {
  const auto line = [](const std::string& kind, const std::string& name, const std::string& level) {
    return Provenance{kind, name, level, "", "s"};
  };
  EXPECT_FALSE(rests_on_datasheets({}));
  EXPECT_FALSE(rests_on_datasheets({line("gpu", "x", "datasheet"), line("kernels", "launch gaps", "datasheet")}));
  EXPECT_TRUE(rests_on_datasheets({line("kernels", "gemm", "datasheet"), line("collectives", "ring", "measured")}));
  EXPECT_FALSE(rests_on_datasheets({line("kernels", "gemm", "datasheet"), line("kernels", "norm", "measured")}));
}

/// The entries of a step, priced as its explanation prices them.
std::vector<CostedEntry> entries_of(const Report& report) {
  const auto& spec = spec_of<TrainingSpec>(report.scenario.jobs[0]);
  const std::unique_ptr<kernels::KernelTimer> timer = make_timer(report.scenario.timer);
  return cost_entries(*find_training(report)->plan, models::training_prices(spec.job, *timer), CostedBy::activity);
}

TEST(CostedEntries, AreSortedWithinTheirKind) {
  const std::vector<CostedEntry> entries =
      entries_of(run(replaced(small_scenario(), "  data_parallel: 4\n", "  pipeline_parallel: 2\n  data_parallel: 2\n"),
                     {true, false}));
  const auto kind = [](const CostedEntry& e) { return e.family == "transfer" ? 2 : e.algorithm.empty() ? 0 : 1; };
  std::set<int> kinds;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    kinds.insert(kind(entries[i]));
    EXPECT_GT(entries[i].runs, 0.0);
    if (i == 0) continue;
    EXPECT_LE(kind(entries[i - 1]), kind(entries[i]));
    if (kind(entries[i - 1]) == kind(entries[i])) {
      EXPECT_GE(entries[i - 1].total(), entries[i].total());
    }
  }
  EXPECT_EQ(kinds.size(), 3U);
}

// 64 sequences / (4 a microbatch x 4 replicas) = 4 microbatches through 12 layers: 48 fused attentions each way.
TEST(CostedEntries, RunAsOftenAsTheStepNeedsThem) {
  double forward = 0.0, backward = 0.0;
  for (const CostedEntry& entry : entries_of(run(small_scenario(), {true, false}))) {
    if (entry.family != "attention_prefill") continue;
    (entry.activity == "forward" ? forward : backward) += entry.runs;
  }
  EXPECT_DOUBLE_EQ(forward, 48.0);
  EXPECT_DOUBLE_EQ(backward, 48.0);
}

// A GPU of either of two stages runs half of the layers: the mean is the half.
TEST(CostedEntries, AreMeansOverTheStages) {
  const std::string text =
      replaced(small_scenario(), "  data_parallel: 4\n", "  pipeline_parallel: 2\n  data_parallel: 2\n");
  double forward = 0.0;
  for (const CostedEntry& entry : entries_of(run(text, {true, false}))) {
    if (entry.family == "attention_prefill" && entry.activity == "forward") forward += entry.runs;
  }
  // 64 / (4 x 2) = 8 microbatches through 6 layers.
  EXPECT_DOUBLE_EQ(forward, 48.0);
}

TEST(CostedEntries, ThatSayTheSameAreOneLine) {
  const std::vector<CostedEntry> entries = entries_of(run(small_scenario(), {true, false}));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    for (std::size_t j = i + 1; j < entries.size(); ++j) {
      EXPECT_FALSE(entries[i].what == entries[j].what && entries[i].activity == entries[j].activity) << entries[i].what;
    }
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
