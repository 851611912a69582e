// A view of runs: a widget that draws the current one, beside the one before where that helps.
//
// Which views there are: gui/view/views.hpp.
#pragma once

#include <string>

#include <QString>
#include <QWidget>

#include "gui/run/run.hpp"

namespace orrery::gui {

class RunView : public QWidget {
  Q_OBJECT

 public:
  using QWidget::QWidget;

  /// Shows `current`; `previous` is the run to compare with. Either may be null. Called on the window's thread, so it
  /// takes a few milliseconds at most; a hidden view may put off its drawing until it is shown.
  virtual void set_runs(const RunPtr& current, const RunPtr& previous) = 0;

  /// Another scenario was opened: what was searched, chosen or zoomed in the one before means nothing in it.
  virtual void forget() {}

  /// What the view shows as a CSV table; empty: it has no table.
  [[nodiscard]] virtual std::string csv() const { return {}; }

 signals:
  /// The user asks where a figure comes from. `focus`: a part of it to point at ("forward: qkv"), or empty.
  void explain_requested(const QString& metric, const QString& focus);
};

}  // namespace orrery::gui
