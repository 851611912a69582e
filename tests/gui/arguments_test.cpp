// The arguments of orrery-gui beyond what a picture shows: their forms, their order, and what an empty one is.
#include <gmock/gmock.h>

#include "tests/gui/program_fixture.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::HasSubstr;

using Arguments = Screenshot;

// A script's variable may be empty: then the option has no value, and nothing is guessed.
TEST_F(Arguments, AnEmptyValueIsNone) {
  for (const char* option : {"--screenshot", "--view", "--explain", "--theme", "--size", "--scale", "--set"}) {
    const QString name = QString::fromLatin1(option);
    const std::string words = std::string(option) + " needs a value";
    expect_refused({name + u'=', scenario()}, words);
    expect_refused({name, QString(), scenario()}, words);
  }
  expect_refused({QStringLiteral("--screenshot"), path(QStringLiteral("out.png")), QString()}, "the FILE is empty");
}

TEST_F(Arguments, ABareDashIsNoOption) {
  expect_refused({QStringLiteral("-"), QStringLiteral("x")}, "unknown option -");
  expect_refused(
      {QStringLiteral("--screenshot"), path(QStringLiteral("out.png")), QStringLiteral("-v"), QStringLiteral("x")},
      "unknown option -v");
  expect_refused({QStringLiteral("--set=seed=3=4"), QStringLiteral("--theme=light=dark"), scenario()},
                 "there is no 'light=dark'; known: light, dark, system");
}

TEST_F(Arguments, HelpComesBeforeAnythingElse) {
  const Outcome both = run({QStringLiteral("--version"), QStringLiteral("-h")});
  EXPECT_EQ(both.code, 0);
  EXPECT_THAT(both.out, ::testing::StartsWith("Usage: orrery-gui [FILE] [options]\n"));
  EXPECT_EQ(both.err, "");
  const Outcome with_file = run({path(QStringLiteral("none.yaml")), QStringLiteral("--help")});
  EXPECT_EQ(with_file.code, 0) << "the file is not looked at";
}

TEST_F(Arguments, EverySetIsAnEditInItsOrder) {
  const QStringList edits = {QStringLiteral("--set"), QStringLiteral("training.tensor_parallel=4"),
                             QStringLiteral("--set=training.tensor_parallel=2"), scenario()};
  const QImage there_and_back = draw(QStringLiteral("back.png"), edits);
  ASSERT_FALSE(there_and_back.isNull());
  const Outcome wrong = run({QStringLiteral("--screenshot"), path(QStringLiteral("wrong.png")), QStringLiteral("--set"),
                             QStringLiteral("training.tensor_parallel=3"), scenario()});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_FALSE(QImage(path(QStringLiteral("wrong.png"))).isNull()) << "a picture of what is wrong is worth having";
  const Outcome mended = run({QStringLiteral("--screenshot"), path(QStringLiteral("mended.png")),
                              QStringLiteral("--set"), QStringLiteral("training.tensor_parallel=3"),
                              QStringLiteral("--set"), QStringLiteral("training.tensor_parallel=2"), scenario()});
  EXPECT_EQ(mended.code, 0) << mended.err;
}

TEST_F(Arguments, AScaleHasAsManyTimesThePixels) {
  const QImage one = draw(QStringLiteral("one.png"), {scenario()}, QStringLiteral("640x480"));
  const QImage two =
      draw(QStringLiteral("two.png"), {QStringLiteral("--scale=2"), scenario()}, QStringLiteral("640x480"));
  EXPECT_EQ(one.size(), QSize(640, 480));
  EXPECT_EQ(two.size(), QSize(1280, 960));
}

TEST_F(Arguments, AFigureIsExplainedInThePicture) {
  const QImage plain = draw(QStringLiteral("plain.png"), {QStringLiteral("--view=explain"), scenario()});
  const QImage mfu =
      draw(QStringLiteral("mfu.png"), {QStringLiteral("--explain"), QStringLiteral("memory.peak_bytes"), scenario()});
  ASSERT_FALSE(plain.isNull());
  EXPECT_NE(plain, mfu);
}

TEST_F(Arguments, WithoutAFileThereIsThePageOfQuestions) {
  const QImage asks = draw(QStringLiteral("asks.png"), {});
  const QImage shows = draw(QStringLiteral("shows.png"), {scenario()});
  ASSERT_FALSE(asks.isNull());
  EXPECT_NE(asks, shows);
}

}  // namespace
}  // namespace orrery::gui::testing
