#include "scenarios/explanation.hpp"

#include <chrono>
#include <cmath>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/explanation_nodes.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/metrics.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/training/job.hpp"
#include "tests/places.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/serving/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

const Keep kKeepPlan{true, false};

Report run_text(const std::string& text) { return run_scenario(parse_scenario(text, "test.yaml"), kKeepPlan); }

const ExplainNode* part(const ExplainNode& node, const std::string& title) {
  for (const ExplainNode& one : node.parts) {
    if (one.title == title) return &one;
  }
  return nullptr;
}

/// Every `sums` in the tree adds up; every figure says how it comes about or who says so.
void expect_sound(const ExplainNode& node, const std::string& where) {
  EXPECT_FALSE(node.title.empty()) << where;
  EXPECT_TRUE(!node.equation.empty() || !node.source.empty()) << where << " > " << node.title;
  EXPECT_TRUE(std::isfinite(node.value)) << where << " > " << node.title;
  if (node.sums) {
    double sum = 0.0, largest = std::fabs(node.value);
    for (const ExplainNode& one : node.parts) {
      sum += one.value;
      largest = std::max(largest, std::fabs(one.value));
    }
    EXPECT_NEAR(sum, node.value, 1e-9 * largest) << where << " > " << node.title;
  }
  for (const ExplainNode& one : node.parts) expect_sound(one, where + " > " + node.title);
}

/// Of outer workers: what their exchange is made of.
bool is_of_exchange(std::string_view metric) {
  return metric == "training.outer.exchange_s" || metric == "training.outer.exposed_s" ||
         metric == "training.outer.rank_sent_bytes" || metric == "training.outer.worker_sent_bytes";
}

/// Figures that are given, not made up of others.
bool has_no_parts(const std::string& name, const Report& report) {
  const std::string_view metric = own_name(name);
  for (const JobView& view : job_views(report)) {
    const bool serves = view.job.kind->name == "serving";
    if (view.job.name == job_of(name)) {
      if (view.job.kind->name == "collective") {
        return metric == "collective.longest_s" || metric == "collective.bytes" || metric == "collective.calls" ||
               metric == "cost.gpu_hours";
      }
      return serves ? metric == "memory.gradients_bytes" || metric == "memory.optimizer_bytes"
                    : metric == "memory.kv_cache_bytes" || metric.rfind("training.steps.", 0) == 0 ||
                          (metric.rfind("training.outer.", 0) == 0 && !is_of_exchange(metric));
    }
  }
  return false;
}

void expect_every_metric(const Report& report) {
  const Explanation explanation(report);
  ASSERT_EQ(explanation.metrics().size(), report.metrics.size());
  for (const MetricValue& metric : report.metrics) {
    const ExplainNode node = explanation.of(metric.name);
    EXPECT_EQ(node.title, metric.name);
    EXPECT_TRUE(node.has_value) << metric.name;
    EXPECT_DOUBLE_EQ(node.value, metric.value) << metric.name;
    EXPECT_EQ(node.unit, metric.unit) << metric.name;
    EXPECT_FALSE(node.equation.empty()) << metric.name;
    EXPECT_EQ(node.parts.empty(), has_no_parts(metric.name, report)) << metric.name;
    expect_sound(node, report.scenario.name);
  }
}

TEST(Explanation, HasATreeForEveryMetricOfTheLibrary) {
  int seen = 0;
  for (const std::string& file : scenario_files((orrery::tests::source_root() + "/scenarios/library"))) {
    if (file.find("16384xh100") != std::string::npos || file.find("mooncake") != std::string::npos) continue;
    const Scenario scenario = load_scenario(file);
    if (!scenario.skipped.empty()) continue;
    expect_every_metric(run_scenario(scenario, kKeepPlan));
    ++seen;
  }
  EXPECT_GE(seen, 7);
}

TEST(Explanation, HasATreeForEveryMetricOfSmallRuns) {
  expect_every_metric(run_text(small_scenario()));
  expect_every_metric(run_text(small_serving()));
  expect_every_metric(run_text(replaced(small_serving(), "tensor_parallel: 1", "pipeline_parallel: 2")));
  expect_every_metric(run_text(replaced(small_serving(), "tensor_parallel: 1", "num_gpu_blocks: 2000")));
  expect_every_metric(run_text(small_scenario() + "  recompute: full\n  zero: optimizer\n"));
}

TEST(Explanation, SplitsAStepIntoComputingCommunicationAndIdleTime) {
  const Report report = run_text(replaced(small_scenario(), "data_parallel: 4", "pipeline_parallel: 4"));
  const ExplainNode node = Explanation(report).of("training.step_time_s");
  ASSERT_TRUE(node.sums);
  ASSERT_EQ(node.parts.size(), 3U);
  EXPECT_DOUBLE_EQ(node.parts[0].value, report.metric("training.compute_s"));
  EXPECT_DOUBLE_EQ(node.parts[1].value, report.metric("training.exposed_communication_s"));
  EXPECT_GT(node.parts[2].value, 0.0);
  const ExplainNode* forward = part(node.parts[0], "forward");
  ASSERT_NE(forward, nullptr);
  ASSERT_FALSE(forward->parts.empty());
  EXPECT_FALSE(forward->parts.front().parts.empty()) << "a kernel has terms";
  EXPECT_FALSE(forward->parts.front().source.empty());
}

TEST(Explanation, CountsTheBytesOfWeights) {
  // GPT-2 124M over tp 2 in bf16: two bytes each of layers, embedding and head; all of it on one stage.
  const Report report = run_text(small_scenario());
  const ExplainNode node = Explanation(report).of("memory.stages.0.weights_bytes");
  ASSERT_TRUE(node.sums);
  ASSERT_GE(node.parts.size(), 3U);
  EXPECT_EQ(node.parts[0].title, "12 layers");
  // A layer has 12 h² matrix elements and, on each rank, at least half of them: 12 x 6 x 768² x 2 B.
  EXPECT_NEAR(node.parts[0].value, 12.0 * 6.0 * 768.0 * 768.0 * 2.0, 0.01 * node.parts[0].value);
}

/// A job whose rings over nodes are held up by one slow NIC.
const char* const kSlowNic =
    "scenario: slow\n"
    "model: gpt2-124m\n"
    "cluster: {node: dgx_a100, nodes: 2, fabric: rail_fat_tree_hdr}\n"
    "jobs:\n"
    "  - name: a\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 16}\n"
    "events:\n"
    "  - {at: 0 s, link: node1.nic0.out, scale: 0.2}\n";

TEST(Explanation, NamesTheLinkThatBoundsACollective) {
  const Report report = run_text(small_scenario());
  const nlohmann::ordered_json json = [&] {
    nlohmann::ordered_json made;
    Explanation(report).jobs()[0]->write_json(made);
    return made;
  }();
  std::size_t collectives = 0;
  for (const auto& row : json["steps"]) {
    EXPECT_EQ(row.contains("bound_by"), row.contains("algorithm")) << row["what"];
    if (!row.contains("bound_by")) continue;
    ++collectives;
    EXPECT_EQ(row["bound_by"]["class"], "nvlink") << row["what"];
    EXPECT_GT(row["bound_by"]["bandwidth_bytes_per_s"], 5e10) << "LL sends a flag with every word";
    double wire = 0.0;
    for (const auto& term : row["terms"]) wire += term["name"] == "wire" ? term["time_s"].get<double>() : 0.0;
    EXPECT_GT(wire, 0.0);
    const double bytes = row["bound_by"]["bytes"], bandwidth = row["bound_by"]["bandwidth_bytes_per_s"];
    EXPECT_NEAR(bytes / bandwidth, wire, 1e-9 * wire) << row["what"];
  }
  EXPECT_GT(collectives, 0U);
  std::ostringstream text;
  Explanation(report).jobs()[0]->write_text(text);
  EXPECT_NE(text.str().find("bound by nvlink: "), std::string::npos) << text.str();
  const ExplainNode tree = Explanation(report).of("training.communication_s");
  ASSERT_FALSE(tree.parts.empty());
  EXPECT_NE(tree.parts.front().parts.at(0).equation.find("bound by nvlink at "), std::string::npos);
}

TEST(Explanation, SaysWhichLinkHeldACollectiveUp) {
  const Report report = run_text(kSlowNic);
  ASSERT_EQ(report.reading, "flows");
  nlohmann::ordered_json json;
  Explanation(report).jobs()[0]->write_json(json);
  std::size_t held_up = 0;
  for (const auto& row : json["steps"]) {
    for (const auto& held : row.value("held_up", nlohmann::ordered_json::array())) {
      ++held_up;
      EXPECT_GT(held["delay_s"], 0.0) << row["what"];
    }
  }
  EXPECT_GT(held_up, 0U);
  std::ostringstream text;
  Explanation(report).jobs()[0]->write_text(text);
  EXPECT_NE(text.str().find("held up by nic of "), std::string::npos);
  EXPECT_NE(text.str().find(" more in each step"), std::string::npos);
}

/// By line, what links hold it up in a step.
std::map<std::string, double> held_up_by_line(const Report& report) {
  nlohmann::ordered_json json;
  Explanation(report).jobs()[0]->write_json(json);
  std::map<std::string, double> delays;
  for (const auto& row : json["steps"]) {
    for (const auto& held : row.value("held_up", nlohmann::ordered_json::array())) {
      delays[row["what"].get<std::string>()] += held["delay_s"].get<double>();
    }
  }
  return delays;
}

TEST(Explanation, PartsADelayAmongTheLinesThatItIsOf) {
  // Every collective of DP 16 is of all ranks, so that a rank's mean delay is that of the operations. Their names are
  // the same for all sizes of buckets.
  const Report one = run_text(kSlowNic);
  double reported = 0.0, explained = 0.0;
  for (const sim::LinkReport& link : one.links) {
    for (const sim::HeldUpOperation& operation : link.held_up) reported += operation.delay.value();
  }
  const std::map<std::string, double> lines = held_up_by_line(one);
  ASSERT_GT(lines.size(), 1U);
  for (const auto& [what, delay] : lines) explained += delay;
  EXPECT_NEAR(explained, reported, 1e-9 * reported);
  EXPECT_NE(lines.begin()->second, lines.rbegin()->second);
  // And it is that of one step, however many there are.
  const std::map<std::string, double> three = held_up_by_line(run_text(replaced(kSlowNic, "16}", "16, steps: 3}")));
  ASSERT_EQ(three.size(), lines.size());
  for (const auto& [what, delay] : lines) EXPECT_NEAR(three.at(what), delay, 1e-6 * delay) << what;
}

TEST(Explanation, SaysForHowManyGpusTheRanksOfThePlanStand) {
  std::ostringstream text;
  Explanation(run_text(small_scenario())).jobs()[0]->write_text(text);
  EXPECT_NE(text.str().find("steps over one rank, which stands for 8 GPUs\n"), std::string::npos) << text.str();
}

TEST(Explanation, FollowsAPriceToTheProfileOrToTheScenario) {
  const auto price = [](const std::string& text) {
    const Report report = run_text(text);
    const ExplainNode node = Explanation(report).of("cost.usd");
    return *part(node, "price of one GPU hour");
  };
  EXPECT_EQ(price(small_scenario()).level, "published");
  const ExplainNode own = price(replaced(small_scenario(), "  nodes: 1\n", "  nodes: 1\n  price: 1.25 USD/h\n"));
  EXPECT_EQ(own.level, "asserted");
  EXPECT_DOUBLE_EQ(own.value, 1.25);
}

TEST(Explanation, SaysSoForANameThatTheReportDoesNotHave) {
  const Report report = run_text(small_scenario());
  const ExplainNode node = Explanation(report).of("serving.goodput");
  EXPECT_FALSE(node.has_value);
  EXPECT_TRUE(node.parts.empty());
  EXPECT_NE(node.equation.find("no such figure"), std::string::npos);
  EXPECT_TRUE(Explanation().metrics().empty());
  EXPECT_FALSE(Explanation().of("training.mfu").has_value);
}

TEST(Explanation, OfASkippedScenarioIsEmpty) {
  Report report;
  report.scenario.skipped = "no trace";
  const Explanation explanation(report);
  EXPECT_TRUE(explanation.metrics().empty());
  EXPECT_TRUE(explanation.jobs().empty());
}

TEST(Explanation, OfALargePlanIsReadyAtOnce) {
  const Report report = run_scenario(load_scenario(library("korthikanti-530b-280xa100")), kKeepPlan);
  const auto start = std::chrono::steady_clock::now();
  const Explanation explanation(report);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_FALSE(explanation.of("training.compute_s").parts.empty());
  EXPECT_LT(seconds, 1.0) << "a plan of " << find_training(report)->plan->step_count() << " steps";
}

class ExplainMetric : public FolderTest {};

TEST_F(ExplainMetric, PrintsTheTreeOfOneFigure) {
  const Outcome outcome = orrery({"explain", write("a.yaml", small_scenario()), "--metric", "training.mfu"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out.rfind("training.mfu", 0), 0U) << outcome.out;
  EXPECT_NE(outcome.out.find("\n  training.model_tflops_per_gpu"), std::string::npos);
  EXPECT_NE(outcome.out.find("dense peak of"), std::string::npos);
  EXPECT_EQ(outcome.out.find("Sources"), std::string::npos);
}

TEST_F(ExplainMetric, WritesTheTreeAsJson) {
  const Outcome outcome =
      orrery({"explain", write("a.yaml", small_serving()), "--metric", "serving.tpot_s.mean", "--json", "-"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out.rfind("{", 0), 0U);
  EXPECT_NE(outcome.out.find("\"title\": \"serving.tpot_s.mean\""), std::string::npos);
  EXPECT_NE(outcome.out.find("\"parts\": ["), std::string::npos);
}

TEST_F(ExplainMetric, NamesTheNearestForAnUnknownOne) {
  const Outcome outcome = orrery({"explain", write("a.yaml", small_scenario()), "--metric", "training.mfuu"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("unknown metric 'training.mfuu'"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("did you mean training.mfu"), std::string::npos) << outcome.err;
  const Outcome other = orrery({"explain", path("a.yaml"), "--metric", "serving.goodput"});
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("serving.goodput"), std::string::npos);
}

TEST(Entries, HalfARunIsNotNone) {
  // One of two stages takes the step: half a run per GPU in the mean.
  CostedEntry half;
  half.what = "gemm", half.activity = "forward", half.runs = 0.5;
  half.estimate.time = Seconds{11.52e-3};
  CostedEntry whole = half;
  whole.runs = 3.0;
  std::ostringstream out;
  write_entries(out, "Steps", {half, whole});
  EXPECT_THAT(out.str(), ::testing::HasSubstr("0.5 x 11.52 ms  gemm (forward)"));
  EXPECT_THAT(out.str(), ::testing::HasSubstr("3 x 11.52 ms"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
