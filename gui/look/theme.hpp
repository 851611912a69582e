// Colours of the window, light and dark, and of what it draws.
//
// One colour per activity and per kind of memory in every view. Hues differ in lightness too, so that they stay apart
// for the colour-blind and in grey print; text on a coloured ground is black or white, whichever contrasts more (WCAG
// relative luminance).
#pragma once

#include <QColor>
#include <QPalette>
#include <QString>

#include "sim/plan/plan.hpp"

namespace orrery::gui {

enum class Theme : std::uint8_t { system, light, dark };

/// Sets the application's style (Fusion) and palette. `system`: as the desktop's own palette is, light or dark.
void apply_theme(Theme theme);

[[nodiscard]] bool is_dark(const QPalette& palette);

[[nodiscard]] QColor activity_color(sim::Activity activity);
[[nodiscard]] QColor memory_color(sim::MemoryKind kind);
/// Further colours, for series that are no activity; they repeat after eight.
[[nodiscard]] QColor series_color(std::size_t index);
/// Of a change for the better, for the worse, and of what needs attention.
[[nodiscard]] QColor better_color(const QPalette& palette);
[[nodiscard]] QColor worse_color(const QPalette& palette);
[[nodiscard]] QColor warning_color(const QPalette& palette);
/// Black or white.
[[nodiscard]] QColor text_on(const QColor& ground);
/// `share` of `b` in `a`, 0 … 1.
[[nodiscard]] QColor mixed(const QColor& a, const QColor& b, double share);
/// Contrast ratio of two colours, 1 … 21 (WCAG 2.1).
[[nodiscard]] double contrast(const QColor& a, const QColor& b);

/// "tensor_parallel" → "tensor parallel", for legends.
[[nodiscard]] QString readable_name(std::string_view name);

}  // namespace orrery::gui
