// The published traces: counts, mean lengths and shared blocks as their papers and our notes give them.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <unordered_set>

#include <gtest/gtest.h>

#include "models/serving/workload/trace_reader.hpp"

namespace orrery::models {
namespace {

struct Totals {
  std::uint64_t requests = 0;
  double input = 0.0, output = 0.0;  ///< means
  std::size_t distinct = 0;          ///< block ids
  double hits = 0.0;                 ///< tokens of leading blocks seen before / input tokens
  sim::SimTime last = 0;
};

Totals totals_of(const std::string& path) {
  TraceReader reader(path, {}, 1.0);
  Totals totals;
  std::unordered_set<std::uint64_t> seen;
  std::int64_t input = 0, output = 0, hits = 0;
  while (const auto request = reader.next()) {
    ++totals.requests;
    input += request->input_tokens;
    output += request->output_tokens;
    totals.last = request->arrival;
    std::int64_t leading = 0;
    while (leading < static_cast<std::int64_t>(request->prefix.size()) &&
           seen.count(request->prefix[static_cast<std::size_t>(leading)]) > 0) {
      ++leading;
    }
    hits += std::min(leading * request->prefix_tokens, request->input_tokens);
    seen.insert(request->prefix.begin(), request->prefix.end());
  }
  const auto n = static_cast<double>(totals.requests);
  totals.input = static_cast<double>(input) / n;
  totals.output = static_cast<double>(output) / n;
  totals.distinct = seen.size();
  totals.hits = static_cast<double>(hits) / static_cast<double>(input);
  return totals;
}

class PublishedTraces : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("ORRERY_DATA");
    if (folder == nullptr) GTEST_SKIP() << "set ORRERY_DATA to the folder of measured tables";
    folder_ = std::string(folder) + "/traces/";
  }
  std::string folder_;
};

// Qin et al., FAST'25, table 2 (averages: 12,035 input and 343 output tokens; 15,325 and 149). A reuse of whole
// blocks with nothing evicted saves 37.4 % and 65.1 % of the prompt tokens (the paper says 40 % and 66 %).
TEST_F(PublishedTraces, MooncakeConversationHasItsPublishedMeans) {
  const Totals totals = totals_of(folder_ + "mooncake_conversation.csv.gz");
  EXPECT_EQ(totals.requests, 12'031u);
  EXPECT_NEAR(totals.input, 12'035.0, 0.5);
  EXPECT_NEAR(totals.output, 343.0, 0.5);
  EXPECT_EQ(totals.distinct, 182'790u);
  EXPECT_NEAR(totals.hits, 0.374, 5e-4);
  EXPECT_EQ(totals.last, 3'536'999 * sim::kPicosecondsPerSecond / 1000);
}

TEST_F(PublishedTraces, MooncakeSyntheticHasItsPublishedMeans) {
  const Totals totals = totals_of(folder_ + "mooncake_synthetic.csv.gz");
  EXPECT_EQ(totals.requests, 3'993u);
  EXPECT_NEAR(totals.input, 15'325.0, 0.5);
  EXPECT_NEAR(totals.output, 149.0, 0.5);
  EXPECT_EQ(totals.distinct, 43'924u);
  EXPECT_NEAR(totals.hits, 0.651, 5e-4);
}

// Azure/AzurePublicDataset: 8,819 and 19,366 requests.
TEST_F(PublishedTraces, AzureTablesAreReadToTheirEnd) {
  EXPECT_EQ(totals_of(folder_ + "azure2023_code.csv").requests, 8'819u);
  EXPECT_EQ(totals_of(folder_ + "azure2023_conv.csv.gz").requests, 19'366u);
}

}  // namespace
}  // namespace orrery::models
