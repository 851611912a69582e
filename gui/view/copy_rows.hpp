// Selected rows of a tree to the clipboard, as cells parted by tabs.
#pragma once

class QAction;
class QTreeView;

namespace orrery::gui {

/// Rows in the order of display, with what stands in every column; of no selection nothing.
void copy_rows(const QTreeView& tree);

/// An action of the tree that copies them, with the keys that every program has for it. A tree of its own would copy
/// its current cell at these keys. Object name `name`.
QAction* add_copy_action(QTreeView& tree, const char* name);

}  // namespace orrery::gui
