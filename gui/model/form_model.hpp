// The scenario as a form: a tree of sections with their fields, columns Key and Value.
//
// The schema (scenarios/schema.hpp) gives rows, menus and limits; the text gives values. The model changes nothing
// itself: an edit becomes edit_requested(), and the new text comes back through set_text(). A text that does not parse,
// or is longer than 256 KiB, leaves the values as they were. Rows are the same for all scenarios of a kind; the kind
// follows the text. A list or a mapping where the schema has one value is shown, and edited, as written.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <QAbstractItemModel>

#include "gui/run/run.hpp"
#include "scenarios/schema.hpp"

namespace orrery::gui {

class FormModel : public QAbstractItemModel {
  Q_OBJECT

 public:
  enum Column { kKey, kValue, kColumns };
  enum Role {
    kKeyRole = Qt::UserRole,  ///< the dotted key
    kFieldRole,               ///< const scenarios::Field* as void*; null for a section
    kGivenRole,               ///< the key stands in the text
    kProblemRole              ///< message of an error at that key, or empty
  };

  explicit FormModel(QObject* parent = nullptr);
  ~FormModel() override;

  void set_text(const std::string& text, const std::string& file);
  /// What absent keys mean in the last good run.
  void set_run(const RunPtr& run);
  /// Marks the keys at whose places the text is wrong.
  void set_problems(const std::vector<hardware::Diagnostic>& problems);

  /// Of column kValue; invalid for an unknown key.
  [[nodiscard]] QModelIndex index_of(const QString& key) const;
  /// The key under which a row's value stands in the text: its own, but "serving.load.input" for the row of
  /// "serving.load.input.mean" where the text says "input: 150".
  [[nodiscard]] QString text_key(const QModelIndex& index) const;

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;
  bool setData(const QModelIndex& index, const QVariant& value, int role) override;

 signals:
  void edit_requested(const QString& key, const QString& value);

 private:
  void clear();

  struct State;
  std::unique_ptr<State> state_;
};

/// Of a row of the form, seen through a filter or not; null for a section.
[[nodiscard]] inline const scenarios::Field* field_of(const QModelIndex& index) {
  return static_cast<const scenarios::Field*>(index.data(FormModel::kFieldRole).value<void*>());
}

}  // namespace orrery::gui
