// The list of problems: there only when there are some, and a way to their places.
#include "gui/view/problems_view.hpp"

#include <QListWidget>
#include <QSignalSpy>
#include <QTest>
#include <gtest/gtest.h>

namespace orrery::gui {
namespace {

TEST(ProblemsView, IsHiddenWhileThereIsNothingAndCountsEverything) {
  ProblemsView view;
  EXPECT_TRUE(view.isHidden());
  view.set_problems({{"a", {3, 5, 20, 22}, "one"}, {"a", {}, "two"}});
  EXPECT_FALSE(view.isHidden());
  EXPECT_EQ(view.count(), 2);
  const auto* list = view.findChild<QListWidget*>();
  ASSERT_NE(list, nullptr);
  EXPECT_TRUE(list->item(0)->text().contains(QStringLiteral("3")));
  EXPECT_TRUE(list->item(0)->text().contains(QStringLiteral("one")));
  EXPECT_EQ(list->item(1)->text(), QStringLiteral("two"));
  view.set_problems(std::vector<hardware::Diagnostic>(1000, {"a", {1, 1, 0, 1}, "many"}));
  EXPECT_EQ(view.count(), 1000);
  EXPECT_LT(list->count(), 1000);
  view.set_problems({});
  EXPECT_TRUE(view.isHidden());
}

TEST(ProblemsView, ActivatingARowAsksToGoThere) {
  ProblemsView view;
  view.set_problems({{"a", {3, 5, 20, 22}, "one"}, {"a", {}, "nowhere"}});
  view.show();
  auto* list = view.findChild<QListWidget*>();
  QSignalSpy places(&view, &ProblemsView::go_to_requested);
  QTest::mouseClick(list->viewport(), Qt::LeftButton, Qt::NoModifier, list->visualItemRect(list->item(0)).center());
  ASSERT_EQ(places.count(), 1);
  EXPECT_EQ(places.last().at(0).toInt(), 3);
  EXPECT_EQ(places.last().at(1).toInt(), 5);
  QTest::mouseClick(list->viewport(), Qt::LeftButton, Qt::NoModifier, list->visualItemRect(list->item(1)).center());
  EXPECT_EQ(places.count(), 1);
}

}  // namespace
}  // namespace orrery::gui
