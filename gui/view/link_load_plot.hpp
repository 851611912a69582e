// How full the links of one class were over the time of a run: their mean as a line, the fullest of them above it.
#pragma once

#include <optional>

#include "gui/run/load_inquiry.hpp"
#include "gui/view/plot_view.hpp"
#include "sim/links/link_report.hpp"

namespace orrery::gui {

class LinkLoadPlot : public PlotView {
  Q_OBJECT

 public:
  explicit LinkLoadPlot(QWidget* parent = nullptr);

  /// Draws another link; none: says how to choose one.
  void set_link(std::optional<sim::LinkReport> link);
  /// The loads of the run that is shown; nullptr: they are not known yet, or will not be and `problem` says why.
  void set_loads(LoadsPtr loads, const QString& problem = {});

  /// What is drawn; nullptr: nothing.
  [[nodiscard]] const scenarios::LoadSeries* series() const;

 protected:
  [[nodiscard]] QString reason() const override;
  void draw() override;
  [[nodiscard]] QString description() const override;

 private:
  std::optional<sim::LinkReport> link_;
  LoadsPtr loads_;
  QString problem_;
};

}  // namespace orrery::gui
