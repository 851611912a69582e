// The load of links over time: sums and peaks are those of the report, whichever way that was found, and its course is
// that of the collectives.
#include "scenarios/link_loads.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>

#include <gtest/gtest.h>

#include "scenarios/report.hpp"
#include "scenarios/training/job.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

/// Two replicas on one node whose gradients are reduced when the last backward is over: nothing else is on a link.
const char* const kReduceAtTheEnd =
    "scenario: reduce at the end\n"
    "model: gpt2-124m\n"
    "cluster: {node: dgx_a100}\n"
    "training: {sequence_length: 1024, global_batch_size: 16, data_parallel: 2, overlap_gradient_reduce: false}\n";

/// Two jobs of one kind, that end together, each over half of the nodes.
const char* const kTwoAlike =
    "scenario: two\n"
    "model: gpt2-124m\n"
    "cluster: {node: dgx_a100, nodes: 4, fabric: rail_fat_tree_hdr}\n"
    "jobs:\n"
    "  - name: one\n"
    "    placement: {spread: 2}\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, tensor_parallel: 4, pipeline_parallel: 2,\n"
    "                     data_parallel: 2}\n"
    "  - name: other\n"
    "    placement: {first_node: 1, spread: 2}\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, tensor_parallel: 4, pipeline_parallel: 2,\n"
    "               data_parallel: 2}\n";

double mean_of(const LoadSeries& series) {
  return std::accumulate(series.mean.begin(), series.mean.end(), 0.0) / static_cast<double>(series.mean.size());
}

/// What holds of every run: the sums of the report.
void expect_sums_of(const Report& report, const LinkLoads& loads) {
  EXPECT_TRUE(loads.whole);
  ASSERT_EQ(loads.series.size(), report.links.size());
  for (const sim::LinkReport& link : report.links) {
    SCOPED_TRACE(link.link_class);
    const LoadSeries* series = loads.find(link.link_class, link.capacity);
    ASSERT_NE(series, nullptr);
    ASSERT_EQ(series->mean.size(), kLoadParts);
    EXPECT_NEAR(mean_of(*series), link.mean_load, 1e-6 * link.mean_load);
    const double most = *std::max_element(series->most.begin(), series->most.end());
    // Where nothing was held up a report may count operations that follow each other as if they met.
    EXPECT_LE(most, link.peak_load * (1.0 + 1e-9));
    EXPECT_GT(most, 0.0);
    for (std::size_t part = 0; part < kLoadParts; ++part) {
      ASSERT_GE(series->mean[part], 0.0);
      ASSERT_LE(series->mean[part], series->most[part] + 1e-9);
      ASSERT_LE(series->most[part], 1.0 + 1e-9);
    }
  }
}

TEST(LinkLoads, OfAFrozenRunAddUpToItsReport) {
  const Scenario scenario = load_scenario(library("gpt2-124m-8xa100"));
  const Report report = run_scenario(scenario);
  ASSERT_EQ(report.reading, "frozen");
  const LinkLoads loads = link_loads(scenario);
  expect_sums_of(report, loads);
  EXPECT_EQ(loads.duration.value(), report.metric("training.step_time_s"));
}

TEST(LinkLoads, OfJobsThatShareLinksAddUpToTheirReport) {
  const Scenario scenario = parse_scenario(kTwoAlike, "two.yaml");
  const Report report = run_scenario(scenario);
  ASSERT_EQ(report.reading, "flows");
  expect_sums_of(report, link_loads(scenario));
}

/// Two jobs on GPUs of their own. The first repeats a step of 102 ms until the second has done three of 54 ms, or as
/// `until` says.
std::string two_unlike(const std::string& until) {
  return "scenario: two that do not end together\n"
         "model: gpt2-124m\n"
         "cluster: {node: dgx_a100, nodes: 4, fabric: rail_fat_tree_hdr}\n"
         "jobs:\n"
         "  - name: long\n" +
         until +
         "    placement: {spread: 2}\n"
         "    training: {sequence_length: 1024, global_batch_size: 64, tensor_parallel: 4, pipeline_parallel: 2,\n"
         "               data_parallel: 2}\n"
         "  - name: short\n"
         "    placement: {first_node: 1, spread: 2}\n"
         "    training: {sequence_length: 1024, global_batch_size: 32, tensor_parallel: 4, pipeline_parallel: 2,\n"
         "               data_parallel: 2, steps: 3}\n";
}

// The job that goes on until the other's end is stopped in the middle of a step, among calls that it takes in one go:
// what they put on links counts until then.
TEST(LinkLoads, OfAJobThatIsStoppedWithinAStepAddUpToItsReport) {
  for (const char* until : {"", "    until: 130.3 ms\n", "    until: 155.1 ms\n"}) {
    SCOPED_TRACE(until);
    const Scenario scenario = parse_scenario(two_unlike(until), "two.yaml");
    expect_sums_of(run_scenario(scenario), link_loads(scenario));
  }
}

// On the 7:1 spines of two like jobs messages take 5.9 times as long as alone (scenarios/library/cluster).
TEST(LinkLoads, OfLinksThatHoldUpAreFullMeanwhile) {
  const Scenario scenario = load_scenario(library("../cluster/two-70b-7to1-fabric"));
  const Report report = run_scenario(scenario);
  const LinkLoads loads = link_loads(scenario);
  expect_sums_of(report, loads);
  int full = 0;
  for (const sim::LinkReport& link : report.links) {
    if (link.held_up.empty()) continue;
    const LoadSeries& series = *loads.find(link.link_class, link.capacity);
    EXPECT_NEAR(*std::max_element(series.most.begin(), series.most.end()), 1.0, 1e-9) << link.link_class;
    ++full;
  }
  EXPECT_GT(full, 0);
}

// Two replicas, ring over two: each GPU puts 2·(2 − 1)/2 of the gradients on NVLink, after the backward passes.
TEST(LinkLoads, FollowTheCollectives) {
  const Scenario scenario = parse_scenario(kReduceAtTheEnd, "end.yaml");
  const Report report = run_scenario(scenario, {.timeline = true});
  const sim::Timeline& timeline = dynamic_cast<const TrainingOutcome&>(*report.results.front()).result.timeline;
  sim::SimTime first = timeline.makespan, last = 0;
  for (const sim::Span& span : timeline.spans) {
    if (span.activity != sim::Activity::data_parallel) continue;
    first = std::min(first, span.start);
    last = std::max(last, span.end);
  }
  ASSERT_LT(first, last);
  const LinkLoads loads = link_loads(scenario);
  ASSERT_EQ(loads.series.size(), 1U);
  const LoadSeries& nvlink = loads.series.front();
  EXPECT_EQ(nvlink.link_class, "nvlink");
  const double part = loads.duration.value() / static_cast<double>(kLoadParts);
  const double begin = sim::to_seconds(first).value(), end = sim::to_seconds(last).value();
  double carried = 0.0;
  for (std::size_t i = 0; i < kLoadParts; ++i) {
    const double from = part * static_cast<double>(i);
    if (from + part <= begin || from >= end) {
      EXPECT_EQ(nvlink.most[i], 0.0) << i;
    }
    carried += nvlink.mean[i] * part * nvlink.capacity.value();
  }
  // 124,439,808 parameters (GPT-2's), a gradient of four bytes each.
  EXPECT_NEAR(carried, 124439808.0 * 4.0, 1e-6 * carried);
}

// A report counts equal steps of a long job without running them; here each leaves its trace.
TEST(LinkLoads, OfRepeatedStepsRepeat) {
  const Scenario once = parse_scenario(kReduceAtTheEnd, "end.yaml");
  const Scenario often = parse_scenario(kReduceAtTheEnd, "end.yaml", {{"training.steps", "6"}});
  const LinkLoads one = link_loads(once), six = link_loads(often);
  EXPECT_NEAR(six.duration.value(), 6.0 * one.duration.value(), 1e-9);
  expect_sums_of(run_scenario(often), six);
  const LoadSeries& series = six.series.front();
  const std::size_t step = kLoadParts / 6;
  for (std::size_t part = 0; part < step; ++part) {
    EXPECT_NEAR(series.mean[part], series.mean[part + 5 * step], 1e-6) << part;
  }
}

TEST(LinkLoads, StopWhereTheyAreTold) {
  const std::atomic<bool> stop{true};
  sim::RunControl control;
  control.stop = &stop;
  EXPECT_THROW((void)link_loads(parse_scenario(kTwoAlike, "two.yaml"), control), sim::Cancelled);
}

TEST(LinkLoads, OfServingAreOfItsExchanges) {
  const Scenario scenario = parse_scenario(
      "scenario: chat\n"
      "model: llama-3-8b\n"
      "cluster: {node: dgx_h100}\n"
      "serving: {tensor_parallel: 4, load: {rate: 8, requests: 40, input: 128, output: 32}}\n",
      "chat.yaml");
  const Report report = run_scenario(scenario);
  const LinkLoads loads = link_loads(scenario);
  EXPECT_EQ(loads.series.size(), report.links.size());
}

}  // namespace
}  // namespace orrery::scenarios::testing
