// Bad input of serving scenarios: each case with its message, its position and exit code 2.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/scenarios/serving/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ServingBadInput : public FolderTest {
 protected:
  std::string error_of(const std::string& text) {
    const Outcome outcome = orrery({"run", write("bad.yaml", text)});
    EXPECT_EQ(outcome.code, kExitInput) << outcome.out << outcome.err;
    return outcome.err;
  }
  /// The small scenario with one text changed.
  std::string error_with(const std::string& from, const std::string& to) {
    return error_of(replaced(small_serving(), from, to));
  }
  /// The small scenario under a trace of this text.
  std::string error_of_trace(const std::string& name, const std::string& trace) {
    write(name, trace);
    const std::string load = "    arrivals: poisson\n    rate: 4\n    requests: 40\n    input: 128\n    output: 32\n";
    return error_with(load, "    trace: " + name + "\n");
  }
};

TEST_F(ServingBadInput, TheSmallScenarioItselfIsWell) {
  const Outcome outcome = orrery({"run", write("small.yaml", small_serving())});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
}

TEST_F(ServingBadInput, TrainingAndServingExcludeEachOther) {
  EXPECT_THAT(error_of(small_scenario() + "serving:\n  load: {rate: 1}\n"),
              AllOf(HasSubstr("bad.yaml:13:3"), HasSubstr("not both")));
}

TEST_F(ServingBadInput, LoadIsRequired) {
  EXPECT_THAT(error_of("scenario: x\nmodel: llama-3-8b\ncluster: {node: dgx_h100}\nserving:\n  tensor_parallel: 1\n"),
              AllOf(HasSubstr("bad.yaml:5:3"), HasSubstr("'load' is missing")));
}

TEST_F(ServingBadInput, LoadMustBeAMapping) {
  EXPECT_THAT(error_of("scenario: x\nmodel: llama-3-8b\ncluster: {node: dgx_h100}\nserving:\n  load: heavy\n"),
              HasSubstr("bad.yaml:5:9"));
}

TEST_F(ServingBadInput, UnknownKeysNameTheNearest) {
  EXPECT_THAT(error_with("tensor_parallel", "tensor_paralel"),
              AllOf(HasSubstr("bad.yaml:7:3"), HasSubstr("did you mean"), HasSubstr("tensor_parallel")));
  EXPECT_THAT(error_with("rate: 4", "rat: 4"), AllOf(HasSubstr("bad.yaml:11:5"), HasSubstr("'rate'")));
  EXPECT_THAT(error_with("slo: {ttft: 500 ms}", "slo: {ttftt: 500 ms}"),
              AllOf(HasSubstr("bad.yaml:15:9"), HasSubstr("'ttft'")));
  EXPECT_THAT(error_with("input: 128", "input: {distribution: fixed, meen: 128}"),
              AllOf(HasSubstr("bad.yaml:13:34"), HasSubstr("'mean'")));
}

TEST_F(ServingBadInput, UnknownNamesNameTheNearest) {
  EXPECT_THAT(error_with("scheduler: vllm_v1", "scheduler: vlm_v1"),
              AllOf(HasSubstr("bad.yaml:6:14"), HasSubstr("did you mean"), HasSubstr("vllm_v1")));
  EXPECT_THAT(error_with("tensor_parallel: 1", "router: round_robbin"),
              AllOf(HasSubstr("bad.yaml:7:11"), HasSubstr("did you mean"), HasSubstr("round_robin")));
  EXPECT_THAT(error_with("arrivals: poisson", "arrivals: poison"),
              AllOf(HasSubstr("bad.yaml:10:15"), HasSubstr("did you mean"), HasSubstr("poisson")));
  EXPECT_THAT(error_with("input: 128", "input: {distribution: lognornal, mean: 128}"),
              AllOf(HasSubstr("bad.yaml:13:27"), HasSubstr("did you mean"), HasSubstr("lognormal")));
  EXPECT_THAT(error_with("tensor_parallel: 1", "kernels: cudnn"),
              AllOf(HasSubstr("bad.yaml:7:12"), HasSubstr("automatic"), HasSubstr("vllm")));
  EXPECT_THAT(error_with("tensor_parallel: 1", "weight_dtype: int5"),
              AllOf(HasSubstr("bad.yaml:7:17"), HasSubstr("int4")));
}

TEST_F(ServingBadInput, RateMustBePositive) {
  EXPECT_THAT(error_with("rate: 4", "rate: 0"), AllOf(HasSubstr("bad.yaml:11:11"), HasSubstr("'rate'")));
  EXPECT_THAT(error_with("rate: 4", "rate: -3"), AllOf(HasSubstr("bad.yaml:11:11"), HasSubstr("-3")));
  EXPECT_THAT(error_with("rate: 4", "rate: 0 req/s"), AllOf(HasSubstr("bad.yaml:11:11"), HasSubstr("'rate'")));
  EXPECT_THAT(error_with("rate: 4", "rate: 4 req/h"), AllOf(HasSubstr("bad.yaml:11:11"), HasSubstr("req/s")));
  EXPECT_THAT(error_with("rate: 4", "rate: .inf"), HasSubstr("bad.yaml:11:11"));
}

TEST_F(ServingBadInput, PoissonNeedsARate) {
  EXPECT_THAT(error_with("    rate: 4\n", ""), AllOf(HasSubstr("bad.yaml:"), HasSubstr("serving.load.rate")));
}

TEST_F(ServingBadInput, ClosedLoopHasNoRate) {
  EXPECT_THAT(error_with("arrivals: poisson", "arrivals: closed_loop\n    concurrency: 4"),
              AllOf(HasSubstr("bad.yaml:12:11"), HasSubstr("serving.load.rate"), HasSubstr("closed_loop")));
}

TEST_F(ServingBadInput, LengthsMustBePositive) {
  EXPECT_THAT(error_with("input: 128", "input: 0"), AllOf(HasSubstr("bad.yaml:13:12"), HasSubstr("'input'")));
  EXPECT_THAT(error_with("output: 32", "output: -1"), AllOf(HasSubstr("bad.yaml:14:13"), HasSubstr("-1")));
  EXPECT_THAT(error_with("output: 32", "output: {distribution: lognormal, mean: 0}"),
              AllOf(HasSubstr("bad.yaml:14:45"), HasSubstr("'mean'")));
  EXPECT_THAT(error_with("output: 32", "output: {distribution: empirical, values: [5, 0]}"),
              AllOf(HasSubstr("bad.yaml:14:"), HasSubstr("'values'")));
}

TEST_F(ServingBadInput, PromptsThatNeverFitAreToldAtOnce) {
  EXPECT_THAT(error_with("input: 128", "input: 4096"),
              AllOf(HasSubstr("bad.yaml:13:12"), HasSubstr("4096"), HasSubstr("max_model_len")));
  EXPECT_THAT(error_with("input: 128", "input: {distribution: lognormal, mean: 9000, least: 5000}"),
              AllOf(HasSubstr("bad.yaml:13:57"), HasSubstr("5000"), HasSubstr("max_model_len")));
  EXPECT_THAT(error_with("input: 128", "input: {distribution: lognormal, mean: 128}\n    prefix_tokens: 4095"),
              AllOf(HasSubstr("bad.yaml:14:20"), HasSubstr("4096 tokens or more"), HasSubstr("max_model_len")));
}

TEST_F(ServingBadInput, LongDrawsAreCountedAtRunTime) {
  // Some prompts of this distribution are longer than max_model_len, most are not.
  const Outcome outcome = orrery(
      {"run", write("s.yaml", replaced(small_serving(), "input: 128", "input: {distribution: lognormal, mean: 4000}")),
       "-q", "--json", path("r.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.out << outcome.err;
  EXPECT_THAT(read_file(path("r.json")), Not(HasSubstr("\"rejected\": 0")));
}

TEST_F(ServingBadInput, ModelLengthMayNotExceedTheModels) {
  // Llama-3 8B has 8,192 positions.
  EXPECT_THAT(error_with("max_model_len: 4096", "max_model_len: 9000"),
              AllOf(HasSubstr("bad.yaml:8:18"), HasSubstr("8192")));
}

TEST_F(ServingBadInput, ZeroKvBlocksAreNoCache) {
  EXPECT_THAT(error_with("tensor_parallel: 1", "num_gpu_blocks: 0"),
              AllOf(HasSubstr("bad.yaml:7:19"), HasSubstr("'num_gpu_blocks'")));
}

TEST_F(ServingBadInput, ZeroIsNoLimitOfABatch) {
  for (const char* key : {"max_num_seqs", "max_num_batched_tokens", "block_size", "replicas"}) {
    EXPECT_THAT(error_with("tensor_parallel: 1", fmt::format("{}: 0", key)),
                AllOf(HasSubstr("bad.yaml:7:"), HasSubstr(key)));
  }
  EXPECT_THAT(error_with("tensor_parallel: 1", "gpu_memory_utilization: 1.1"), HasSubstr("bad.yaml:7:27"));
  EXPECT_THAT(error_with("tensor_parallel: 1", "gpu_memory_utilization: 0"), HasSubstr("bad.yaml:7:27"));
}

TEST_F(ServingBadInput, TensorParallelMustFitModelAndCluster) {
  // 32 heads; 8 GPUs.
  EXPECT_THAT(error_with("tensor_parallel: 1", "tensor_parallel: 3"),
              AllOf(HasSubstr("bad.yaml:7:20"), HasSubstr("32"), HasSubstr("heads")));
  EXPECT_THAT(error_with("tensor_parallel: 1", "tensor_parallel: 16"),
              AllOf(HasSubstr("bad.yaml:7:20"), HasSubstr("16"), HasSubstr("8")));
}

TEST_F(ServingBadInput, ReplicasMustFitTheCluster) {
  EXPECT_THAT(error_with("tensor_parallel: 1", "tensor_parallel: 2\n  replicas: 5"),
              AllOf(HasSubstr("bad.yaml:"), HasSubstr("replicas"), HasSubstr("8 GPUs")));
}

TEST_F(ServingBadInput, SectionsOfTheWrongKindHaveTheirPlace) {
  const std::string head = "scenario: x\nmodel: llama-3-8b\ncluster: {node: dgx_h100}\n";
  EXPECT_THAT(error_of(head + "serving: fast\n"), HasSubstr("bad.yaml:4:10"));
  EXPECT_THAT(error_of(head + "serving:\n"), HasSubstr("bad.yaml:4:"));
  EXPECT_THAT(error_with("slo: {ttft: 500 ms}", "slo: quick"), HasSubstr("bad.yaml:15:8"));
  EXPECT_THAT(error_with("slo: {ttft: 500 ms}", "slo: {ttft: 500}"),
              AllOf(HasSubstr("bad.yaml:15:15"), HasSubstr("ms")));
  EXPECT_THAT(error_with("input: 128", "input: [1, 2]"), HasSubstr("bad.yaml:13:12"));
  EXPECT_THAT(error_with("input: 128", "input: short"), HasSubstr("bad.yaml:13:12"));
  EXPECT_THAT(error_with("    rate: 4\n", "    rate: [4]\n"), HasSubstr("bad.yaml:11:11"));
}

TEST_F(ServingBadInput, AttainmentIsAShare) {
  EXPECT_THAT(error_with("slo: {ttft: 500 ms}", "slo: {ttft: 500 ms, attainment: 99}"),
              AllOf(HasSubstr("bad.yaml:15:35"), HasSubstr("'attainment'")));
}

TEST_F(ServingBadInput, MissingTraceHasItsPlace) {
  EXPECT_THAT(error_with("    arrivals: poisson\n    rate: 4\n", "    trace: nowhere.csv\n"),
              AllOf(HasSubstr("bad.yaml:10:12"), HasSubstr("nowhere.csv")));
  EXPECT_THAT(error_with("    arrivals: poisson\n    rate: 4\n", "    trace: .\n"), HasSubstr("is a folder"));
}

TEST_F(ServingBadInput, ErrorsComeTogether) {
  const std::string text = replaced(replaced(small_serving(), "rate: 4", "rate: 0"), "vllm_v1", "vllm_v2");
  EXPECT_THAT(error_of(replaced(text, "ttft:", "ttf:")),
              AllOf(HasSubstr("bad.yaml:6:14"), HasSubstr("bad.yaml:11:11"), HasSubstr("bad.yaml:15:9")));
}

TEST_F(ServingBadInput, TruncatedTraceIsNamedWithItsLine) {
  EXPECT_THAT(error_of_trace("cut.csv", "arrival_s,input_tokens,output_tokens\n0.0,10,5\n1.0,1"),
              HasSubstr("cut.csv:3"));
  EXPECT_THAT(error_of_trace("cut.jsonl",
                             "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 5, "
                             "\"hash_ids\": [0, 1]}\n{\"timestamp\": 5, \"input_len"),
              HasSubstr("cut.jsonl:2"));
}

TEST_F(ServingBadInput, UnsortedTraceIsNamedWithItsLine) {
  EXPECT_THAT(error_of_trace("back.csv", "arrival_s,input_tokens,output_tokens\n2.0,10,5\n1.0,10,5\n"),
              HasSubstr("back.csv:3"));
}

TEST_F(ServingBadInput, TraceWithImpossibleLengthsIsNamedWithItsLine) {
  EXPECT_THAT(error_of_trace("zero.csv", "arrival_s,input_tokens,output_tokens\n0.0,10,5\n1.0,0,5\n"),
              HasSubstr("zero.csv:3"));
  EXPECT_THAT(error_of_trace("minus.csv", "arrival_s,input_tokens,output_tokens\n0.0,10,-5\n"),
              HasSubstr("minus.csv:2"));
}

TEST_F(ServingBadInput, EmptyOrForeignTraceSaysWhatIsUnderstood) {
  EXPECT_THAT(error_of_trace("empty.csv", ""), HasSubstr("empty.csv"));
  EXPECT_THAT(error_of_trace("foreign.csv", "when,what\n1,2\n"), HasSubstr("foreign.csv"));
}

TEST_F(ServingBadInput, ModelThatDoesNotFitIsAFindingWithTheLedger) {
  const Outcome outcome =
      orrery({"run", write("s.yaml", small_serving()), "--set", "cluster.gpu_memory=12 GiB", "--json", path("r.json")});
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("weights"), HasSubstr("KV cache")));
}

TEST_F(ServingBadInput, NoOutputOverwritesTheTraceThatIsRead) {
  const std::string trace = "arrival_s,input_tokens,output_tokens\n0,100,10\n1,100,10\n";
  const std::string load = "    arrivals: poisson\n    rate: 4\n    requests: 40\n    input: 128\n    output: 32\n";
  const std::string path = write("load.csv", trace);
  const std::string file = write("traced.yaml", replaced(small_serving(), load, "    trace: load.csv\n"));
  for (const char* output : {"--requests", "--json", "--csv", "--trace"}) {
    const Outcome outcome = orrery({"run", file, output, path});
    EXPECT_EQ(outcome.code, kExitInput) << output;
    EXPECT_THAT(outcome.err, HasSubstr("overwrite the input")) << output;
  }
  EXPECT_EQ(orrery({"explain", file, "--json", path}).code, kExitInput);
  EXPECT_EQ(hardware::read_text_file(path), trace);
}

TEST_F(ServingBadInput, NeitherSweepNorCompareOverwritesWhatTheyRead) {
  const std::string trace = "arrival_s,input_tokens,output_tokens\n0,100,10\n1,100,10\n";
  const std::string load = "    arrivals: poisson\n    rate: 4\n    requests: 40\n    input: 128\n    output: 32\n";
  const std::string one = write("one.csv", trace), two = write("two.csv", trace);
  const std::string text = replaced(small_serving(), load, "    trace: one.csv\n");
  const std::string file = write("base.yaml", text);
  const std::string swept = write("swept.yaml", text + "sweep: {serving.load.trace: [one.csv, two.csv]}\n");
  EXPECT_EQ(orrery({"sweep", swept, "--csv", two}).code, kExitInput);
  EXPECT_EQ(orrery({"compare", file, file, "--json", one}).code, kExitInput);
  EXPECT_EQ(hardware::read_text_file(one), trace);
  EXPECT_EQ(hardware::read_text_file(two), trace);
}

TEST_F(ServingBadInput, ATraceThatEndsEarlyIsNoted) {
  const std::string load = "    arrivals: poisson\n    rate: 4\n    requests: 40\n    input: 128\n    output: 32\n";
  write("short.csv", "arrival_s,input_tokens,output_tokens\n0,100,10\n1,100,10\n");
  const std::string file =
      write("short.yaml", replaced(small_serving(), load, "    trace: short.csv\n    requests: 100\n"));
  EXPECT_THAT(orrery({"run", file}).out, HasSubstr("the trace ends after 2 requests, before the 100 asked for"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
