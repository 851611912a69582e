// orrery check PATH…: outcomes of expectations, by figures that are made to hold or to miss.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Check : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    const Outcome run = orrery({"run", write("base.yaml", small_scenario()), "--json", "-"});
    step_ = json::parse(run.out)["training"]["step_time_s"];
    std::filesystem::remove(path("base.yaml"));
  }
  /// An expectation of the step's time, of so many times what is predicted.
  [[nodiscard]] std::string expecting(double times, const std::string& more = "") const {
    std::ostringstream text;
    text.precision(17);
    text << "  - {metric: training.step_time_s, value: " << times * step_ << " s, tolerance: 10 %, source: here" << more
         << "}\n";
    return text.str();
  }
  std::string file(const std::string& name, const std::string& expectations) const {
    return write(name, small_scenario() + (expectations.empty() ? "" : "expect:\n" + expectations));
  }

  double step_ = 0.0;
};

TEST_F(Check, ToleranceIsOfTheExpectedValue) {
  // Predicted is 1; within 10 % of the expected value x is |1/x − 1| ≤ 0.1: from 1/1.1 to 1/0.9.
  EXPECT_EQ(orrery({"check", file("a.yaml", expecting(1.0 / 1.0999)), "-q"}).code, kExitWell);
  EXPECT_EQ(orrery({"check", file("b.yaml", expecting(1.0 / 1.1001)), "-q"}).code, kExitFinding);
  EXPECT_EQ(orrery({"check", file("c.yaml", expecting(1.0 / 0.9001)), "-q"}).code, kExitWell);
  EXPECT_EQ(orrery({"check", file("d.yaml", expecting(1.0 / 0.8999)), "-q"}).code, kExitFinding);
}

TEST_F(Check, ErrorsAreSharesOfTheExpectedValue) {
  EXPECT_THAT(orrery({"check", file("a.yaml", expecting(0.5))}).out,
              AllOf(HasSubstr("  miss       training.step_time_s: expected "), HasSubstr(" (+100.0 %)\n")));
  EXPECT_THAT(orrery({"check", file("b.yaml", expecting(4.0))}).out, HasSubstr(" (-75.0 %)\n"));
  EXPECT_THAT(orrery({"check", file("c.yaml", expecting(1.0))}).out,
              AllOf(HasSubstr("  pass       training.step_time_s: expected "), HasSubstr(" (+0.0 %)\n")));
}

TEST_F(Check, CountsAreOfAllFilesTogether) {
  file("in/a.yaml", expecting(1.0) + expecting(2.0));
  file("in/b.yaml", expecting(2.0, ", known_miss: \"of old\""));
  file("in/deep/c.yaml", "");
  const Outcome outcome = orrery({"check", path("in"), file("d.yaml", expecting(1.0))});
  EXPECT_EQ(outcome.code, kExitFinding);
  EXPECT_THAT(outcome.out, HasSubstr("4 of 4 scenarios checked, 1 with findings; expectations: 2 passed, 1 missed, 1 "
                                     "known misses, 0 skipped\n"));
}

TEST_F(Check, KnownMissesThatHoldAreFindings) {
  const Outcome outcome = orrery({"check", file("a.yaml", expecting(1.0, ", known_miss: \"of old\""))});
  EXPECT_EQ(outcome.code, kExitFinding);
  EXPECT_THAT(outcome.out, HasSubstr("known miss now holds; remove known_miss: of old"));
  const Outcome missed = orrery({"check", file("b.yaml", expecting(2.0, ", known_miss: \"of old\""))});
  EXPECT_EQ(missed.code, kExitWell);
  EXPECT_THAT(missed.out, HasSubstr("  known_miss training.step_time_s: expected "));
}

TEST_F(Check, QuietSaysTheSumAloneAndNotOnStandardOutput) {
  const Outcome outcome = orrery({"check", file("a.yaml", expecting(2.0)), "-q"});
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err,
            "1 of 1 scenarios checked, 1 with findings; expectations: 0 passed, 1 missed, 0 known misses, 0 skipped\n");
  const Outcome report = orrery({"check", file("b.yaml", expecting(2.0)), "--json", "-"});
  ASSERT_TRUE(json::accept(report.out)) << report.out;
  EXPECT_THAT(report.err, HasSubstr("1 of 1 scenarios checked"));
}

TEST_F(Check, FilesHaveTheOutcomes) {
  const Outcome outcome = orrery({"check", file("a.yaml", expecting(1.0) + expecting(2.0)), "-q", "--json",
                                  path("r.json"), "--junit", path("j.xml"), "--csv", path("r.csv")});
  EXPECT_EQ(outcome.code, kExitFinding);
  const json report = json::parse(read_file(path("r.json")));
  ASSERT_EQ(report["expectations"].size(), 2U);
  EXPECT_EQ(report["expectations"][0]["outcome"], "pass");
  EXPECT_EQ(report["expectations"][1]["outcome"], "miss");
  EXPECT_NEAR(report["expectations"][1]["expected"].get<double>(), 2.0 * step_, 1e-12);
  EXPECT_EQ(report["expectations"][1]["predicted"].get<double>(), step_);
  EXPECT_THAT(read_file(path("j.xml")), AllOf(HasSubstr("tests=\"3\""), HasSubstr("failures=\"1\"")));
  EXPECT_THAT(read_file(path("r.csv")), HasSubstr(",expectation_missed\n"));
}

TEST_F(Check, WithoutExpectationsFindingsAlone) {
  EXPECT_EQ(orrery({"check", file("a.yaml", ""), "-q"}).code, kExitWell);
  const std::string over = write("o.yaml", replaced(small_scenario(), "gpt2-124m", "llama-3.1-70b"));
  const Outcome outcome = orrery({"check", over});
  EXPECT_EQ(outcome.code, kExitFinding);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("  finding    out of GPU memory"), HasSubstr("1 with findings")));
}

TEST_F(Check, WhatIsExpectedToBeOverIsNoFinding) {
  const Outcome outcome =
      orrery({"check", write("o.yaml", replaced(small_scenario(), "gpt2-124m", "llama-3.1-70b") +
                                           "expect:\n  - {metric: memory.fits, value: false, source: arithmetic}\n")});
  EXPECT_EQ(outcome.code, kExitWell);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("  pass       memory.fits: expected no, predicted no\n"),
                                 HasSubstr("  expected   out of GPU memory: stage 0 needs ")));
}

TEST_F(Check, VariantsAreNamedAndCounted) {
  const std::string variant =
      "variants:\n  - name: twice\n    set: {training.global_batch_size: 128}\n    expect:\n    " + expecting(1.0);
  const Outcome outcome = orrery({"check", write("v.yaml", small_scenario() + variant)});
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("v\nv [twice]\n"), HasSubstr("1 of 1 scenarios checked, 1 with findings"),
                                 HasSubstr("0 passed, 1 missed")));
}

TEST_F(Check, SetMakesWhatIsExpectedMissed) {
  const std::string well = file("a.yaml", expecting(1.0));
  EXPECT_EQ(orrery({"check", well, "-q"}).code, kExitWell);
  EXPECT_EQ(orrery({"check", well, "-q", "--set", "training.global_batch_size=128"}).code, kExitFinding);
}

TEST_F(Check, WrongInputIsNoFinding) {
  const Outcome outcome = orrery({"check", file("a.yaml", "  - {metric: training.mfuu, value: 1, source: here}\n")});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("a.yaml:13:"), HasSubstr("training.mfu")));
  EXPECT_EQ(orrery({"check", path("nowhere")}).code, kExitInput);
  std::filesystem::create_directory(path("empty"));
  EXPECT_THAT(orrery({"check", path("empty")}).err, HasSubstr("empty"));
  EXPECT_EQ(orrery({"check", file("b.yaml", ""), "--json", path("b.yaml")}).code, kExitInput);
  EXPECT_EQ(read_file(path("b.yaml")), small_scenario());
}

}  // namespace
}  // namespace orrery::scenarios::testing
