// Distributions of TTFT, TPOT, end-to-end and queueing time of a serving run: histogram and cumulative curve with the
// percentiles and the SLO's limit, the previous run's curve dashed behind it.
#pragma once

#include "gui/view/plot_view.hpp"

class QCPAxisRect;
class QCPItemText;
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
  struct Panel {
    QCPAxisRect* rect = nullptr;            ///< of the plot, which may order its rects otherwise
    std::size_t curve = 0;                  ///< that it draws
    std::vector<QCPItemText*> percentiles;  ///< their names
    QCPItemText* limit = nullptr;           ///< the SLO's name; null: there is none
    QString limit_text;                     ///< all of it
  };

  QCPAxisRect& draw_panel(QCPLayoutGrid& cell, const LatencyCurve& curve, const LatencyCurve* before,
                          std::size_t color);
  void draw_marks(Panel& panel, const LatencyCurve& curve);
  /// Names of limits where they hide the least, which the size of the panels decides.
  void place_limits();
  /// What the curves say at a place of the plot; empty outside the panels.
  [[nodiscard]] QString tell(const QPointF& position) const;

  std::vector<Panel> panels_;
};

}  // namespace orrery::gui
