// The same input gives the same bytes: for any number of runs at a time, and in every build (one committed hash).

#include <cstdint>
#include <cstdio>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "models/schedule/schedule.hpp"
#include "models/serving/workload/workload.hpp"
#include "scenarios/report.hpp"
#include "scenarios/runner.hpp"
#include "tests/places.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/row_scenarios.hpp"

namespace orrery::scenarios::testing {
namespace {

/// Scenarios that together use every recompute and sharding, every schedule, and every kind of arrivals; they stay
/// quick without optimisation.
std::string report_of_library(int jobs) {
  std::vector<Scenario> scenarios;
  for (const char* name : {"gpt2-124m-8xa100", "korthikanti-22b-8xa100", "korthikanti-175b-64xa100",
                           "llama-3-8b-hgx-h100", "llama-3.1-405b-16384xh100"}) {
    scenarios.push_back(load_scenario(library(name)));
  }
  const auto add = [&](const std::string& text) {
    Scenario scenario = parse_scenario(text, row_scenario_file());
    scenario.file = scenario.name = "row";  // where the tree lies is no part of a result
    scenarios.push_back(std::move(scenario));
  };
  for (const auto& row : models::schedules()) add(training_with_schedule(row.name));
  for (const auto& row : models::arrival_processes()) add(serving_with_arrivals(row.name));
  std::ostringstream out, err;
  Console console{out, err};
  std::string json = to_json_without_engine(run_all(scenarios, {jobs, true, {}}, console).reports);
  const std::string root = orrery::tests::source_root();  // traces are named by their path
  for (std::size_t at = json.find(root); at != std::string::npos; at = json.find(root, at)) json.erase(at, root.size());
  return json;
}

/// FNV-1a, 64 bit (http://www.isthe.com/chongo/tech/comp/fnv/).
std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ull;
  }
  return hash;
}

std::string hex(std::uint64_t value) {
  char buffer[17];
  std::snprintf(buffer, sizeof buffer, "%016llx", static_cast<unsigned long long>(value));
  return buffer;
}

bool has(const std::string& json, std::string_view key, std::string_view value) {
  return json.find(fmt::format("\"{}\": \"{}\"", key, value)) != std::string::npos;
}

TEST(Determinism, HashIsTheReferenceFunction) {
  // Test vectors of the FNV authors: "" and "foobar".
  EXPECT_EQ(hex(fnv1a("")), "cbf29ce484222325");
  EXPECT_EQ(hex(fnv1a("foobar")), "85944171f73967e8");
}

TEST(Determinism, OneAndEightAtATimeGiveTheSameBytes) {
  const std::string one = report_of_library(1);
  const std::string eight = report_of_library(8);
  EXPECT_TRUE(one == eight);
  EXPECT_EQ(one.find("\"engine\": {"), std::string::npos);
  for (const auto& row : models::schedules()) EXPECT_TRUE(has(one, "schedule", row.name)) << row.name;
  for (const auto& row : models::arrival_processes()) EXPECT_TRUE(has(one, "arrivals", row.name)) << row.name;
}

TEST(Determinism, ReportHasTheCommittedHash) {
  const std::filesystem::path path =
      std::filesystem::path(orrery::tests::source_root()) / "tests" / "golden" / "report.hash";
  const std::string actual = hex(fnv1a(report_of_library(2))) + "\n";
  if (std::getenv("ORRERY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << actual;
    return;
  }
  EXPECT_EQ(read_file(path), actual) << "the JSON report (without engine) of the fixed scenarios changed";
}

}  // namespace
}  // namespace orrery::scenarios::testing
