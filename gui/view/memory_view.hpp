// Memory of a GPU of each pipeline stage (serving: of a replica's fullest GPU), stacked by kind, with the capacity as a
// line and a mark with the missing bytes where a stack goes above it. The previous run stands beside it, pale.
#pragma once

#include <string>
#include <vector>

#include "gui/view/run_view.hpp"

class QCustomPlot;

namespace orrery::gui {

/// One layer of a stack.
struct MemoryPart {
  std::string name;  ///< "weights", "KV cache"
  double bytes = 0.0;
  sim::MemoryKind kind = sim::MemoryKind::workspace;  ///< its colour
  std::string metric;                                 ///< whose explanation tells where it comes from
};

struct MemoryStack {
  std::string name;  ///< "stage 3"
  std::vector<MemoryPart> parts;
  double peak = 0.0;      ///< bytes at the fullest moment: at most the sum, since peaks of parts may not coincide
  double capacity = 0.0;  ///< usable bytes
  [[nodiscard]] bool overflows() const { return peak > capacity; }
};

/// The stacks of a report, one per stage or one of the fullest GPU; none for a skipped scenario.
[[nodiscard]] std::vector<MemoryStack> memory_stacks(const scenarios::Report& report);

class MemoryView : public RunView {
  Q_OBJECT

 public:
  explicit MemoryView(QWidget* parent = nullptr);
  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  [[nodiscard]] std::string csv() const override;
  [[nodiscard]] QCustomPlot& plot() { return *plot_; }

 private:
  QCustomPlot* plot_ = nullptr;
};

}  // namespace orrery::gui
