// A view of runs: a widget that draws the current one, beside the one before where that helps.
//
// A view is a row of the table in views.cpp {name, title, what it shows, kinds of run, factory}; the window makes its
// tabs and menus from it. To add a view, copy its nearest sibling and add its row.
#pragma once

#include <string_view>
#include <vector>

#include <QString>
#include <QStringList>
#include <QWidget>

#include "gui/run.hpp"

namespace orrery::gui {

class RunView : public QWidget {
  Q_OBJECT

 public:
  using QWidget::QWidget;

  /// Shows `current`; `previous` is the run to compare with. Either may be null. Called on the window's thread, so it
  /// takes a few milliseconds at most; a hidden view may put off its drawing until it is shown.
  virtual void set_runs(const RunPtr& current, const RunPtr& previous) = 0;

  /// What the view shows as a CSV table; empty: it has no table.
  [[nodiscard]] virtual std::string csv() const { return {}; }

 signals:
  /// The user asks where a figure comes from. `focus`: a part of it to point at (a kernel's label), or empty.
  void explain_requested(const QString& metric, const QString& focus);
};

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
