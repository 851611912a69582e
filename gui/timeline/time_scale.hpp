// Time ↔ pixels: the visible range of a timeline, how it moves, and the ticks of its ruler.
//
// Times are unsigned picoseconds up to 2^64. A range is never empty, never inverted and never leaves [0, limit]; all
// moves saturate. Differences of times become floating point, times themselves never do, so that a nanosecond at the
// end of a run of days is still drawn in its place.
#pragma once

#include <vector>

#include <QString>

#include "sim/clock.hpp"

namespace orrery::gui {

/// "1.234 ms", with `digits` significant digits; "0 s".
[[nodiscard]] QString format_time(double picoseconds, int digits = 4);

struct Tick {
  sim::SimTime time = 0;
  bool major = false;  ///< has a label
  QString label;
};

struct Ruler {
  QString base;  ///< what the labels count from: "1.2 s +"; empty where they count from zero
  std::vector<Tick> ticks;
};

class TimeScale {
 public:
  /// The narrowest range: closer up there is nothing to see.
  static constexpr sim::SimTime kNarrowest = 1000;

  /// All of a timeline that ends at `makespan`.
  void set_limit(sim::SimTime makespan);
  /// Shows [begin, end); widens the limit where it lies beyond.
  void set_range(sim::SimTime begin, sim::SimTime end);
  void show_all();
  /// Makes the range `factor` times as long; the time at `share` (0 … 1) of it stays where it is.
  void zoom(double factor, double share);
  /// Moves by `share` of the range: > 0 later.
  void pan(double share);
  /// Brings [begin, end) into view, at least a twentieth of the range wide.
  void reveal(sim::SimTime begin, sim::SimTime end);

  [[nodiscard]] sim::SimTime begin() const { return begin_; }
  [[nodiscard]] sim::SimTime end() const { return end_; }
  [[nodiscard]] sim::SimTime limit() const { return limit_; }
  [[nodiscard]] sim::SimTime length() const { return end_ - begin_; }
  [[nodiscard]] bool is_all() const { return begin_ == 0 && end_ == limit_; }

  /// Position of a time on an axis of `width` pixels; may lie outside.
  [[nodiscard]] double position(sim::SimTime time, double width) const;
  [[nodiscard]] sim::SimTime time_at(double position, double width) const;

  /// Ticks at 1, 2 or 5 times a power of ten, labels at least `label_width` pixels apart.
  [[nodiscard]] Ruler ruler(double width, double label_width) const;

 private:
  void move_to(sim::SimTime begin, sim::SimTime length);

  sim::SimTime begin_ = 0, end_ = 1, limit_ = 1;
};

}  // namespace orrery::gui
