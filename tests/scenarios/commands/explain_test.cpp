// orrery explain FILE: a figure as a tree whose parts give it, and sources of everything.
#include <cmath>
#include <functional>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Explain : public FolderTest {
 protected:
  [[nodiscard]] std::string file() const { return write("s.yaml", small_scenario()); }
  [[nodiscard]] json tree(const std::string& metric, const std::string& text = small_scenario()) const {
    const Outcome outcome = orrery({"explain", write("s.yaml", text), "--metric", metric, "--json", "-"});
    EXPECT_EQ(outcome.code, kExitWell) << metric << outcome.err;
    return json::parse(outcome.out);
  }
  [[nodiscard]] std::string refused(std::vector<std::string> args) const {
    args.insert(args.begin(), "explain");
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitInput) << outcome.out;
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  }
};

/// Every node that is the sum of its parts is that.
void expect_sums(const json& node) {
  if (node["sums"].get<bool>() && !node["parts"].empty()) {
    double sum = 0.0;
    bool whole = true;
    for (const json& part : node["parts"]) {
      if (part["value"].is_null())
        whole = false;
      else if (part["unit"] == node["unit"])
        sum += part["value"].get<double>();
    }
    const double value = node["value"].get<double>();
    if (whole) {
      EXPECT_NEAR(sum, value, 1e-9 * std::abs(value) + 1e-15) << node["title"];
    }
  }
  for (const json& part : node["parts"]) expect_sums(part);
}

TEST_F(Explain, PartsOfASumAreTheSum) {
  for (const char* metric : {"training.step_time_s", "memory.peak_bytes", "memory.weights_bytes",
                             "memory.gradients_bytes", "memory.optimizer_bytes", "memory.activations_bytes"}) {
    const json node = tree(metric);
    EXPECT_EQ(node["title"], metric);
    EXPECT_FALSE(node["parts"].empty()) << metric;
    expect_sums(node);
  }
}

TEST_F(Explain, IdleTimeBelowThePicosecondsOfTheClockIsNone) {
  // One stage waits for nobody; the 175B's eight fill and drain.
  const auto idle = [&](const std::string& name) {
    const Outcome outcome = orrery({"explain", library(name), "--metric", "training.step_time_s", "--json", "-"});
    const json node = json::parse(outcome.out);
    for (const json& part : node["parts"]) {
      if (part["title"] == "idle") return part["value"].get<double>();
    }
    return -1.0;
  };
  for (const char* name : {"gpt2-124m-8xa100", "llama-3-8b-hgx-h100", "korthikanti-22b-8xa100"}) {
    EXPECT_EQ(idle(name), 0.0) << name;
  }
  EXPECT_GT(idle("korthikanti-175b-64xa100"), 0.1);
}

TEST_F(Explain, FigureIsThatOfTheRun) {
  ASSERT_EQ(orrery({"run", file(), "-q", "--json", path("r.json")}).code, kExitWell);
  const json report = json::parse(read_file(path("r.json")));
  for (const char* name : {"step_time_s", "tokens_per_s", "mfu", "compute_s", "communication_s", "optimizer_s"}) {
    EXPECT_EQ(tree(std::string("training.") + name)["value"], report["training"][name]) << name;
  }
  EXPECT_EQ(tree("cost.usd")["value"], report["cost"]["usd"]);
  EXPECT_EQ(tree("memory.peak_bytes")["value"], report["memory"]["peak_bytes"]);
}

TEST_F(Explain, UnitsAreThoseOfTheMetric) {
  EXPECT_EQ(tree("training.step_time_s")["unit"], "s");
  const std::function<void(const json&)> every = [&](const json& node) {
    EXPECT_NE(node["title"], "");
    for (const char* key : {"title", "value", "unit", "equation", "level", "source", "sums", "parts"}) {
      EXPECT_TRUE(node.contains(key)) << key;
    }
    for (const json& part : node["parts"]) every(part);
  };
  every(tree("training.step_time_s"));
}

TEST_F(Explain, LeavesOfATimeNameWhereTheyComeFrom) {
  // A measured or published figure is worth nothing without its source.
  const std::function<void(const json&)> every = [&](const json& node) {
    const std::string level = node["level"];
    if (level == "measured" || level == "published" || level == "datasheet") {
      EXPECT_NE(node["source"], "") << node["title"];
    }
    for (const json& part : node["parts"]) every(part);
  };
  every(tree("training.step_time_s"));
  every(tree("cost.usd"));
}

TEST_F(Explain, PriceOfAnHourIsTheScenarios) {
  const json node = tree("cost.usd", replaced(small_scenario(), "  nodes: 1\n", "  nodes: 1\n  price: 2.5 USD/h\n"));
  bool found = false;
  const std::function<void(const json&)> every = [&](const json& part) {
    found = found || (part["title"] == "price of one GPU hour" && part["value"] == 2.5);
    for (const json& inner : part["parts"]) every(inner);
  };
  every(node);
  EXPECT_TRUE(found);
}

TEST_F(Explain, TreesAreIndentedByTheirDepth) {
  const Outcome outcome = orrery({"explain", file(), "--metric", "memory.peak_bytes"});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("memory.peak_bytes  "));
  EXPECT_THAT(outcome.out, HasSubstr("\n  memory.weights_bytes  "));
  EXPECT_THAT(outcome.out, HasSubstr("\n    12 layers  "));
  std::istringstream lines(outcome.out);
  std::size_t before = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t depth = line.find_first_not_of(' ');
    EXPECT_EQ(depth % 2, 0U) << line;
    EXPECT_LE(depth, before + 2) << line;
    before = depth;
  }
}

TEST_F(Explain, WithoutAMetricEverySourceIsListed) {
  const Outcome outcome = orrery({"explain", file()});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("small\n"));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("\nSources\n"), HasSubstr("\nFacts of a100_sxm ("),
                                 HasSubstr("\nFits of that GPU"), HasSubstr("memory_bandwidth")));
}

TEST_F(Explain, QuietWritesItsFileAlone) {
  const Outcome outcome = orrery({"explain", file(), "-q", "--json", path("e.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_EQ(outcome.out + outcome.err, "");
  const json report = json::parse(read_file(path("e.json")));
  EXPECT_TRUE(report.contains("steps"));
  EXPECT_TRUE(report.contains("training"));
  const Outcome metric = orrery({"explain", file(), "-q", "--metric", "training.mfu"});
  EXPECT_EQ(metric.out + metric.err, "");
}

TEST_F(Explain, WhatCannotBeExplainedIsNamed) {
  EXPECT_THAT(refused({file(), "--metric", "training.step_times"}),
              AllOf(HasSubstr("unknown metric 'training.step_times'"), HasSubstr("did you mean training.step_time_s")));
  EXPECT_THAT(refused({file(), "--metric", "qqqqqqqqqq"}), HasSubstr("(orrery list metrics)"));
  EXPECT_THAT(refused({file(), "--metric", "serving.goodput"}), HasSubstr("has no figure 'serving.goodput'"));
  EXPECT_THAT(refused({path("none.yaml")}), HasSubstr("none.yaml: no such file"));
  EXPECT_THAT(refused({file(), "--json", path("s.yaml")}), HasSubstr("the output would overwrite the input"));
}

// A metric's tree has no memory to lay a log beside: neither is dropped in silence.
TEST_F(Explain, AMetricAndALogAreTwoQuestions) {
  const std::string text =
      "scenario: v\nmodel: gpt2-124m\ncluster: {node: dgx_a100}\nserving:\n"
      "  load: {arrivals: closed_loop, concurrency: 1, requests: 2, input: 10, output: 5}\n";
  EXPECT_THAT(refused({write("v.yaml", text), "--metric", "serving.goodput", "--log", write("v.log", "x\n")}),
              HasSubstr("--metric explains one figure, --log compares memory; say one of them"));
}

TEST_F(Explain, SetIsExplainedToo) {
  const Outcome outcome = orrery({"explain", file(), "--set", "training.data_parallel=2", "--set",
                                  "training.tensor_parallel=4", "--metric", "memory.weights_bytes", "--json", "-"});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_LT(json::parse(outcome.out)["value"].get<double>(), 0.6 * tree("memory.weights_bytes")["value"].get<double>());
}

}  // namespace
}  // namespace orrery::scenarios::testing
