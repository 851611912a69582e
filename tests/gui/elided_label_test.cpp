// One line that gives way: at any width, in any font, whatever the text.
#include "gui/look/elided_label.hpp"

#include <QTest>
#include <gtest/gtest.h>

#include "gui/look/labels.hpp"

namespace orrery::gui {
namespace {

class Elided : public ::testing::Test {
 protected:
  Elided() {
    label_.resize(200, 24);
    label_.show();
  }
  [[nodiscard]] int shown_width() const { return label_.fontMetrics().horizontalAdvance(label_.text()); }

  ElidedLabel label_;
};

TEST_F(Elided, IsNeverWiderThanItsPlace) {
  const QString line = QStringLiteral("#12 training.tensor_parallel: 2 → 4: 1,234 spans on 16 streams");
  label_.set_line(line);
  for (int width = 600; width > 20; width -= 7) {
    label_.resize(width, 24);
    EXPECT_LE(shown_width(), width) << width;
    const bool whole = label_.text() == line;
    EXPECT_EQ(whole, label_.fontMetrics().horizontalAdvance(line) <= width) << width;
    EXPECT_EQ(label_.toolTip(), whole ? QString() : line) << width;
    EXPECT_EQ(label_.line(), line);
  }
}

TEST_F(Elided, AnIndentTakesItsRoom) {
  label_.setIndent(60);
  label_.set_line(QString(60, u'w'));
  EXPECT_LE(shown_width(), 140);
}

TEST_F(Elided, AnotherFontIsMeasuredAnew) {
  const QString line = QString(12, u'w');
  label_.resize(label_.fontMetrics().horizontalAdvance(line) + 8, 24);
  label_.set_line(line);
  ASSERT_EQ(label_.text(), line);
  label_.setFont(scaled(label_.font(), 2.0, false));
  EXPECT_NE(label_.text(), line);
  EXPECT_EQ(label_.toolTip(), line);
}

// A message may have several lines: here it is one, in the tooltip it is as it was.
TEST_F(Elided, IsOneLineOfATextOfSeveral) {
  label_.resize(1000, 24);
  const int height = label_.sizeHint().height();
  label_.set_line(QStringLiteral("Not simulated: it does not fit\nstage 0 lacks 3 GiB\n"));
  EXPECT_EQ(label_.text(), QStringLiteral("Not simulated: it does not fit stage 0 lacks 3 GiB"));
  EXPECT_EQ(label_.toolTip(), QStringLiteral("Not simulated: it does not fit\nstage 0 lacks 3 GiB\n"));
  label_.set_line(QStringLiteral("one"));
  EXPECT_EQ(label_.sizeHint().height(), height) << "the line below does not move";
}

TEST_F(Elided, AsksForNoWidthAndCanBeSelected) {
  label_.set_line(QString(500, u'w'));
  EXPECT_EQ(label_.sizePolicy().horizontalPolicy(), QSizePolicy::Ignored) << "it never widens a window";
  EXPECT_TRUE(label_.textInteractionFlags().testFlag(Qt::TextSelectableByMouse));
  EXPECT_EQ(label_.textFormat(), Qt::PlainText);
}

}  // namespace
}  // namespace orrery::gui
