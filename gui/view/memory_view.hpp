// Memory of a GPU of each pipeline stage (serving: of a replica's fullest GPU), stacked by kind, with the capacity as a
// line and a mark with the missing bytes where a stack goes above it. The previous run stands beside it, pale.
//
// Hovering tells the exact bytes, a click on a part asks where it comes from; so do the arrow keys and Enter.
#pragma once

#include <string>
#include <vector>

#include "gui/view/plot_view.hpp"
#include "scenarios/memory_stack.hpp"

class QCPBars;

namespace orrery::gui {

using scenarios::MemoryPart;
using scenarios::MemoryStack;

/// The stacks of a report, one per stage or one of the fullest GPU; none for a skipped scenario.
[[nodiscard]] std::vector<MemoryStack> memory_stacks(const scenarios::Report& report);

class MemoryView : public PlotView {
  Q_OBJECT

 public:
  explicit MemoryView(QWidget* parent = nullptr);
  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  [[nodiscard]] std::string csv() const override;
  /// Where a part of the current run is drawn, in the plot's pixels; empty while it isn't drawn.
  [[nodiscard]] QRectF part_rect(std::size_t stack, std::size_t part) const;

 protected:
  [[nodiscard]] QString reason() const override;
  void draw() override;
  [[nodiscard]] QString description() const override;
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  struct Place {
    bool is_previous = false;
    std::size_t stack = 0, part = 0;
  };
  [[nodiscard]] const std::vector<MemoryStack>& stacks(bool is_previous) const {
    return is_previous ? before_ : stacks_;
  }
  /// A layer of bars for each kind of part, from below.
  std::vector<QCPBars*> draw_bars(bool is_previous);
  void draw_names();
  void draw_values();
  void draw_limits();
  void draw_overflow(std::size_t index, bool with_text);
  void draw_legend(const std::vector<QCPBars*>& layers);
  [[nodiscard]] double center(std::size_t stack, bool is_previous) const;
  [[nodiscard]] double width() const;
  [[nodiscard]] double top() const;
  [[nodiscard]] bool find(const QPointF& position, Place& place) const;
  [[nodiscard]] QString tell(const Place& place) const;
  void ask(const Place& place);
  bool key(int key);

  std::vector<MemoryStack> stacks_, before_;
  Place cursor_;
};

}  // namespace orrery::gui
