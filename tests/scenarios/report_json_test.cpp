// The JSON report field by field: every metric under its path and in its unit, and the sections around them.
#include "scenarios/report_json.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/report.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/serving/fixture.hpp"
#include "tests/scenarios/two_jobs.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Report run(const std::string& text) { return run_scenario(parse_scenario(text, "s.yaml")); }
ordered_json json_of(const Report& report) { return ordered_json::parse(to_json({report})); }

const ordered_json* at(const ordered_json& json, const std::string& path) {
  const ordered_json* node = &json;
  std::size_t begin = 0;
  while (begin != std::string::npos) {
    const std::size_t dot = path.find('.', begin);
    const auto found = node->is_object() ? node->find(path.substr(begin, dot - begin)) : node->end();
    if (found == node->end()) return nullptr;
    node = &*found;
    begin = dot == std::string::npos ? dot : dot + 1;
  }
  return node;
}

/// Every metric of the kind stands under its path: as a number, a truth, or null.
void expect_metrics(const Report& report, const ordered_json& json, std::string_view kind, const std::string& prefix) {
  for (const MetricRow& row : find_kind(kind)->metrics()) {
    const std::optional<double> value = report.find_metric(prefix + row.name);
    const ordered_json* node = at(json, row.name);
    if (row.optional && !value) {
      EXPECT_EQ(node, nullptr) << row.name;
      continue;
    }
    ASSERT_NE(node, nullptr) << row.name;
    if (!value) {
      EXPECT_TRUE(node->is_null()) << row.name;
    } else if (row.unit == Unit::flag) {
      EXPECT_EQ(node->get<bool>(), *value != 0.0) << row.name;
    } else if (row.unit == Unit::count) {
      EXPECT_TRUE(node->is_number_integer()) << row.name;
      EXPECT_EQ(node->get<double>(), *value) << row.name;
    } else {
      EXPECT_EQ(node->get<double>(), *value) << row.name;
    }
  }
}

TEST(JsonReport, HasEveryMetricUnderItsPath) {
  const Report training = run(small_scenario()), serving = run(small_serving());
  expect_metrics(training, json_of(training), "training", "");
  expect_metrics(serving, json_of(serving), "serving", "");
}

TEST(JsonReport, OfSeveralJobsHasTheMetricsOfEach) {
  const Report report = run(std::string(kHead) + kJobs);
  const ordered_json json = json_of(report);
  ASSERT_EQ(json["jobs"].size(), 2U);
  expect_metrics(report, json["jobs"][0], "training", "jobs.learn.");
  expect_metrics(report, json["jobs"][1], "serving", "jobs.chat.");
  EXPECT_FALSE(json.contains("training"));
  const ordered_json& chat = json["scenario"]["jobs"][1];
  EXPECT_EQ(chat["name"], "chat");
  EXPECT_EQ(chat["kind"], "serving");
  EXPECT_EQ(chat["start_s"], 2.0);
  EXPECT_EQ(chat["until_s"], 60.0);
  EXPECT_EQ(chat["placement"]["first_node"], 1);
  EXPECT_THAT(chat["placement"]["order"].get<std::vector<std::string>>(), ElementsAre("tp", "pp"));
  EXPECT_EQ(chat["model"]["name"], "llama-3-8b");
  EXPECT_FALSE(json["scenario"]["jobs"][0].contains("until_s"));
}

TEST(JsonReport, WritesWhatHappensAsTheScenarioSaysIt) {
  const Report report = run(std::string(kHead) + kOneJob +
                            "events:\n  - {at: 0 s, until: 1 s, gpu: 3, scale: 0.5}\n"
                            "  - {at: 1 ms, link: node1.nic0.out, down: true}\n");
  const ordered_json events = json_of(report)["scenario"]["events"];
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].dump(), R"({"at_s":0.0,"until_s":1.0,"gpu":3,"scale":0.5})");
  EXPECT_EQ(events[1].dump(), R"({"at_s":0.001,"link":"node1.nic0.out","down":true})");
}

TEST(JsonReport, LatenciesOfServingAreInOrder) {
  const ordered_json serving = json_of(run(small_serving()))["serving"];
  for (const char* name : {"ttft_s", "tpot_s", "itl_s", "e2e_s", "queue_s"}) {
    const ordered_json& latency = serving[name];
    EXPECT_LE(latency["p50"].get<double>(), latency["p90"].get<double>()) << name;
    EXPECT_LE(latency["p90"].get<double>(), latency["p95"].get<double>()) << name;
    EXPECT_LE(latency["p95"].get<double>(), latency["p99"].get<double>()) << name;
    EXPECT_LE(latency["mean"].get<double>(), latency["p99"].get<double>()) << name;
    EXPECT_GE(latency["p50"].get<double>(), 0.0) << name;
  }
  EXPECT_LT(serving["ttft_s"]["mean"].get<double>(), serving["e2e_s"]["mean"].get<double>());
  EXPECT_LE(serving["kv_cache_usage"]["mean"].get<double>(), serving["kv_cache_usage"]["peak"].get<double>());
}

TEST(JsonReport, ClusterIsResolvedToItsFigures) {
  const ordered_json cluster =
      json_of(run(replaced(small_scenario(), "  nodes: 1\n",
                           "  nodes: 1\n  price: 2 USD/h\n  gpu_memory: 50 GiB\n")))["scenario"]["cluster"];
  EXPECT_EQ(cluster["node"], "dgx_a100");
  EXPECT_EQ(cluster["nodes"], 1);
  EXPECT_EQ(cluster["fabric"], "single_node");
  EXPECT_EQ(cluster["gpus"], 8);
  EXPECT_EQ(cluster["gpu_memory_bytes"], 50.0 * 1073741824.0);
  EXPECT_EQ(cluster["price_usd_per_gpu_hour"], 2.0);
  EXPECT_EQ(cluster["nvlink_bandwidth"], 3e11);  // 12 links of 25 GB/s
  EXPECT_EQ(cluster["nic_bandwidth"], 25e9);     // 200 Gb/s
  EXPECT_EQ(cluster["collective_algorithm"], "automatic");
}

TEST(JsonReport, ExpectationsSayHowTheirToleranceIsMeant) {
  const ordered_json rows = json_of(
      run(small_scenario() + "expect:\n"
                             "  - {metric: training.mfu, value: 40 %, tolerance: 90 %, source: a}\n"
                             "  - {metric: training.mfu, value: 0.4, tolerance: 0.39, source: b}\n"
                             "  - {metric: serving.goodput, value: 1, tolerance: 1 %, source: c}\n"))["expectations"];
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0]["expected"], 0.4);
  EXPECT_EQ(rows[0]["tolerance"], 0.9);
  EXPECT_FALSE(rows[0].contains("tolerance_is_absolute"));
  EXPECT_FALSE(rows[0].contains("known_miss"));
  EXPECT_EQ(rows[1]["tolerance_is_absolute"], true);
  EXPECT_EQ(rows[1]["source"], "b");
  EXPECT_TRUE(rows[2]["predicted"].is_null());
  EXPECT_EQ(rows[2]["outcome"], "skipped");
}

TEST(JsonReport, LinksCarryWhatTheyCanAtMost) {
  const Report report = run(std::string(kHead) + kJobs);
  const ordered_json json = json_of(report);
  ASSERT_FALSE(json["links"].empty());
  for (const ordered_json& link : json["links"]) {
    EXPECT_GT(link["count"].get<int>(), 0);
    EXPECT_GT(link["capacity_bytes_per_s"].get<double>(), 0.0);
    EXPECT_GE(link["mean_load"].get<double>(), 0.0);
    EXPECT_LE(link["mean_load"].get<double>(), link["peak_load"].get<double>() + 1e-12) << link["class"];
    EXPECT_LE(link["peak_load"].get<double>(), 1.0 + 1e-9) << link["class"];
    EXPECT_LE(link["held_up"].size(), 10U);
    double before = std::numeric_limits<double>::infinity();
    for (const ordered_json& held : link["held_up"]) {
      EXPECT_LE(held["delay_s"].get<double>(), before) << "the longest first";
      before = held["delay_s"];
    }
  }
  EXPECT_EQ(json["engine"]["reading"], "flows");
}

TEST(JsonReport, EnginePartsComeAsAskedFor) {
  const Report report = run(small_scenario());
  const ordered_json whole = json_of(report),
                     counts = ordered_json::parse(to_json({report}, false, EnginePart::counts));
  EXPECT_TRUE(whole["engine"].contains("wall_s"));
  EXPECT_FALSE(counts["engine"].contains("wall_s"));
  EXPECT_EQ(counts["engine"]["events"], whole["engine"]["events"]);
  EXPECT_FALSE(ordered_json::parse(to_json_without_engine({report})).contains("engine"));
  EXPECT_NEAR(whole["engine"]["events_per_s"].get<double>() * whole["engine"]["wall_s"].get<double>(),
              whole["engine"]["events"].get<double>(), 1e-6 * whole["engine"]["events"].get<double>() + 1e-9);
}

TEST(JsonReport, PartialOnesAreAList) {
  const Report report = run(small_scenario());
  const ordered_json one = ordered_json::parse(to_json({report}, true));
  EXPECT_EQ(one["partial"], true);
  EXPECT_EQ(one["reports"].size(), 1U);
  EXPECT_THAT(ordered_json::parse(to_json({}, true))["reports"], IsEmpty());
  EXPECT_TRUE(ordered_json::parse(to_json({})).is_array());
  Report cut = report;
  cut.partial = true;
  EXPECT_EQ(json_of(cut)["partial"], true);
  EXPECT_FALSE(json_of(report).contains("partial"));
}

TEST(JsonReport, HasNoNumberThatIsNone) {
  EXPECT_EQ(finite(1.5, "x"), 1.5);
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    try {
      (void)finite(value, "training.mfu");
      FAIL();
    } catch (const std::logic_error& error) {
      EXPECT_THAT(error.what(), HasSubstr("training.mfu is not a finite number"));
    }
  }
}

TEST(JsonText, RepairsWhatIsNoUtf8) {
  EXPECT_EQ(json_text({{"a", "x\xff"}}), "{\n  \"a\": \"x\xEF\xBF\xBD\"\n}\n");
  EXPECT_EQ(json_text(Json::array()), "[]\n");
}

TEST(JsonReport, OfASkippedScenarioHasItsReasonAndNoFigures) {
  const ScopedVariable data("ORRERY_DATA", nullptr);
  const Report report =
      run(replaced(small_serving(),
                   "    arrivals: poisson\n    rate: 4\n    requests: 40\n    input: 128\n    output: 32\n",
                   "    trace: ${ORRERY_DATA}/none.csv\n") +
          "expect:\n  - {metric: serving.goodput, value: 1, tolerance: 1 %, source: s}\n");
  const ordered_json json = json_of(report);
  EXPECT_THAT(json["skipped"].get<std::string>(), HasSubstr("ORRERY_DATA is not set"));
  EXPECT_FALSE(json.contains("serving"));
  EXPECT_EQ(json["expectations"][0]["outcome"], "skipped");
  EXPECT_THAT(json["findings"], IsEmpty());
  EXPECT_FALSE(report.has_findings());
}

}  // namespace
}  // namespace orrery::scenarios::testing
