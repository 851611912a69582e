// The form as a user works it: type, turn, choose, toggle, remove, filter.
#include "gui/view/form_view.hpp"

#include <QApplication>
#include <QComboBox>
#include <QLineEdit>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTest>
#include <QTreeView>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"
#include "gui/view/field_editors.hpp"
#include "hardware/config/config.hpp"

namespace orrery::gui {
namespace {

constexpr const char* kText =
    "scenario: a\n"
    "model: llama-3-8b\n"
    "cluster: {node: dgx_h100, nodes: 1}\n"
    "training:\n"
    "  sequence_length: 8192\n"
    "  global_batch_size: 64\n"
    "  tensor_parallel: 2\n"
    "  dropout: 0.1\n"
    "  recompute: none\n"
    "  sequence_parallel: true\n";

QString q(const char* text) { return QString::fromUtf8(text); }

class FormViewTest : public testing::Test {
 protected:
  FormViewTest() {
    view_.resize(420, 640);
    view_.model().set_text(kText, "a.yaml");
    view_.show();
    view_.activateWindow();
    QTest::qWait(1);
  }
  std::string last() const {
    if (edits_.isEmpty()) return "nothing";
    return (edits_.last().at(0).toString() + QLatin1Char('=') + edits_.last().at(1).toString()).toStdString();
  }
  FormView view_;
  QSignalSpy edits_{&view_, &FormView::edit_requested};
};

TEST_F(FormViewTest, KeysHaveRoomWhateverWasFilteredWhenAFileCame) {
  const int before = view_.tree().columnWidth(FormModel::kKey);
  auto* filter = view_.findChild<QLineEdit*>(q("form_filter"));
  filter->setText(q("zero"));
  std::string other(kText);
  other.replace(other.find("cluster"), 0, "seed: 3\n");
  view_.model().set_text("scenario: b\nmodel: llama-3-8b\ncluster: {node: l4_box}\nserving: {}\n", "b.yaml");
  view_.model().set_text(other, "a.yaml");
  filter->clear();
  EXPECT_GE(view_.tree().columnWidth(FormModel::kKey), before);
  QFont bold = view_.tree().font();
  bold.setBold(true);
  EXPECT_GT(view_.tree().columnWidth(FormModel::kKey), QFontMetrics(bold).horizontalAdvance(q("sequence_parallel")));
}

TEST_F(FormViewTest, TypingANumberAndEnterAsksForIt) {
  QWidget* editor = view_.edit(q("training.tensor_parallel"));
  ASSERT_NE(qobject_cast<QSpinBox*>(editor), nullptr);
  QTest::keyClick(editor, Qt::Key_A, Qt::ControlModifier);
  QTest::keyClicks(editor, q("16"));
  QTest::keyClick(editor, Qt::Key_Return);
  QCoreApplication::processEvents();
  EXPECT_EQ(last(), "training.tensor_parallel=16");
  EXPECT_EQ(edits_.count(), 1);
}

TEST_F(FormViewTest, EnterAloneAsksForNothing) {
  for (const char* key : {"training.tensor_parallel", "training.dropout", "training.recompute", "scenario",
                          "training.micro_batch_size", "training.bucket_size"}) {
    QWidget* editor = view_.edit(q(key));
    ASSERT_NE(editor, nullptr) << key;
    QTest::keyClick(editor, Qt::Key_Return);
    QCoreApplication::processEvents();
    EXPECT_EQ(last(), "nothing") << key;
  }
}

TEST_F(FormViewTest, EachStepOfASpinBoxAsksAndShiftDoubles) {
  QWidget* editor = view_.edit(q("training.tensor_parallel"));
  ASSERT_NE(editor, nullptr);
  QTest::keyClick(editor, Qt::Key_Up);
  EXPECT_EQ(last(), "training.tensor_parallel=3");
  QTest::keyClick(editor, Qt::Key_PageUp);
  EXPECT_EQ(last(), "training.tensor_parallel=6");
  QTest::keyClick(editor, Qt::Key_PageDown);
  EXPECT_EQ(last(), "training.tensor_parallel=3");
}

TEST_F(FormViewTest, TypingThatRestsAsksWithoutEnter) {
  QWidget* editor = view_.edit(q("training.tensor_parallel"));
  ASSERT_NE(editor, nullptr);
  QTest::keyClick(editor, Qt::Key_A, Qt::ControlModifier);
  QTest::keyClicks(editor, q("8"));
  EXPECT_EQ(last(), "nothing");
  EXPECT_TRUE(edits_.wait(3000));
  EXPECT_EQ(last(), "training.tensor_parallel=8");
}

TEST_F(FormViewTest, AMenuAsksForWhatIsChosen) {
  auto* menu = qobject_cast<QComboBox*>(view_.edit(q("training.recompute")));
  ASSERT_NE(menu, nullptr);
  EXPECT_EQ(menu->currentText(), q("none"));
  EXPECT_GE(menu->findText(q("full")), 0);
  EXPECT_FALSE(menu->itemData(menu->findText(q("full")), Qt::ToolTipRole).toString().isEmpty());
  menu->setCurrentText(q("full"));
  EXPECT_EQ(last(), "training.recompute=full");
}

TEST_F(FormViewTest, AClickTogglesASwitch) {
  const QModelIndex source = view_.model().index_of(q("training.sequence_parallel"));
  view_.edit(q("training.recompute"));  // scrolls near
  QTreeView& tree = view_.tree();
  QModelIndex index;
  for (QModelIndex at = tree.model()->index(0, 0); at.isValid(); at = tree.indexBelow(at)) {
    if (at.data(FormModel::kKeyRole) == source.data(FormModel::kKeyRole)) index = at.siblingAtColumn(FormModel::kValue);
  }
  ASSERT_TRUE(index.isValid());
  tree.scrollTo(index);
  QTest::mouseClick(tree.viewport(), Qt::LeftButton, Qt::NoModifier, tree.visualRect(index).center());
  EXPECT_EQ(last(), "training.sequence_parallel=false");
  EXPECT_EQ(edits_.count(), 1);
  tree.setFocus();
  QTest::keyClick(&tree, Qt::Key_Space);
  EXPECT_EQ(edits_.count(), 2);
}

TEST_F(FormViewTest, DeleteTakesOutOnlyAKeyThatIsThere) {
  QSignalSpy removals(&view_, &FormView::remove_requested);
  QWidget* editor = view_.edit(q("training.dropout"));
  ASSERT_NE(editor, nullptr);
  QTest::keyClick(editor, Qt::Key_Escape);
  QTest::keyClick(&view_.tree(), Qt::Key_Delete);
  ASSERT_EQ(removals.count(), 1);
  EXPECT_EQ(removals.last().at(0).toString(), q("training.dropout"));
  editor = view_.edit(q("training.micro_batch_size"));
  QTest::keyClick(editor, Qt::Key_Escape);
  QTest::keyClick(&view_.tree(), Qt::Key_Delete);
  EXPECT_EQ(removals.count(), 1);
}

TEST_F(FormViewTest, DeleteLeavesWhatAScenarioCannotBeWithout) {
  QSignalSpy removals(&view_, &FormView::remove_requested);
  for (const char* key : {"model", "cluster.node", "training.sequence_length"}) {
    QWidget* editor = view_.edit(q(key));
    ASSERT_NE(editor, nullptr) << key;
    QTest::keyClick(editor, Qt::Key_Escape);
    QTest::keyClick(&view_.tree(), Qt::Key_Delete);
    EXPECT_EQ(removals.count(), 0) << key;
  }
}

// As the reader takes it: 1e6 is whole, and a step up from it is 1000001.
TEST_F(FormViewTest, AWholeNumberWithAnExponentIsEditedAsThatNumber) {
  view_.model().set_text(hardware::set_value(kText, "a.yaml", "training.global_batch_size", "1e6"), "a.yaml");
  QWidget* editor = view_.edit(q("training.global_batch_size"));
  auto* box = qobject_cast<QSpinBox*>(editor);
  ASSERT_NE(box, nullptr);
  EXPECT_EQ(box->value(), 1000000);
  QTest::keyClick(editor, Qt::Key_Return);
  EXPECT_EQ(last(), "nothing") << "it was only looked at";
  editor = view_.edit(q("training.global_batch_size"));
  QTest::keyClick(editor, Qt::Key_Up);
  EXPECT_EQ(last(), "training.global_batch_size=1000001");
}

TEST_F(FormViewTest, WhatIsNoNumberIsEditedAsText) {
  for (const char* wrong : {"2.5", "many", "inf"}) {
    view_.model().set_text(hardware::set_value(kText, "a.yaml", "training.global_batch_size", wrong), "a.yaml");
    auto* line = qobject_cast<QLineEdit*>(view_.edit(q("training.global_batch_size")));
    ASSERT_NE(line, nullptr) << wrong;
    EXPECT_EQ(line->text(), q(wrong));
    QTest::keyClick(line, Qt::Key_Escape);
  }
}

TEST_F(FormViewTest, AQuantityOfAWrongUnitIsColouredWhileItIsTyped) {
  auto* line = qobject_cast<QLineEdit*>(view_.edit(q("training.bucket_size")));
  ASSERT_NE(line, nullptr);
  line->setText(q("25 MX"));
  EXPECT_EQ(line->palette().color(QPalette::Text), worse_color(QApplication::palette()));
  EXPECT_TRUE(line->toolTip().startsWith(q("'MX' is not a unit of a size")));
  line->setText(q("25 MB"));
  EXPECT_NE(line->palette().color(QPalette::Text), worse_color(QApplication::palette()));
}

TEST_F(FormViewTest, AFilterHidesRowsAndEditFindsThemAllTheSame) {
  auto* filter = view_.findChild<QLineEdit*>(q("form_filter"));
  ASSERT_NE(filter, nullptr);
  filter->setText(q("training.dropout"));
  const QAbstractItemModel& shown = *view_.tree().model();
  ASSERT_EQ(shown.rowCount(), 1);  // the section, with the one row
  EXPECT_EQ(shown.rowCount(shown.index(0, 0)), 1);
  QWidget* editor = view_.edit(q("training.tensor_parallel"));
  ASSERT_NE(editor, nullptr);
  EXPECT_TRUE(filter->text().isEmpty());
  EXPECT_EQ(view_.edit(q("no.such.key")), nullptr);
}

TEST_F(FormViewTest, WhatIsBeingTypedSurvivesNewValues) {
  QWidget* editor = view_.edit(q("scenario"));
  auto* line = qobject_cast<QLineEdit*>(editor);
  ASSERT_NE(line, nullptr);
  QTest::keyClick(line, Qt::Key_End);
  QTest::keyClicks(line, q("bc"));
  std::string text = kText;
  view_.model().set_text(hardware::set_value(text, "a.yaml", "scenario", "other"), "a.yaml");
  view_.model().set_run(nullptr);
  EXPECT_EQ(line->text(), q("abc"));
  QTest::keyClick(line, Qt::Key_Return);
  QCoreApplication::processEvents();
  EXPECT_EQ(last(), "scenario=abc");
}

TEST_F(FormViewTest, AnEditorThatIsNotTypedInFollowsTheText) {
  auto* box = qobject_cast<QSpinBox*>(view_.edit(q("training.tensor_parallel")));
  ASSERT_NE(box, nullptr);
  view_.model().set_text(hardware::set_value(kText, "a.yaml", "training.tensor_parallel", "4"), "a.yaml");
  EXPECT_EQ(box->value(), 4);
  EXPECT_EQ(last(), "nothing");
}

TEST(NumberBox, KeepsEveryDigit) {
  scenarios::Field field;
  field.kind = scenarios::FieldKind::number;
  field.most = 1e12;
  NumberBox box(field, nullptr);
  for (const char* text : {"0.1", "0.00025", "150", "3.14159265358979", "123456.789"}) {
    set_editor_text(box, q(text));
    EXPECT_EQ(editor_text(box).toStdString(), text);
  }
}

TEST(ValueSlider, TakesPowersOfTwoInAWideRange) {
  scenarios::Field field;
  field.kind = scenarios::FieldKind::integer;
  field.least = 1.0;
  field.most = 1e6;
  const ValueSlider slider(field, 8.0, nullptr);
  EXPECT_EQ(slider.maximum(), 7);  // 1 … 128 = 8 × 16
  EXPECT_EQ(slider.value(), 3);
  EXPECT_EQ(slider.value_at(5), 32.0);
}

}  // namespace
}  // namespace orrery::gui
