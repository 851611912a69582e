// The text form: golden lines, the round trip, and messages with line numbers.
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "kernels/fields.hpp"
#include "sim/plan/builder.hpp"
#include "sim/plan/evaluate.hpp"
#include "tests/sim/lanes.hpp"
#include "tests/sim/plan_text_reader.hpp"
#include "tests/sim/random_plan.hpp"

namespace orrery::sim {
namespace {

/// A block of two lanes, called twice, a custom collective, a kernel that runs beside another, a named lane.
void write_more(PlanBuilder& b, RankId rank) {
  b.name_lane(communication(5), "side \"5\"");
  const GroupId own = b.add_group({"own", {rank}, {{2, 1}, {4, 16}}, {0, 3, 4, 5}});
  CollectiveEntry custom;
  custom.kind = CollectiveKind::all_reduce;
  custom.bytes = 1_MiB;
  custom.group = own;
  custom.label = b.label("custom");
  custom.dtype = Dtype::fp32;
  custom.library = CollectiveLibrary::custom_eager;
  custom.implementation = kernels::Implementation::vllm;
  KernelEntry beside;
  beside.kernel = kernels::AttentionDecodeShape{};
  beside.label = custom.label;
  beside.activity = Activity::mixed;
  beside.launch = LaunchPath::joined;
  beside.beside.emplace().q_len = 512;
  b.begin_block(rank, "pass \"0\"");
  b.collective(b.stream(rank, kCompute), b.add(custom));
  b.wait(b.stream(rank, communication(5)), b.record(b.stream(rank, kCompute)));
  b.launch(b.stream(rank, communication(5)), b.add(beside));
  b.copy(b.stream(rank, communication(5)), {1_KiB, true, true}, "in a block");
  const std::uint32_t block = b.end_block();
  b.call(rank, block);
  b.call(rank, block);
}

/// One entry of every kind, with values that a careless writer would lose.
Plan every_kind() {
  PlanBuilder b;
  const RankId r0 = b.add_rank("stage \"0\"", 8, 16);
  const RankId r1 = b.add_rank({"stage\n1", {3, 4, 5, 6, 7, 9, 10, 12}, 1});
  const GroupId g = b.add_group(Group::of("tp 0", {r0, r1}, 16));
  const StreamId s0 = b.stream(r0, kCompute);
  const StreamId s1 = b.stream(r1, kCompute);
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
  const auto t = b.transfer({r0, r1, 1_KiB, b.label("p2p"), Activity::pipeline});
  b.send(s0, t);
  b.recv(s1, t);
  b.copy(s1, {1_GiB, false, true}, "offload");
  const EventId e = b.record(s0);
  b.wait(b.stream(r0, communication(5)), e);
  b.alloc(s1, 3_B, MemoryKind::kv_cache);
  b.free(s1, 3_B, MemoryKind::kv_cache);
  b.mark(s1, {b.label("done"), 1, -2, 3});
  write_more(b, r0);
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
  EXPECT_EQ(again.ranks[0].stands_for, plan.ranks[0].stands_for);
  EXPECT_EQ(again.ranks[1].stands_for, plan.ranks[1].stands_for);
  EXPECT_EQ(again.ranks[1].gpu_class, 1u);
  EXPECT_EQ(again.groups[0].members, plan.groups[0].members);
  EXPECT_EQ(again.groups[1].axes, plan.groups[1].axes);
  EXPECT_EQ(again.groups[1].bases, plan.groups[1].bases);
  EXPECT_EQ(again.collectives, plan.collectives);
  EXPECT_EQ(again.transfers, plan.transfers);
  EXPECT_EQ(again.marks, plan.marks);
  ASSERT_TRUE(again.kernels.back().beside.has_value());
  EXPECT_EQ(again.kernels.back().beside->q_len, 512);
  EXPECT_EQ(again.kernels.back().launch, LaunchPath::joined);
  EXPECT_EQ(lane_name(again.lane_names, communication(5)), "side \"5\"");
  ASSERT_EQ(again.blocks.size(), 1u);
  EXPECT_EQ(again.blocks[0].name, "pass \"0\"");
  EXPECT_EQ(again.blocks[0].events, 1u);
  EXPECT_EQ(again.blocks[0].parts.at(1).lane, communication(5));
  EXPECT_EQ(again.blocks[0].parts.at(1).steps.size(), 3u);
  ASSERT_EQ(again.calls.size(), 2u);
  EXPECT_EQ(again.calls[1].first_event, plan.calls[1].first_event);
  EXPECT_EQ(again.labels, plan.labels);
  EXPECT_EQ(again.events, plan.events);
  EXPECT_EQ(again.step_count(), plan.step_count());
}

void distinguish(bool& value, int) { value = !value; }
void distinguish(std::int64_t& value, int i) { value = 1000 + i; }
void distinguish(double& value, int i) { value = 0.1 + i; }
void distinguish(Bytes& value, int i) { value = Bytes{0.3 + i}; }
template <class Enum>
void distinguish(Enum& value, int) {
  value = static_cast<Enum>(1);
}

TEST(PlanText, EveryFieldOfEveryKernelShapeReadsBack) {
  std::vector<kernels::Kernel> shapes = {
      kernels::GemmShape{}, kernels::AttentionPrefillShape{}, kernels::AttentionDecodeShape{},
      kernels::MoeShape{},  kernels::MemoryShape{},           kernels::HostCopyShape{}};
  PlanBuilder b;
  const StreamId stream = b.stream(b.add_rank("rank", 1, 0), kCompute);
  for (kernels::Kernel& kernel : shapes) {
    int i = 0;
    const auto each = [&i](std::string_view, auto& value) { distinguish(value, i++); };
    std::visit([&each](auto& shape) { kernels::for_each_field(shape, each); }, kernel);
    b.launch(stream, kernel, "kernel", Activity::other);
  }
  const Plan again = plan_from_text(to_text(b.take()));
  ASSERT_EQ(again.kernels.size(), shapes.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) EXPECT_TRUE(again.kernels[i].kernel == shapes[i]) << i;
}

TEST(PlanText, TheFormIsStable) {
  PlanBuilder b;
  const RankId r = b.add_rank("gpu", 8);
  const StreamId s = b.stream(r, kCompute);
  kernels::GemmShape gemm;
  gemm.m = 8192;
  gemm.n = 4096;
  gemm.k = 1024;
  b.launch(s, gemm, "qkv", Activity::forward, 2);
  b.alloc(s, 1_KiB, MemoryKind::weights);
  (void)b.record(s);
  EXPECT_EQ(to_text(b.take()),
            "orrery_plan 2\n"
            "rank \"gpu\" stands_for=0-7 gpu_class=0\n"
            "label \"qkv\"\n"
            "kernel label=0 activity=forward repeat=2 launch=stream gemm dtype=bf16 m=8192 n=4096 k=1024 batch=1 "
            "weights=cold "
            "implementation=automatic accumulate=0 strided=0\n"
            "memory bytes=1024 kind=weights\n"
            "events 1\n"
            "stream rank=0 lane=compute number=0\n"
            "  launch 0 # \"qkv\"\n"
            "  alloc 0\n"
            "  record 0\n");
}

TEST(PlanText, BlocksStandBeforeTheStreamsThatCallThem) {
  PlanBuilder b;
  const RankId r = b.add_rank("gpu");
  b.name_lane(communication(1), "side");
  b.begin_block(r, "pass");
  (void)b.record(b.stream(r, kCompute));
  b.wait(b.stream(r, communication(1)), EventId(0));
  const std::uint32_t block = b.end_block();
  b.mark(b.stream(r, kCompute), {b.label("m"), 0, 2, 1});
  b.call(r, block);
  EXPECT_EQ(to_text(b.take()),
            "orrery_plan 2\n"
            "rank \"gpu\" stands_for=0 gpu_class=0\n"
            "label \"m\"\n"
            "mark label=0 pass=0 microbatch=2 chunk=1\n"
            "lane \"side\" lane=communication number=1\n"
            "events 1\n"
            "block \"pass\" events=1\n"
            " part lane=compute number=0\n"
            "  record 0\n"
            " part lane=communication number=1\n"
            "  wait 0\n"
            "call block=0 first_event=0\n"
            "stream rank=0 lane=compute number=0\n"
            "  mark 0 # \"m\"\n"
            "  call 0 # \"pass\"\n"
            "stream rank=0 lane=communication number=1\n"
            "  call 0 # \"pass\"\n");
}

TEST(PlanText, RandomPlansReadBack) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    testing::RandomPlan random(seed);
    const Plan plan = random.make(1 + random.below(6), random.below(300));
    const std::string text = to_text(plan);
    const Plan again = plan_from_text(text);
    ASSERT_EQ(to_text(again), text) << "seed " << seed;
    const Durations durations = random.durations(plan, 1000);
    ASSERT_EQ(evaluate(RunnablePlan(again), durations).makespan, evaluate(RunnablePlan(plan), durations).makespan);
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
  const std::string head = "orrery_plan 2\n";
  EXPECT_EQ(message_of(""), "plan text, line 1: the text is empty");
  EXPECT_EQ(message_of("plan 3\n"), "plan text, line 1: expected \"orrery_plan 2\"");
  EXPECT_EQ(message_of(head + "rank gpu"), "plan text, line 2: expected a quoted string");
  EXPECT_EQ(message_of(head + "rank \"gpu"), "plan text, line 2: a quoted string does not end");
  EXPECT_EQ(message_of(head + "rank \"gpu\" stands_for=x gpu_class=0"),
            "plan text, line 2: \"stands_for=x\" has no such value");
  EXPECT_EQ(message_of(head + "rank \"gpu\" gpu_class=0"),
            "plan text, line 2: expected \"stands_for=\", found \"gpu_class=0\"");
  EXPECT_EQ(message_of(head + "rank \"gpu\" stands_for=1"), "plan text, line 2: a word is missing");
  EXPECT_EQ(message_of(head + "rank \"gpu\" stands_for=1 gpu_class=0 more"), "plan text, line 2: \"more\" is too much");
  EXPECT_EQ(message_of(head + "\n# note\nlaunch 0"), "plan text, line 4: a step stands before the first stream");
  EXPECT_EQ(message_of(head + "jump 0"), "plan text, line 2: \"jump\" is no table and no step");
  EXPECT_EQ(message_of(head + "stream rank=0 lane=compute number=0\n  launch -1"),
            "plan text, line 3: \"-1\" is not what belongs here");
  EXPECT_EQ(message_of(head + " part lane=compute number=0"),
            "plan text, line 2: a part stands before the first block");
  EXPECT_EQ(message_of(head + "block \"b\" events=0\nlaunch 0"),
            "plan text, line 3: a step stands before the first stream");
  EXPECT_EQ(message_of(head + "rank \"gpu\" stands_for=3-1 gpu_class=0"),
            "plan text, line 2: \"stands_for=3-1\" has no such value");
  EXPECT_EQ(message_of(head + "rank \"gpu\" stands_for=0-4294967295 gpu_class=0"),
            "plan text, line 2: \"stands_for=0-4294967295\" has no such value");
  EXPECT_EQ(message_of(head + "group \"g\" axes=4 bases=0 0"), "plan text, line 2: \"axes=4\" has no such value");
  EXPECT_EQ(message_of(head + "memory bytes=1 kind=gold"), "plan text, line 2: \"kind=gold\" has no such value");
  EXPECT_EQ(message_of(head + "kernel label=0 activity=other repeat=1 launch=graph conv"),
            "plan text, line 2: no kernel shape is called \"conv\"");
}

// Readers make room for every event, so a number alone must not fill the memory.
TEST(PlanText, EventsThatNoStepNamesAreRefusedWithTheirLine) {
  const std::string rank = "orrery_plan 2\nrank \"r\" stands_for=0 gpu_class=0\n";
  const std::string stream = "stream rank=0 lane=compute number=0\n  record 0\n  wait 0\n";
  EXPECT_EQ(message_of(rank + "events 4294967295\n"),
            "plan text, line 3: 4294967295 events, but steps and calls name 0 at most");
  EXPECT_EQ(message_of(rank + "events 3\n" + stream),
            "plan text, line 3: 3 events, but steps and calls name 2 at most");
  EXPECT_EQ(message_of(rank + "events 2\n" + stream), "no error") << "a wait alone is for the check to refuse";
  // Line 4: a block with one record has room for one event; two calls of it make two of the plan's.
  const std::string part = " part lane=compute number=0\n  record 0\n";
  EXPECT_EQ(message_of(rank + "events 0\nblock \"b\" events=9\n" + part),
            "plan text, line 4: 9 events, but the steps of the block name 1 at most");
  const std::string calls =
      "block \"b\" events=1\n" + part + "call block=0 first_event=0\ncall block=0 first_event=1\n";
  EXPECT_EQ(message_of(rank + "events 2\n" + calls), "no error");
  EXPECT_EQ(message_of(rank + "events 3\n" + calls), "plan text, line 3: 3 events, but steps and calls name 2 at most");
}

TEST(PlanText, MembersOfManyRunsAreBoundedTogether) {
  // One run is of 2^24 numbers, as many as there may be.
  EXPECT_EQ(message_of("orrery_plan 2\nrank \"r\" stands_for=0-16777215,0-16777215 gpu_class=0\n"),
            "plan text, line 2: \"stands_for=0-16777215,0-16777215\" has no such value");
}

}  // namespace
}  // namespace orrery::sim
