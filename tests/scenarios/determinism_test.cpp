// The same input gives the same bytes: for any number of runs at a time, and in every build (one committed hash).

#include <cstdint>
#include <cstdio>

#include <gtest/gtest.h>

#include "scenarios/report.hpp"
#include "scenarios/runner.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

/// Scenarios that together use every schedule, recompute and sharding, and stay quick without optimisation.
std::string report_of_library(int jobs) {
  std::vector<Scenario> scenarios;
  for (const char* name : {"gpt2-124m-8xa100", "korthikanti-22b-8xa100", "korthikanti-175b-64xa100",
                           "llama-3-8b-hgx-h100", "llama-3.1-405b-16384xh100"}) {
    scenarios.push_back(load_scenario(library(name)));
  }
  std::ostringstream out, err;
  Console console{out, err};
  return to_json_without_engine(run_all(scenarios, {jobs, true, {}}, console).reports);
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

TEST(Determinism, HashIsTheReferenceFunction) {
  // Test vectors of the FNV authors: "" and "foobar".
  EXPECT_EQ(hex(fnv1a("")), "cbf29ce484222325");
  EXPECT_EQ(hex(fnv1a("foobar")), "85944171f73967e8");
}

TEST(Determinism, OneAndEightAtATimeGiveTheSameBytes) {
  const std::string one = report_of_library(1);
  const std::string eight = report_of_library(8);
  EXPECT_TRUE(one == eight);
  EXPECT_EQ(one.find("\"engine\""), std::string::npos);
}

TEST(Determinism, ReportHasTheCommittedHash) {
  const std::filesystem::path path = std::filesystem::path(ORRERY_SOURCE_ROOT) / "tests" / "golden" / "report.hash";
  const std::string actual = hex(fnv1a(report_of_library(2))) + "\n";
  if (std::getenv("ORRERY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << actual;
    return;
  }
  EXPECT_EQ(read_file(path), actual) << "the JSON report (without engine) of the fixed scenarios changed";
}

}  // namespace
}  // namespace orrery::scenarios::testing
