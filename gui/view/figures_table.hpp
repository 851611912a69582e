// What every table of figures beside a run has in common.
#pragma once

class QAbstractItemModel;
class QTreeView;

namespace orrery::gui {

/// Shows `sorted` in its own order until a header is clicked; rows can be selected and copied by the action `copy`
/// (add_copy_action), nothing can be edited, columns are as wide as what they hold.
void set_up_figures_table(QTreeView& table, QAbstractItemModel& sorted, const char* copy);

}  // namespace orrery::gui
