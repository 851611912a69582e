// The memory that an engine logged, beside the prediction.

#include "scenarios/serving/engine_log.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using json = nlohmann::json;
using EngineLog = FolderTest;

std::string serving_scenario() {
  return "scenario: s\nmodel: llama-3-8b\ncluster: {node: dgx_h100}\nserving:\n  max_model_len: 8192\n"
         "  load: {arrivals: closed_loop, concurrency: 1, requests: 1, input: 10, output: 5}\n";
}

TEST_F(EngineLog, TermsOfVllmsLinesAreFound) {
  const std::string log =
      write("vllm.log",
            "INFO 10-30 01:02:03 [gpu_model_runner.py:2602] Model loading took 14.9888 GiB memory and 3.1 seconds\n"
            "INFO [gpu_worker.py:298] Available KV cache memory: 50.00 GiB\n"
            "INFO [kv_cache_utils.py:1087] GPU KV cache size: 409,600 tokens\n"
            "INFO [kv_cache_utils.py:1091] Maximum concurrency for 8,192 tokens per request: 50.00x\n"
            "INFO [gpu_model_runner.py:3480] Graph capturing finished in 4 secs, took 0.55 GiB\n");
  const Outcome outcome =
      orrery({"explain", write("s.yaml", serving_scenario()), "--log", log, "--json", path("e.json")});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("Memory beside"), HasSubstr("CUDA graphs differ most")));
  const json terms = json::parse(read_file(path("e.json")))["log"];
  ASSERT_EQ(terms.size(), 5u);
  const json report = json::parse(read_file(path("e.json")));
  EXPECT_EQ(terms[0]["term"], "weights");
  EXPECT_EQ(terms[0]["line"], 1);
  EXPECT_DOUBLE_EQ(terms[0]["logged"], 14.9888 * 1073741824.0);
  EXPECT_EQ(terms[0]["predicted"], report["memory"]["weights_bytes"]);
  EXPECT_DOUBLE_EQ(terms[3]["logged"], 409600.0);
  EXPECT_DOUBLE_EQ(terms[4]["logged"], 50.0);
}

TEST_F(EngineLog, OlderWordingsAndTheLastStartCount) {
  const std::string log = write(
      "old.log",
      "Loading model weights took 1.0 GB\n# GPU blocks: 100, # CPU blocks: 2048\nLoading model weights took 2 GB\n"
      "the current vLLM instance can use total_gpu_memory (79.10GiB); model weights take 14.99GiB; "
      "non_torch_memory takes 0.16GiB; PyTorch activation peak memory takes 1.22GiB; the rest of the memory "
      "reserved for KV Cache is 54.82GiB.\n");
  models::ServingResult result;
  const std::vector<LoggedTerm> terms = read_engine_log(log, result);
  ASSERT_EQ(terms.size(), 5u);
  EXPECT_DOUBLE_EQ(terms[0].logged, 14.99 * 1073741824.0);
  EXPECT_EQ(terms[0].line, 4);
  EXPECT_EQ(terms[4].name, "blocks");
  EXPECT_DOUBLE_EQ(terms[4].logged, 100.0);
}

TEST_F(EngineLog, FiguresThatNoEngineHasAreErrorsAtTheirPlace) {
  const std::string scenario = write("s.yaml", serving_scenario());
  const auto error_of = [&](const std::string& line) {
    const Outcome outcome = orrery({"explain", scenario, "--log", write("x.log", "INFO start\n" + line + "\n")});
    EXPECT_EQ(outcome.code, kExitInput) << line;
    return outcome.err;
  };
  EXPECT_THAT(error_of("Model loading took 1e300 GiB memory"), HasSubstr("x.log:2:20: \"Model loading took 1e300\""));
  EXPECT_THAT(error_of("Model loading took 99999999999999999999999999999999999999 GiB"), HasSubstr("x.log:2:20:"));
  EXPECT_THAT(error_of("Model loading took -3.5 GiB memory"), HasSubstr("for weights"));
  EXPECT_THAT(error_of("Model loading took 1.2.3 GiB memory"), HasSubstr("for weights"));
  EXPECT_THAT(error_of("GPU KV cache size: 9,000,000,000,000,000,000 tokens"), HasSubstr("for KV cache tokens"));
  EXPECT_THAT(error_of("Maximum concurrency for 8,192 tokens per request: 1e99x"), HasSubstr("for concurrency"));
  // A cache that did not fit is what vLLM says of it.
  const std::vector<LoggedTerm> terms =
      read_engine_log(write("y.log", "Available KV cache memory: -1.25 GiB\n"), models::ServingResult());
  EXPECT_DOUBLE_EQ(terms.at(0).logged, -1.25 * 1073741824.0);
}

TEST_F(EngineLog, ALogWithoutMemoryAndARunWithoutAnEngineAreErrors) {
  const std::string log = write("x.log", "nothing of interest\nModel loading took a while\n");
  const Outcome none = orrery({"explain", write("s.yaml", serving_scenario()), "--log", log});
  EXPECT_EQ(none.code, kExitInput);
  EXPECT_THAT(none.err, AllOf(HasSubstr("x.log"), HasSubstr("no line on memory")));
  const Outcome training = orrery({"explain", write("t.yaml", small_scenario()), "--log", log});
  EXPECT_EQ(training.code, kExitInput);
  EXPECT_THAT(training.err, HasSubstr("serves nothing"));
  EXPECT_EQ(orrery({"explain", path("s.yaml"), "--log", path("none.log")}).code, kExitInput);
}

}  // namespace
}  // namespace orrery::scenarios::testing
