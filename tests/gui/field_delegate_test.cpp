// Which editor a field of the form gets, what it says of itself, and when it passes a value on.
#include "gui/view/field_delegate.hpp"

#include <QAction>
#include <QCheckBox>
#include <QComboBox>
#include <QLineEdit>
#include <QMouseEvent>
#include <QSignalSpy>
#include <QTest>
#include <gtest/gtest.h>

#include "gui/look/text.hpp"
#include "gui/model/form_model.hpp"
#include "gui/view/field_editors.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::gui {
namespace {

using scenarios::Field;
using scenarios::FieldKind;

QString q(const char* text) { return QString::fromUtf8(text); }

class Delegate : public ::testing::Test {
 protected:
  Delegate() {
    model_.set_text(
        "scenario: a\nmodel: mine.json\ncluster: {node: dgx_h100, nodes: 1}\n"
        "training:\n  global_batch_size: 64\n  tensor_parallel: 2\n  dropout: 0.1\n  recompute: none\n"
        "  sequence_parallel: true\n",
        "a.yaml");
    parent_.resize(600, 400);
    parent_.show();
  }
  /// The editor of a key, owned by the parent; null: it has none.
  QWidget* edit(const char* key) {
    index_ = model_.index_of(q(key));
    EXPECT_TRUE(index_.isValid()) << key;
    QWidget* editor = delegate_.createEditor(&parent_, {}, index_);
    if (editor != nullptr) delegate_.setEditorData(editor, index_);
    return editor;
  }
  static void visit(const QAbstractItemModel& model, const QModelIndex& parent,
                    const std::function<void(const QModelIndex&)>& act) {
    for (int row = 0; row < model.rowCount(parent); ++row) {
      act(model.index(row, FormModel::kValue, parent));
      visit(model, model.index(row, 0, parent), act);
    }
  }
  [[nodiscard]] std::string last_edit() const {
    if (edits_.isEmpty()) return "nothing";
    return (edits_.last().at(0).toString() + u'=' + edits_.last().at(1).toString()).toStdString();
  }

  FormModel model_;
  FieldDelegate delegate_;
  QWidget parent_;
  QModelIndex index_;
  QSignalSpy edits_{&model_, &FormModel::edit_requested};
  QSignalSpy commits_{&delegate_, &QAbstractItemDelegate::commitData};
};

bool is_of_kind(const QWidget& editor, const Field& field) {
  switch (field.kind) {
    case FieldKind::integer:
      return qobject_cast<const IntegerBox*>(&editor) != nullptr;
    case FieldKind::number:
      return qobject_cast<const NumberBox*>(&editor) != nullptr;
    case FieldKind::boolean:
      return qobject_cast<const QCheckBox*>(&editor) != nullptr;
    case FieldKind::choice:
      return qobject_cast<const QComboBox*>(&editor) != nullptr || field.choices.empty();
    default:
      return qobject_cast<const QLineEdit*>(&editor) != nullptr;
  }
}

// Of every key of every kind of job, whatever the schema gains.
TEST_F(Delegate, EveryFieldHasTheEditorOfItsKindAndSaysItsKey) {
  for (const scenarios::KindRow* kind : scenarios::kinds()) {
    FormModel model;
    model.set_text(std::string(kind->scenario_template()), "template.yaml");
    std::size_t fields = 0;
    visit(model, {}, [&](const QModelIndex& index) {
      const Field* field = field_of(index);
      const std::unique_ptr<QWidget> editor(delegate_.createEditor(&parent_, {}, index));
      if (field == nullptr) {
        EXPECT_EQ(editor, nullptr) << "a section has no value";
        return;
      }
      ++fields;
      ASSERT_NE(editor, nullptr) << field->key;
      const QString value = index.data(Qt::EditRole).toString();
      const bool as_text = qobject_cast<QLineEdit*>(editor.get()) != nullptr && !value.isEmpty();  // a list, "inf"
      EXPECT_TRUE(as_text || is_of_kind(*editor, *field)) << field->key;
      EXPECT_EQ(editor->accessibleName(), to_qstring(field->key));
      EXPECT_EQ(editor->accessibleDescription(), to_qstring(field->help));
      EXPECT_TRUE(editor->autoFillBackground()) << "the row does not shine through";
      EXPECT_EQ(delegate_.createEditor(&parent_, {}, index.siblingAtColumn(FormModel::kKey)), nullptr) << field->key;
    });
    EXPECT_GT(fields, kind->fields().size()) << kind->name << ": its own, and those of the cluster";
  }
}

TEST_F(Delegate, AMenuTellsWhatEachChoiceIs) {
  auto* menu = qobject_cast<QComboBox*>(edit("training.recompute"));
  ASSERT_NE(menu, nullptr);
  const Field& field = *field_of(index_);
  ASSERT_EQ(menu->count(), static_cast<int>(field.choices.size()));
  for (int row = 0; row < menu->count(); ++row) {
    const scenarios::Choice& choice = field.choices[static_cast<std::size_t>(row)];
    EXPECT_EQ(menu->itemText(row), to_qstring(choice.name));
    EXPECT_EQ(menu->itemData(row, Qt::ToolTipRole).toString(), to_qstring(choice.summary));
    EXPECT_EQ(menu->itemData(row, Qt::AccessibleDescriptionRole).toString(), to_qstring(choice.summary));
  }
  EXPECT_EQ(menu->currentText(), q("none"));
}

TEST_F(Delegate, AMenuHasWhatTheFileSaysThoughItIsNoneOfItsRows) {
  auto* menu = qobject_cast<QComboBox*>(edit("model"));
  ASSERT_NE(menu, nullptr);
  EXPECT_EQ(menu->currentText(), q("mine.json")) << "a path of one's own";
  EXPECT_EQ(menu->currentIndex(), 0);
  EXPECT_GT(menu->findText(q("llama-3-8b")), 0);
  menu->setCurrentIndex(menu->findText(q("llama-3-8b")));
  EXPECT_EQ(commits_.count(), 1);
  delegate_.setModelData(menu, &model_, index_);
  EXPECT_EQ(last_edit(), "model=llama-3-8b");
}

TEST_F(Delegate, EachStepIsPassedOnAndTheSameValueIsNot) {
  auto* box = qobject_cast<IntegerBox*>(edit("training.tensor_parallel"));
  ASSERT_NE(box, nullptr);
  EXPECT_EQ(box->value(), 2);
  EXPECT_EQ(commits_.count(), 0) << "showing a value is no edit";
  box->setValue(4);
  EXPECT_EQ(commits_.count(), 1);
  delegate_.setModelData(box, &model_, index_);
  EXPECT_EQ(last_edit(), "training.tensor_parallel=4");
  delegate_.setModelData(box, &model_, index_);
  EXPECT_EQ(edits_.count(), 1) << "it was passed on already";
}

TEST_F(Delegate, TypingIsPassedOnWhenItRests) {
  auto* box = qobject_cast<IntegerBox*>(edit("training.global_batch_size"));
  ASSERT_NE(box, nullptr);
  box->setKeyboardTracking(false);
  box->show();
  box->setFocus();
  QTest::keyClick(box, Qt::Key_A, Qt::ControlModifier);
  QTest::keyClicks(box, q("128"));
  EXPECT_EQ(commits_.count(), 0);
  QTest::qWait(static_cast<int>(FieldDelegate::kTypingPause.count()) + 100);
  EXPECT_GE(commits_.count(), 1);
  delegate_.setModelData(box, &model_, index_);
  EXPECT_EQ(last_edit(), "training.global_batch_size=128");
}

TEST_F(Delegate, WhatIsTypedSurvivesAndWhatIsShownFollows) {
  auto* box = qobject_cast<IntegerBox*>(edit("training.tensor_parallel"));
  ASSERT_NE(box, nullptr);
  const auto set_to = [&](const char* value) {
    model_.set_text("scenario: a\nmodel: m\ncluster: {node: dgx_h100, nodes: 1}\ntraining: {tensor_parallel: " +
                        std::string(value) + "}\n",
                    "a.yaml");
    delegate_.setEditorData(box, model_.index_of(q("training.tensor_parallel")));
  };
  set_to("4");
  EXPECT_EQ(box->value(), 4) << "the text of the file changed";
  box->setValue(8);  // by the user
  set_to("2");
  EXPECT_EQ(box->value(), 8);
}

TEST_F(Delegate, BoxAndSliderShowOneValue) {
  auto* box = qobject_cast<NumberBox*>(edit("training.dropout"));
  ASSERT_NE(box, nullptr);
  auto* slider = parent_.findChild<ValueSlider*>();
  ASSERT_NE(slider, nullptr);
  EXPECT_EQ(slider->accessibleName(), q("training.dropout"));
  EXPECT_EQ(slider->value(), slider->position_of(0.1));
  box->setValue(0.5);
  EXPECT_EQ(slider->value(), slider->position_of(0.5));
  slider->setValue(slider->maximum());
  EXPECT_DOUBLE_EQ(box->value(), slider->value_at(slider->maximum()));
  EXPECT_EQ(commits_.count(), 2) << "one for each move, and none back";
  delete box;
  QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
  EXPECT_EQ(parent_.findChild<ValueSlider*>(), nullptr) << "it goes with its box";
}

TEST_F(Delegate, ASliderStandsBesideItsBoxWhereThereIsRoom) {
  auto* box = qobject_cast<IntegerBox*>(edit("training.tensor_parallel"));
  ASSERT_NE(box, nullptr);
  const auto* slider = parent_.findChild<ValueSlider*>();
  QStyleOptionViewItem option;
  option.fontMetrics = parent_.fontMetrics();
  box->show();
  for (const int width : {600, 300}) {
    option.rect = QRect(10, 20, width, 24);
    delegate_.updateEditorGeometry(box, option, index_);
    const bool fits = width >= 26 * parent_.fontMetrics().averageCharWidth();
    EXPECT_EQ(slider->isVisible(), fits) << width;
    if (!fits) continue;
    EXPECT_FALSE(box->geometry().intersects(slider->geometry())) << width;
    EXPECT_TRUE(option.rect.contains(box->geometry()));
    EXPECT_TRUE(option.rect.contains(slider->geometry()));
  }
  option.rect = QRect(10, 20, 40, 24);
  delegate_.updateEditorGeometry(box, option, index_);
  EXPECT_FALSE(slider->isVisible());
  EXPECT_EQ(box->geometry(), option.rect) << "the box has all of a narrow cell";
}

TEST_F(Delegate, ASwitchTogglesByItsButtonAndItsKeys) {
  index_ = model_.index_of(q("training.sequence_parallel"));
  QStyleOptionViewItem option;
  option.rect = QRect(0, 0, 100, 20);
  const auto mouse = [&](QEvent::Type type, QPointF at, Qt::MouseButton button) {
    QMouseEvent event(type, at, at, button, button, Qt::NoModifier);
    delegate_.editorEvent(&event, &model_, option, index_);
  };
  mouse(QEvent::MouseButtonRelease, {10, 10}, Qt::RightButton);
  mouse(QEvent::MouseButtonRelease, {10, 30}, Qt::LeftButton);
  mouse(QEvent::MouseButtonDblClick, {10, 10}, Qt::LeftButton);
  EXPECT_EQ(edits_.count(), 0) << "another button, another row, or the release that follows";
  mouse(QEvent::MouseButtonRelease, {10, 10}, Qt::LeftButton);
  EXPECT_EQ(last_edit(), "training.sequence_parallel=false");
  qsizetype asked = edits_.count();
  for (const Qt::Key key : {Qt::Key_Space, Qt::Key_Return, Qt::Key_Enter, Qt::Key_Select}) {
    QKeyEvent event(QEvent::KeyPress, key, Qt::NoModifier);
    EXPECT_TRUE(delegate_.editorEvent(&event, &model_, option, index_)) << key;
    EXPECT_EQ(edits_.count(), ++asked) << key;
  }
  QKeyEvent letter(QEvent::KeyPress, Qt::Key_X, Qt::NoModifier);
  EXPECT_FALSE(delegate_.editorEvent(&letter, &model_, option, index_));
}

TEST_F(Delegate, APathCanBeBrowsedForAndAQuantitySaysWhatIsWrong) {
  FormModel serving;
  serving.set_text("scenario: a\nmodel: m\ncluster: {node: dgx_h100}\nserving: {load: {trace: a.csv}}\n", "a.yaml");
  const QModelIndex trace = serving.index_of(q("serving.load.trace"));
  const std::unique_ptr<QWidget> path(delegate_.createEditor(&parent_, {}, trace));
  ASSERT_EQ(path->actions().size(), 1);
  EXPECT_EQ(path->actions().front()->text(), q("Browse…"));
  QModelIndex quantity;
  visit(serving, {}, [&](const QModelIndex& index) {
    const Field* field = field_of(index);
    const bool times =
        field != nullptr && field->kind == FieldKind::quantity && !field->units.empty() && field->units.front() == "ms";
    if (times && !quantity.isValid()) quantity = index;
  });
  ASSERT_TRUE(quantity.isValid());
  const std::unique_ptr<QWidget> editor(delegate_.createEditor(&parent_, {}, quantity));
  auto* line = qobject_cast<QLineEdit*>(editor.get());
  line->setText(q("5 GiB"));
  EXPECT_NE(line->palette().color(QPalette::Text), parent_.palette().color(QPalette::Text));
  EXPECT_EQ(line->toolTip(), quantity_problem(*field_of(quantity), q("5 GiB")));
  line->setText(q("5 ms"));
  EXPECT_EQ(line->palette().color(QPalette::Text), parent_.palette().color(QPalette::Text));
  EXPECT_EQ(line->toolTip(), to_qstring(field_of(quantity)->help));
}

TEST_F(Delegate, RowsHaveRoomForASpinBox) {
  QStyleOptionViewItem option;
  option.fontMetrics = parent_.fontMetrics();
  option.font = parent_.font();
  const QModelIndex index = model_.index_of(q("training.dropout"));
  EXPECT_GE(delegate_.sizeHint(option, index).height(), parent_.fontMetrics().height() * 8 / 5);
}

}  // namespace
}  // namespace orrery::gui
