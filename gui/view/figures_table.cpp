#include "gui/view/figures_table.hpp"

#include <QHeaderView>
#include <QTreeView>

#include "gui/view/copy_rows.hpp"

namespace orrery::gui {

void set_up_figures_table(QTreeView& table, QAbstractItemModel& sorted, const char* copy) {
  table.setModel(&sorted);
  table.setAlternatingRowColors(true);
  table.setUniformRowHeights(true);
  table.setSelectionMode(QAbstractItemView::ExtendedSelection);
  table.setEditTriggers(QAbstractItemView::NoEditTriggers);
  table.header()->setSortIndicatorClearable(true);
  table.setSortingEnabled(true);
  table.sortByColumn(-1, Qt::AscendingOrder);
  table.header()->setSectionsMovable(false);
  table.header()->setSectionResizeMode(QHeaderView::ResizeToContents);
  table.setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
  add_copy_action(table, copy);
  table.setContextMenuPolicy(Qt::ActionsContextMenu);
}

}  // namespace orrery::gui
