// Bus bandwidth of a collective over its size, both by powers; a colour for each algorithm and protocol.
#pragma once

#include "gui/model/collective_model.hpp"
#include "gui/view/plot_view.hpp"

class QCPAxis;

namespace orrery::gui {

class CollectivePlot : public PlotView {
  Q_OBJECT

 public:
  explicit CollectivePlot(QWidget* parent = nullptr);

  /// Null: there is nothing to draw.
  void set_table(CollectivePtr table);

 protected:
  [[nodiscard]] QString reason() const override;
  void draw() override;
  [[nodiscard]] QString description() const override;

 private:
  void draw_curves(QCPAxis& size, QCPAxis& bandwidth);

  CollectivePtr table_;
};

}  // namespace orrery::gui
