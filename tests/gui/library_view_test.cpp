// The library browser as a user meets it.
#include "gui/view/library_view.hpp"

#include <QLabel>
#include <QLineEdit>
#include <QSignalSpy>
#include <QTest>
#include <QTreeView>
#include <gtest/gtest.h>

#include "tests/places.hpp"

namespace orrery::gui {
namespace {

const QString kRoot = QString::fromStdString(orrery::tests::source_root() + "/scenarios/library");

TEST(LibraryView, OpensAScenarioAndAVariant) {
  LibraryView view(kRoot);
  view.resize(300, 500);
  view.show();
  QSignalSpy opened(&view, &LibraryView::open_requested);
  const QString path = kRoot + "/serving/llama-3-8b-h100-chat.yaml";
  view.set_current(path);
  QTest::keyClick(&view.tree(), Qt::Key_Return);
  ASSERT_EQ(opened.count(), 1);
  EXPECT_EQ(opened.first().at(0).toString(), path);
  EXPECT_EQ(opened.takeFirst().at(1).toString(), "");
  const QModelIndex file = view.tree().currentIndex();
  view.tree().expand(file);
  view.tree().setCurrentIndex(file.model()->index(0, 0, file));
  QTest::keyClick(&view.tree(), Qt::Key_Space);
  ASSERT_EQ(opened.count(), 1);
  EXPECT_EQ(opened.first().at(0).toString(), path);
  EXPECT_EQ(opened.takeFirst().at(1).toString(), "ShareGPT, all at once");
  const QPoint place = view.tree().visualRect(file).center();
  QTest::mouseClick(view.tree().viewport(), Qt::LeftButton, {}, place);
  QTest::mouseDClick(view.tree().viewport(), Qt::LeftButton, {}, place);
  EXPECT_EQ(opened.count(), 1);
}

TEST(LibraryView, FiltersByTitle) {
  LibraryView view(kRoot);
  view.show();
  view.filter_line().setText("gpt-2 124m");
  const QAbstractItemModel& shown = *view.tree().model();
  ASSERT_EQ(shown.rowCount(), 1);
  ASSERT_EQ(shown.rowCount(shown.index(0, 0)), 1);
  QSignalSpy opened(&view, &LibraryView::open_requested);
  QTest::keyClick(&view.filter_line(), Qt::Key_Down);
  QTest::keyClick(&view.tree(), Qt::Key_Return);
  ASSERT_EQ(opened.count(), 1);
  EXPECT_TRUE(opened.first().at(0).toString().endsWith("gpt2-124m-8xa100.yaml"));
  QTest::keyClick(&view.filter_line(), Qt::Key_Escape);
  EXPECT_GT(shown.rowCount(), 1);
}

TEST(LibraryView, SaysThatThereIsNoLibrary) {
  LibraryView view(QStringLiteral("/nowhere/at/all"));
  view.show();
  EXPECT_TRUE(view.findChild<QLabel*>("library_empty")->isVisible());
  EXPECT_FALSE(view.tree().isVisible());
}

}  // namespace
}  // namespace orrery::gui
