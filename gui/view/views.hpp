// The table of views {name, title, what it shows, kinds of run, factory}; the window makes its tabs and menus from it.
// To add a view, copy its nearest sibling and add its row.
#pragma once

#include <string_view>
#include <vector>

#include <QString>
#include <QWidget>

#include "gui/run/run_view.hpp"

namespace orrery::gui {

struct ViewRow {
  std::string_view name;     ///< "timeline": its object name is "timeline_view"
  std::string_view title;    ///< of the tab
  std::string_view summary;  ///< for tooltips and screen readers
  std::string_view kind;     ///< of the jobs that it says something about: "serving"; empty: of any
  RunView* (*make)(QWidget* parent) = nullptr;
};

/// The tabs below the report, in order.
[[nodiscard]] const std::vector<ViewRow>& views();
[[nodiscard]] const ViewRow* find_view(std::string_view name);

/// Writes a widget as it looks as a PNG (at its device pixel ratio) or SVG (vector where the widget paints vectors), by
/// a temporary name and rename. Throws ConfigError if the file can't be written or the ending is unknown.
void export_picture(QWidget& widget, const QString& path);

}  // namespace orrery::gui
