// Mistakes in `events:`: when, twice, and on links that can't be what they say.
#include <gmock/gmock.h>

#include "hardware/config/config.hpp"
#include "scenarios/report.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const char* const kOne =
    "scenario: one\n"
    "model: gpt2-124m\n"
    "cluster: {node: dgx_a100, nodes: 2, fabric: rail_fat_tree_hdr}\n"
    "jobs:\n"
    "  - name: learn\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 8}\n";

/// What is wrong with the text, when it is read or run.
std::string error_of(const std::string& text) {
  try {
    (void)run_scenario(parse_scenario(text, "one.yaml"));
    return "";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}

std::string with_event(const std::string& event) { return std::string(kOne) + "events:\n  - " + event + "\n"; }
std::string event_error(const std::string& event) { return error_of(with_event(event)); }

TEST(BadEvents, MomentsBeyondTheClockAreToldAtTheirPlace) {
  EXPECT_THAT(event_error("{at: 1e9 s, gpu: 1, scale: 0.5}"),
              AllOf(HasSubstr("one.yaml:8:10:"), HasSubstr("'at'"), HasSubstr("213 days")));
  EXPECT_THAT(event_error("{at: 0 s, until: 1e9 s, gpu: 1, scale: 0.5}"),
              AllOf(HasSubstr("one.yaml:8:22:"), HasSubstr("'until'"), HasSubstr("213 days")));
}

TEST(BadRuns, PastTheEndOfTheClockAreToldAtTheJob) {
  EXPECT_THAT(error_of(replaced(kOne, "- name: learn", "- name: learn\n    start: 18446744.07 s")),
              AllOf(HasSubstr("one.yaml:5:"), HasSubstr("213 days"), HasSubstr("the job starts at")));
}

TEST(BadEvents, TheSameOneTwice) {
  const std::string gpu = "{at: 0 s, gpu: 1, scale: 0.5}", link = "{at: 0 s, until: 2 s, link: a, down: true}";
  EXPECT_THAT(event_error(gpu + "\n  - " + gpu), AllOf(HasSubstr("one.yaml:9:5:"), HasSubstr("is there twice")));
  EXPECT_THAT(event_error(link + "\n  - " + gpu + "\n  - " + link),
              AllOf(HasSubstr("one.yaml:10:5:"), HasSubstr("is there twice")));
  EXPECT_EQ(event_error(gpu + "\n  - " + replaced(gpu, "0 s", "0.001 s")), "");
}

TEST(BadEvents, ScalesThatAreAsGoodAsNothing) {
  EXPECT_THAT(event_error("{at: 0 s, gpu: 1, scale: 1e-30}"),
              AllOf(HasSubstr("one.yaml:8:30:"), HasSubstr("'scale'"), HasSubstr("write down: true")));
  EXPECT_EQ(event_error("{at: 0 s, until: 1 us, gpu: 1, scale: 0.0001}"), "");
}

TEST(BadPlacements, AnOrderWithoutAnAxis) {
  EXPECT_THAT(error_of(replaced(kOne, "- name: learn", "- name: learn\n    placement: {order: []}")),
              AllOf(HasSubstr("one.yaml:6:"), HasSubstr("'order' names no axis")));
}

TEST(BadEvents, OnLinksThatNothingPassesOrThatCantBeWider) {
  EXPECT_THAT(event_error("{at: 0 s, link: node0.pcie3.up, scale: 0.5}"),
              AllOf(HasSubstr("one.yaml:8:5:"), HasSubstr("nothing that is modelled passes 'node0.pcie3.up'")));
  EXPECT_THAT(event_error("{at: 0 s, link: node0.nic1.out, scale: 2}"),
              AllOf(HasSubstr("one.yaml:8:5:"), HasSubstr("can't have more than its bandwidth")));
}

TEST(Events, OfALinkThatIsDownAreAFindingWhereItIsNeeded) {
  const auto run = [](const std::string& event) { return run_scenario(parse_scenario(with_event(event), "one.yaml")); };
  const Report needed = run("{at: 0 s, link: node0.gpu1.nvlink_out, down: true}");
  ASSERT_TRUE(needed.has_findings());
  EXPECT_THAT(needed.findings.front().message, HasSubstr("node0.gpu1.nvlink_out"));
  // The job stays in its node, and the other node has none.
  for (const std::string link : {"node0.nic1.out", "node1.gpu1.nvlink_out"}) {
    const Report idle = run("{at: 0 s, link: " + link + ", down: true}");
    EXPECT_FALSE(idle.has_findings()) << link;
    EXPECT_GT(idle.metric("jobs.learn.training.step_time_s"), 0.0) << link;
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
