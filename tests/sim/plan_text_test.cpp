// The text form: golden lines, the round trip, and messages with line numbers.
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "sim/plan/plan.hpp"
#include "tests/sim/random_plan.hpp"

namespace orrery::sim {
namespace {

/// One entry of every kind, with values that a careless writer would lose.
Plan every_kind() {
  PlanBuilder b;
  const RankId r0 = b.add_rank("stage \"0\"", 8, 1);
  const RankId r1 = b.add_rank("stage\n1");
  const GroupId g = b.add_group({"tp 0", {r0, r1}, 16, 2});
  const StreamId s0 = b.stream(r0, Lane::compute);
  const StreamId s1 = b.stream(r1, Lane::compute);
  kernels::GemmShape gemm;
  gemm.dtype = Dtype::fp8_block;
  gemm.m = 1;
  gemm.n = 9'007'199'254'740'993;
  gemm.k = 3;
  gemm.weights = kernels::CacheState::warm;
  gemm.implementation = kernels::Implementation::trtllm;
  gemm.accumulate = true;
  b.launch(s0, gemm, "qkv # not a comment", Activity::forward, 96);
  kernels::AttentionPrefillShape prefill;
  prefill.causal = false;
  prefill.v_head_dim = 128;
  prefill.pass = kernels::Pass::backward;
  b.launch(s0, prefill, "attention", Activity::backward);
  kernels::AttentionDecodeShape decode;
  decode.latent_dim = 576;
  b.launch(s0, decode, "decode", Activity::forward);
  kernels::MoeShape moe;
  moe.load = kernels::ExpertLoad::power_law_1_2;
  moe.gated = false;
  b.launch(s0, moe, "experts", Activity::forward);
  kernels::MemoryShape memory;
  memory.op = kernels::MemoryOp::adam;
  memory.read = Bytes{0.1};
  memory.flops_per_element = 1.0 / 3.0;
  b.launch(s0, memory, "adam", Activity::optimizer);
  b.launch(s0, kernels::HostCopyShape{1_MiB, false, false}, "as a kernel", Activity::other);
  for (const StreamId s : {s0, s1}) {
    b.collective(s, CollectiveKind::reduce_scatter, Bytes{1e15}, g, "rs", Activity::data_parallel);
  }
  const auto t = b.transfer({r0, r1, 1_KiB, true, b.label("p2p"), Activity::pipeline});
  b.send(s0, t);
  b.recv(s1, t);
  b.copy(s1, {1_GiB, false, true}, "offload");
  const EventId e = b.record(s0);
  b.wait(b.stream(r0, Lane::recv_next), e);
  b.alloc(s1, 3_B, MemoryKind::kv_cache);
  b.free(s1, 3_B, MemoryKind::kv_cache);
  b.mark(s1, "done");
  return b.take();
}

TEST(PlanText, EveryKindOfEntryReadsBack) {
  const Plan plan = every_kind();
  ASSERT_TRUE(check(plan).empty());
  const std::string text = to_text(plan);
  const Plan again = plan_from_text(text);
  EXPECT_EQ(to_text(again), text);
  ASSERT_EQ(again.kernels.size(), plan.kernels.size());
  for (std::size_t i = 0; i < plan.kernels.size(); ++i) {
    EXPECT_TRUE(again.kernels[i].kernel == plan.kernels[i].kernel) << "kernel " << i;
    EXPECT_EQ(again.kernels[i].repeat, plan.kernels[i].repeat);
  }
  EXPECT_EQ(std::get<kernels::GemmShape>(again.kernels[0].kernel).n, 9'007'199'254'740'993);
  EXPECT_EQ(std::get<kernels::MemoryShape>(again.kernels[4].kernel).flops_per_element, 1.0 / 3.0);
  EXPECT_EQ(again.ranks[0].name, "stage \"0\"");
  EXPECT_EQ(again.ranks[1].name, "stage\n1");
  EXPECT_EQ(again.ranks[0].multiplicity, 8);
  EXPECT_EQ(again.groups[0].members, plan.groups[0].members);
  EXPECT_EQ(again.labels, plan.labels);
  EXPECT_EQ(again.events, plan.events);
  EXPECT_EQ(again.step_count(), plan.step_count());
}

TEST(PlanText, TheFormIsStable) {
  PlanBuilder b;
  const RankId r = b.add_rank("gpu", 8);
  const StreamId s = b.stream(r, Lane::compute);
  kernels::GemmShape gemm;
  gemm.m = 8192;
  gemm.n = 4096;
  gemm.k = 1024;
  b.launch(s, gemm, "qkv", Activity::forward, 2);
  b.alloc(s, 1_KiB, MemoryKind::weights);
  (void)b.record(s);
  EXPECT_EQ(to_text(b.take()),
            "orrery_plan 1\n"
            "rank \"gpu\" multiplicity=8 node=0\n"
            "label \"qkv\"\n"
            "kernel label=0 activity=forward repeat=2 gemm dtype=bf16 m=8192 n=4096 k=1024 batch=1 weights=cold "
            "implementation=automatic accumulate=0\n"
            "memory bytes=1024 kind=weights\n"
            "events 1\n"
            "stream rank=0 lane=compute\n"
            "  launch 0 # \"qkv\"\n"
            "  alloc 0\n"
            "  record 0\n");
}

TEST(PlanText, RandomPlansReadBack) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    testing::RandomPlan random(seed);
    const Plan plan = random.make(1 + random.below(6), random.below(300));
    const std::string text = to_text(plan);
    const Plan again = plan_from_text(text);
    ASSERT_EQ(to_text(again), text) << "seed " << seed;
    const Durations durations = random.durations(plan, 1000);
    ASSERT_EQ(evaluate(again, durations).makespan, evaluate(plan, durations).makespan);
  }
}

std::string message_of(const std::string& text) {
  try {
    (void)plan_from_text(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

TEST(PlanText, MalformedTextIsRefusedWithItsLine) {
  const std::string head = "orrery_plan 1\n";
  EXPECT_EQ(message_of(""), "plan text, line 1: the text is empty");
  EXPECT_EQ(message_of("plan 2\n"), "plan text, line 1: expected \"orrery_plan 1\"");
  EXPECT_EQ(message_of(head + "rank gpu"), "plan text, line 2: expected a quoted string");
  EXPECT_EQ(message_of(head + "rank \"gpu"), "plan text, line 2: a quoted string does not end");
  EXPECT_EQ(message_of(head + "rank \"gpu\" multiplicity=x node=0"),
            "plan text, line 2: \"multiplicity=x\" has no such value");
  EXPECT_EQ(message_of(head + "rank \"gpu\" node=0"),
            "plan text, line 2: expected \"multiplicity=\", found \"node=0\"");
  EXPECT_EQ(message_of(head + "rank \"gpu\" multiplicity=1"), "plan text, line 2: a word is missing");
  EXPECT_EQ(message_of(head + "rank \"gpu\" multiplicity=1 node=0 more"), "plan text, line 2: \"more\" is too much");
  EXPECT_EQ(message_of(head + "\n# note\nlaunch 0"), "plan text, line 4: a step stands before the first stream");
  EXPECT_EQ(message_of(head + "jump 0"), "plan text, line 2: \"jump\" is no table and no step");
  EXPECT_EQ(message_of(head + "stream rank=0 lane=compute\n  launch -1"),
            "plan text, line 3: \"-1\" is not what belongs here");
  EXPECT_EQ(message_of(head + "memory bytes=1 kind=gold"), "plan text, line 2: \"kind=gold\" has no such value");
  EXPECT_EQ(message_of(head + "kernel label=0 activity=other repeat=1 conv"),
            "plan text, line 2: no kernel shape is called \"conv\"");
}

}  // namespace
}  // namespace orrery::sim
