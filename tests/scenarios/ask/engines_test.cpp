// The engines of a question, the scenario that one of them is, and what keeps a plan from more.
#include "scenarios/ask/engines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/ask/binding.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/ask/words.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/serving/job.hpp"

namespace orrery::scenarios {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

ServeQuestion question_of(const std::string& model, const std::vector<std::string>& gpus) {
  ServeQuestion question;
  question.model = find_asked_model(model, "");
  for (const std::string& gpu : gpus) question.gpus.push_back(find_asked_gpu(gpu));
  question.context = 4096;
  question.input.mean = 1000.0;
  question.output.mean = 100.0;
  question.tpot = Seconds{0.05};
  question.ttft = Seconds{1.0};
  return question;
}

std::vector<std::string> described(const std::vector<AskedEngine>& engines) {
  std::vector<std::string> all;
  for (const AskedEngine& engine : engines) all.push_back(describe(engine, 1));
  return all;
}

TEST(Engines, AreEverySplitOfEveryGpuInItsFormats) {
  // bf16 weights leave the format open.
  EXPECT_THAT(described(engines_for(question_of("llama-3.1-8b", {"h100"}), {1})),
              ElementsAre("1 x h100_sxm: 1 x TP 1", "2 x h100_sxm: 1 x TP 2", "4 x h100_sxm: 1 x TP 4",
                          "8 x h100_sxm: 1 x TP 8", "1 x h100_sxm: 1 x TP 1, fp8", "2 x h100_sxm: 1 x TP 2, fp8",
                          "4 x h100_sxm: 1 x TP 4, fp8", "8 x h100_sxm: 1 x TP 8, fp8"));
  ServeQuestion two = question_of("llama-3.1-8b", {"a100"});
  two.gpu_count = 2;
  two.model.weight_dtype = "bf16";
  EXPECT_THAT(
      described(engines_for(two, {1, 2})),
      ElementsAre("1 x a100_sxm: 1 x TP 1, bf16", "2 x a100_sxm: 1 x TP 1 PP 2, bf16", "2 x a100_sxm: 1 x TP 2, bf16"));
}

TEST(Engines, AreThoseOfTheTensorParallelismAndTheFormatThatAreNamed) {
  ServeQuestion question = question_of("llama-3.1-8b-fp8", {"h100"});
  question.tensor_parallel = 4;
  EXPECT_THAT(described(engines_for(question, {1})), ElementsAre("4 x h100_sxm: 1 x TP 4, fp8"));
}

TEST(Engines, StayWithinANode) {
  for (const AskedEngine& engine : engines_for(question_of("llama-3.1-8b", {"l4", "l40s", "h100"}), {1})) {
    EXPECT_LE(engine.tensor_parallel, engine.gpu.per_node);
  }
}

TEST(Engines, KeysAreThoseOfAScenario) {
  const AskedEngine engine{find_asked_gpu("h100"), 4, 1, "fp8"};
  EXPECT_EQ(words_of(engine_keys(engine, 1)),
            "cluster.node=dgx_h100 serving.tensor_parallel=4 serving.weight_dtype=fp8");
  // 5 · 4 = 20 GPUs take three nodes of eight.
  EXPECT_EQ(words_of(engine_keys(engine, 5)),
            "cluster.node=dgx_h100 cluster.nodes=3 cluster.fabric=rail_fat_tree_ndr serving.tensor_parallel=4 "
            "serving.replicas=5 serving.weight_dtype=fp8");
  const AskedEngine deep{find_asked_gpu("h200", "dgx_h100"), 8, 2, ""};
  EXPECT_EQ(words_of(engine_keys(deep, 1)),
            "cluster.node=dgx_h100 cluster.gpu=h200_sxm cluster.nodes=2 cluster.fabric=rail_fat_tree_ndr "
            "serving.tensor_parallel=8 serving.pipeline_parallel=2");
  EXPECT_EQ(describe(deep, 3), "48 x h200_sxm: 3 x TP 8 PP 2");
}

TEST(Engines, TextsAreScenariosThatSayWhatWasAsked) {
  ServeQuestion question = question_of("llama-3.1-8b", {"h100"});
  EXPECT_THAT(serve_text(question), HasSubstr("arrivals: closed_loop"));
  EXPECT_THAT(serve_text(question), HasSubstr("ttft: 1 s\n    tpot: 50 ms\n    attainment: 0.99"));
  EXPECT_NO_THROW((void)parse_scenario(serve_text(question), "ask"));
  for (const char* tpot : {"5us", "0.3s", "2.1ms", "1ns", "24h", "0.33333333333333331s"}) {
    question.tpot = read_time(tpot, "--tpot");
    EXPECT_EQ(serving_job(parse_scenario(serve_text(question), "ask")).config.slo.tpot, question.tpot) << tpot;
  }
  question.tpot = read_time("5us", "--tpot");
  EXPECT_THAT(serve_text(question), HasSubstr("tpot: 5 us\n"));
  question.rate = 2.5;
  question.input = {1155.0, 0.96, 3000};
  question.tpot = Seconds{0.0};
  const std::string by_rate = serve_text(question);
  EXPECT_THAT(by_rate, HasSubstr("arrivals: poisson\n    rate: 2.5\n"));
  EXPECT_THAT(by_rate, HasSubstr("distribution: lognormal, mean: 1155, cv: 0.96"));
  EXPECT_THAT(by_rate, Not(HasSubstr("tpot")));
  EXPECT_NO_THROW((void)parse_scenario(by_rate, "ask"));
  EXPECT_NO_THROW((void)parse_scenario(fit_text(question), "ask"));
  EXPECT_THAT(fit_text(question), StartsWith("scenario: \"llama-3.1-8b with 4,096 tokens of context\""));
}

TEST(Engines, MostPromisingAreThoseOfTheLeastPricePerWork) {
  const ServeQuestion question = question_of("llama-3.1-70b", {"a100", "h100"});
  std::vector<AskedEngine> engines = engines_for(question, {1});
  const std::size_t count = engines.size();
  sort_by_promise(engines, question);
  ASSERT_EQ(engines.size(), count);
  // fp8 on H100 halves the bytes and doubles the rate at one price; of one kind fewer GPUs come first.
  EXPECT_EQ(describe(engines[0], 1), "1 x h100_sxm: 1 x TP 1, fp8");
  EXPECT_EQ(describe(engines[1], 1), "2 x h100_sxm: 1 x TP 2, fp8");
  for (std::size_t i = 0; i + 1 < engines.size(); ++i) {
    const AskedEngine &a = engines[i], &b = engines[i + 1];
    if (a.gpu.name == b.gpu.name && a.weight_dtype == b.weight_dtype) {
      EXPECT_LE(a.gpus(), b.gpus());
    }
  }
}

/// An answer of one plan whose figures are given.
class Binding : public ::testing::Test {
 protected:
  Binding() {
    answer_.kept = {serving_kind().metrics()};
    plan_.engine = {question_.gpus[0], 1, 1, ""};
    plan_.users = 16;
    plan_.holds = true;
    plan_.point = point({});
    plan_.beyond = point({});
  }
  [[nodiscard]] SearchPoint point(const std::map<std::string, double>& figures) const {
    SearchPoint made;
    made.set = engine_keys({question_.gpus[0], 1, 1, ""}, 1);
    for (const MetricRow& row : answer_.kept.rows) {
      const auto found = figures.find(row.name);
      made.values.push_back(found != figures.end() ? found->second : 0.0);
    }
    return made;
  }
  [[nodiscard]] std::string binding() const { return binding_of(question_, answer_, plan_, serve_text(question_)); }

  ServeQuestion question_ = question_of("llama-3.1-8b", {"h100"});
  Answer answer_;
  AskedPlan plan_;
};

TEST_F(Binding, IsTheLimitThatOneUserMoreBreaks) {
  plan_.beyond = point({{"serving.tpot_s.p99", 0.0625}});
  EXPECT_EQ(binding(), "TPOT: with 17 users its p99 is 62.50 ms");
  plan_.beyond = point({{"serving.tpot_s.p99", 0.0625}, {"serving.ttft_s.p99", 2.0}});
  EXPECT_EQ(binding(), "TTFT: with 17 users its p99 is 2.000 s; TPOT: with 17 users its p99 is 62.50 ms");
}

TEST_F(Binding, SaysWhyRequestsWait) {
  plan_.beyond =
      point({{"serving.ttft_s.p99", 2.0}, {"serving.kv_cache_usage.peak", 0.98}, {"serving.kv_cache_tokens", 123456}});
  EXPECT_EQ(binding(), "TTFT: with 17 users its p99 is 2.000 s; KV memory is full (123,456 tokens a replica)");
  plan_.beyond = point({{"serving.ttft_s.p99", 2.0}, {"serving.mean_batch", 1e6}});
  EXPECT_THAT(binding(), HasSubstr("lets no more run at once"));
}

TEST_F(Binding, OfBothLimitsTogetherIsTheirShare) {
  plan_.beyond = point({{"serving.slo_attainment", 0.985}});
  EXPECT_EQ(binding(), "both limits together: with 17 users 98.50 % of the requests are within them");
}

TEST_F(Binding, OfReplicasIsWhatOneLessBreaks) {
  question_.rate = 5.0;
  plan_.replicas = 3;
  plan_.beyond = point({{"serving.ttft_s.p99", 2.0}});
  EXPECT_THAT(binding(), StartsWith("TTFT: with 2 replicas its p99 is 2.000 s"));
  plan_.beyond.reset();
  EXPECT_EQ(binding(), "nothing that was tried");
  plan_.replicas = 1;
  EXPECT_EQ(binding(), "nothing: one replica is enough");
}

TEST_F(Binding, OfMemoryIsTheFirstLineOfItsFinding) {
  plan_.holds = false;
  plan_.point.findings = {{"out_of_memory", "needs 90 GiB\nof which more", false}};
  EXPECT_EQ(binding(), "memory: needs 90 GiB");
  plan_.point.findings.clear();
  plan_.point.reason = "ask:12:3: 8 doesn't divide 12";
  EXPECT_EQ(binding(), "8 doesn't divide 12");
}

TEST_F(Binding, EndsWhereTheSearchDoes) {
  plan_.beyond.reset();
  plan_.users = 100'000;
  EXPECT_EQ(binding(), "nothing up to 100,000 users, where the search ends");
  // 2,000 of each of 64 are 128,000.
  plan_.replicas = 64;
  EXPECT_EQ(binding(), "nothing that was tried");
  plan_.users = 128'000;
  EXPECT_EQ(binding(), "nothing up to 128,000 users, where the search ends");
}

}  // namespace
}  // namespace orrery::scenarios
