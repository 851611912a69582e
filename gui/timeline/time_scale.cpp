#include "gui/timeline/time_scale.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "gui/run/busy_pyramid.hpp"

namespace orrery::gui {

namespace {

constexpr sim::SimTime kEnd = std::numeric_limits<sim::SimTime>::max();

struct TimeUnit {
  double picoseconds;
  const char* name;
};
constexpr std::array<TimeUnit, 5> kUnits = {{{1e12, "s"}, {1e9, "ms"}, {1e6, "µs"}, {1e3, "ns"}, {1.0, "ps"}}};

const TimeUnit& unit_of(double picoseconds) {
  const auto fits = [&](const TimeUnit& unit) { return picoseconds >= unit.picoseconds * 0.9999; };
  const auto* const unit = std::find_if(kUnits.begin(), kUnits.end(), fits);
  return unit == kUnits.end() ? kUnits.back() : *unit;
}

QString with_unit(double picoseconds, const TimeUnit& unit, int decimals) {
  return QString::number(picoseconds / unit.picoseconds, 'f', std::max(decimals, 0)) + QChar(0xa0) +
         QString::fromUtf8(unit.name);
}

/// The smallest of 1, 2, 5 · 10^n that is at least `least`, ≥ 1.
sim::SimTime round_step(double least) {
  sim::SimTime power = 1;
  while (true) {
    for (const sim::SimTime factor : {1u, 2u, 5u}) {
      if (power > kEnd / factor) return kEnd;
      if (static_cast<double>(power * factor) >= least) return power * factor;
    }
    if (power > kEnd / 10) return kEnd;
    power *= 10;
  }
}

/// A product as a time, saturated.
sim::SimTime to_time(double picoseconds) {
  if (!(picoseconds > 0.0)) return 0;
  return picoseconds >= 18446744073709551615.0 ? kEnd : static_cast<sim::SimTime>(picoseconds);
}

/// Decimals that a multiple of `step` has in a unit.
int decimals_of(double step, const TimeUnit& unit) {
  return std::max(0, static_cast<int>(std::ceil(-std::log10(step / unit.picoseconds) - 1e-9)));
}

}  // namespace

QString format_time(double picoseconds, int digits) {
  if (!(picoseconds > 0.0)) return QStringLiteral("0") + QChar(0xa0) + QStringLiteral("s");
  const TimeUnit& unit = unit_of(picoseconds);
  const int before = 1 + static_cast<int>(std::floor(std::log10(std::max(1.0, picoseconds / unit.picoseconds))));
  return with_unit(picoseconds, unit, unit.picoseconds > 1.0 ? digits - before : 0);
}

void TimeScale::set_limit(sim::SimTime makespan) {
  limit_ = std::max<sim::SimTime>(makespan, 1);
  move_to(begin_, length());
}

void TimeScale::set_range(sim::SimTime begin, sim::SimTime end) {
  if (end < begin) std::swap(begin, end);
  limit_ = std::max(limit_, end);
  move_to(begin, end - begin);
}

void TimeScale::show_all() { move_to(0, limit_); }

void TimeScale::zoom(double factor, double share) {
  const double old_length = static_cast<double>(length());
  sim::SimTime new_length = to_time(old_length * factor);
  if (new_length == length()) new_length = factor > 1.0 ? length() + (length() < limit_ ? 1 : 0) : length();
  new_length = std::clamp(new_length, std::min(kNarrowest, limit_), limit_);
  share = std::clamp(share, 0.0, 1.0);
  if (new_length <= length()) {
    move_to(begin_ + to_time(share * static_cast<double>(length() - new_length)), new_length);
  } else {
    const sim::SimTime back = to_time(share * static_cast<double>(new_length - length()));
    move_to(begin_ - std::min(back, begin_), new_length);
  }
}

void TimeScale::pan(double share) {
  const sim::SimTime by = to_time(std::abs(share) * static_cast<double>(length()));
  if (share < 0.0) {
    move_to(begin_ - std::min(by, begin_), length());
  } else {
    move_to(begin_ + std::min(by, limit_ - end_), length());
  }
}

void TimeScale::reveal(sim::SimTime begin, sim::SimTime end) {
  end = std::max(end, begin);
  sim::SimTime wanted = length();
  const sim::SimTime span = std::max<sim::SimTime>(end - begin, 1);
  if (span < length() / 20) wanted = span > kEnd / 20 ? length() : span * 20;
  if (span > length() / 2) wanted = span > kEnd / 2 ? kEnd : span * 2;
  wanted = std::clamp(wanted, std::min(kNarrowest, limit_), limit_);
  if (wanted == length() && begin >= begin_ && end <= end_) return;
  const sim::SimTime middle = begin + (end - begin) / 2;
  move_to(middle - std::min(middle, wanted / 2), wanted);
}

void TimeScale::move_to(sim::SimTime begin, sim::SimTime length) {
  length = std::clamp(length, std::min(kNarrowest, limit_), limit_);
  begin_ = std::min(begin, limit_ - length);
  end_ = begin_ + length;
}

double TimeScale::position(sim::SimTime time, double width) const {
  return difference(time, begin_) / static_cast<double>(length()) * width;
}

sim::SimTime TimeScale::time_at(double position, double width) const {
  if (!(width > 0.0) || !(position > 0.0)) return begin_;
  if (position >= width) return end_;
  return begin_ + std::min(to_time(position / width * static_cast<double>(length())), length());
}

Ruler TimeScale::ruler(double width, double label_width) const {
  Ruler result;
  if (!(width >= 1.0)) return result;
  const double per_pixel = static_cast<double>(length()) / width;
  const sim::SimTime step = round_step(per_pixel * std::max(label_width, 1.0));
  const sim::SimTime minor = step >= 5 && step % 5 == 0 ? step / 5 : std::max<sim::SimTime>(step / 2, 1);

  // Where labels would need many digits, they count from a round time at the left.
  sim::SimTime base = 0;
  if (begin_ / step >= 1000) {
    const sim::SimTime round = step > kEnd / 100 ? kEnd : step * 100;
    base = begin_ / round * round;
    const TimeUnit& base_unit = unit_of(static_cast<double>(base));
    result.base = with_unit(static_cast<double>(base), base_unit,
                            std::min(9, decimals_of(static_cast<double>(round), base_unit))) +
                  QStringLiteral(" +");
  }
  // One unit for all labels, that of the last.
  const TimeUnit& unit = unit_of(static_cast<double>(end_ - base));
  sim::SimTime time = begin_ % minor == 0 ? begin_ : begin_ - begin_ % minor;
  if (time < begin_) time = time > kEnd - minor ? kEnd : time + minor;
  while (time <= end_ && result.ticks.size() < 10000) {
    Tick tick{time, time % step == 0, {}};
    if (tick.major) {
      const auto since = static_cast<double>(time - base);
      tick.label = with_unit(since, unit, decimals_of(static_cast<double>(step), unit));
    }
    result.ticks.push_back(std::move(tick));
    if (time > kEnd - minor) break;
    time += minor;
  }
  return result;
}

}  // namespace orrery::gui
