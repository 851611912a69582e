#include "gui/look/theme.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <QApplication>
#include <QStyleFactory>

namespace orrery::gui {

namespace {

/// The desktop's own palette, taken before the first theme replaces it.
const QPalette& desktop_palette() {
  static const QPalette palette = QApplication::palette();
  return palette;
}

QPalette light_palette() {
  QPalette p(QColor(0xf4, 0xf5, 0xf7));
  p.setColor(QPalette::Base, Qt::white);
  p.setColor(QPalette::AlternateBase, QColor(0xf2, 0xf4, 0xf8));
  p.setColor(QPalette::Window, QColor(0xf4, 0xf5, 0xf7));
  for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
    p.setColor(role, QColor(0x1b, 0x1f, 0x24));
    p.setColor(QPalette::Disabled, role, QColor(0x84, 0x8b, 0x94));
  }
  p.setColor(QPalette::PlaceholderText, QColor(0x65, 0x6d, 0x77));
  p.setColor(QPalette::ToolTipBase, QColor(0xff, 0xfb, 0xe6));
  p.setColor(QPalette::ToolTipText, QColor(0x1b, 0x1f, 0x24));
  p.setColor(QPalette::Highlight, QColor(0x1f, 0x6f, 0xd6));
  p.setColor(QPalette::HighlightedText, Qt::white);
  p.setColor(QPalette::Link, QColor(0x1f, 0x6f, 0xd6));
  p.setColor(QPalette::LinkVisited, QColor(0x6a, 0x3f, 0xa0));
  return p;
}

QPalette dark_palette() {
  QPalette p(QColor(0x2b, 0x2f, 0x36));
  p.setColor(QPalette::Base, QColor(0x1b, 0x1e, 0x23));
  p.setColor(QPalette::AlternateBase, QColor(0x22, 0x26, 0x2c));
  p.setColor(QPalette::Window, QColor(0x25, 0x29, 0x2f));
  const QColor text(0xe4, 0xe7, 0xec);
  for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::BrightText}) {
    p.setColor(role, text);
    p.setColor(QPalette::Disabled, role, QColor(0x7d, 0x85, 0x90));
  }
  p.setColor(QPalette::PlaceholderText, QColor(0x8f, 0x98, 0xa3));
  p.setColor(QPalette::ToolTipBase, QColor(0x35, 0x3a, 0x42));
  p.setColor(QPalette::ToolTipText, text);
  p.setColor(QPalette::Highlight, QColor(0x3d, 0x8b, 0xf2));
  p.setColor(QPalette::HighlightedText, QColor(0x0c, 0x0e, 0x11));
  p.setColor(QPalette::Link, QColor(0x6f, 0xb1, 0xff));
  p.setColor(QPalette::LinkVisited, QColor(0xc3, 0xa6, 0xf0));
  return p;
}

/// Relative luminance (WCAG 2.1).
double luminance(const QColor& color) {
  const auto linear = [](double c) { return c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); };
  return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF());
}

}  // namespace

void apply_theme(Theme theme) {
  const bool dark = theme == Theme::dark || (theme == Theme::system && is_dark(desktop_palette()));
  QApplication::setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
  QApplication::setPalette(dark ? dark_palette() : light_palette());
  // Fusion draws the frame of a check box in a shade of the window's colour, which a dark list hides.
  QPalette lists = dark ? dark_palette() : light_palette();
  if (dark) lists.setColor(QPalette::Window, QColor(0xa8, 0xb0, 0xba));
  QApplication::setPalette(lists, "QTreeView");
}

bool is_dark(const QPalette& palette) { return luminance(palette.color(QPalette::Base)) < 0.2; }

QColor activity_color(sim::Activity activity) {
  switch (activity) {
    case sim::Activity::forward:
      return {0x4c, 0x8b, 0xd9};
    case sim::Activity::recompute:
      return {0x8f, 0xc1, 0xf5};
    case sim::Activity::backward:
      return {0x4f, 0x9d, 0x5b};
    case sim::Activity::weight_gradient:
      return {0x9b, 0xd0, 0x8b};
    case sim::Activity::optimizer:
      return {0x8a, 0x64, 0xb8};
    case sim::Activity::tensor_parallel:
      return {0xe0, 0x8b, 0x2c};
    case sim::Activity::data_parallel:
      return {0xc8, 0x4f, 0x4a};
    case sim::Activity::pipeline:
      return {0xf2, 0xc5, 0x4b};
    case sim::Activity::expert_parallel:
      return {0xd9, 0x6b, 0xa0};
    case sim::Activity::host_copy:
      return {0x3f, 0xa3, 0xa0};
    case sim::Activity::prefill:
      return {0xe0, 0x8b, 0x2c};
    case sim::Activity::decode:
      return {0x4c, 0x8b, 0xd9};
    case sim::Activity::mixed:
      return {0x8a, 0x64, 0xb8};
    case sim::Activity::other:
      break;
  }
  return {0x9a, 0xa1, 0xab};
}

QColor memory_color(sim::MemoryKind kind) {
  switch (kind) {
    case sim::MemoryKind::weights:
      return {0x4c, 0x8b, 0xd9};
    case sim::MemoryKind::gradients:
      return {0x4f, 0x9d, 0x5b};
    case sim::MemoryKind::optimizer:
      return {0x8a, 0x64, 0xb8};
    case sim::MemoryKind::activations:
      return {0xe0, 0x8b, 0x2c};
    case sim::MemoryKind::kv_cache:
      return {0x3f, 0xa3, 0xa0};
    case sim::MemoryKind::workspace:
      break;
  }
  return {0x9a, 0xa1, 0xab};
}

QColor series_color(std::size_t index) {
  static constexpr std::array<QRgb, 8> kColors = {0xff4c8bd9, 0xffe08b2c, 0xff4f9d5b, 0xffc84f4a,
                                                  0xff8a64b8, 0xff3fa3a0, 0xffd96ba0, 0xff9a8f3a};
  return QColor(kColors.at(index % kColors.size()));
}

QColor better_color(const QPalette& palette) {
  return is_dark(palette) ? QColor(0x6f, 0xcf, 0x7f) : QColor(0x1a, 0x7f, 0x37);
}
QColor worse_color(const QPalette& palette) {
  return is_dark(palette) ? QColor(0xff, 0x8a, 0x80) : QColor(0xc6, 0x28, 0x28);
}
QColor warning_color(const QPalette& palette) {
  return is_dark(palette) ? QColor(0xff, 0xc1, 0x5e) : QColor(0x9a, 0x5b, 0x00);
}

QColor text_on(const QColor& ground) {
  return contrast(ground, Qt::black) >= contrast(ground, Qt::white) ? QColor(Qt::black) : QColor(Qt::white);
}

QColor mixed(const QColor& a, const QColor& b, double share) {
  const auto mix = [share](int x, int y) { return static_cast<int>(std::lround(x * (1.0 - share) + y * share)); };
  return {mix(a.red(), b.red()), mix(a.green(), b.green()), mix(a.blue(), b.blue())};
}

double contrast(const QColor& a, const QColor& b) {
  const double light = std::max(luminance(a), luminance(b));
  const double dark = std::min(luminance(a), luminance(b));
  return (light + 0.05) / (dark + 0.05);
}

QString readable_name(std::string_view name) {
  QString text = QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
  return text.replace(QLatin1Char('_'), QLatin1Char(' '));
}

}  // namespace orrery::gui
