// A view that is one QCustomPlot: what MemoryView, LatencyView and LoadView have in common.
//
// The plot is made anew for each pair of runs, but only while it is shown: a hidden view remembers the runs. It is made
// anew, too, when the palette or the font changes. Where there is nothing to draw a sentence says why.
#pragma once

#include "gui/run/run_view.hpp"

class QCustomPlot;
class QLabel;
class QStackedLayout;

namespace orrery::gui {

class PlotView : public RunView {
  Q_OBJECT

 public:
  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  [[nodiscard]] QCustomPlot& plot() { return *plot_; }
  /// What the view says in place of a plot; empty while there is one.
  [[nodiscard]] QString message() const;

 protected:
  PlotView(const QString& name, const QString& title, QWidget* parent);

  /// Why there is nothing to draw; empty: there is.
  [[nodiscard]] virtual QString reason() const = 0;
  /// Fills the empty plot. REQUIRES reason().isEmpty().
  virtual void draw() = 0;
  /// The main facts in words, for screen readers.
  [[nodiscard]] virtual QString description() const = 0;

  [[nodiscard]] const RunPtr& current() const { return current_; }
  [[nodiscard]] const RunPtr& previous() const { return previous_; }
  /// Draws now if the view is shown, else when it will be.
  void redraw();

  void showEvent(QShowEvent* event) override;
  /// Sees the plot's events before the plot does.
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  RunPtr current_, previous_;
  QCustomPlot* plot_ = nullptr;
  QLabel* message_ = nullptr;
  QStackedLayout* stack_ = nullptr;
  bool is_drawn_ = false;
};

}  // namespace orrery::gui
