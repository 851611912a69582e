// Every key of the form goes into the text of a file and comes back: by value, and by undo byte for byte.
#include <QAbstractItemModelTester>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gui/model/document.hpp"
#include "gui/model/form_model.hpp"
#include "hardware/config/config.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::gui {
namespace {

using scenarios::Field;
using scenarios::FieldKind;

/// Values that a user may type into a field, and what the form shows of them then.
std::vector<std::pair<std::string, std::string>> values_of(const Field& field) {
  const auto same = [](const std::string& text) { return std::pair(text, text); };
  std::vector<std::pair<std::string, std::string>> values;
  switch (field.kind) {
    case FieldKind::integer:
      return {same("7"), same("4096")};
    case FieldKind::number:
      return {same("0.125"), same("1e-3")};
    case FieldKind::boolean:
      return {same("true"), same("false")};
    case FieldKind::integers:
      return {{"1, 2", "[1, 2]"}, {"[3]", "[3]"}};
    case FieldKind::choice:
      for (const scenarios::Choice& choice : field.choices) {
        values.push_back(same(choice.name));
        if (values.size() == 3) break;
      }
      return values;
    case FieldKind::quantity:
      for (const std::string& unit : field.units) values.push_back(same("3 " + unit));
      if (!field.units.empty()) values.emplace_back("2.5", "2.5 " + field.units.back());  // as it stands there
      return values;
    case FieldKind::text:
      return {same("a: b # c"), same("größe \"q\""), same("[x]")};
    case FieldKind::path:
      return {same("../a b.csv"), same("größe.json")};
  }
  return values;
}

class RoundTrip : public ::testing::TestWithParam<const char*> {
 protected:
  RoundTrip() {
    QObject::connect(&document_, &Document::text_changed,
                     [this] { model_.set_text(document_.text().toStdString(), "a.yaml"); });
    QObject::connect(&model_, &FormModel::edit_requested,
                     [this](const QString& key, const QString& value) { document_.set_value(key, value); });
    kind_ = scenarios::find_kind(GetParam());
    document_.reset(QString::fromStdString(std::string(kind_->scenario_template())));
  }
  [[nodiscard]] QModelIndex row(const Field& field) const { return model_.index_of(QString::fromStdString(field.key)); }
  [[nodiscard]] std::string shown(const Field& field) const {
    return row(field).data(Qt::EditRole).toString().toStdString();
  }

  const scenarios::KindRow* kind_ = nullptr;
  FormModel model_;
  Document document_;
};

TEST_P(RoundTrip, OfEveryKeyGivesItsValueBack) {
  for (const Field& field : scenarios::scenario_fields(*kind_)) {
    for (const auto& [typed, expected] : values_of(field)) {
      ASSERT_TRUE(model_.setData(row(field), QString::fromStdString(typed), Qt::EditRole))
          << field.key << ": " << typed;
      EXPECT_EQ(shown(field), expected) << field.key;
      EXPECT_TRUE(row(field).data(FormModel::kGivenRole).toBool()) << field.key;
    }
  }
}

TEST_P(RoundTrip, UndoneLeavesTheTextByteForByte) {
  for (const Field& field : scenarios::scenario_fields(*kind_)) {
    for (const auto& [typed, expected] : values_of(field)) {
      const QString before = document_.text();
      const int steps = document_.undo_stack().index();
      ASSERT_TRUE(model_.setData(row(field), QString::fromStdString(typed), Qt::EditRole)) << field.key;
      while (document_.undo_stack().index() > steps) document_.undo_stack().undo();
      ASSERT_EQ(document_.text(), before) << field.key << ": " << typed;
    }
  }
}

TEST_P(RoundTrip, TakenOutAndUndoneTheTextIsAsBefore) {
  int taken = 0;
  const QString before = document_.text();
  for (const Field& field : scenarios::scenario_fields(*kind_)) {
    if (!row(field).data(FormModel::kGivenRole).toBool()) continue;
    document_.remove_value(model_.text_key(row(field)));
    EXPECT_FALSE(row(field).data(FormModel::kGivenRole).toBool()) << field.key;
    document_.undo_stack().undo();
    ASSERT_EQ(document_.text(), before) << field.key;
    ++taken;
  }
  EXPECT_GE(taken, 5);
}

// A switch in the form is a check box: its state is what the text says, or else what holds without it.
TEST_P(RoundTrip, SwitchesToggleByTheirState) {
  int switches = 0;
  for (const Field& field : scenarios::scenario_fields(*kind_)) {
    if (field.kind != FieldKind::boolean) {
      EXPECT_FALSE(row(field).data(Qt::CheckStateRole).isValid()) << field.key;
      continue;
    }
    ++switches;
    const bool is_on = row(field).data(Qt::CheckStateRole).toInt() == Qt::Checked;
    ASSERT_TRUE(model_.setData(row(field), is_on ? Qt::Unchecked : Qt::Checked, Qt::CheckStateRole)) << field.key;
    EXPECT_EQ(row(field).data(Qt::CheckStateRole).toInt() == Qt::Checked, !is_on) << field.key;
    EXPECT_EQ(shown(field), is_on ? "false" : "true") << field.key;
  }
  EXPECT_GE(switches, 1);
}

TEST_P(RoundTrip, EveryRowSaysInWordsWhetherItStandsInTheFile) {
  for (const Field& field : scenarios::scenario_fields(*kind_)) {
    const std::string said = row(field).data(Qt::AccessibleTextRole).toString().toStdString();
    const bool given = row(field).data(FormModel::kGivenRole).toBool();
    EXPECT_EQ(said.find("(not in the file)") == std::string::npos, given) << field.key << ": " << said;
    EXPECT_EQ(row(field).siblingAtColumn(FormModel::kKey).data(Qt::AccessibleTextRole).toString().toStdString(),
              field.key.substr(field.key.rfind('.') + 1));
    EXPECT_FALSE(row(field).data(Qt::StatusTipRole).toString().isEmpty()) << field.key << " has no help";
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, RoundTrip, ::testing::Values("training", "serving"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(FormModelRows, SectionsCannotBeEdited) {
  FormModel model;
  const QModelIndex section = model.index_of(QStringLiteral("training"));
  ASSERT_TRUE(section.isValid());
  EXPECT_FALSE(section.flags().testFlag(Qt::ItemIsEditable));
  EXPECT_FALSE(model.setData(section, 3, Qt::EditRole));
  EXPECT_FALSE(model.setData(QModelIndex(), 3, Qt::EditRole));
  EXPECT_FALSE(model.setData(model.index_of(QStringLiteral("seed")), 3, Qt::DisplayRole));
  EXPECT_EQ(model.text_key(QModelIndex()), QString());
  EXPECT_EQ(model.headerData(FormModel::kKey, Qt::Horizontal, Qt::DisplayRole).toString(), QStringLiteral("Key"));
  EXPECT_EQ(model.headerData(FormModel::kValue, Qt::Horizontal, Qt::DisplayRole).toString(), QStringLiteral("Value"));
  EXPECT_FALSE(model.headerData(0, Qt::Vertical, Qt::DisplayRole).isValid());
}

TEST(FormModelRows, AScalarInPlaceOfASectionIsShown) {
  FormModel model;
  model.set_text("scenario: s\ntraining: 3\n", "a.yaml");
  EXPECT_EQ(model.index_of(QStringLiteral("training")).data().toString(), QStringLiteral("3"));
  model.set_text("scenario: s\ntraining: {zero: none}\n", "a.yaml");
  EXPECT_EQ(model.index_of(QStringLiteral("training")).data().toString(), QString());
}

TEST(FormModelRows, AnotherFilesValuesDoNotSeemToBeThoseOfOneThatCantBeRead) {
  FormModel model;
  model.set_text("scenario: s\ntraining: {zero: none}\n", "a.yaml");
  ASSERT_TRUE(model.index_of(QStringLiteral("training.zero")).data(FormModel::kGivenRole).toBool());
  model.set_text("training: [", "b.yaml");
  EXPECT_FALSE(model.index_of(QStringLiteral("training.zero")).data(FormModel::kGivenRole).toBool());
}

TEST(FormModelRows, AVeryLongTextLeavesTheValues) {
  FormModel model;
  model.set_text("scenario: s\ntraining: {zero: none}\n", "a.yaml");
  model.set_text("scenario: s\ntraining: {zero: weights}\n#" + std::string(300 * 1024, 'x') + "\n", "a.yaml");
  EXPECT_EQ(model.index_of(QStringLiteral("training.zero")).data().toString(), QStringLiteral("none"));
}

TEST(FormModelRows, TwoProblemsOfOneKeyAreTwoLines) {
  FormModel model;
  const std::string text = "scenario: s\ntraining: {zero: nono}\n";
  model.set_text(text, "a.yaml");
  const std::size_t at = text.find("nono");
  const hardware::SourceSpan span{2, 18, at, at + 4};
  model.set_problems({{"a.yaml", span, "one"}, {"a.yaml", span, "two"}, {"a.yaml", {}, "of no place"}});
  const QModelIndex row = model.index_of(QStringLiteral("training.zero"));
  EXPECT_EQ(row.data(FormModel::kProblemRole).toString(), QStringLiteral("one\ntwo"));
  EXPECT_TRUE(row.data(Qt::ToolTipRole).toString().contains(QStringLiteral("<b>one")));
  model.set_problems({});
  EXPECT_EQ(row.data(FormModel::kProblemRole).toString(), QString());
}

}  // namespace
}  // namespace orrery::gui
