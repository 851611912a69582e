// Words for metrics and for how they changed.
#include "gui/model/metric_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace orrery::gui {
namespace {

using scenarios::Unit;
using ::testing::HasSubstr;

ChangeText change(const char* metric, Unit unit, std::optional<double> a, std::optional<double> b,
                  bool can_gain = true) {
  return describe_change({metric, unit, a, b}, can_gain);
}

TEST(DescribeChange, OfAShorterTimeIsBetter) {
  const ChangeText text = change("training.step_time_s", Unit::seconds, 12.66, 14.23);
  EXPECT_EQ(text.text, QStringLiteral("▲ +12.4 %"));  // 14.23 / 12.66 = 1.12401
  EXPECT_EQ(text.details, QStringLiteral("12.66 s → 14.23 s, +1.570 s, worse"));
  EXPECT_EQ(text.verdict, -1);
  EXPECT_EQ(change("training.step_time_s", Unit::seconds, 14.23, 12.66).verdict, 1);
}

TEST(DescribeChange, OfARatioIsInPoints) {
  const ChangeText text = change("training.mfu", Unit::ratio, 0.4, 0.5);
  EXPECT_EQ(text.text, QStringLiteral("▲ +25.0 %"));
  EXPECT_EQ(text.details, QStringLiteral("40.00 % → 50.00 %, +10.00 points, better"));
}

TEST(DescribeChange, OfManyTimesIsAFactor) {
  EXPECT_EQ(change("serving.ttft_s.mean", Unit::seconds, 1.0, 9.99).text, QStringLiteral("▲ +899.0 %"));
  EXPECT_EQ(change("serving.ttft_s.mean", Unit::seconds, 1.0, 12.0).text, QStringLiteral("▲ × 12.0"));
  EXPECT_EQ(change("serving.ttft_s.mean", Unit::seconds, 1.0, 1500.0).text, QStringLiteral("▲ × 1500"));
}

TEST(DescribeChange, FromAndToNothingIsADifference) {
  EXPECT_EQ(change("serving.preemptions", Unit::count, 0.0, 3.0).text, QStringLiteral("▲ +3"));
  EXPECT_EQ(change("training.exposed_communication_s", Unit::seconds, 2.0, 0.0).text, QStringLiteral("▼ −2.000 s"));
  EXPECT_EQ(change("training.bubble_fraction", Unit::ratio, 0.0, 0.25).text, QStringLiteral("▲ +25.00 points"));
}

TEST(DescribeChange, OfASwitchSaysWhatItWas) {
  const ChangeText text = change("memory.fits", Unit::flag, 1.0, 0.0);
  EXPECT_EQ(text.text, QStringLiteral("was yes"));
  EXPECT_EQ(text.details, QStringLiteral("yes → no, worse"));
  EXPECT_EQ(change("memory.fits", Unit::flag, 1.0, 1.0).text, QStringLiteral("="));
}

TEST(DescribeChange, OfWhatOneRunLacksIsNewOrGone) {
  EXPECT_EQ(change("training.mfu", Unit::ratio, std::nullopt, 0.5).text, QStringLiteral("new"));
  EXPECT_EQ(change("training.mfu", Unit::ratio, 0.5, std::nullopt).text, QStringLiteral("gone"));
  EXPECT_EQ(change("training.mfu", Unit::ratio, 0.5, std::nullopt).details, QStringLiteral("50.00 % → nothing"));
  EXPECT_EQ(change("training.mfu", Unit::ratio, std::nullopt, std::nullopt).text, QString());
}

TEST(DescribeChange, OfRoundingIsNone) {
  // kTinyChange = 0.0005 of the larger: 10 → 10.005 is at it, 10 → 10.0051 above.
  EXPECT_EQ(change("training.mfu", Unit::ratio, 10.0, 10.005).text, QStringLiteral("="));
  EXPECT_NE(change("training.mfu", Unit::ratio, 10.0, 10.0051).text, QStringLiteral("="));
  EXPECT_EQ(change("training.mfu", Unit::ratio, 0.5, 0.5).details, QStringLiteral("unchanged: 50.00 %"));
  EXPECT_EQ(change("training.mfu", Unit::ratio, 0.0, 0.0).text, QStringLiteral("="));
}

TEST(DescribeChange, OfARunThatCantBeIsNoGain) {
  const ChangeText gain = change("training.mfu", Unit::ratio, 0.4, 0.5, false);
  EXPECT_EQ(gain.verdict, 0);
  EXPECT_THAT(gain.details.toStdString(), ::testing::Not(HasSubstr("better")));
  EXPECT_EQ(change("training.mfu", Unit::ratio, 0.5, 0.4, false).verdict, -1) << "a loss stays one";
}

TEST(DescribeChange, OfAFigureThatIsNeitherGoodNorBadHasNoVerdict) {
  const ChangeText text = change("no.such.metric", Unit::count, 1.0, 2.0);
  EXPECT_EQ(text.verdict, 0);
  EXPECT_EQ(text.details, QStringLiteral("1 → 2, +1"));
}

TEST(MetricLabel, LeavesOutUnitsAndWritesShortNamesLarge) {
  EXPECT_EQ(metric_label("serving.slo_attainment"), QStringLiteral("SLO attainment"));
  EXPECT_EQ(metric_label("serving.e2e_s.p50"), QStringLiteral("end to end p50"));
  EXPECT_EQ(metric_label("memory.kv_cache_bytes"), QStringLiteral("KV cache"));
  EXPECT_EQ(metric_label("training.model_tflops_per_gpu"), QStringLiteral("model TFLOP/s per GPU"));
  EXPECT_EQ(metric_label("plain"), QStringLiteral("plain"));
}

TEST(MetricTooltip, HasNameEquationAndUnit) {
  const std::string text = metric_tooltip("training.mfu").toStdString();
  EXPECT_THAT(text, ::testing::StartsWith("training.mfu\n= "));
  EXPECT_THAT(text, HasSubstr("\nunit in files: ratio"));
  EXPECT_EQ(metric_tooltip("no.such.metric"), QStringLiteral("no.such.metric"));
}

TEST(Wrapped, LinesAreAtMostAHundredLetters) {
  const QString a(60, u'a'), b(39, u'b'), c(40, u'c');
  EXPECT_EQ(wrapped(a + u' ' + b), a + u' ' + b) << "60 + 1 + 39 letters";
  EXPECT_EQ(wrapped(a + u' ' + c), a + u'\n' + c) << "one more";
  EXPECT_EQ(wrapped(QStringLiteral("a\n  b")), QStringLiteral("a\n  b")) << "lines and their spaces stay";
  const QString word(150, u'w');
  EXPECT_EQ(wrapped(word), word) << "a word is never cut";
  EXPECT_EQ(wrapped(QString()), QString());
}

}  // namespace
}  // namespace orrery::gui
