// The serving engine over time: requests running and waiting, KV cache in use, preemptions; the mean as a line within
// the band of least and most. One time axis for all; zoom and pan together.
#pragma once

#include "gui/view/run_view.hpp"

class QCustomPlot;

namespace orrery::gui {

class LoadView : public RunView {
  Q_OBJECT

 public:
  explicit LoadView(QWidget* parent = nullptr);
  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  [[nodiscard]] std::string csv() const override;
  [[nodiscard]] QCustomPlot& plot() { return *plot_; }

 private:
  QCustomPlot* plot_ = nullptr;
};

}  // namespace orrery::gui
