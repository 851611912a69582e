#include "gui/view/latency_labels.hpp"

#include <algorithm>
#include <limits>

#include <qcustomplot.h>

namespace orrery::gui {

namespace {

constexpr int kHeights = 24;       ///< that are tried
constexpr int kHiddenText = 1000;  ///< as bad as so many stretches of the curve
constexpr int kCutOff = 100'000;

int cost_of(const QRectF& place, const QCPAxisRect& rect, const LatencyCurve& curve,
            const std::vector<QCPItemText*>& others) {
  int cost = hidden_by(place, rect, curve);
  if (!QRectF(rect.rect()).contains(place)) cost += kCutOff;
  for (const QCPItemText* other : others) cost += text_rect(*other).intersects(place) ? kHiddenText : 0;
  return cost;
}

}  // namespace

QRectF text_rect(const QCPItemText& item) {
  const QFontMetricsF metrics(item.font());
  const QRectF text = metrics.boundingRect(QRectF(), Qt::TextDontClip | item.textAlignment(), item.text());
  const QMargins pad = item.padding();
  const QSizeF size(text.width() + pad.left() + pad.right(), text.height() + pad.top() + pad.bottom());
  QPointF at = item.position->pixelPosition();
  const Qt::Alignment side = item.positionAlignment();
  at.rx() -= side.testFlag(Qt::AlignRight) ? size.width() : side.testFlag(Qt::AlignHCenter) ? size.width() / 2.0 : 0.0;
  at.ry() -= side.testFlag(Qt::AlignBottom)    ? size.height()
             : side.testFlag(Qt::AlignVCenter) ? size.height() / 2.0
                                               : 0.0;
  return {at, size};
}

int hidden_by(const QRectF& place, const QCPAxisRect& rect, const LatencyCurve& curve) {
  const QCPAxis* x = rect.axis(QCPAxis::atBottom);
  const QCPAxis* share = rect.axis(QCPAxis::atRight);
  const auto last = static_cast<double>(std::max<std::size_t>(1, curve.quantiles.size() - 1));
  int hidden = 0;
  QPointF before;
  for (std::size_t i = 0; i < curve.quantiles.size(); ++i) {
    const double at = std::max(curve.quantiles[i], curve.bin_edges.front());  // nothing is 0 on a logarithmic axis
    const QPointF point(x->coordToPixel(at), share->coordToPixel(static_cast<double>(i) / last));
    const QRectF stretch = QRectF(i == 0 ? point : before, point).normalized().adjusted(-0.5, -0.5, 0.5, 0.5);
    hidden += stretch.intersects(place) ? 1 : 0;
    before = point;
  }
  return hidden;
}

void place_limit(QCPItemText& label, const QString& text, const QCPAxisRect& rect, const LatencyCurve& curve,
                 const std::vector<QCPItemText*>& others) {
  struct Place {
    QString text;
    double height = 0.0;
    Qt::Alignment side;
    int cost = std::numeric_limits<int>::max();
  };
  Place best;
  const QCPRange heights = rect.axis(QCPAxis::atRight)->range();
  const double limit = label.position->key();
  for (const QString& shown : {text, text.section(QLatin1Char('\n'), 0, 0)}) {
    label.setText(shown);
    // From the foot up: there are fewer requests than in the middle, and no names of percentiles.
    for (int step = 1; step < kHeights && best.cost > 0; ++step) {
      const double height = heights.lower + heights.size() * step / kHeights;
      for (const Qt::Alignment side : {Qt::AlignLeft | Qt::AlignVCenter, Qt::AlignRight | Qt::AlignVCenter}) {
        label.position->setCoords(limit, height);
        label.setPositionAlignment(side);
        const int cost = cost_of(text_rect(label), rect, curve, others);
        if (cost < best.cost) best = {shown, height, side, cost};
      }
    }
  }
  label.setText(best.text);
  label.position->setCoords(limit, best.height);
  label.setPositionAlignment(best.side);
}

}  // namespace orrery::gui
