// The figures of a serving run once more, from its requests alone: the rows of --requests say all that the report sums.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/report.hpp"
#include "scenarios/serving/job.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using Row = std::map<std::string, std::string>;

/// Llama-3 8B; `keys` in its section, `load` in its load.
std::string with(const std::string& keys, const std::string& load) {
  return "scenario: s\nmodel: llama-3-8b\ncluster: {node: dgx_h100, price: 3 USD/h}\nserving:\n  max_model_len: "
         "2048\n" +
         keys + "  load: {" + load + "}\n";
}

/// Loads that each have something of their own: queues, warm-up, refused requests, preemptions, one-token answers.
std::vector<std::string> some_runs() {
  return {
      with("  slo: {ttft: 60 ms, tpot: 8 ms, attainment: 0}\n",
           "rate: 40, requests: 60, input: {distribution: lognormal, mean: 300, cv: 1, most: 1500}, output: "
           "{distribution: uniform, least: 1, most: 40}"),
      with("  warmup_requests: 15\n  replicas: 2\n", "rate: 30, requests: 60, input: 200, output: 20"),
      with("  num_gpu_blocks: 140\n  max_num_seqs: 16\n",
           "arrivals: closed_loop, concurrency: 12, requests: 40, input: 150, output: 60"),
      with("",
           "arrivals: burst, burst_size: 10, burst_interval: 1 s, requests: 30, input: {distribution: uniform, "
           "least: 100, most: 4000}, output: 1"),
      with("", "rate: 20, requests: 40, input: 576, output: 16, prefix_tokens: 512, prefix_groups: 2"),
  };
}

std::vector<Row> rows_of(const Report& report) {
  std::ostringstream out;
  const JobView view = job_views(report).front();
  view.job.kind->requests(&view, false, out);
  std::istringstream lines(out.str());
  std::vector<std::string> names;
  std::vector<Row> rows;
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells;
    std::istringstream row(line + ",");
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
    if (names.empty()) {
      names = cells;
      continue;
    }
    EXPECT_EQ(cells.size(), names.size()) << line;
    Row& named = rows.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) named[names[i]] = cells[i];
  }
  return rows;
}

double number(const Row& row, const std::string& column) { return std::stod(row.at(column)); }

/// Answered, and not of the warm-up.
std::vector<Row> counted(const std::vector<Row>& rows) {
  std::vector<Row> some;
  for (const Row& row : rows) {
    if (row.at("state") == "finished" && row.at("warmup") == "0") some.push_back(row);
  }
  return some;
}

/// Linear interpolation between order statistics at q (n - 1).
double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
}

double mean(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

class Aggregates : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const std::string text = some_runs()[static_cast<std::size_t>(GetParam())];
    report_ = run_scenario(parse_scenario(text, "s.yaml"), Keep{false, true});
    rows_ = rows_of(report_);
    counted_ = counted(rows_);
    ASSERT_FALSE(counted_.empty());
  }
  [[nodiscard]] double metric(const std::string& name) const {
    const std::optional<double> value = report_.find_metric("serving." + name);
    EXPECT_TRUE(value.has_value()) << name;
    return value.value_or(-1.0);
  }
  [[nodiscard]] double sum(const std::string& column) const {
    double total = 0.0;
    for (const Row& row : counted_) total += number(row, column);
    return total;
  }
  /// From the first counted arrival to the last token.
  [[nodiscard]] double duration() const {
    double first = 1e300, last = 0.0;
    for (const Row& row : counted_) last = std::max(last, number(row, "last_token_s"));
    for (const Row& row : rows_) {
      if (row.at("warmup") == "0") first = std::min(first, number(row, "arrival_s"));
    }
    return last - first;
  }
  void expect_latency(const std::string& name, const std::vector<double>& values) const {
    EXPECT_NEAR(metric(name + ".mean"), mean(values), 1e-9 + 1e-6 * mean(values)) << name;
    for (const auto& [figure, q] :
         std::map<std::string, double>{{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}}) {
      EXPECT_NEAR(metric(name + "." + figure), quantile(values, q), 1e-9) << name << " " << figure;
    }
  }

  Report report_;
  std::vector<Row> rows_, counted_;
};

INSTANTIATE_TEST_SUITE_P(Loads, Aggregates, ::testing::Range(0, 5));

TEST_P(Aggregates, CountsAreThoseOfTheRows) {
  EXPECT_EQ(metric("requests"), static_cast<double>(counted_.size()));
  double rejected = 0.0, preemptions = 0.0;
  for (const Row& row : rows_) rejected += row.at("state") == "rejected" ? 1.0 : 0.0;
  for (const Row& row : counted_) preemptions += number(row, "preemptions");
  EXPECT_EQ(metric("rejected"), rejected);
  EXPECT_EQ(metric("preemptions"), preemptions);
  EXPECT_EQ(GetParam() == 2, preemptions > 0.0) << "the small cache preempts";
  EXPECT_EQ(GetParam() == 3, rejected > 0.0) << "prompts of 4,000 tokens are refused";
}

TEST_P(Aggregates, LatenciesAreThoseOfTheRows) {
  std::vector<double> ttft, e2e, queue, tpot;
  for (const Row& row : counted_) {
    ttft.push_back(number(row, "first_token_s") - number(row, "arrival_s"));
    e2e.push_back(number(row, "last_token_s") - number(row, "arrival_s"));
    queue.push_back(number(row, "scheduled_s") - number(row, "arrival_s"));
    const double tokens = number(row, "output_tokens");
    if (tokens > 1) tpot.push_back((number(row, "last_token_s") - number(row, "first_token_s")) / (tokens - 1));
    EXPECT_EQ(row.at("tpot_s").empty(), tokens <= 1);
    EXPECT_NEAR(number(row, "ttft_s"), ttft.back(), 1e-9);
    EXPECT_NEAR(number(row, "e2e_s"), e2e.back(), 1e-9);
  }
  expect_latency("ttft_s", ttft);
  expect_latency("e2e_s", e2e);
  expect_latency("queue_s", queue);
  if (!tpot.empty()) expect_latency("tpot_s", tpot);
  EXPECT_EQ(report_.find_metric("serving.tpot_s.mean").has_value(), !tpot.empty());
  EXPECT_EQ(report_.find_metric("serving.output_tokens_per_s_per_user").has_value(), !tpot.empty());
}

TEST_P(Aggregates, MomentsOfARequestFollowEachOther) {
  for (const Row& row : rows_) {
    if (row.at("state") != "finished") continue;
    EXPECT_LE(number(row, "arrival_s"), number(row, "queued_s"));
    EXPECT_LE(number(row, "queued_s"), number(row, "scheduled_s"));
    EXPECT_LT(number(row, "scheduled_s"), number(row, "first_token_s"));
    EXPECT_LE(number(row, "first_token_s"), number(row, "last_token_s"));
    EXPECT_LE(number(row, "cached_tokens"), number(row, "input_tokens"));
  }
}

TEST_P(Aggregates, RatesAreSumsOverTheDuration) {
  const double seconds = duration();
  EXPECT_NEAR(metric("duration_s"), seconds, 1e-9);
  EXPECT_NEAR(metric("input_tokens_per_s"), sum("input_tokens") / seconds, 1e-6 * sum("input_tokens"));
  EXPECT_NEAR(metric("output_tokens_per_s"), sum("output_tokens") / seconds, 1e-6 * sum("output_tokens"));
  EXPECT_NEAR(metric("requests_per_s"), static_cast<double>(counted_.size()) / seconds, 1e-6);
  EXPECT_NEAR(metric("prefix_hit_rate"), sum("cached_tokens") / sum("input_tokens"), 1e-9);
  EXPECT_EQ(GetParam() == 4, metric("prefix_hit_rate") > 0.3) << "512 of 576 tokens are a system prompt";
}

TEST_P(Aggregates, GoodputCountsTheRequestsWithinTheLimits) {
  double within = 0.0;
  for (const Row& row : counted_) {
    const bool limited = GetParam() == 0;
    const bool first = !limited || number(row, "ttft_s") <= 0.060;
    const bool rest = !limited || row.at("tpot_s").empty() || number(row, "tpot_s") <= 0.008;
    within += first && rest ? 1.0 : 0.0;
  }
  EXPECT_NEAR(metric("slo_attainment"), within / static_cast<double>(counted_.size()), 1e-12);
  EXPECT_NEAR(metric("goodput"), within / duration(), 1e-9);
  if (GetParam() == 0) {
    EXPECT_GT(metric("slo_attainment"), 0.0);
    EXPECT_LT(metric("slo_attainment"), 1.0);
  }
}

TEST_P(Aggregates, CostIsThatOfAllReplicasForTheDuration) {
  const double gpus = GetParam() == 1 ? 2.0 : 1.0;
  const double usd = gpus * duration() / 3600.0 * 3.0;
  EXPECT_NEAR(report_.metric("cost.usd"), usd, 1e-9);
  EXPECT_NEAR(report_.metric("cost.usd_per_million_output_tokens"), usd / sum("output_tokens") * 1e6, 1e-6);
  EXPECT_NEAR(report_.metric("cost.usd_per_million_tokens"), usd / (sum("output_tokens") + sum("input_tokens")) * 1e6,
              1e-6);
  EXPECT_NEAR(metric("output_tokens_per_s_per_gpu") * gpus, metric("output_tokens_per_s"), 1e-9);
}

TEST_P(Aggregates, RowsAreEveryRequestOnceOnAReplicaThereIs) {
  std::set<std::string> ids, replicas;
  for (const Row& row : rows_) {
    EXPECT_TRUE(ids.insert(row.at("id")).second) << row.at("id");
    if (row.at("state") == "finished") replicas.insert(row.at("replica"));
  }
  EXPECT_EQ(replicas.size(), GetParam() == 1 ? 2U : 1U);
  EXPECT_EQ(ids.size(), find_serving(report_)->arrived);
}

TEST(ServingMemory, AddsUpToItsPeakAndItsMargin) {
  for (const std::string keys : {"", "  pipeline_parallel: 2\n", "  tensor_parallel: 2\n  enforce_eager: true\n",
                                 "  num_gpu_blocks: 500\n", "  kv_cache_memory_bytes: 8G\n"}) {
    const Report report =
        run_scenario(parse_scenario(with(keys, "rate: 9, requests: 5, input: 9, output: 3"), "s.yaml"));
    const json memory = json::parse(to_json({report}))["memory"];
    const auto bytes = [&](const std::string& name) { return memory[name + "_bytes"].get<double>(); };
    EXPECT_NEAR(bytes("peak"), bytes("weights") + bytes("activations") + bytes("workspace") + bytes("kv_cache"), 1.0)
        << keys;
    EXPECT_NEAR(bytes("workspace"), bytes("context") + bytes("cuda_graphs"), 1.0) << keys;
    EXPECT_EQ(bytes("model_state"), bytes("weights")) << keys;
    EXPECT_EQ(bytes("gradients") + bytes("optimizer"), 0.0) << keys;
    // 2,048 tokens in blocks of 16.
    EXPECT_NEAR(bytes("margin"), bytes("kv_cache") - 128.0 * bytes("kv_block"), 1.0) << keys;
    EXPECT_NEAR(report.metric("serving.num_gpu_blocks") * bytes("kv_block"), bytes("kv_cache"), 1.0) << keys;
    EXPECT_EQ(report.metric("serving.kv_cache_tokens"), 16.0 * report.metric("serving.num_gpu_blocks")) << keys;
    EXPECT_NEAR(report.metric("serving.max_concurrency"), report.metric("serving.num_gpu_blocks") / 128.0, 1e-12);
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
