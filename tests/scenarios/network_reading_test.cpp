// What `cluster.network:` changes in a run, and what the report says of it.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

// Two jobs on interleaved nodes.
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

class NetworkReading : public FolderTest {
 protected:
  nlohmann::json report(const std::string& network) const {
    const std::string text = replaced(kTwo, "collective_algorithm: ring", "collective_algorithm: ring" + network);
    const Outcome outcome = orrery({"run", write("s.yaml", text), "--json", path("r.json"), "-q"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(read_file(path("r.json")));
  }
};

TEST_F(NetworkReading, IsSaidInTheReport) {
  const nlohmann::json json = report(", network: {reading: messages, completion_batching: 0.01}");
  EXPECT_EQ(json.at("engine").at("reading"), "messages");
  EXPECT_EQ(json.at("engine").at("batching").at("share"), 0.01);
  EXPECT_GE(json.at("engine").at("batching").at("batches"), 0);
  EXPECT_GE(json.at("engine").at("batching").at("accumulated_bound_s"), 0.0);
  EXPECT_EQ(json.at("scenario").at("cluster").at("network").dump(),
            R"({"completion_batching":0.01,"reading":"messages"})");
}

TEST_F(NetworkReading, LeavesNoTraceWhereNobodyAsks) {
  const nlohmann::json json = report("");
  EXPECT_EQ(json.at("engine").at("reading"), "flows");
  EXPECT_FALSE(json.at("engine").contains("batching"));
  EXPECT_FALSE(json.at("scenario").at("cluster").contains("network"));
}

TEST_F(NetworkReading, OfMessagesIsCloseToFlowsWhereAllRanksAreAlike) {
  const double flows = report("").at("jobs").at(0).at("training").at("step_time_s");
  const double messages = report(", network: {reading: messages}").at("jobs").at(0).at("training").at("step_time_s");
  EXPECT_NEAR(messages / flows, 1.0, 0.01);
}

TEST_F(NetworkReading, SharesOfGpusSlowKernelsDown) {
  const nlohmann::json apart = report("").at("jobs").at(0).at("training");
  const nlohmann::json shared = report(", network: {gpu_shares: true}").at("jobs").at(0).at("training");
  EXPECT_GT(shared.at("compute_s"), apart.at("compute_s"));
  EXPECT_GE(shared.at("step_time_s"), apart.at("step_time_s"));
  const std::string text = replaced(kTwo, "collective_algorithm: ring", "network: {gpu_shares: true}");
  EXPECT_THAT(
      orrery({"run", write("t.yaml", text)}).out,
      ::testing::HasSubstr("collectives and messages take SMs and memory bandwidth from the kernels beside them"));
}

TEST_F(NetworkReading, SaysWhereAnEngineIsNotReadSo) {
  const std::string serving =
      "scenario: one\nmodel: llama-3-8b\ncluster: {node: dgx_h100, nodes: 1, network: {%}}\n"
      "serving: {tensor_parallel: 2, load: {requests: 4, rate: 4, input: 100, output: 4}}\n";
  const auto text_of = [&](const char* network) {
    return orrery({"run", write("s.yaml", replaced(serving, "%", network))}).out;
  };
  EXPECT_THAT(text_of("reading: messages"), ::testing::HasSubstr("those of an engine stay flows"));
  EXPECT_THAT(text_of("gpu_shares: true"), ::testing::HasSubstr("gpu_shares is for training's collectives"));
  EXPECT_THAT(text_of("completion_batching: 0.001"), ::testing::Not(::testing::HasSubstr("training's collectives")));
}

}  // namespace
}  // namespace orrery::scenarios::testing
