// The key figures above the report, side by side, in as many rows as they take to stand whole; below them what keeps
// the run from being one: it does not fit, GPUs stand idle.
#pragma once

#include <utility>
#include <vector>

#include <QWidget>

#include "gui/view/key_figure.hpp"

class QLabel;

namespace orrery::gui {

class FigureStrip : public QWidget {
  Q_OBJECT

 public:
  explicit FigureStrip(QWidget* parent = nullptr);

  void set_runs(const RunPtr& current, const RunPtr& previous);
  void set_dimmed(bool dimmed);
  /// In the order of display.
  [[nodiscard]] const std::vector<KeyFigure*>& figures() const { return figures_; }

  [[nodiscard]] QSize minimumSizeHint() const override;
  [[nodiscard]] QSize sizeHint() const override;

 signals:
  void explain_requested(const QString& metric, const QString& focus);

 protected:
  void resizeEvent(QResizeEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void show_figures(const std::vector<KeyFigure::Text>& texts);
  void show_remarks(const std::vector<RunRemark>& remarks);
  void arrange();
  void color();

  std::vector<KeyFigure*> figures_;
  std::vector<std::pair<QLabel*, bool>> remarks_;  ///< and whether it is an alarm
};

}  // namespace orrery::gui
