// Where the name of an SLO's limit stands in a panel of latencies: beside its line, where it hides the least.
#pragma once

#include <vector>

#include <QRectF>
#include <QString>

#include "gui/run/serving_series.hpp"

class QCPAxisRect;
class QCPItemText;

namespace orrery::gui {

/// Where a text with a position in plot coordinates is drawn, in pixels. REQUIRES a layout.
[[nodiscard]] QRectF text_rect(const QCPItemText& item);

/// How many stretches of a cumulative curve a rectangle hides. REQUIRES a layout, and a curve with quantiles.
[[nodiscard]] int hidden_by(const QRectF& place, const QCPAxisRect& rect, const LatencyCurve& curve);

/// Moves `label`, which stands at the curve's limit, to the side and height at which it hides the least of the curve
/// and of the `others`. Where the whole `text` would hide something, its first line alone may have to do. REQUIRES a
/// layout.
void place_limit(QCPItemText& label, const QString& text, const QCPAxisRect& rect, const LatencyCurve& curve,
                 const std::vector<QCPItemText*>& others);

}  // namespace orrery::gui
