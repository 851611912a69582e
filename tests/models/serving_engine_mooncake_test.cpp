// Published statistics of the Mooncake traces, through the trace reader and the KV cache without time: what an
// unbounded cache would hit. The traces are found by the variable ORRERY_DATA.
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "models/serving/sequences/paged_cache.hpp"
#include "models/serving/workload/workload.hpp"

namespace orrery::models {
namespace {

struct TraceFigures {
  std::int64_t requests = 0, input = 0, output = 0, hit = 0;
  sim::SimTime last_arrival = 0;
};

/// Every prompt passes through the cache in order of arrival, whole, before the next is looked up.
TraceFigures run_through_cache(const std::string& path, std::int64_t blocks, std::int64_t block_size) {
  LoadConfig load;
  load.arrivals = "trace";
  load.trace = path;
  const std::unique_ptr<Workload> workload = make_workload(load, 1);
  PagedCache cache({blocks, block_size, true});
  TraceFigures figures;
  while (workload->next_arrival()) {
    Sequence sequence;
    sequence.request = workload->take();
    const std::int64_t hit = cache.lookup(sequence);
    EXPECT_TRUE(cache.allocate(sequence, sequence.known(), hit));
    cache.release(sequence);
    ++figures.requests;
    figures.input += sequence.request.input_tokens;
    figures.output += sequence.request.output_tokens;
    figures.hit += hit;
    figures.last_arrival = sequence.request.arrival;
  }
  EXPECT_EQ(cache.free_blocks(), blocks);
  return figures;
}

double ratio(std::int64_t a, std::int64_t b) { return static_cast<double>(a) / static_cast<double>(b); }

std::string data_root() {
  const char* root = std::getenv("ORRERY_DATA");
  return root == nullptr ? "" : root;
}

// Requests, mean lengths, duration and hit rates: Qin et al., Mooncake, FAST'25, table 2, and the published traces
// (kvcache-ai/Mooncake, FAST25-release/traces). The hit rates count tokens; within 0.1 points, since a 16-token block
// at the end of a prompt is computed again.
TEST(MooncakeTraces, ConversationHits37Percent) {
  if (data_root().empty()) GTEST_SKIP() << "ORRERY_DATA is not set";
  const std::string path = data_root() + "/traces/mooncake_conversation.csv.gz";
  // 182,790 distinct pieces of at most 32 blocks, and two blocks a request that are full of others' or no one's tokens.
  const TraceFigures f = run_through_cache(path, 182'790 * 32 + 2 * 12'031, 16);
  EXPECT_EQ(f.requests, 12'031);
  EXPECT_NEAR(ratio(f.input, f.requests), 12'035.0, 0.5);
  EXPECT_NEAR(ratio(f.output, f.requests), 343.0, 0.5);
  EXPECT_NEAR(ratio(f.hit, f.input), 0.374, 0.001);
  EXPECT_NEAR(sim::to_seconds(f.last_arrival).value(), 3537.0, 4.0);
}

TEST(MooncakeTraces, SyntheticHits65Percent) {
  if (data_root().empty()) GTEST_SKIP() << "ORRERY_DATA is not set";
  const std::string path = data_root() + "/traces/mooncake_synthetic.csv.gz";
  const TraceFigures f = run_through_cache(path, 43'924 * 32 + 2 * 3'993, 16);
  EXPECT_EQ(f.requests, 3'993);
  EXPECT_NEAR(ratio(f.input, f.requests), 15'325.0, 0.5);
  EXPECT_NEAR(ratio(f.output, f.requests), 149.0, 0.5);
  EXPECT_NEAR(ratio(f.hit, f.input), 0.651, 0.001);
  EXPECT_NEAR(sim::to_seconds(f.last_arrival).value(), 1022.0, 2.0);
}

TEST(MooncakeTraces, ASmallerCacheHitsLess) {
  if (data_root().empty()) GTEST_SKIP() << "ORRERY_DATA is not set";
  const std::string path = data_root() + "/traces/mooncake_synthetic.csv.gz";
  const TraceFigures large = run_through_cache(path, 200'000, 16);
  const TraceFigures small = run_through_cache(path, 20'000, 16);
  EXPECT_LT(large.hit, static_cast<std::int64_t>(0.651 * static_cast<double>(large.input)));
  EXPECT_LT(small.hit, large.hit);
  EXPECT_GT(small.hit, 0);
}

}  // namespace
}  // namespace orrery::models
