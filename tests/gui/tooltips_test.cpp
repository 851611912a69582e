// What a file says is shown as it stands, never read as markup.
#include <QComboBox>
#include <QHelpEvent>
#include <QListWidget>
#include <QTemporaryDir>
#include <QTextDocumentFragment>
#include <QToolTip>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gui/look/text.hpp"
#include "gui/model/library_model.hpp"
#include "gui/model/report_model.hpp"
#include "gui/view/compare_view.hpp"
#include "gui/view/message_bar.hpp"
#include "gui/view/problems_view.hpp"
#include "gui/view/runs_view.hpp"
#include "tests/gui/gui_fixture.hpp"
#include "tests/gui/made_runs.hpp"

namespace orrery::gui {
namespace {

constexpr const char* kOdd = "x < 3 & \"y\" > 2, <b>bold</b>";

/// As Qt shows a tooltip: read as markup where it looks like some.
std::string seen(const QString& tip) {
  return (Qt::mightBeRichText(tip) ? QTextDocumentFragment::fromHtml(tip).toPlainText() : tip).toStdString();
}
QString odd() { return QString::fromUtf8(kOdd); }

std::shared_ptr<Run> odd_run() {
  auto run = tests::run_with({{"training.mfu", scenarios::Unit::ratio, 0.5}});
  run->report.scenario.title = kOdd;
  run->request.change = kOdd;
  return run;
}

TEST(PlainTip, ShowsEveryTextAsItStands) {
  for (const char* text :
       {kOdd, "<b>", "a & b", "\"quoted\"", "1 > 0", "&lt;", "plain", "", "<!-- x -->", "a\n<i>b</i>"}) {
    EXPECT_EQ(seen(plain_tip(QString::fromUtf8(text))), text);
  }
  EXPECT_EQ(plain_tip(QStringLiteral("a & b")), QStringLiteral("a & b")) << "what is no markup stays as it is";
}

TEST(Tooltips, OfProblems) {
  ProblemsView view;
  view.set_problems({{"a.yaml", {1, 1, 0, 1}, kOdd}, {"a.yaml", {2, 1, 0, 1}, "must be > 0: found \"x\""}});
  auto* list = view.findChild<QListWidget*>(QStringLiteral("problems_list"));
  EXPECT_EQ(seen(list->item(0)->toolTip()), kOdd);
  EXPECT_EQ(seen(list->item(1)->toolTip()), "must be > 0: found \"x\"");
}

TEST(Tooltips, OfRuns) {
  RunsView view;
  const RunPtr run = odd_run();
  view.set_runs({run}, run);
  const std::string tip = seen(view.findChild<QListWidget*>(QStringLiteral("runs_list"))->item(0)->toolTip());
  EXPECT_THAT(tip, ::testing::HasSubstr(kOdd));
}

TEST(Tooltips, OfComparedRuns) {
  CompareView view;
  const RunPtr run = odd_run();
  view.set_choices({run});
  view.set_runs(run, nullptr);
  auto* choice = view.findChild<QComboBox*>(QStringLiteral("compare_b"));
  EXPECT_EQ(seen(choice->itemData(0, Qt::ToolTipRole).toString()), kOdd);
  EXPECT_THAT(seen(choice->toolTip()), ::testing::HasSubstr(kOdd));
}

TEST(Tooltips, OfTheLibrary) {
  QTemporaryDir folder;
  std::ofstream(folder.filePath(QStringLiteral("a.yaml")).toStdString()) << "scenario: '" << kOdd << "'\n";
  const LibraryModel model(folder.path());
  EXPECT_EQ(model.index(0, 0).data().toString(), odd());
  EXPECT_THAT(seen(model.index(0, 0).data(Qt::ToolTipRole).toString()), ::testing::StartsWith(kOdd));
}

TEST(Tooltips, OfTheReport) {
  auto run = odd_run();
  run->report.findings = {{"saturated", kOdd, false}};
  ReportModel model;
  model.set_runs(run, nullptr);
  EXPECT_EQ(seen(model.index(0, 0, model.index(0, 0)).data(Qt::ToolTipRole).toString()), kOdd);
}

TEST(Tooltips, OfMessages) {
  MessageBar bar;
  bar.show_message(odd());
  EXPECT_EQ(seen(bar.toolTip()), kOdd);
  EXPECT_EQ(bar.message(), odd());
}

TEST(Tooltips, OfThePlaceInTheText) {
  YamlEditor editor;
  editor.resize(500, 200);
  editor.set_text(QStringLiteral("abcdef: 1\n"));
  editor.set_problems({{"a.yaml", {1, 1, 0, 6}, kOdd}});
  editor.show();
  const QPoint at = editor.cursorRect().center() + QPoint(3, 0);
  QHelpEvent event(QEvent::ToolTip, at, editor.viewport()->mapToGlobal(at));
  QApplication::sendEvent(editor.viewport(), &event);
  EXPECT_EQ(seen(QToolTip::text()), kOdd);
  QToolTip::hideText();
}

}  // namespace
}  // namespace orrery::gui
