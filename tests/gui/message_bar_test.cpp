// Messages to the user.
#include "gui/view/message_bar.hpp"

#include <QLabel>
#include <QTest>
#include <QToolButton>
#include <gtest/gtest.h>

namespace orrery::gui {
namespace {

TEST(MessageBar, ShowsAMessageUntilItIsClosed) {
  QWidget window;
  MessageBar bar(&window);
  window.resize(400, 200);
  bar.resize(400, 60);
  window.show();
  EXPECT_FALSE(bar.isVisible());
  bar.show_message("The file can't be written.");
  EXPECT_TRUE(bar.isVisible());
  EXPECT_EQ(bar.message(), "The file can't be written.");
  EXPECT_FALSE(bar.hasFocus());
  bar.findChild<QToolButton*>("message_close")->click();
  EXPECT_FALSE(bar.isVisible());
  bar.show_message("Again.");
  EXPECT_TRUE(bar.isVisible());
  QTest::keyClick(bar.findChild<QToolButton*>("message_close"), Qt::Key_Escape);
  EXPECT_FALSE(bar.isVisible());
}

TEST(MessageBar, CutsLongMessagesToFourLinesAndKeepsThemWhole) {
  MessageBar bar;
  bar.resize(400, 60);
  QStringList lines;
  for (int i = 0; i < 30; ++i) lines << QStringLiteral("file.yaml:%1:1: an error").arg(i);
  const QString text = lines.join(QLatin1Char('\n'));
  bar.show_message(text);
  EXPECT_EQ(bar.message(), text);
  EXPECT_TRUE(bar.toolTip().contains("file.yaml:29:1"));
  const auto* label = bar.findChild<QLabel*>("message_text");
  EXPECT_LE(label->text().count(QLatin1Char('\n')), 3);
  EXPECT_TRUE(label->text().endsWith(QChar(0x2026)));
}

}  // namespace
}  // namespace orrery::gui
