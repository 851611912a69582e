// The program draws its window into a file, without a display, and says in one line what is wrong with its arguments.
#include <regex>
#include <set>

#include "gui/view/views.hpp"
#include "tests/gui/program_fixture.hpp"

namespace orrery::gui::testing {
namespace {

std::set<QRgb> colors(const QImage& picture, const QRect& part) {
  std::set<QRgb> found;
  for (int y = part.top(); y <= part.bottom(); ++y) {
    for (int x = part.left(); x <= part.right(); ++x) found.insert(picture.pixel(x, y));
  }
  return found;
}

TEST_F(Screenshot, IsAPictureOfTheAskedSizeWithContentEverywhere) {
  const QImage picture = draw(QStringLiteral("out.png"), {scenario()});
  ASSERT_EQ(picture.size(), QSize(1600, 1000));
  EXPECT_GE(colors(picture, picture.rect()).size(), 50u);
  // Form, text and figures: each ninth of the window holds something.
  int filled = 0;
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      filled += colors(picture, QRect(column * 533, row * 333, 533, 333)).size() >= 4 ? 1 : 0;
    }
  }
  EXPECT_GE(filled, 8);
}

TEST_F(Screenshot, ScaleMultipliesThePixels) {
  const QImage picture = draw(QStringLiteral("out.png"), {QStringLiteral("--scale"), QStringLiteral("2"), scenario()},
                              QStringLiteral("1200x800"));
  EXPECT_EQ(picture.size(), QSize(2400, 1600));
}

// A window that can't be so small is no reason for a picture of another size without a word.
TEST_F(Screenshot, HasTheAskedSizeOrSaysWhyNot) {
  for (const QSize& size : {QSize(1024, 700), QSize(800, 600), QSize(320, 200)}) {
    const QString asked = QStringLiteral("%1x%2").arg(size.width()).arg(size.height());
    SCOPED_TRACE(asked.toStdString());
    const Outcome outcome = run({QStringLiteral("--screenshot"), path(QStringLiteral("small.png")),
                                 QStringLiteral("--size"), asked, scenario()});
    if (outcome.code == 0) {
      EXPECT_EQ(QImage(path(QStringLiteral("small.png"))).size(), size);
    } else {
      EXPECT_EQ(outcome.code, 2);
      EXPECT_EQ(outcome.error_lines(), 1) << outcome.err;
    }
  }
}

TEST_F(Screenshot, IsTheSameEveryTime) {
  const QStringList arguments = {QStringLiteral("--set"), QStringLiteral("training.tensor_parallel=4"), scenario()};
  ASSERT_FALSE(draw(QStringLiteral("one.png"), arguments).isNull());
  ASSERT_FALSE(draw(QStringLiteral("two.png"), arguments).isNull());
  EXPECT_EQ(read_bytes(path(QStringLiteral("one.png")).toStdString()),
            read_bytes(path(QStringLiteral("two.png")).toStdString()));
}

TEST_F(Screenshot, ShowsEditsAndLeavesTheFileAlone) {
  const QImage before = draw(QStringLiteral("before.png"), {scenario()});
  const QImage after = draw(QStringLiteral("after.png"),
                            {QStringLiteral("--set"), QStringLiteral("training.tensor_parallel=4"), scenario()});
  ASSERT_FALSE(before.isNull());
  ASSERT_FALSE(after.isNull());
  EXPECT_NE(before, after);
  EXPECT_EQ(read_bytes(scenario().toStdString()), small_training());
}

TEST_F(Screenshot, DarkIsDarkAndLightIsLight) {
  const auto mean_light = [](const QImage& picture) {
    const QImage one = picture.scaled(1, 1, Qt::IgnoreAspectRatio, Qt::SmoothTransformation);
    return qGray(one.pixel(0, 0));
  };
  const QImage light =
      draw(QStringLiteral("light.png"), {QStringLiteral("--theme"), QStringLiteral("light"), scenario()});
  const QImage dark = draw(QStringLiteral("dark.png"), {QStringLiteral("--theme"), QStringLiteral("dark"), scenario()});
  ASSERT_FALSE(light.isNull());
  ASSERT_FALSE(dark.isNull());
  EXPECT_GT(mean_light(light), 160);
  EXPECT_LT(mean_light(dark), 95);
}

TEST_F(Screenshot, EveryViewCanBeInFront) {
  write(QStringLiteral("chat.yaml"), chat(200, 10));
  std::set<std::string> training, serving;
  std::size_t drawn_training = 0, drawn_serving = 0;
  for (const ViewRow& row : views()) {
    const QString name = QString::fromUtf8(row.name.data(), static_cast<qsizetype>(row.name.size()));
    SCOPED_TRACE(name.toStdString());
    const QString file = name + QStringLiteral(".png");
    if (row.kind != "serving") {
      EXPECT_FALSE(draw(file, {QStringLiteral("--view"), name, scenario()}).isNull());
      training.insert(read_bytes(path(file).toStdString()));
      ++drawn_training;
    }
    if (row.kind != "training") {
      EXPECT_FALSE(draw(file, {QStringLiteral("--view"), name, path(QStringLiteral("chat.yaml"))}).isNull());
      serving.insert(read_bytes(path(file).toStdString()));
      ++drawn_serving;
    }
  }
  EXPECT_GE(drawn_training, 4u);
  EXPECT_GE(drawn_serving, 4u);
  EXPECT_EQ(training.size(), drawn_training) << "two views look the same";
  EXPECT_EQ(serving.size(), drawn_serving) << "two views look the same";
}

TEST_F(Screenshot, WrongArgumentsAreOneLineAndExitCodeTwo) {
  const QString out = path(QStringLiteral("out.png"));
  const QString shot = QStringLiteral("--screenshot"), size = QStringLiteral("--size");
  expect_refused({shot, out, QStringLiteral("--view"), QStringLiteral("timelime"), scenario()}, "timelime");
  for (const char* wrong : {"1600", "1600x", "x1000", "0x0", "-5x10", "1600x1000x2", "a lot", "99999999x99999999"}) {
    expect_refused({shot, out, size, QString::fromLatin1(wrong), scenario()}, "size");
  }
  for (const char* wrong : {"0", "-1", "nan", "much", "1e9"}) {
    expect_refused({shot, out, QStringLiteral("--scale"), QString::fromLatin1(wrong), scenario()}, "scale");
  }
  expect_refused({shot, out, QStringLiteral("--theme"), QStringLiteral("pink"), scenario()}, "pink");
  expect_refused({shot, out, path(QStringLiteral("missing.yaml"))}, "missing.yaml");
  expect_refused({shot, out, folder_.path()}, folder_.path().toStdString());
  expect_refused({shot, out, QStringLiteral("--set"), QStringLiteral("training.tensor_parallel"), scenario()},
                 "training.tensor_parallel");
  expect_refused({shot, out, QStringLiteral("--frobnicate"), scenario()}, "frobnicate");
}

TEST_F(Screenshot, EachMistakeHasItsOwnWords) {
  const QString out = path(QStringLiteral("out.png")), shot = QStringLiteral("--screenshot");
  expect_refused({shot}, "--screenshot needs a value");
  expect_refused({shot, out, scenario(), scenario()}, "one scenario file at a time");
  expect_refused({shot, out, QStringLiteral("--set"), QStringLiteral("seed=3")}, "--set needs a FILE to edit");
  expect_refused({shot, out, QStringLiteral("--size=16384x16384")}, "more than 100 million pixels");
  expect_refused({shot, out, QStringLiteral("--size=320x240x")}, "'320x240x' is no size: write 1600x1000");
  expect_refused({shot, out, QStringLiteral("--scale=5")}, "'5' is not 1, 2, 3 or 4");
  expect_refused({shot, out, QStringLiteral("--view=timelime")},
                 "there is no 'timelime'; known: timeline, memory, pipeline");
  expect_refused({shot, path(QStringLiteral("out.gif")), scenario()}, "a screenshot is a .png file");
  expect_refused({shot, out, QStringLiteral("--explain"), QStringLiteral("training.mfuu"), scenario()},
                 "this run has no figure 'training.mfuu'; nearest: training.mfu");
  expect_refused({shot, out, QStringLiteral("--set"), QStringLiteral("scenario.a=1"), scenario()},
                 "case.yaml:2:11: 'small' is a single value");
}

TEST_F(Screenshot, UsageNamesEveryViewAndVersionIsTheLibrarys) {
  const Outcome help = run({QStringLiteral("--help")});
  EXPECT_EQ(help.code, 0);
  std::string names;
  for (const ViewRow& row : views()) names += (names.empty() ? "" : ", ") + std::string(row.name);
  const std::string in_one_line = std::regex_replace(help.out, std::regex(",\n +"), ", ");
  EXPECT_NE(in_one_line.find("bring a view to the front: " + names + "\n"), std::string::npos) << help.out;
  EXPECT_EQ(run({QStringLiteral("--version")}).out, "orrery-gui " + std::string(scenarios::kVersion) + "\n");
}

TEST_F(Screenshot, AFileMayBeginWithADash) {
  write(QStringLiteral("-case.yaml"), small_training());
  const Outcome outcome = run({QStringLiteral("--screenshot=") + path(QStringLiteral("dash.png")), QStringLiteral("--"),
                               QStringLiteral("-case.yaml")});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

TEST_F(Screenshot, AScenarioThatIsWrongIsExitCodeTwo) {
  write(QStringLiteral("broken.yaml"), replaced(small_training(), "recompute: none", "recompute: nono"));
  const Outcome outcome =
      run({QStringLiteral("--screenshot"), path(QStringLiteral("out.png")), path(QStringLiteral("broken.yaml"))});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("nono"), std::string::npos) << outcome.err;
}

TEST_F(Screenshot, WhereNothingCanBeWrittenItSaysSoAndLeavesNothing) {
  const QStringList places = {path(QStringLiteral("nowhere/out.png")), path(QStringLiteral("case.yaml/out.png")),
                              QStringLiteral("/dev/full"), QStringLiteral("/proc/orrery.png"),
                              path(QStringLiteral("out.tiff"))};
  for (const QString& place : places) {
    SCOPED_TRACE(place.toStdString());
    const Outcome outcome = run({QStringLiteral("--screenshot"), place, scenario()});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.error_lines(), 1) << outcome.err;
  }
  QStringList left = QDir(folder_.path()).entryList(QDir::Files | QDir::Hidden);
  EXPECT_EQ(left, QStringList{QStringLiteral("case.yaml")});
}

TEST_F(Screenshot, AnOlderPictureIsReplacedOnlyByAWholeOne) {
  write(QStringLiteral("out.png"), "older");
  EXPECT_EQ(
      run({QStringLiteral("--screenshot"), path(QStringLiteral("out.png")), path(QStringLiteral("none.yaml"))}).code,
      2);
  EXPECT_EQ(read_bytes(path(QStringLiteral("out.png")).toStdString()), "older");
  EXPECT_FALSE(draw(QStringLiteral("out.png"), {scenario()}).isNull());
}

}  // namespace
}  // namespace orrery::gui::testing
