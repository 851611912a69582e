// Draws the rows of the report: messages wrapped over all columns, everything pale while the result is out of date.
#pragma once

#include <QStyledItemDelegate>

class QTreeView;

namespace orrery::gui {

class ReportDelegate : public QStyledItemDelegate {
  Q_OBJECT

 public:
  explicit ReportDelegate(QTreeView* table);
  void set_dimmed(bool dimmed);
  /// The width of messages changed.
  void width_changed() { emit sizeHintChanged({}); }

  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;

 protected:
  void initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const override;

 private:
  QTreeView* table_;
  bool dimmed_ = false;
};

}  // namespace orrery::gui
