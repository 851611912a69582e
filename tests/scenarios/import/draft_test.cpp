// Scenarios in the making: keys, comments, clusters and loads that no file says.
#include "scenarios/import/draft.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/serving/job.hpp"
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck/gtest.h>
#endif

namespace orrery::scenarios {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Draft draft_of(std::vector<DraftKey> serving = {}) {
  Draft draft;
  draft.title = "a title";
  draft.serving = std::move(serving);
  return draft;
}

/// What the written scenario is.
Scenario scenario_of(const Draft& draft, const ImportOptions& options = {}) {
  return parse_scenario(write_draft(draft, options), "imported.yaml");
}

std::string refusal(const ImportOptions& options) {
  try {
    (void)write_draft(draft_of(), options);
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
  return "written";
}

TEST(Draft, KeysAreSetOnceAndStayInTheirOrder) {
  Draft draft;
  draft.set("tensor_parallel", "2", "first");
  draft.set("max_num_seqs", "64");
  draft.set("tensor_parallel", "4", "second");
  ASSERT_EQ(draft.serving.size(), 2U);
  EXPECT_EQ(draft.serving[0].key, "tensor_parallel");
  EXPECT_EQ(draft.serving[0].value, "4");
  EXPECT_EQ(draft.serving[0].comment, "second");
  EXPECT_EQ(draft.find("max_num_seqs")->comment, "");
  EXPECT_EQ(draft.find("max_num"), nullptr) << "names are whole";
  draft.erase("tensor_parallel");
  draft.erase("never_there");
  EXPECT_EQ(draft.find("tensor_parallel"), nullptr);
  EXPECT_EQ(draft.serving.size(), 1U);
}

TEST(Draft, CountsAreOneWhereNothingIsSaid) {
  Draft draft;
  EXPECT_EQ(draft.count("replicas"), 1);
  draft.set("replicas", "3");
  EXPECT_EQ(draft.count("replicas"), 3);
  draft.set("max_model_len", "auto");
  EXPECT_EQ(draft.count("max_model_len"), 1) << "no number";
  draft.set("replicas", "0");
  EXPECT_EQ(draft.count("replicas"), 1);
}

TEST(Draft, NodesAreAsManyAsTheGpusTake) {
  // A dgx_h100 has eight.
  const auto gpus = [](const std::string& tp, const std::string& pp, const std::string& replicas) {
    const Scenario scenario =
        scenario_of(draft_of({{"tensor_parallel", tp, ""}, {"pipeline_parallel", pp, ""}, {"replicas", replicas, ""}}));
    return scenario.cluster.gpu_count();
  };
  EXPECT_EQ(gpus("1", "1", "1"), 8);
  EXPECT_EQ(gpus("8", "1", "1"), 8);
  EXPECT_EQ(gpus("8", "2", "1"), 16);
  EXPECT_EQ(gpus("4", "1", "3"), 16) << "12 GPUs are two nodes";
  EXPECT_EQ(gpus("8", "2", "4"), 64);
}

TEST(Draft, SeveralNodesHaveAFabricThatJoinsThem) {
  const std::string text = write_draft(draft_of({{"tensor_parallel", "8", ""}, {"pipeline_parallel", "2", ""}}), {});
  EXPECT_THAT(text, AllOf(HasSubstr("\n  nodes: 2 "), HasSubstr("# for the GPUs below"),
                          HasSubstr("\n  fabric: rail_fat_tree_ndr "), HasSubstr("# change me: orrery list fabrics")));
  EXPECT_THAT(write_draft(draft_of(), {}), AllOf(Not(HasSubstr("nodes:")), Not(HasSubstr("fabric:"))));
}

TEST(Draft, HardwareIsThatOfTheOptions) {
  EXPECT_THAT(write_draft(draft_of(), {}),
              AllOf(HasSubstr("\n  node: dgx_h100 "), HasSubstr("# change me: import --gpu")));
  ImportOptions gpu;
  gpu.gpu = "a100_sxm";
  const Scenario a100 = scenario_of(draft_of(), gpu);
  EXPECT_EQ(a100.cluster.groups.front().gpu.name, "a100_sxm");
  EXPECT_THAT(write_draft(draft_of(), gpu), Not(HasSubstr("change me: import --gpu")));
  ImportOptions node;
  node.node = "hgx_h200";
  EXPECT_EQ(scenario_of(draft_of(), node).cluster.groups.front().gpu.name, "h200_sxm");
  ImportOptions both{"a100_sxm", "dgx_h100", "", ""};
  const Scenario other = scenario_of(draft_of(), both);
  EXPECT_EQ(other.cluster.groups.front().node.name, "dgx_h100");
  EXPECT_EQ(other.cluster.groups.front().gpu.name, "a100_sxm");
}

TEST(Draft, NamesOfHardwareThatAreNoneGetTheNearest) {
  ImportOptions node, gpu;
  node.node = "dgx_h10";
  EXPECT_THAT(refusal(node), AllOf(HasSubstr("--node \"dgx_h10\": unknown name"), HasSubstr("dgx_h100")));
  gpu.gpu = "h100_smx";
  EXPECT_THAT(refusal(gpu), HasSubstr("h100_sxm"));
  EXPECT_EQ(refusal({}), "written");
}

TEST(Draft, LoadsThatNobodyNamesFitTheLongestRequest) {
  const auto load = [](const std::string& longest) {
    Draft draft = draft_of();
    if (!longest.empty()) draft.set("max_model_len", longest);
    return write_draft(draft, {});
  };
  EXPECT_THAT(load(""), AllOf(HasSubstr("\n    input: 1024 "), HasSubstr("\n    output: 256 ")));
  EXPECT_THAT(load("100000"), AllOf(HasSubstr("\n    input: 1024 "), HasSubstr("\n    output: 256 ")));
  EXPECT_THAT(load("1000"), AllOf(HasSubstr("\n    input: 500 "), HasSubstr("\n    output: 250 ")));
  EXPECT_THAT(load("64"), AllOf(HasSubstr("\n    input: 32 "), HasSubstr("\n    output: 16 ")));
  EXPECT_THAT(load("2"), AllOf(HasSubstr("\n    input: 1 "), HasSubstr("\n    output: 1 "))) << "never none";
  EXPECT_THAT(load("auto"), HasSubstr("\n    input: 1024 "));
}

TEST(Draft, WhatWasAssumedAndNotTakenStandsAbove) {
  Draft draft = draft_of();
  draft.sources = {"a launch line of vLLM, serve.sh:3:1"};
  draft.notes = {"lengths are estimated"};
  draft.ignored = {"serve.sh:3:20 --port: why", "b"};
  EXPECT_THAT(write_draft(draft, {}),
              ::testing::StartsWith("# An Orrery scenario, imported. Try it: orrery run FILE\n"
                                    "# From:\n#   a launch line of vLLM, serve.sh:3:1\n"
                                    "# Assumed:\n#   lengths are estimated\n"
                                    "# Not taken:\n#   serve.sh:3:20 --port: why\n#   b\nscenario: \"a title\"\n"));
  EXPECT_THAT(write_draft(draft_of(), {}), AllOf(Not(HasSubstr("# Assumed")), Not(HasSubstr("# Not taken"))));
}

TEST(Draft, NothingInACommentBreaksOutOfIt) {
  Draft draft = draft_of({{"max_num_seqs", "4", "a\nreplicas: 9\r\x1b[31m"}});
  draft.title = "x\"\nmodel: none";
  draft.notes = {"n\nserving: {}"};
  draft.ignored = {"i\n\nmodel: y"};
  draft.figures = {{"serving.goodput", "1", "s\"\n  - metric: none"}};
  const Scenario scenario = scenario_of(draft);
  const models::ServingJob job = serving_job(scenario);
  EXPECT_EQ(job.config.max_num_seqs, 4);
  EXPECT_EQ(job.config.replicas, 1);
  EXPECT_EQ(scenario.expectations.size(), 1U);
  EXPECT_EQ(write_draft(draft, {}).find('\x1b'), std::string::npos);
}

TEST(Draft, MeasuredFiguresAreExpectationsWithATolerance) {
  Draft draft = draft_of();
  draft.figures = {{"serving.ttft_s.mean", "21.5 ms", "measured: r.json"}, {"serving.requests_per_s", "3.25", "m"}};
  const Scenario scenario = scenario_of(draft);
  ASSERT_EQ(scenario.expectations.size(), 2U);
  EXPECT_EQ(scenario.expectations[0].metric, "serving.ttft_s.mean");
  EXPECT_DOUBLE_EQ(scenario.expectations[0].value, 0.0215);
  EXPECT_DOUBLE_EQ(scenario.expectations[0].tolerance, 0.1);
  EXPECT_EQ(scenario.expectations[0].source, "measured: r.json");
  EXPECT_DOUBLE_EQ(scenario.expectations[1].value, 3.25);
}

TEST(Draft, OtherEnginesAreSaidToRunUnderVllmsRules) {
  Draft draft = draft_of();
  EXPECT_THAT(write_draft(draft, {}), Not(HasSubstr("engine:")));
  draft.engine = "sglang";
  EXPECT_THAT(write_draft(draft, {}), HasSubstr("\n  engine: sglang "));
  EXPECT_EQ(serving_job(scenario_of(draft)).config.engine, "sglang");
}

TEST(QuotedYaml, EscapesWhatEndsATextOrMovesACursor) {
  EXPECT_EQ(quoted_yaml("plain"), "\"plain\"");
  EXPECT_EQ(quoted_yaml(""), "\"\"");
  EXPECT_EQ(quoted_yaml("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(quoted_yaml("\n\t\x1b\x7f"), "\"\\x0a\\x09\\x1b\\x7f\"");
  EXPECT_EQ(quoted_yaml("größe"), "\"größe\"");
}

#ifdef ORRERY_HAVE_RAPIDCHECK
RC_GTEST_PROP(QuotedYaml, IsReadBackAsItWas, ()) {
  std::string text;
  for (int i = 0, count = *rc::gen::inRange(0, 40); i < count; ++i) {
    // Signs that mean something to YAML, letters, and bytes that a terminal obeys.
    text += *rc::gen::oneOf(rc::gen::elementOf(std::string("\"\\'#:{}[],&*!|>%@`- \n\t\r")),
                            rc::gen::inRange<char>(1, 127));
  }
  const hardware::NodePtr root = hardware::parse_config("a: " + quoted_yaml(text) + "\nb: 1\n", "q.yaml");
  RC_ASSERT(root->find("a") != nullptr);
  RC_ASSERT(root->find("a")->scalar == text);
  RC_ASSERT(root->find("b")->scalar == "1");
}
#endif

}  // namespace
}  // namespace orrery::scenarios
