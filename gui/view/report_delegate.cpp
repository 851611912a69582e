#include "gui/view/report_delegate.hpp"

#include <algorithm>

#include <QTreeView>

#include "gui/model/report_model.hpp"

namespace orrery::gui {

namespace {

/// A row of text below a group's title.
bool is_message(const QModelIndex& index) {
  return index.parent().isValid() && index.data(ReportModel::kMessageRole).toBool();
}

}  // namespace

ReportDelegate::ReportDelegate(QTreeView* table) : QStyledItemDelegate(table), table_(table) {}

void ReportDelegate::set_dimmed(bool dimmed) {
  if (dimmed_ == dimmed) return;
  dimmed_ = dimmed;
  table_->viewport()->update();
}

QSize ReportDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
  QSize size = QStyledItemDelegate::sizeHint(option, index);
  if (!is_message(index)) return size;
  if (index.column() != ReportModel::kMetric) return {0, size.height()};
  const int margin = table_->style()->pixelMetric(QStyle::PM_FocusFrameHMargin, nullptr, table_) + 1;
  const int width = table_->viewport()->width() - 2 * table_->indentation() - 2 * margin;
  const QRect text = QFontMetrics(option.font)
                         .boundingRect(QRect(0, 0, std::max(width, 1), 1), Qt::TextWordWrap, index.data().toString());
  return {0, std::max(text.height(), QFontMetrics(option.font).lineSpacing()) + 2};
}

void ReportDelegate::initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const {
  QStyledItemDelegate::initStyleOption(option, index);
  if (is_message(index)) {
    option->features |= QStyleOptionViewItem::WrapText;
    option->displayAlignment = Qt::AlignLeft | Qt::AlignVCenter;
  }
  if (dimmed_) option->palette.setColor(QPalette::Text, option->palette.color(QPalette::PlaceholderText));
}

}  // namespace orrery::gui
