// What can be asked for at all: GPUs without bf16 in fp16, splits and lengths with the reason where they cannot be.
#include <filesystem>
#include <functional>
#include <map>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/ask/ask.hpp"
#include "scenarios/ask/engines.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/serving/job.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::string> kSmall = {"ask",     "serve", "--model",  "deepseek-r1-distill-qwen-1.5b",
                                         "--input", "500",   "--output", "50"};

std::vector<std::string> with(std::vector<std::string> args, const std::vector<std::string>& more) {
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

class WhatCanBe : public FolderTest {};

ServeQuestion question_of(const std::string& gpu) {
  ServeQuestion question;
  question.model = find_asked_model("llama-3.1-8b", "");
  question.gpus = {find_asked_gpu(gpu)};
  question.context = 2048;
  question.input.mean = 1000.0;
  question.output.mean = 100.0;
  question.tpot = Seconds{0.2};
  return question;
}

TEST_F(WhatCanBe, OnGpusWithoutBf16IsAskedInFp16WithoutFp8) {
  for (const char* gpu : {"t4", "v100_pcie", "v100_sxm_32gb"}) {
    const ServeQuestion question = question_of(gpu);
    const std::vector<AskedEngine> engines = engines_for(question, {1});
    ASSERT_FALSE(engines.empty()) << gpu;
    for (const AskedEngine& engine : engines) {
      EXPECT_EQ(engine.dtype, "fp16") << gpu;
      EXPECT_EQ(engine.weight_dtype, "") << "Marlin, which widens fp8, begins with Ampere";
    }
    const Scenario scenario = parse_scenario(serve_text(question), "ask", engine_keys(engines.front(), 1));
    EXPECT_EQ(serving_job(scenario).config.dtype, Dtype::fp16);
    EXPECT_EQ(serving_job(scenario).config.weight_dtype, Dtype::fp16) << "follows it";
  }
  for (const AskedEngine& engine : engines_for(question_of("a10"), {1})) EXPECT_EQ(engine.dtype, "");
}

TEST_F(WhatCanBe, OnGpusWithoutBf16IsAnsweredWhereTheModelFits) {
  for (const char* gpu : {"t4", "v100_pcie", "v100_sxm_16gb"}) {
    const Outcome outcome = orrery(with(kSmall, {"--gpu", gpu, "--tpot", "100ms", "--ttft", "5s"}));
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err << outcome.out;
    EXPECT_THAT(outcome.out, AllOf(HasSubstr(std::string(gpu) + " has no units for bf16: asked in fp16, as vLLM's"),
                                   HasSubstr("dtype: fp16")));
  }
  const Outcome json_of = orrery(with(kSmall, {"--gpu", "t4,l4", "--tpot", "100ms", "--json", "-"}));
  const json answer = json::parse(json_of.out, nullptr, false);
  ASSERT_FALSE(answer["plans"].empty());
  for (const json& plan : answer["plans"]) {
    EXPECT_EQ(plan.value("dtype", ""), plan["gpu"] == "t4" ? "fp16" : "") << plan["gpu"];
  }
  const Outcome fit = orrery({"ask", "fit", "--model", "llama-3.1-8b", "--gpu", "t4", "--context", "4096"});
  EXPECT_EQ(fit.code, kExitWell) << fit.err;
  EXPECT_THAT(fit.out, HasSubstr("t4 has no units for bf16"));
}

TEST_F(WhatCanBe, OnGpusWithoutBf16IsAmongTheAnswersOfAll) {
  const Outcome outcome =
      orrery({"ask", "fit", "--model", "deepseek-r1-distill-qwen-1.5b", "--context", "4096", "--json", "-"});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  std::map<std::string, json> of_gpu;
  const json answer = json::parse(outcome.out, nullptr, false);
  for (const json& plan : answer["plans"]) of_gpu[plan["gpu"].get<std::string>()] = plan;
  for (const char* gpu : {"t4", "v100_pcie", "v100_sxm_16gb", "v100_sxm_32gb"}) {
    ASSERT_EQ(of_gpu.count(gpu), 1U) << gpu;
    EXPECT_TRUE(of_gpu[gpu]["holds"]) << gpu;
    EXPECT_EQ(of_gpu[gpu]["dtype"], "fp16") << gpu;
  }
  EXPECT_EQ(of_gpu["a10"].count("dtype"), 0U);
}

/// A run of a model with its weights in a format, on a node.
std::string run_text(const std::string& node, const std::string& model, const std::string& weights) {
  return "scenario: s\nmodel: " + model + "\ncluster: {node: " + node + "}\nserving:\n  dtype: fp16\n" +
         (weights.empty() ? "" : "  weight_dtype: " + weights + "\n") +
         "  max_model_len: 2048\n"
         "  load: {arrivals: closed_loop, concurrency: 1, requests: 1, input: 10, output: 2}\n";
}

TEST_F(WhatCanBe, ARunOfWeightsThatAnEngineRefusesSaysWhatTheQuestionDoes) {
  struct Case {
    const char *node, *gpu, *model, *weights, *named;
  };
  for (const Case& one : {Case{"t4_box", "t4", "deepseek-r1-distill-qwen-1.5b", "fp8", "deepseek-r1-distill-qwen-1.5b"},
                          {"v100_pcie_box", "v100_pcie", "llama-3.1-8b", "fp8", "llama-3.1-8b"},
                          {"t4_box", "t4", "deepseek-r1-distill-qwen-1.5b", "nvfp4", "deepseek-r1-distill-qwen-1.5b"},
                          {"t4_box", "t4", "deepseek-v3", "", "deepseek-v3"}}) {
    std::vector<std::string> question = {"ask", "fit", "--model", one.named, "--gpu", one.gpu, "--context", "2K"};
    if (*one.weights != '\0') question = with(question, {"--weight-dtype", one.weights});
    const json answer = json::parse(orrery(with(question, {"--json", "-"})).out, nullptr, false);
    const std::string verdict = answer["answer"].value("reason", "");
    EXPECT_THAT(verdict, AllOf(HasSubstr(one.gpu), HasSubstr("refused")));
    const std::string file = write("s.yaml", run_text(one.node, one.model, one.weights));
    const Outcome outcome = orrery({"run", file, "--json", path("r.json")});
    EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("Finding: " + verdict));
    const json report = json::parse(read_file(path("r.json")));
    EXPECT_EQ(report["findings"][0]["kind"], "weights_refused") << one.model;
    EXPECT_EQ(report["findings"][0]["message"], verdict);
  }
}

TEST_F(WhatCanBe, WeightsThatAnEngineWidensAreTakenWithANote) {
  const Outcome outcome = orrery({"run", write("s.yaml", run_text("a10_box", "deepseek-r1-distill-qwen-1.5b", "fp8"))});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("(as vLLM's Marlin does)"), Not(HasSubstr("refused"))));
  // 4-bit integers are widened on any GPU.
  EXPECT_EQ(orrery({"run", write("i.yaml", run_text("t4_box", "deepseek-r1-distill-qwen-1.5b", "int4")), "-q"}).code,
            kExitWell);
}

TEST_F(WhatCanBe, ASweepMarksNoPointThatAnEngineRefuses) {
  const std::string file = write("s.yaml", run_text("t4_box", "deepseek-r1-distill-qwen-1.5b", "") +
                                               "sweep: {serving.weight_dtype: [fp16, fp8]}\n");
  const Outcome outcome = orrery({"sweep", file});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("serving.weight_dtype=fp8  weights refused"),
                                 HasSubstr("serving.weight_dtype=fp16  <- ")));
}

TEST_F(WhatCanBe, NothingIsSavedOfAnAnswerThatIsNone) {
  const std::vector<std::string> fit = {"ask", "fit", "--model", "deepseek-v3", "--context", "4K", "--gpu", "t4"};
  const Outcome refused = orrery(with(fit, {"--save", path("a.yaml"), "--json", path("a.json")}));
  EXPECT_EQ(refused.code, kExitFinding);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("a.yaml: not written, no plan can be: t4 has no units for fp8_block"),
                                 HasSubstr(": refused\n")));
  EXPECT_THAT(refused.out, Not(HasSubstr("The scenario (")));
  EXPECT_FALSE(std::filesystem::exists(path("a.yaml")));
  EXPECT_EQ(json::parse(read_file(path("a.json")))["scenario"], "");
  const Outcome split = orrery({"ask", "serve", "--model", "llama-3.1-8b", "--gpu", "h100", "--gpus", "8", "--tp", "3",
                                "--input", "10", "--output", "10", "--tpot", "50ms", "--save", path("b.yaml")});
  EXPECT_EQ(split.code, kExitFinding);
  EXPECT_THAT(split.err, HasSubstr("b.yaml: not written, no plan can be: "));
  EXPECT_FALSE(std::filesystem::exists(path("b.yaml")));
}

TEST_F(WhatCanBe, WhatIsSavedOfTheNearestPlanSaysSo) {
  for (const std::vector<std::string>& question :
       {std::vector<std::string>{"ask", "fit", "--model", "deepseek-v3", "--context", "4K", "--gpu", "l4", "--gpus",
                                 "1"},
        with(kSmall, {"--gpu", "l4", "--gpus", "1", "--tpot", "1us"})}) {
    const Outcome nearest = orrery(with(question, {"--save", path("n.yaml"), "--force", "-q"}));
    EXPECT_EQ(nearest.code, kExitFinding) << nearest.err;
    EXPECT_THAT(read_file(path("n.yaml")), ::testing::StartsWith("# No plan holds what was asked for; this is the "
                                                                 "nearest, and no answer.\nscenario: "));
    EXPECT_EQ(orrery({"run", path("n.yaml"), "-q"}).code, kExitFinding);
  }
  ASSERT_EQ(orrery(with(kSmall, {"--gpu", "l4", "--gpus", "1", "--tpot", "1s", "--save", path("w.yaml"), "-q"})).code,
            kExitWell);
  EXPECT_THAT(read_file(path("w.yaml")), ::testing::StartsWith("scenario: "));
}

TEST_F(WhatCanBe, AnFp8CheckpointIsNoPlanOnAGpuThatVllmRefusesItOn) {
  // DeepSeek-V3 is stored in fp8; Marlin, which widens it, begins with compute capability 8.0: A100 yes, V100 and T4
  // no.
  for (const std::vector<std::string>& question :
       {std::vector<std::string>{"ask", "fit", "--model", "deepseek-v3", "--context", "4K"},
        {"ask", "fit", "--model", "meta-llama/Llama-3.3-70B-Instruct-FP8", "--context", "4K"},
        {"ask", "serve", "--model", "llama-3.1-8b", "--weight-dtype", "fp8", "--input", "500", "--output", "50",
         "--tpot", "100ms"}}) {
    const Outcome outcome = orrery(with(question, {"--gpu", "t4,v100_sxm_32gb,a100", "--json", "-"}));
    const json answer = json::parse(outcome.out, nullptr, false);
    bool on_a100 = false;
    for (const json& plan : answer["plans"]) {
      on_a100 = on_a100 || (plan["gpu"] == "a100_sxm" && plan["holds"].get<bool>());
      if (plan["gpu"] == "a100_sxm") continue;
      EXPECT_FALSE(plan["holds"].get<bool>()) << plan["gpu"];
      EXPECT_THAT(plan.value("reason", ""),
                  AllOf(HasSubstr("has no units for fp8"), HasSubstr("which vLLM's Marlin widens")));
    }
    EXPECT_TRUE(on_a100) << question[3];
  }
  const Outcome none = orrery({"ask", "fit", "--model", "deepseek-v3", "--context", "4K", "--gpu", "t4"});
  EXPECT_EQ(none.code, kExitFinding);
  EXPECT_THAT(none.out, HasSubstr("no plan can be"));
}

// What nothing satisfies.

TEST_F(WhatCanBe, ARefusalThatIsTheWholeAnswerIsSaidWhole) {
  const Outcome none = orrery({"ask", "serve", "--model", "Qwen/Qwen3-32B-FP8", "--gpu", "v100_sxm_32gb", "--gpus", "8",
                               "--input", "1000", "--output", "100", "--tpot", "50ms"});
  EXPECT_THAT(none.out, HasSubstr("v100_sxm_32gb has no units for fp8, which vLLM's Marlin widens from compute "
                                  "capability 8.0 on: refused\n"));
}

TEST_F(WhatCanBe, ChipsWithoutCudaHaveOneVerdict) {
  const std::string verdict =
      "the engine 'vllm_v1' runs on CUDA, which 'tpu_v5p' has not: serving on a TPU is not modelled\n";
  const std::vector<std::string> fit = {"ask", "fit", "--model", "llama-3.1-8b", "--context", "4K"};
  for (const std::vector<std::string>& question : {fit, with(kSmall, {"--tpot", "50ms"})}) {
    for (const std::vector<std::string>& on : {std::vector<std::string>{"--gpu", "tpu_v5p"},
                                               {"--node", "tpu_v5p_host"},
                                               {"--gpu", "h100,tpu_v5p"},
                                               {"--gpu", "tpu_v5p", "--node", "tpu_v5p_host"},
                                               {"--gpu", "tpu_v5p", "--node", "dgx_h100"}}) {
      const Outcome outcome = orrery(with(question, on));
      EXPECT_EQ(outcome.code, kExitInput) << outcome.out;
      const std::string asked = on[0] == "--node" ? "--node tpu_v5p_host: " : "--gpu tpu_v5p: ";
      EXPECT_THAT(outcome.err, HasSubstr(asked + verdict));
    }
  }
  for (const char* engine : {"vllm_v1", "sglang"}) {
    const std::string file = write("s.yaml",
                                   "scenario: s\nmodel: llama-3-8b\n"
                                   "cluster: {node: tpu_v5p_host, nodes: 1, fabric: torus_v5p, torus: [2, 2, 1]}\n"
                                   "serving:\n  engine: " +
                                       std::string(engine) + "\n  load: {rate: 1, requests: 2, input: 8, output: 2}\n");
    for (const char* command : {"run", "check", "explain"}) {
      const Outcome outcome = orrery({command, file});
      EXPECT_EQ(outcome.code, kExitInput) << command << outcome.out;
      EXPECT_THAT(outcome.err, HasSubstr("s.yaml:5:")) << command;
      EXPECT_THAT(outcome.err, HasSubstr(replaced(verdict, "vllm_v1", engine))) << command;
    }
  }
  const Outcome any = orrery(with(fit, {"--json", "-"}));
  EXPECT_THAT(any.out, Not(HasSubstr("tpu_"))) << "no candidate where none is named";
}

TEST_F(WhatCanBe, NearestOfPlansThatLackMemoryLacksTheLeast) {
  // 629 GiB of weights on one GPU: 268 GiB of a B300 are nearer to it than 16 of any other.
  const Outcome fit = orrery({"ask", "fit", "--model", "deepseek-v3", "--context", "4K", "--gpus", "1"});
  EXPECT_EQ(fit.code, kExitFinding) << fit.err;
  EXPECT_THAT(fit.out, AllOf(HasSubstr("the nearest is 1 x gb300"), HasSubstr(" GiB a GPU are missing, 1.")));
  const Outcome serve = orrery({"ask", "serve", "--model", "deepseek-v3", "--gpus", "1", "--input", "500", "--output",
                                "50", "--tpot", "50ms", "--gpu", "l4,b300,h100"});
  EXPECT_EQ(serve.code, kExitFinding) << serve.err;
  EXPECT_THAT(serve.out,
              AllOf(HasSubstr("no plan holds it; the nearest is 1 x b300"), HasSubstr(" GiB a GPU are missing, 1.")));
}

TEST_F(WhatCanBe, NearestOfPlansThatAreTooSlowIsTheFastest) {
  // Nobody answers within 1 ms a token; what reads 16 GB fastest is nearest to it.
  const Outcome outcome = orrery({"ask", "serve", "--model", "llama-3.1-8b", "--gpu", "a10,a30,b200,l4,l40s", "--gpus",
                                  "1", "--input", "500", "--output", "50", "--tpot", "1ms"});
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("the nearest is 1 x b200"), HasSubstr("a p99 is "), HasSubstr(" times its limit")));
}

TEST_F(WhatCanBe, FewerGpusThanItTakesSaysHowManyAreHeldAndHowManyItTakes) {
  // One sequence of 128K takes 2 H200 or more: 100 of them more than the 8 that there are.
  const Outcome outcome = orrery({"ask", "fit", "--model", "llama-3.1-70b", "--gpu", "h200", "--gpus", "8", "--context",
                                  "128K", "--users", "100"});
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("nothing holds 100 sequences of 131,072 tokens; the nearest is 8 x h200"),
                                 HasSubstr("in the way: it would take "), Not(HasSubstr("are missing"))));
}

TEST_F(WhatCanBe, OneReasonForAllPlansIsSaidOnce) {
  const Outcome outcome = orrery({"ask", "fit", "--model", "llama-3.1-8b", "--tp", "3", "--context", "4K"});
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
  const std::size_t first = outcome.out.find("doesn't divide");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(outcome.out.find("doesn't divide", first + 1), std::string::npos);
  const Outcome one = orrery({"ask", "fit", "--model", "llama-3.1-8b", "--context", "1"});
  EXPECT_EQ(one.code, kExitInput);
  EXPECT_THAT(one.err, HasSubstr("--context 1: a prompt and a token of an answer take 2 at least"));
}

TEST_F(WhatCanBe, AModelThatIsNotOfTheLibraryIsSaidToBeReadableAndFromWhere) {
  const auto refused = [](const std::string& model) {
    const Outcome outcome = orrery({"ask", "fit", "--model", model, "--context", "4K"});
    EXPECT_EQ(outcome.code, kExitInput);
    return outcome.err;
  };
  EXPECT_THAT(refused("openai/gpt-oss-120b"),
              AllOf(HasSubstr("https://huggingface.co/openai/gpt-oss-120b/resolve/main/config.json"),
                    HasSubstr("--model ./config.json"), HasSubstr("orrery list models"), Not(HasSubstr("palm-540b"))));
  EXPECT_THAT(refused("gpt-oss-120b"), AllOf(HasSubstr("--model ./config.json"), Not(HasSubstr("huggingface"))));
  EXPECT_THAT(refused("llama-3.1-80b"), HasSubstr("did you mean "));
}

// Splits.

TEST_F(WhatCanBe, ASplitThatHeadsDoNotAllowSaysSo) {
  const std::vector<std::string> eight = {"ask", "serve", "--model", "llama-3.1-8b", "--gpu", "h100", "--gpus", "8"};
  const Outcome outcome = orrery(with(eight, {"--tp", "3", "--input", "1000", "--output", "100", "--tpot", "50ms"}));
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("3 doesn't divide the 32 attention heads of llama-3.1-8b"),
                                 Not(HasSubstr("there is no plan to try"))));
  const Outcome fit =
      orrery({"ask", "fit", "--model", "llama-3.1-8b", "--gpu", "h100", "--tp", "3", "--context", "4K"});
  EXPECT_EQ(fit.code, kExitFinding) << fit.err;
  EXPECT_THAT(fit.out,
              AllOf(HasSubstr("nothing holds 1 sequence of 4,096 tokens: no plan can be"),
                    HasSubstr("in the way: serving.tensor_parallel: 3 doesn't divide the 32 attention heads")));
}

std::string refusal(const std::function<void(AskWords&)>& change) {
  AskWords words;
  words.model = "llama-3.1-8b";
  words.gpu = "h100";
  words.input = "1000";
  words.output = "100";
  words.tpot = "50ms";
  change(words);
  try {
    (void)read_serve_question(words);
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
  return "read";
}

TEST_F(WhatCanBe, SplitsBeyondTheGpusThatThereAreAreRefused) {
  EXPECT_THAT(refusal([](AskWords& w) { w.tensor_parallel = "4", w.gpus = "2"; }),
              HasSubstr("--tp 4: more than the 2 of --gpus"));
  EXPECT_THAT(refusal([](AskWords& w) { w.tensor_parallel = "8", w.gpu = "gh200_96gb"; }),
              HasSubstr("--tp 8: a node of these GPUs holds no more than "));
  EXPECT_EQ(refusal([](AskWords& w) { w.tensor_parallel = "8", w.gpu = "gh200_96gb,h100"; }), "read");
}

// Lengths.

TEST_F(WhatCanBe, RequestsBeyondTheModelsPositionsAreRefused) {
  EXPECT_EQ(refusal([](AskWords& w) { w.input = "1e9"; }),
            "--input 1e9 and --output 100: a request may take 1,000,000,100 tokens: llama-3.1-8b has 131,072 positions "
            "(max_position_embeddings)");
  EXPECT_THAT(refusal([](AskWords& w) { w.output = "131072"; }), HasSubstr("131,072 positions"));
  EXPECT_THAT(refusal([](AskWords& w) { w.input = "100:1:200000"; }), HasSubstr("may take 200,100 tokens"));
  EXPECT_EQ(refusal([](AskWords& w) { w.input = "131000", w.output = "72"; }), "read");
  EXPECT_THAT(refusal([](AskWords& w) { w.context = "1M"; }), HasSubstr("--context 1M: llama-3.1-8b has 131,072"));
  AskWords odd;  // 1,024 positions: the context is not rounded beyond them
  odd.model = "gpt2-xl";
  odd.gpu = "h100";
  odd.input = "1000";
  odd.output = "24";
  odd.ttft = "1s";
  EXPECT_EQ(read_serve_question(odd).context, 1024);
}

}  // namespace
}  // namespace orrery::scenarios::testing
