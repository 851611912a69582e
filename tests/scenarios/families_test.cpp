#include "scenarios/families.hpp"

#include <map>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#include "scenarios/kinds.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::HasSubstr;

TEST(Families, HoldNamesWithSummaries) {
  for (const Family& family : families()) {
    const std::vector<FamilyItem> items = family_items(family.name);
    EXPECT_FALSE(items.empty()) << family.name;
    for (const FamilyItem& item : items) {
      EXPECT_FALSE(item.name.empty()) << family.name;
      EXPECT_FALSE(item.summary.empty()) << family.name << " " << item.name;
    }
  }
}

TEST(Families, AreWhatListPrints) {
  const Outcome outcome = orrery({"list", "routers"});
  for (const FamilyItem& item : family_items("routers")) {
    EXPECT_NE(outcome.out.find(item.name), std::string::npos) << item.name;
    EXPECT_NE(outcome.out.find(item.summary), std::string::npos) << item.name;
  }
}

TEST(Families, GenerationsNameTheirBoards) {
  const std::string text = orrery({"list", "generations"}).out;
  EXPECT_NE(text.find("h100_sxm, h100_sxm_96gb, h200_sxm, h20_sxm, h800_sxm"), std::string::npos) << text;
  EXPECT_NE(text.find("blackwell_workstation"), std::string::npos) << text;
}

TEST(Families, TopologiesHaveEachNodeOnceAndChipsOfATorusApart) {
  std::map<std::string, std::string> rows;
  for (const FamilyItem& item : family_items("topologies")) rows[item.name] = item.summary;
  EXPECT_NE(rows.at("torus_host").find("tpu_v4_host, tpu_v5p_host"), std::string::npos) << rows.at("torus_host");
  for (const char* other : {"pcie", "nvswitch", "nvlink_mesh"}) {
    EXPECT_EQ(rows.at(other).find("tpu"), std::string::npos) << rows.at(other);
  }
}

TEST(Families, NameTheNearestForAnUnknownOne) {
  try {
    (void)family_items("gpu");
    FAIL() << "no error";
  } catch (const hardware::ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean gpus"), std::string::npos) << error.what();
  }
}

TEST(Templates, AreWellAndOfTheirKind) {
  for (const KindRow* kind : kinds()) {
    const Scenario scenario = parse_scenario(std::string(kind->scenario_template()), "new.yaml");
    ASSERT_EQ(scenario.jobs.size(), 1U) << kind->name;
    EXPECT_EQ(scenario.jobs[0].kind, kind);
    EXPECT_EQ(scenario.jobs[0].model, kind->has_model ? "llama-3-8b" : "");
  }
}

// Figures of the README that grow with the library.
TEST(Readme, CountsWhatThereIs) {
  const std::string readme = read_file(std::filesystem::path(tests::source_root()) / "README.md");
  EXPECT_THAT(readme, HasSubstr(fmt::format("profiles of {} GPUs; {} models,", family_items("gpus").size(),
                                            family_items("models").size())));
}

}  // namespace
}  // namespace orrery::scenarios::testing
