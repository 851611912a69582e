// Colours that are read: contrast of every ink on every ground that it stands on, in both themes.
#include "gui/look/theme.hpp"

#include <random>
#include <set>

#include <QApplication>
#include <QStyle>
#include <QTreeView>
#include <gtest/gtest.h>

#include "gui/view/plot_style.hpp"

namespace orrery::gui {
namespace {

constexpr double kReadable = 4.5;  ///< WCAG 2.1, 1.4.3

class EachTheme : public ::testing::TestWithParam<Theme> {
 protected:
  void SetUp() override { apply_theme(GetParam()); }
  void TearDown() override { apply_theme(Theme::light); }
  [[nodiscard]] static QPalette palette() { return QApplication::palette(); }
  static void expect_readable(const QColor& ink, const QColor& ground, const std::string& what) {
    EXPECT_GE(contrast(ink, ground), kReadable)
        << what << ": " << ink.name().toStdString() << " on " << ground.name().toStdString();
  }
};

// Titles of figures, hints and what is out of date are in the colour of placeholders: they are text like other text.
TEST_P(EachTheme, FaintTextIsReadableOnEveryGround) {
  for (const auto ground : {QPalette::Window, QPalette::Base, QPalette::AlternateBase}) {
    for (const auto group : {QPalette::Active, QPalette::Inactive}) {
      expect_readable(palette().color(group, QPalette::PlaceholderText), palette().color(group, ground),
                      "placeholder on role " + std::to_string(ground));
    }
  }
}

// Remarks stand on the window, changes in lists of two grounds.
TEST_P(EachTheme, GoodAndBadNewsAreReadableWhereverTheyStand) {
  for (const auto role : {QPalette::Window, QPalette::Base, QPalette::AlternateBase}) {
    const QColor ground = palette().color(role);
    const std::string where = "on role " + std::to_string(role);
    expect_readable(better_color(palette()), ground, "better " + where);
    expect_readable(worse_color(palette()), ground, "worse " + where);
    expect_readable(warning_color(palette()), ground, "warning " + where);
  }
  // The bar of messages: the window's ground with a little of the warning colour.
  const QColor bar = mixed(palette().color(QPalette::Window), warning_color(palette()), 0.2);
  expect_readable(palette().color(QPalette::WindowText), bar, "a message");
}

TEST_P(EachTheme, PlotsAndRulersAreReadable) {
  const QColor base = palette().color(QPalette::Base), window = palette().color(QPalette::Window);
  expect_readable(plot_text(palette()), base, "an axis");
  expect_readable(plot_faint_text(palette()), base, "a faint text");
  // Names of tracks, a quarter of the ground mixed in.
  expect_readable(mixed(palette().color(QPalette::WindowText), window, 0.25), window, "a track's name");
}

// A row of a menu or a button that does nothing now looks like it, and still is to be found.
TEST_P(EachTheme, WhatIsSwitchedOffIsFainterAndThere) {
  using Pair = std::pair<QPalette::ColorRole, QPalette::ColorRole>;
  for (const auto& [role, on] : {Pair(QPalette::WindowText, QPalette::Window), Pair(QPalette::Text, QPalette::Base),
                                 Pair(QPalette::ButtonText, QPalette::Window)}) {
    const QColor ground = palette().color(on);
    const double off = contrast(palette().color(QPalette::Disabled, role), ground);
    EXPECT_GE(off, 3.0) << role;
    EXPECT_LT(off, 0.5 * contrast(palette().color(QPalette::Active, role), ground)) << role;
  }
}

TEST_P(EachTheme, AreFusionWithBoxesThatAListShows) {
  EXPECT_EQ(QApplication::style()->objectName().toLower(), QStringLiteral("fusion"));
  QTreeView list;
  list.ensurePolished();
  EXPECT_EQ(list.palette().color(QPalette::Base), palette().color(QPalette::Base));
  // Fusion mixes the frame of a check box from the window's colour.
  const double frame = contrast(list.palette().color(QPalette::Window), list.palette().color(QPalette::Base));
  if (GetParam() == Theme::dark) {
    EXPECT_GE(frame, 3.0);
  }
}

std::string theme_name(const ::testing::TestParamInfo<Theme>& info) {
  return info.param == Theme::dark ? "Dark" : "Light";
}
INSTANTIATE_TEST_SUITE_P(Both, EachTheme, ::testing::Values(Theme::light, Theme::dark), theme_name);

TEST(ThemeOfTheDesktop, IsOneOfTheTwo) {
  apply_theme(Theme::dark);
  const QPalette dark = QApplication::palette();
  apply_theme(Theme::light);
  const QPalette light = QApplication::palette();
  apply_theme(Theme::system);
  const QColor base = QApplication::palette().color(QPalette::Base);
  EXPECT_TRUE(base == dark.color(QPalette::Base) || base == light.color(QPalette::Base));
  apply_theme(Theme::dark);
  apply_theme(Theme::system);
  EXPECT_EQ(QApplication::palette().color(QPalette::Base), base) << "whatever was chosen meanwhile";
  apply_theme(Theme::light);
}

// What stands side by side in one legend: a training step's activities, an engine's, kinds of memory.
TEST(DrawnColours, AreDistinctWithinALegend) {
  using sim::Activity;
  const std::vector<std::vector<Activity>> legends = {
      {Activity::forward, Activity::recompute, Activity::backward, Activity::weight_gradient, Activity::optimizer,
       Activity::tensor_parallel, Activity::data_parallel, Activity::pipeline, Activity::expert_parallel,
       Activity::host_copy, Activity::other},
      {Activity::prefill, Activity::decode, Activity::mixed, Activity::other}};
  const auto apart = [](const QColor& a, const QColor& b) {
    return std::abs(a.red() - b.red()) + std::abs(a.green() - b.green()) + std::abs(a.blue() - b.blue());
  };
  for (const auto& legend : legends) {
    for (std::size_t i = 0; i < legend.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        EXPECT_GE(apart(activity_color(legend[i]), activity_color(legend[j])), 40)
            << sim::name(legend[i]) << " and " << sim::name(legend[j]);
      }
    }
  }
  std::set<QRgb> kinds;
  for (int kind = 0; kind <= static_cast<int>(sim::MemoryKind::workspace); ++kind) {
    kinds.insert(memory_color(static_cast<sim::MemoryKind>(kind)).rgb());
  }
  EXPECT_EQ(kinds.size(), static_cast<std::size_t>(sim::MemoryKind::workspace) + 1);
}

TEST(ColourSums, HoldForAnyColours) {
  std::mt19937 random(1);
  const auto any = [&random] { return QColor::fromRgb(static_cast<QRgb>(random() | 0xff000000u)); };
  for (int i = 0; i < 2000; ++i) {
    const QColor a = any(), b = any();
    EXPECT_DOUBLE_EQ(contrast(a, b), contrast(b, a));
    EXPECT_GE(contrast(a, b), 1.0);
    EXPECT_LE(contrast(a, b), 21.0 + 1e-9);
    const QColor text = text_on(a);
    EXPECT_TRUE(text == QColor(Qt::black) || text == QColor(Qt::white));
    EXPECT_GE(contrast(a, text), std::max(contrast(a, Qt::black), contrast(a, Qt::white)));
    EXPECT_GE(contrast(a, text), kReadable) << "black or white is readable on any ground";
    const QColor half = mixed(a, b, 0.5);
    EXPECT_GE(half.red(), std::min(a.red(), b.red()));
    EXPECT_LE(half.red(), std::max(a.red(), b.red()));
    EXPECT_EQ(mixed(a, b, 0.0), a);
    EXPECT_EQ(mixed(a, b, 1.0), b);
  }
}

}  // namespace
}  // namespace orrery::gui
