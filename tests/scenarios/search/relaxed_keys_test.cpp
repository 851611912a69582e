// Keys that follow from others.
#include "scenarios/search/relaxed_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace orrery::scenarios {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> relaxed(const std::string& text, const std::vector<Override>& set) {
  std::vector<std::string> words;
  for (const Override& change : relaxed_keys(*hardware::parse_config(text, "s.yaml"), set)) {
    words.push_back(change.key + "=" + change.value);
  }
  return words;
}

Override key(const std::string& name, const std::string& value) { return {name, value, "sweep"}; }

const char* const kOne =
    "training: {tensor_parallel: 1, sequence_parallel: true, recompute: full, recompute_layers: 4}\n";

TEST(RelaxedKeys, RowsHaveSourcesAndTurnAKeyThatTheyDoNotSet) {
  for (const RelaxedKey& row : relaxed_key_rows()) {
    EXPECT_FALSE(row.source.empty());
    EXPECT_NE(row.key, row.follows);
  }
}

TEST(RelaxedKeys, FollowWhereTheValueSaysSo) {
  EXPECT_THAT(relaxed(kOne, {key("training.tensor_parallel", "1")}), ElementsAre("training.sequence_parallel=false"));
  EXPECT_THAT(relaxed(kOne, {key("training.tensor_parallel", "2")}), IsEmpty());
  EXPECT_THAT(relaxed(kOne, {key("training.recompute", "none")}), ElementsAre("training.recompute_layers=-1"));
  EXPECT_THAT(relaxed(kOne, {key("training.recompute", "selective"), key("training.tensor_parallel", "1")}),
              ElementsAre("training.recompute_layers=-1", "training.sequence_parallel=false"));
}

TEST(RelaxedKeys, AnExchangeDropsWhatItDoesNotRead) {
  const char* const normal =
      "training: {expert_parallel: 8, expert_exchange: deepep_normal, expert_exchange_sms: 24, expert_imbalance: 1.5, "
      "expert_group_limit: 4}\n";
  EXPECT_THAT(
      relaxed(normal, {key("training.expert_parallel", "1")}),
      ElementsAre("training.expert_exchange_sms=0", "training.expert_imbalance=1", "training.expert_group_limit=0"));
  EXPECT_THAT(relaxed(normal, {key("training.expert_exchange", "all_to_all")}),
              ElementsAre("training.expert_exchange_sms=0", "training.expert_group_limit=0"));
  EXPECT_THAT(relaxed(normal, {key("training.expert_exchange", "flex")}), IsEmpty());
}

TEST(RelaxedKeys, NeedAScenarioThatSaysOtherwise) {
  EXPECT_THAT(relaxed("training: {tensor_parallel: 4}\n", {key("training.tensor_parallel", "1")}), IsEmpty());
  EXPECT_THAT(relaxed("training: {sequence_parallel: false}\n", {key("training.tensor_parallel", "1")}), IsEmpty());
  EXPECT_THAT(relaxed(kOne, {}), IsEmpty());
}

TEST(RelaxedKeys, LeaveAloneWhatThePointSetsItself) {
  EXPECT_THAT(relaxed(kOne, {key("training.tensor_parallel", "1"), key("training.sequence_parallel", "true")}),
              IsEmpty());
}

TEST(RelaxedKeys, AreThoseOfTheSameJob) {
  const char* const jobs =
      "jobs:\n"
      "  - {name: a, training: {tensor_parallel: 2, sequence_parallel: true}}\n"
      "  - {name: b, training: {tensor_parallel: 2, sequence_parallel: true}}\n";
  EXPECT_THAT(relaxed(jobs, {key("jobs.1.training.tensor_parallel", "1")}),
              ElementsAre("jobs.1.training.sequence_parallel=false"));
  EXPECT_THAT(relaxed(jobs, {key("jobs.b.training.tensor_parallel", "1")}),
              ElementsAre("jobs.1.training.sequence_parallel=false"))
      << "a job by its name";
  EXPECT_THAT(relaxed(kOne, {key("xtraining.tensor_parallel", "1")}), IsEmpty());
}

}  // namespace
}  // namespace orrery::scenarios
