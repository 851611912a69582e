// The head of a table: titles over its columns, at the right where the cells are numbers.
#pragma once

#include <span>

#include <QString>
#include <QVariant>

namespace orrery::gui {

struct TableHead {
  const char* title;
  bool is_number = false;
  const char* hint = "";  ///< tooltip
};

/// What headerData() of a model with these columns gives.
[[nodiscard]] inline QVariant head_data(std::span<const TableHead> heads, int section, Qt::Orientation orientation,
                                        int role) {
  if (orientation != Qt::Horizontal || section < 0 || section >= static_cast<int>(heads.size())) return {};
  const TableHead& head = heads[static_cast<std::size_t>(section)];
  switch (role) {
    case Qt::DisplayRole:
      return QString::fromUtf8(head.title);
    case Qt::TextAlignmentRole:
      return QVariant((head.is_number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    case Qt::ToolTipRole:
      return *head.hint == '\0' ? QVariant() : QVariant(QString::fromUtf8(head.hint));
    default:
      return {};
  }
}

}  // namespace orrery::gui
