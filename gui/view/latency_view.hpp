// Distributions of TTFT, TPOT, end-to-end and queueing time of a serving run: histogram and cumulative curve with the
// percentiles and the SLO's limit, the previous run's curve dashed behind it.
#pragma once

#include "gui/view/run_view.hpp"

class QCustomPlot;

namespace orrery::gui {

class LatencyView : public RunView {
  Q_OBJECT

 public:
  explicit LatencyView(QWidget* parent = nullptr);
  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  [[nodiscard]] std::string csv() const override;
  [[nodiscard]] QCustomPlot& plot() { return *plot_; }

 private:
  QCustomPlot* plot_ = nullptr;
};

}  // namespace orrery::gui
