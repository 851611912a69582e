// The editors of single values: limits, steps, sliders, and the text that they stand for.
#include "gui/view/field_editors.hpp"

#include <cmath>
#include <limits>

#include <QCheckBox>
#include <QComboBox>
#include <QLineEdit>
#include <QTest>
#include <gtest/gtest.h>

#include "gui/view/field_delegate.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::gui {
namespace {

using scenarios::Field;
using scenarios::FieldKind;

Field field_of(FieldKind kind, double least, double most, bool least_open = false) {
  Field field;
  field.key = "section.key";
  field.kind = kind;
  field.least = least;
  field.most = most;
  field.least_open = least_open;
  return field;
}

QString q(const char* text) { return QString::fromUtf8(text); }

/// As a page key does.
void page(QWidget& editor, Qt::Key key) { QTest::keyClick(&editor, key); }

std::string shown(QWidget& editor, const char* text) {
  set_editor_text(editor, q(text));
  return editor_text(editor).toStdString();
}

TEST(IntegerBox, HasTheLimitsOfItsField) {
  EXPECT_EQ(IntegerBox(field_of(FieldKind::integer, 1, 64), nullptr).minimum(), 1);
  EXPECT_EQ(IntegerBox(field_of(FieldKind::integer, 1, 64), nullptr).maximum(), 64);
  EXPECT_EQ(IntegerBox(field_of(FieldKind::integer, 0, 64, true), nullptr).minimum(), 1) << "more than 0";
  const IntegerBox unlimited(field_of(FieldKind::integer, 0, 1e18), nullptr);
  EXPECT_EQ(unlimited.maximum(), std::numeric_limits<int>::max());
}

TEST(IntegerBox, ReadsWholeNumbersAsTheReaderDoes) {
  IntegerBox box(field_of(FieldKind::integer, 1, 1e9), nullptr);
  EXPECT_EQ(shown(box, "4096"), "4096");
  EXPECT_EQ(shown(box, "1e6"), "1000000");
  EXPECT_EQ(shown(box, "2.5e3"), "2500");
  EXPECT_EQ(shown(box, "+8"), "8");
}

TEST(IntegerBox, DoublesAndHalvesByPages) {
  IntegerBox wide(field_of(FieldKind::integer, 1, 1e6), nullptr);
  wide.setValue(6);
  page(wide, Qt::Key_PageUp);
  EXPECT_EQ(wide.value(), 12);
  page(wide, Qt::Key_PageDown);
  page(wide, Qt::Key_PageDown);
  EXPECT_EQ(wide.value(), 3);
  wide.setValue(1);
  page(wide, Qt::Key_PageDown);
  EXPECT_EQ(wide.value(), 1);
  wide.setValue(700000);
  page(wide, Qt::Key_PageUp);
  EXPECT_EQ(wide.value(), 1000000) << "no further than the most";
  IntegerBox narrow(field_of(FieldKind::integer, 0, 12), nullptr);
  narrow.setValue(1);
  page(narrow, Qt::Key_PageUp);
  EXPECT_EQ(narrow.value(), 11) << "within few values ten steps are ten";
  page(narrow, Qt::Key_PageUp);
  EXPECT_EQ(narrow.value(), 12);
}

TEST(NumberBox, StepsByATenthOfTheFirstDigit) {
  NumberBox box(field_of(FieldKind::number, 0, 1e12), nullptr);
  const auto after = [&](double value, int steps) {
    box.setValue(value);
    box.stepBy(steps);
    return box.textFromValue(box.value()).toStdString();
  };
  EXPECT_EQ(after(150, 1), "160");    // 10^(2 − 1)
  EXPECT_EQ(after(100, -1), "90");    // 10^(2 − 1)
  EXPECT_EQ(after(0.25, 1), "0.26");  // 10^(−1 − 1)
  EXPECT_EQ(after(0, 1), "0.1");
  EXPECT_EQ(after(0, -1), "0") << "not below the least";
  box.setValue(3.0);
  page(box, Qt::Key_PageUp);
  EXPECT_EQ(box.value(), 6.0);
  page(box, Qt::Key_PageDown);
  page(box, Qt::Key_PageDown);
  EXPECT_EQ(box.value(), 1.5);
}

TEST(NumberBox, StepsByAHundredthOfANarrowRange) {
  NumberBox box(field_of(FieldKind::number, 0, 1, true), nullptr);
  box.setValue(0.1);
  for (int i = 0; i < 20; ++i) box.stepBy(1);
  EXPECT_EQ(box.textFromValue(box.value()), q("0.3")) << "0.1 + 20 · 0.01, without the noise of sums";
  box.setValue(0.01);
  box.stepBy(-1);
  EXPECT_EQ(box.value(), 0.01) << "0 itself is not allowed";
}

TEST(NumberBox, TellsTypingFromNonsense) {
  const NumberBox box(field_of(FieldKind::number, 0, 1, true), nullptr);
  const auto state = [&](const char* text) {
    QString typed = q(text);
    int position = 0;
    return box.validate(typed, position);
  };
  EXPECT_EQ(state("0.5"), QValidator::Acceptable);
  EXPECT_EQ(state("1"), QValidator::Acceptable);
  EXPECT_EQ(state("5e-1"), QValidator::Acceptable);
  EXPECT_EQ(state("5e-"), QValidator::Intermediate);
  EXPECT_EQ(state(""), QValidator::Intermediate);
  EXPECT_EQ(state("0"), QValidator::Intermediate) << "0.2 begins so";
  EXPECT_EQ(state("2"), QValidator::Intermediate);
  EXPECT_EQ(state("half"), QValidator::Invalid);
  EXPECT_EQ(state("0,5"), QValidator::Invalid) << "numbers are written as in the file";
}

TEST(NumberBox, WritesLargeAndSmallNumbersWithExponents) {
  const NumberBox box(field_of(FieldKind::number, 0, 1e300), nullptr);
  EXPECT_EQ(box.textFromValue(1e15), q("1e+15"));
  EXPECT_EQ(box.textFromValue(123456789.5), q("123456789.5"));
  EXPECT_EQ(box.textFromValue(0.0001), q("0.0001"));
  EXPECT_EQ(box.textFromValue(0.00002), q("2e-05"));
}

TEST(ValueSlider, HasAPositionForEachOfFewIntegers) {
  const ValueSlider slider(field_of(FieldKind::integer, 2, 9), 4.0, nullptr);
  EXPECT_EQ(slider.maximum(), 7);
  EXPECT_EQ(slider.value(), 2);
  for (int at = 0; at <= 7; ++at) EXPECT_EQ(slider.value_at(at), 2.0 + at);
}

TEST(ValueSlider, PartsANarrowRangeIntoHundredths) {
  const ValueSlider slider(field_of(FieldKind::number, 0, 1), 0.25, nullptr);
  EXPECT_EQ(slider.value(), 25);
  EXPECT_DOUBLE_EQ(slider.value_at(90), 0.9);
  EXPECT_DOUBLE_EQ(slider.value_at(0), 0.0);
  const ValueSlider open(field_of(FieldKind::number, 0, 1, true), 0.25, nullptr);
  EXPECT_DOUBLE_EQ(open.value_at(0), 0.01) << "0 itself is not allowed";
}

TEST(ValueSlider, ReachesAFactorOfSixteenOfANumber) {
  const ValueSlider slider(field_of(FieldKind::number, 0, 1e12), 2.0, nullptr);
  EXPECT_EQ(slider.value(), 50) << "in the middle of 0.125 … 32";
  EXPECT_DOUBLE_EQ(slider.value_at(0), 0.13) << "0.125 in two digits";
  EXPECT_DOUBLE_EQ(slider.value_at(100), 32.0);
}

TEST(ValueSlider, StaysWithinItsFieldWhateverStandsThere) {
  std::vector<Field> fields;
  for (const scenarios::KindRow* kind : scenarios::kinds()) {
    for (const Field& field : scenarios::scenario_fields(*kind)) {
      if (field.kind == FieldKind::integer || field.kind == FieldKind::number) fields.push_back(field);
    }
  }
  ASSERT_GT(fields.size(), 40u);
  for (const Field& field : fields) {
    for (const double value : {field.least, field.most, 1.0, 1e-9, 37.0, 1e9, -5.0}) {
      if (!std::isfinite(value)) continue;
      const ValueSlider slider(field, value, nullptr);
      double before = -1e308;
      for (int at = 0; at <= slider.maximum(); at += std::max(1, slider.maximum() / 50)) {
        const double now = slider.value_at(at);
        ASSERT_TRUE(now >= field.least && now <= field.most) << field.key << " of " << value << ": " << now;
        ASSERT_GE(now, before) << field.key << " of " << value;
        before = now;
      }
    }
  }
}

TEST(EditorText, IsTheValueOfEveryKindOfEditor) {
  QComboBox menu;
  menu.addItems({q("none"), q("full")});
  EXPECT_EQ(shown(menu, "full"), "full");
  EXPECT_EQ(shown(menu, "nono"), "nono") << "what is wrong is shown too";
  EXPECT_EQ(menu.count(), 3);
  QCheckBox check;
  EXPECT_EQ(shown(check, "true"), "true");
  EXPECT_EQ(shown(check, "false"), "false");
  QLineEdit line;
  EXPECT_EQ(shown(line, "größe"), "größe");
  NumberBox number(field_of(FieldKind::number, 0, 1), nullptr);
  EXPECT_EQ(shown(number, "0.125"), "0.125");
  QWidget other;
  EXPECT_EQ(editor_text(other), QString());
}

TEST(EditorText, IsEmptyWhileItIsNoValueYet) {
  NumberBox number(field_of(FieldKind::number, 0, 1), nullptr);
  number.findChild<QLineEdit*>()->setText(q("0.5e"));
  EXPECT_EQ(editor_text(number), QString());
}

std::string problem(std::vector<std::string> units, const char* text) {
  Field field = field_of(FieldKind::quantity, 0, 0);
  field.units = std::move(units);
  return quantity_problem(field, q(text)).toStdString();
}

TEST(QuantityProblem, SaysWhichUnitsThereAre) {
  EXPECT_EQ(problem({"GiB"}, "80 GiB"), "");
  EXPECT_EQ(problem({"GiB"}, " 80 "), "") << "a number alone takes the field's unit";
  EXPECT_EQ(problem({"GiB"}, ""), "");
  EXPECT_EQ(problem({"GiB"}, "80 GX").find("'GX' is not a unit of a size; expected one of: "), 0u);
  EXPECT_EQ(problem({"ms"}, "5 GiB").find("'GiB' is not a unit of a duration"), 0u);
  EXPECT_EQ(problem({"GB/s"}, "fast").find("expected a bandwidth"), 0u);
  EXPECT_EQ(problem({"GB/s"}, "-3 GB"), problem({"GB/s"}, "3 GB")) << "its unit is what is wrong";
}

TEST(QuantityProblem, LeavesUnitsThatItDoesNotKnowToTheReader) {
  EXPECT_EQ(problem({"USD/h"}, "2 EUR/h"), "");
  EXPECT_EQ(problem({}, "nonsense"), "");
}

}  // namespace
}  // namespace orrery::gui
