// Expert parallelism in a training step: who holds what, what is exchanged, and what it takes.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "models/layer/parameters.hpp"
#include "models/training/expert_groups.hpp"
#include "models/training/memory.hpp"
#include "models/training/parallel.hpp"
#include "models/training/pricing.hpp"
#include "models/training/result.hpp"
#include "models/training/step.hpp"
#include "sim/plan/runnable.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using sim::CollectiveKind;
using sim::CollectiveLibrary;
using testing::gpt_job;
using testing::RooflineTimer;

/// Four layers of 16 experts, two of a token, on 8 GPUs.
TrainingJob moe_job(int expert_parallel, const std::string& exchange = "all_to_all", int nodes = 1) {
  TrainingJob job = gpt_job(4, 16, nodes);
  job.llm.moe.experts = 16, job.llm.moe.topk = 2, job.llm.moe.inter = 1024;
  job.config.attention = AttentionImplementation::flash;
  job.config.global_batch_size = 8 * nodes;
  job.config.expert_parallel = expert_parallel;
  job.config.expert_exchange = exchange;
  return job;
}

std::vector<sim::CollectiveEntry> of_activity(const sim::Plan& plan, sim::Activity activity) {
  std::vector<sim::CollectiveEntry> out;
  std::copy_if(plan.collectives.begin(), plan.collectives.end(), std::back_inserter(out),
               [&](const sim::CollectiveEntry& entry) { return entry.activity == activity; });
  return out;
}

std::string error_of(const TrainingJob& job) {
  const std::vector<JobError> errors = check(job);
  return errors.empty() ? "" : errors.front().key + ": " + errors.front().message;
}

TEST(ExpertParallel, DealsTheExpertsToItsRanks) {
  const TrainingJob whole = moe_job(1), shared = moe_job(4);
  // Two matrices (no gate) of 2048 x 1024 for each of 16 experts.
  const std::int64_t experts = 16 * 2 * 2048 * 1024;
  EXPECT_EQ(layer_parameters_per_rank(whole, 0) - layer_parameters_per_rank(shared, 0), experts * 3 / 4);
  EXPECT_EQ(layer_expert_parameters_per_rank(shared, 0), experts / 4);
  EXPECT_EQ(stage_expert_parameters_per_rank(shared, 0), 4 * experts / 4);
  EXPECT_EQ(stage_expert_parameters_per_rank(whole, 0), 0);
  EXPECT_EQ(expert_data_parallel(shared), 2);
}

TEST(ExpertParallel, ExchangesTokensInEveryPass) {
  const TrainingJob job = moe_job(4);
  ASSERT_EQ(error_of(job), "");
  const sim::Plan plan = lower(job);
  const auto exchanges = of_activity(plan, sim::Activity::expert_parallel);
  ASSERT_EQ(exchanges.size(), 2u);  // dispatch and combine; the backward pass sends as many bytes the same way
  for (const sim::CollectiveEntry& entry : exchanges) {
    EXPECT_EQ(entry.kind, CollectiveKind::all_to_all);
    EXPECT_EQ(entry.library, CollectiveLibrary::nccl);
    EXPECT_EQ(entry.bytes, Bytes{2048.0 * 2.0 * 2048.0 * 2.0});  // tokens, k, hidden, 2 bytes
    EXPECT_EQ(plan.groups[entry.group.index()].size(), 4);
  }
}

TEST(ExpertParallel, ReducesAnExpertsGradientsAmongItsReplicas) {
  const sim::Plan plan = lower(moe_job(4));
  double experts = 0.0;
  for (const sim::CollectiveEntry& entry : of_activity(plan, sim::Activity::data_parallel)) {
    if (plan.labels[entry.label.index()] == "expert gradient bucket") {
      EXPECT_EQ(plan.groups[entry.group.index()].size(), 2);
      experts += entry.bytes.value();
    }
  }
  EXPECT_GT(experts, 0.0);
  // All eight share them: none has a replica.
  for (const sim::CollectiveEntry& entry : of_activity(lower(moe_job(8)), sim::Activity::data_parallel)) {
    EXPECT_EQ(lower(moe_job(8)).groups[entry.group.index()].size(), 8);
  }
}

TEST(ExpertParallel, SavesTheMemoryOfTheExpertsItDoesNotHold) {
  const RooflineTimer timer;
  const StageMemory one = predict(moe_job(1), timer).memory[0], four = predict(moe_job(4), timer).memory[0];
  const double away = 4.0 * 16 * 2 * 2048 * 1024 * 3 / 4;
  EXPECT_NEAR((one.weights - four.weights).value(), away * 2.0, 1.0);
  EXPECT_NEAR((one.gradients - four.gradients).value(), away * 4.0, 1.0);
  EXPECT_NEAR((one.optimizer - four.optimizer).value(), away * 12.0, 1.0);
}

TEST(ExpertParallel, ShardsTheOptimizerOfAnExpertOverItsReplicasAlone) {
  TrainingJob job = moe_job(4);
  job.config.zero = ZeroStage::optimizer;
  const std::int64_t experts = stage_expert_parameters_per_rank(job, 0);
  const std::int64_t others = stage_parameters_per_rank(job, 0) - experts;
  const StageMemory memory = predict(job, RooflineTimer{}).memory[0];
  EXPECT_NEAR(memory.optimizer.value(), 12.0 * (static_cast<double>(others) / 8.0 + static_cast<double>(experts) / 2.0),
              1.0);
}

TEST(ExpertParallel, TakesThePriceOfTheExchange) {
  const TrainingJob job = moe_job(8, "deepep_normal");
  ASSERT_EQ(error_of(job), "");
  const sim::Plan plan = lower(job);
  const RooflineTimer timer;
  const TrainingPrices prices = training_prices(job, timer);
  const auto exchanges = of_activity(plan, sim::Activity::expert_parallel);
  ASSERT_EQ(exchanges.size(), 2u);
  ExchangeShape shape = exchange_shape(job);
  shape.dispatch = Dtype::bf16;
  for (const sim::CollectiveEntry& entry : exchanges) {
    EXPECT_EQ(entry.library, CollectiveLibrary::sparse_exchange);
    const auto phase = entry.kind == CollectiveKind::all_to_all ? ExchangePhase::dispatch : ExchangePhase::combine;
    EXPECT_EQ(prices.time(entry, plan),
              find_expert_exchange("deepep_normal")->price(shape, phase, job.cluster.site(0)).time);
    const sim::CollectivePrice why = prices.explain(entry, plan);
    EXPECT_EQ(why.estimate.algorithm, "deepep_normal");
    EXPECT_NEAR(why.total().value(), prices.time(entry, plan).value(), 1e-15);
    EXPECT_EQ(why.estimate.extrapolated, "no fit saw test_gpu");
    EXPECT_EQ(why.bound.link_class, "nvlink");
    EXPECT_EQ(why.bound.bytes, why.load.node);
    EXPECT_EQ(why.sms, 20) << "of DeepEP's kernels, taken from what runs beside them where GPUs are shared";
  }
}

// Between nodes DeepEP's normal kernels send a row once to each node, its low-latency ones once to each expert.
TEST(ExpertParallel, PutsOnTheNetworkWhatTheKernelsSend) {
  const Bytes row{2048.0 * 2.0};
  const auto sent = [](const std::string& exchange) {
    const TrainingJob job = moe_job(16, exchange, 2);
    EXPECT_EQ(error_of(job), "");
    return of_activity(lower(job), sim::Activity::expert_parallel).front().bytes;
  };
  // Two of 16 experts, eight a node: both on one node by 7 draws of 15.
  EXPECT_NEAR(sent("deepep_normal").value(), 2048.0 * row.value() * 2.0 * (1.0 - 0.5 * 7.0 / 15.0), 1.0);
}

// Pipeline stages are neighbours, so that the eight ranks that share the experts lie on two nodes of eight.
TEST(ExpertParallel, TheGroupsRealPlaceDecidesWhatGoesWhere) {
  TrainingJob job = moe_job(8, "deepep_normal", 2);
  job.config.pipeline_parallel = 2;
  job.placement.order = {MeshAxis::tensor, MeshAxis::pipeline, MeshAxis::data};
  ASSERT_EQ(error_of(job), "");
  const ExchangeShape shape = exchange_shape(job);
  EXPECT_EQ(shape.nodes, 2);
  const sim::Plan plan = lower(job);
  const RooflineTimer timer;
  const TrainingPrices prices = training_prices(job, timer);
  for (const sim::CollectiveEntry& entry : of_activity(plan, sim::Activity::expert_parallel)) {
    EXPECT_EQ(prices.call_of(entry, plan).nodes, 2);
    // Two of 16 experts, eight a node: both on one node by 7 draws of 15. Half of what is sent crosses the network.
    EXPECT_NEAR(entry.bytes.value(), 2048.0 * 4096.0 * 2.0 * (1.0 - 0.5 * 7.0 / 15.0), 1.0);
    EXPECT_NEAR(prices.explain(entry, plan).load.network.value(), 0.5 * entry.bytes.value(), 1.0);
    EXPECT_EQ(prices.explain(entry, plan).bound.link_class, "nic");
  }
  job.config.expert_exchange = "nvlink_two_sided";
  EXPECT_THAT(error_of(job), ::testing::HasSubstr("8 ranks are on 2 (data-parallel ranks 0 to 7 of stage 0)"));
  job.placement.order = kMegatronOrder;
  EXPECT_EQ(error_of(job), "");
  job.placement.per_node = 4;  // of each of four nodes
  job.cluster.groups.front().count = 4;
  EXPECT_THAT(error_of(job), ::testing::HasSubstr("8 ranks are on 2 (data-parallel ranks 0 to 7 of stage 0)"));
}

// Nodes of six: ranks 4 to 7 are on two of them, the others on one. Those decide for all.
TEST(ExpertParallel, TheGroupOnMostNodesDecides) {
  TrainingJob job = moe_job(4, "nvlink_two_sided", 2);
  job.cluster.groups.front().node.gpus = 6;
  job.config.global_batch_size = 12;
  EXPECT_THAT(error_of(job), ::testing::HasSubstr("4 ranks are on 2 (data-parallel ranks 4 to 7 of stage 0)"));
  job.config.expert_exchange = "deepep_normal";
  EXPECT_EQ(error_of(job), "");
  EXPECT_EQ(exchange_shape(job).nodes, 2);
  job.cluster.groups.front().count = 1, job.cluster.groups.front().node.gpus = 4;
  job.cluster.groups.push_back(job.cluster.groups.front());  // four and eight GPUs: no group is on both
  job.cluster.groups.back().node.gpus = 8;
  EXPECT_EQ(error_of(job), "");
  EXPECT_EQ(exchange_shape(job).nodes, 1);
}

TEST(ExpertParallel, GroupsThatStraddleNodesUnevenlyAreNamed) {
  TrainingJob job = moe_job(3, "all_to_all", 2);
  job.llm.moe.experts = 12;
  job.config.data_parallel = 15, job.config.global_batch_size = 15;
  EXPECT_EQ(error_of(job),
            "training.expert_parallel: data-parallel ranks 6 to 8 of stage 0 would straddle nodes unevenly: 2 on node "
            "0, 1 on node 1");
  job = moe_job(20, "all_to_all", 3);
  job.llm.moe.experts = 20;
  job.config.data_parallel = 20, job.config.global_batch_size = 20;
  EXPECT_THAT(error_of(job), ::testing::HasSubstr("unevenly: 8 on node 0, 4 on node 2"));
}

TEST(ExpertParallel, TheMostLoadedRankKeepsMoreTokens) {
  TrainingJob job = moe_job(8);
  const Bytes even = layer_activations(job, 0, false);
  job.config.expert_imbalance = 1.5;
  // Half as many again of two copies of 2048 tokens: 2048 values in, and 1024 up and 1024 of the activation.
  EXPECT_NEAR((layer_activations(job, 0, false) - even).value(), 0.5 * 2.0 * 2048.0 * (2048.0 + 2048.0) * 2.0, 1.0);
}

TEST(ExpertParallel, AnAllGatherHoldsAllRanksTokens) {
  const RooflineTimer timer;
  const auto held = [&](const std::string& exchange) {
    return predict(moe_job(8, exchange), timer).memory[0].workspace;
  };
  // Gathered, and the sums before they are reduced: 8 x 2048 tokens of 2048 values in 16 bits each.
  EXPECT_NEAR((held("all_gather") - held("all_to_all")).value(), 2.0 * 8.0 * 2048.0 * 2048.0 * 2.0, 1.0);
}

TEST(ExpertParallel, LastsLongerWhereOneRankGetsMore) {
  TrainingJob job = moe_job(8, "deepep_normal");
  const RooflineTimer timer;
  const Seconds even = predict(job, timer).step_time;
  job.config.expert_imbalance = 2.0;
  EXPECT_GT(predict(job, timer).step_time, even);
}

// Leaves of four nodes whose up-links carry a quarter of the cards: of 8 nodes each GPU sends 7/8 of a buffer off its
// node, 4/7 of that to the other leaf. Four layers exchange twice on the way forward and twice on the way back.
TEST(ExpertParallel, WaitsForTheUpLinksThatItsMessagesCross) {
  const auto step = [](std::string_view fabric, double oversubscription) {
    TrainingJob job = moe_job(64, "all_to_all", 8);
    job.llm.moe.experts = 64;
    job.config.overlap_gradient_reduce = false;  // nothing else on the links meanwhile
    job.cluster = hardware::make_cluster("dgx_h100", fabric, 8);
    job.cluster.fabric.oversubscription = oversubscription;
    EXPECT_EQ(error_of(job), "");
    const RooflineTimer timer;
    TrainingOptions apart;
    apart.classes = unfolded(make_mesh(job));
    const TrainingResult folded = predict(job, timer);
    EXPECT_EQ(folded.step_time, predict(job, timer, apart).step_time) << fabric;
    return folded.step_time.value();
  };
  const double off_node = 2048.0 * 2.0 * 2048.0 * 2.0 * 7.0 / 8.0;
  EXPECT_NEAR(step("fat_tree_ndr_4to1", 4.0) - step("fat_tree_ndr_4to1", 1.0),
              16.0 * off_node / (0.85 * 50e9) * (4.0 * 4.0 / 7.0 - 1.0), 1e-8);
}

// What each rank does by itself agrees with the folded step.
TEST(ExpertParallel, FoldedAndUnfoldedStepsAgree) {
  for (const int ep : {2, 8}) {
    const TrainingJob job = moe_job(ep, "deepep_normal");
    const RooflineTimer timer;
    TrainingOptions apart;
    apart.classes = unfolded(make_mesh(job));
    EXPECT_EQ(predict(job, timer).step_time, predict(job, timer, apart).step_time) << ep;
  }
}

TEST(ExpertParallel, RefusesWhatItCannotDeal) {
  using ::testing::HasSubstr;
  EXPECT_THAT(error_of(moe_job(3)), HasSubstr("training.expert_parallel: 3 does not divide data_parallel (8)"));
  TrainingJob job = moe_job(8);
  job.llm.moe.experts = 12;
  EXPECT_THAT(error_of(job), HasSubstr("does not divide the 12 experts"));
  job = moe_job(4), job.llm.moe = {};
  EXPECT_THAT(error_of(job), HasSubstr("has no routed experts"));
  job = moe_job(4), job.config.tensor_parallel = 2;
  EXPECT_THAT(error_of(job), HasSubstr("needs tensor_parallel 1"));
  job = moe_job(16, "nvlink_two_sided", 2);
  EXPECT_THAT(error_of(job), HasSubstr("training.expert_exchange: nvlink_two_sided: stays in one domain"));
  EXPECT_THAT(error_of(moe_job(4, "deepep")), HasSubstr("unknown expert exchange 'deepep'"));
  job = moe_job(8, "deepep_normal"), job.config.expert_exchange_sms = 110;
  EXPECT_THAT(error_of(job), HasSubstr("training.expert_exchange_sms: 110 are more than the 108 SMs of test_gpu"));
  job = moe_job(16, "deepep_normal", 2), job.config.expert_group_limit = 3;
  EXPECT_THAT(error_of(job), HasSubstr("training.expert_group_limit: 3 is more than the 2 nodes"));
  job = moe_job(8), job.config.expert_imbalance = 8.5;
  EXPECT_THAT(error_of(job),
              HasSubstr("training.expert_imbalance: all_to_all: the most loaded of 8 ranks gets 8 times"));
  job.config.expert_imbalance = 0.5;
  EXPECT_THAT(error_of(job), HasSubstr("training.expert_imbalance: all_to_all: the most loaded rank gets the mean"));
}

TEST(ExpertParallel, RefusesKeysThatItsExchangeDoesNotRead) {
  using ::testing::HasSubstr;
  TrainingJob job = moe_job(8);
  job.config.expert_exchange_sms = 24;
  EXPECT_THAT(error_of(job),
              HasSubstr("training.expert_exchange_sms: all_to_all does not let one choose its SMs; flex, "
                        "deepep_normal do"));
  job = moe_job(16, "all_gather", 2), job.config.expert_group_limit = 1;
  EXPECT_THAT(error_of(job), HasSubstr("training.expert_group_limit: all_gather sends a token as often"));
  job = moe_job(8, "deepep_normal"), job.config.expert_exchange_sms = 23;
  EXPECT_THAT(
      error_of(job),
      HasSubstr("training.expert_exchange_sms: deepep_normal: sends and receives with SMs in pairs: 23 is odd"));
  job = moe_job(1), job.config.expert_imbalance = 1.5;
  EXPECT_THAT(error_of(job), HasSubstr("training.expert_imbalance: tells of an exchange that one rank"));
}

// What is wrong is told of the key that makes it so, whichever else could be read into it.
TEST(ExpertParallel, BlamesTheKeyThatBreaksTheRule) {
  using ::testing::StartsWith;
  // 4 experts of 16 a node don't hold a token's 8 of one node.
  TrainingJob job = moe_job(16, "deepep_normal", 4);
  job.llm.moe.topk = 8, job.config.data_parallel = 16, job.config.expert_group_limit = 1;
  job.cluster.groups.front().node.gpus = 4;
  EXPECT_THAT(error_of(job), StartsWith("training.expert_group_limit: deepep_normal: 8 experts don't fit on 1 of 4"));
  job.config.expert_group_limit = 2;
  EXPECT_EQ(error_of(job), "");
  // Two rules at once: each is told of its own key, the shape's before the site's.
  job.config.expert_imbalance = 16.0, job.config.expert_exchange_sms = 23;
  EXPECT_THAT(error_of(job), StartsWith("training.expert_imbalance: "));
  job.config.expert_imbalance = 1.0;
  job.cluster.groups.front().gpu.nvlink_bandwidth = BytesPerSecond{0.0};
  EXPECT_THAT(error_of(job), StartsWith("training.expert_exchange_sms: deepep_normal: sends and receives"));
  job.config.expert_exchange_sms = 24;
  EXPECT_THAT(error_of(job), StartsWith("training.expert_exchange: deepep_normal: needs NVLink"));
}

// DeepEP's low-latency kernels are for batches that decode: less than 256 tokens a rank, and no more than 1,024.
TEST(ExpertParallel, RefusesMoreTokensThanALibraryHasRoomFor) {
  using ::testing::HasSubstr;
  TrainingJob job = moe_job(8, "deepep_low_latency");
  EXPECT_THAT(error_of(job), HasSubstr("training.expert_exchange: deepep_low_latency takes 1024 tokens of a rank at "
                                       "most, not 2048"));
  job.config.sequence_length = 256;
  EXPECT_EQ(error_of(job), "");
  EXPECT_THAT(too_many_tokens(job), HasSubstr("deepep_low_latency sends 256 tokens of a rank; its library recommends "
                                              "less than 256"));
  job.config.sequence_length = 128;
  EXPECT_EQ(too_many_tokens(job), "");
  EXPECT_EQ(too_many_tokens(moe_job(8)), "");
}

}  // namespace
}  // namespace orrery::models
