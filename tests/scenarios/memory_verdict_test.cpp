// Fits, tight, does not fit: the margin and how sure it is.

#include "scenarios/memory_verdict.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using json = nlohmann::json;
using Verdict = FolderTest;

constexpr Bytes kGpu{80e9};

TEST(MemoryVerdict, IsTightWithinTheDoubt) {
  EXPECT_EQ(memory_verdict(Bytes{10e9}, kGpu, 0.02).fit, Fit::fits);
  EXPECT_FALSE(memory_verdict(Bytes{10e9}, kGpu, 0.02).uncertain);
  EXPECT_EQ(memory_verdict(Bytes{1.5e9}, kGpu, 0.02).fit, Fit::tight);
  EXPECT_EQ(memory_verdict(Bytes{-1.5e9}, kGpu, 0.02).fit, Fit::does_not_fit);
  EXPECT_TRUE(memory_verdict(Bytes{-1.5e9}, kGpu, 0.02).uncertain);
  EXPECT_FALSE(memory_verdict(Bytes{-1.7e9}, kGpu, 0.02).uncertain);
}

TEST(MemoryVerdict, SaysMarginAndDoubt) {
  EXPECT_EQ(describe(memory_verdict(Bytes{10.0 * 1073741824}, kGpu, 0.02)), "fits: 10.00 GiB to spare");
  EXPECT_THAT(describe(memory_verdict(Bytes{-1073741824.0}, kGpu, 0.02)),
              AllOf(HasSubstr("does not fit: 1.000 GiB missing"), HasSubstr("uncertain")));
}

json serve(const std::string& file, const std::string& out) {
  (void)orrery({"run", file, "-q", "--json", out});
  return json::parse(read_file(out));
}

TEST_F(Verdict, ServingsMarginIsWhatOneLongestRequestLeaves) {
  const auto with = [&](const std::string& keys) {
    const std::string file = write(
        "s.yaml", "scenario: s\nmodel: llama-3-8b\ncluster: {node: dgx_h100}\nserving:\n  max_model_len: 8192\n" +
                      keys + "  load: {arrivals: closed_loop, concurrency: 1, requests: 1, input: 10, output: 5}\n");
    return serve(file, path("r.json"));
  };
  const json roomy = with("");
  EXPECT_EQ(roomy["memory"]["verdict"], "fits");
  const double blocks = roomy["serving"]["num_gpu_blocks"], block = roomy["memory"]["kv_block_bytes"];
  EXPECT_DOUBLE_EQ(roomy["memory"]["margin_bytes"], (blocks - 512) * block);
  const json tight = with("  num_gpu_blocks: 600\n");
  EXPECT_EQ(tight["memory"]["verdict"], "tight");
  EXPECT_DOUBLE_EQ(tight["memory"]["margin_bytes"], 88 * block);
  const json refused = with("  num_gpu_blocks: 500\n");
  EXPECT_EQ(refused["memory"]["verdict"], "does_not_fit");
  EXPECT_TRUE(refused["memory"]["uncertain"]);
  EXPECT_DOUBLE_EQ(refused["memory"]["margin_bytes"], -12 * block);
}

TEST_F(Verdict, TrainingsMarginIsThatOfTheFullestGpu) {
  const json report = serve(write("t.yaml", small_scenario()), path("r.json"));
  EXPECT_EQ(report["memory"]["verdict"], "fits");
  EXPECT_DOUBLE_EQ(report["memory"]["margin_bytes"],
                   report["memory"]["capacity_bytes"].get<double>() - report["memory"]["peak_bytes"].get<double>());
  const Outcome text = orrery({"run", path("t.yaml")});
  EXPECT_THAT(text.out, AllOf(HasSubstr("verdict"), HasSubstr("fits:"), HasSubstr("to spare")));
}

// The mark stands beside the times and among the notes, and only where no kernel was measured.
TEST_F(Verdict, DatasheetFiguresAreMarked) {
  const auto text = [&](const std::string& node) {
    return orrery({"run", write("s.yaml", small_scenario()), "--set", "cluster.node=" + node, "--set",
                   "training.tensor_parallel=1", "--set", "training.data_parallel=1"})
        .out;
  };
  EXPECT_THAT(text("l40s_box"), AllOf(HasSubstr("(datasheet figures only)"), HasSubstr("no kernel of l40s")));
  EXPECT_THAT(text("dgx_h100"), Not(HasSubstr("datasheet figures only")));
  EXPECT_THAT(text("hgx_h20"), Not(HasSubstr("datasheet figures only")));
}

}  // namespace
}  // namespace orrery::scenarios::testing
