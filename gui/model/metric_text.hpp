// Words and numbers of metrics as the window writes them; the numbers are those of the text report
// (scenarios::readable), so that a figure reads the same in both.
#pragma once

#include <string>
#include <string_view>

#include <QString>

#include "gui/look/text.hpp"
#include "scenarios/comparison.hpp"

namespace orrery::gui {

/// "training.tokens_per_s_per_gpu" → "tokens/s per GPU", "memory.stages.3.peak_bytes" → "stage 3 peak".
[[nodiscard]] QString metric_label(std::string_view metric);
/// Full name, equation and unit, a line each.
[[nodiscard]] QString metric_tooltip(std::string_view metric);

/// A difference with its sign: "+1.570 s", "−10.00 points" of a ratio.
[[nodiscard]] QString signed_text(double difference, scenarios::Unit unit);

/// Lines of at most some hundred characters: Qt does not wrap plain tooltips.
[[nodiscard]] QString wrapped(const QString& text);

/// How a figure changed, from `a` to `b`.
struct ChangeText {
  QString text;     ///< "▲ +12.4 %", "=", "new"; empty where there is nothing to compare with
  QString details;  ///< "12.66 s → 14.23 s, +1.570 s, worse"
  int verdict = 0;  ///< +1 better, −1 worse, 0
};

/// Changes below this ratio are written as "=": they are rounding, not news.
inline constexpr double kTinyChange = 0.0005;
/// `can_gain`: false where `b` is of a run that can't be, which nothing makes better.
[[nodiscard]] ChangeText describe_change(const scenarios::MetricChange& change, bool can_gain = true);

}  // namespace orrery::gui
