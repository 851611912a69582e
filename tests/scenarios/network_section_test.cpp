// `cluster.network:` what it changes, what the report says of it, and how its mistakes are told.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Two jobs on interleaved nodes whose gradients meet on an oversubscribed fabric.
const char* const kTwo =
    "scenario: two\n"
    "model: gpt2-124m\n"
    "cluster: {node: dgx_a100, nodes: 4, fabric: rail_fat_tree_hdr, collective_algorithm: ring}\n"
    "jobs:\n"
    "  - name: one\n"
    "    placement: {spread: 2}\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 16}\n"
    "  - name: other\n"
    "    placement: {first_node: 1, spread: 2}\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 16}\n";

class NetworkSection : public FolderTest {
 protected:
  Outcome run(const std::string& network) const {
    const std::string text = replaced(kTwo, "collective_algorithm: ring", "collective_algorithm: ring" + network);
    return orrery({"run", write("s.yaml", text), "--json", path("r.json"), "-q"});
  }
  nlohmann::json report(const std::string& network) const {
    const Outcome outcome = run(network);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(read_file(path("r.json")));
  }
};

TEST_F(NetworkSection, IsReadIntoTheReport) {
  const nlohmann::json json = report(", network: {reading: messages, completion_batching: 0.01}");
  EXPECT_EQ(json.at("engine").at("reading"), "messages");
  EXPECT_EQ(json.at("engine").at("batching").at("share"), 0.01);
  EXPECT_GE(json.at("engine").at("batching").at("batches"), 0);
  EXPECT_GE(json.at("engine").at("batching").at("accumulated_bound_s"), 0.0);
  EXPECT_EQ(json.at("scenario").at("cluster").at("network").dump(),
            R"({"completion_batching":0.01,"reading":"messages"})");
}

TEST_F(NetworkSection, LeavesNoTraceWhereNobodyAsks) {
  const nlohmann::json json = report("");
  EXPECT_EQ(json.at("engine").at("reading"), "flows");
  EXPECT_FALSE(json.at("engine").contains("batching"));
  EXPECT_FALSE(json.at("scenario").at("cluster").contains("network"));
}

TEST_F(NetworkSection, MessagesAreCloseToFlowsWhereAllRanksAreAlike) {
  const double flows = report("").at("jobs").at(0).at("training").at("step_time_s");
  const double messages = report(", network: {reading: messages}").at("jobs").at(0).at("training").at("step_time_s");
  EXPECT_NEAR(messages / flows, 1.0, 0.01);
}

TEST_F(NetworkSection, MistakesAreToldAtTheirPlace) {
  EXPECT_THAT(run(", network: {reading: mesages}").err, AllOf(HasSubstr("s.yaml:3:"), HasSubstr("messages")));
  EXPECT_THAT(run(", network: {readings: messages}").err, AllOf(HasSubstr("s.yaml:3:"), HasSubstr("reading")));
  EXPECT_THAT(run(", network: {completion_batching: 0.5}").err, AllOf(HasSubstr("s.yaml:3:"), HasSubstr("0.1")));
  EXPECT_THAT(run(", network: {completion_batching: -1}").err, HasSubstr("completion_batching"));
  EXPECT_THAT(run(", network: messages").err, HasSubstr("network"));
  EXPECT_EQ(run(", network: {reading: mesages}").code, 2);
}

}  // namespace
}  // namespace orrery::scenarios::testing
