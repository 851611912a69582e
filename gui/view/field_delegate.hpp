// Opens the right editor for a field of the form and passes on what it says, while it is turned, slid or typed.
//
// A value is passed on at each step of a spin box or slider, at each choice of a menu, and when typing rests for
// kTypingPause; Enter and leaving the editor pass on the rest. New values of the model reach an open editor only while
// it shows what it last passed on: what the user is typing stays.
#pragma once

#include <chrono>

#include <QStyledItemDelegate>

#include "scenarios/schema.hpp"

class QLineEdit;

namespace orrery::gui {

class FieldDelegate : public QStyledItemDelegate {
  Q_OBJECT

 public:
  static constexpr std::chrono::milliseconds kTypingPause{300};

  using QStyledItemDelegate::QStyledItemDelegate;

  QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  void setEditorData(QWidget* editor, const QModelIndex& index) const override;
  void setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const override;
  void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const override;
  bool editorEvent(QEvent* event, QAbstractItemModel* model, const QStyleOptionViewItem& option,
                   const QModelIndex& index) override;
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;

  /// Lets the user pick a file for a row; does not wait.
  void browse(const QModelIndex& index, QWidget* window) const;

 private:
  QWidget* number_editor(const scenarios::Field& field, const QString& value, QWidget* parent) const;
  QWidget* choice_editor(const scenarios::Field& field, const QString& value, QWidget* parent) const;
  QWidget* line_editor(const scenarios::Field& field, const QModelIndex& index, QWidget* parent) const;
  void commit(QWidget* editor) const;
};

/// What is wrong with a quantity; empty if it reads, or has a unit that only the reader of scenarios knows.
[[nodiscard]] QString quantity_problem(const scenarios::Field& field, const QString& text);

}  // namespace orrery::gui
