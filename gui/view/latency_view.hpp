// Distributions of TTFT, TPOT, end-to-end and queueing time of a serving run: histogram and cumulative curve with the
// percentiles and the SLO's limit, the previous run's curve dashed behind it.
#pragma once

#include "gui/view/plot_view.hpp"

class QCPAxisRect;
class QCPLayoutGrid;

namespace orrery::gui {

/// Share of the requests at or below `seconds`, 0 … 1: the inverse of the curve's quantiles.
[[nodiscard]] double share_within(const LatencyCurve& curve, double seconds);
/// The q-quantile, in seconds. REQUIRES quantiles.
[[nodiscard]] double quantile_of(const LatencyCurve& curve, double q);

class LatencyView : public PlotView {
  Q_OBJECT

 public:
  explicit LatencyView(QWidget* parent = nullptr);
  [[nodiscard]] std::string csv() const override;

 protected:
  [[nodiscard]] QString reason() const override;
  void draw() override;
  [[nodiscard]] QString description() const override;
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  QCPAxisRect& draw_panel(QCPLayoutGrid& cell, const LatencyCurve& curve, const LatencyCurve* before,
                          std::size_t color);
  void draw_marks(QCPAxisRect& rect, const LatencyCurve& curve);
  /// What the curves say at a place of the plot; empty outside the panels.
  [[nodiscard]] QString tell(const QPointF& position) const;

  struct Panel {
    const QCPAxisRect* rect;  ///< of the plot, which may order its rects otherwise
    std::size_t curve;        ///< that it draws
  };
  std::vector<Panel> panels_;
};

}  // namespace orrery::gui
