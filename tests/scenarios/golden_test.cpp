// Whole outputs against committed texts. They change on purpose only: set ORRERY_UPDATE_GOLDEN=1, run, and
// explain the difference in the commit.

#include "tests/places.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

std::string first_difference(const std::string& expected, const std::string& actual) {
  std::istringstream a(expected), b(actual);
  std::string left, right;
  for (int line = 1;; ++line) {
    const bool more_left = static_cast<bool>(std::getline(a, left));
    const bool more_right = static_cast<bool>(std::getline(b, right));
    if (!more_left && !more_right) return "none";
    if (more_left != more_right || left != right) {
      return "line " + std::to_string(line) + "\n  golden: " + (more_left ? left : "<end>") +
             "\n  actual: " + (more_right ? right : "<end>");
    }
  }
}

void expect_golden(const std::string& name, const std::string& actual) {
  const std::filesystem::path path = std::filesystem::path(orrery::tests::source_root()) / "tests" / "golden" / name;
  if (std::getenv("ORRERY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << actual;
    return;
  }
  ASSERT_TRUE(std::filesystem::exists(path)) << path << ": run once with ORRERY_UPDATE_GOLDEN=1";
  const std::string golden = read_file(path);
  EXPECT_TRUE(golden == actual) << path << " differs at " << first_difference(golden, actual);
}

TEST(Golden, ReportOfOneStage) { expect_golden("run_gpt2_124m.txt", orrery({"run", library("gpt2-124m-8xa100")}).out); }

TEST(Golden, ReportOfAPipelineWithVariants) {
  expect_golden("run_korthikanti_175b.txt", orrery({"run", library("korthikanti-175b-64xa100")}).out);
}

TEST(Golden, CheckOfTheSmallLibraryScenarios) {
  expect_golden("check_korthikanti.txt",
                orrery({"check", library("korthikanti-22b-8xa100"), library("korthikanti-175b-64xa100")}).out);
}

TEST(Golden, ExplainNamesEveryStep) {
  expect_golden("explain_korthikanti_22b.txt", orrery({"explain", library("korthikanti-22b-8xa100")}).out);
}

TEST(Golden, MetricNamesAreAContract) { expect_golden("list_metrics.txt", orrery({"list", "metrics"}).out); }

TEST(Golden, TemplateOfATrainingScenario) { expect_golden("new_training.yaml", orrery({"new", "training"}).out); }

TEST(Golden, TemplateOfSeveralJobs) { expect_golden("new_jobs.yaml", orrery({"new", "jobs"}).out); }

TEST(Golden, TemplateOfAServingScenario) { expect_golden("new_serving.yaml", orrery({"new", "serving"}).out); }

}  // namespace
}  // namespace orrery::scenarios::testing
