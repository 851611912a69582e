// What the memory view does under the pointer and with keys: find the part there, tell its bytes, ask where it comes
// from.
#include <algorithm>
#include <cmath>

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QToolTip>
#include <qcustomplot.h>

#include "gui/look/text.hpp"
#include "gui/view/memory_view.hpp"
#include "gui/view/plot_style.hpp"

namespace orrery::gui {

QRectF MemoryView::part_rect(std::size_t stack, std::size_t part) const {
  QCustomPlot& drawn = const_cast<MemoryView*>(this)->plot();
  if (drawn.axisRectCount() == 0 || stack >= stacks_.size() || part >= stacks_[stack].parts.size()) return {};
  const QCPAxis* x = drawn.axisRect(0)->axis(QCPAxis::atBottom);
  const QCPAxis* y = drawn.axisRect(0)->axis(QCPAxis::atLeft);
  double below = 0.0;
  for (std::size_t p = 0; p < part; ++p) below += stacks_[stack].parts[p].bytes;
  const double middle = center(stack, false), half = 0.5 * width();
  const QPointF a(x->coordToPixel(middle - half), y->coordToPixel(below + stacks_[stack].parts[part].bytes));
  return {a, QPointF(x->coordToPixel(middle + half), y->coordToPixel(below))};
}

bool MemoryView::find(const QPointF& position, Place& place) const {
  QCustomPlot& drawn = const_cast<MemoryView*>(this)->plot();
  if (drawn.axisRectCount() == 0 || !drawn.axisRect(0)->rect().contains(position.toPoint())) return false;
  const double x = drawn.axisRect(0)->axis(QCPAxis::atBottom)->pixelToCoord(position.x());
  const double y = drawn.axisRect(0)->axis(QCPAxis::atLeft)->pixelToCoord(position.y());
  for (const bool is_previous : {false, true}) {
    const std::vector<MemoryStack>& all = stacks(is_previous);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (std::fabs(x - center(i, is_previous)) > 0.5 * width()) continue;
      double reach = 0.0;
      for (std::size_t p = 0; p < all[i].parts.size(); ++p) {
        reach += all[i].parts[p].bytes;
        if (y < 0.0 || y >= reach) continue;
        place = {is_previous, i, p};
        return true;
      }
    }
  }
  return false;
}

QString MemoryView::tell(const Place& place) const {
  const MemoryStack& stack = stacks(place.is_previous)[place.stack];
  const MemoryPart& part = stack.parts[place.part];
  QString words =
      tr("%1%2: %3 %4 (%5 bytes), %6 % of the peak of %7")
          .arg(place.is_previous ? tr("run before, ") : QString(), to_qstring(stack.name), to_qstring(part.name),
               readable_value(AxisUnit::bytes, part.bytes), QLocale::c().toString(part.bytes, 'f', 0))
          .arg(stack.peak > 0.0 ? part.bytes / stack.peak * 100.0 : 0.0, 0, 'f', 1)
          .arg(readable_value(AxisUnit::bytes, stack.peak));
  if (stack.overflows()) words += tr("; needs %1 more").arg(readable_value(AxisUnit::bytes, stack.missing));
  return words;
}

void MemoryView::ask(const Place& place) {
  if (place.is_previous) return;  // the explanation is of the current run
  emit explain_requested(to_qstring(stacks_[place.stack].parts[place.part].metric), QString());
}

bool MemoryView::key(int key) {
  if (stacks_.empty()) return false;
  const std::size_t parts = stacks_[cursor_.stack].parts.size();
  if (key == Qt::Key_Return || key == Qt::Key_Enter || key == Qt::Key_Space) {
    ask(cursor_);
    return true;
  }
  if (key == Qt::Key_Right) {
    cursor_.stack = std::min(cursor_.stack + 1, stacks_.size() - 1);
  } else if (key == Qt::Key_Left) {
    cursor_.stack -= cursor_.stack > 0 ? 1 : 0;
  } else if (key == Qt::Key_Up) {
    cursor_.part = std::min(cursor_.part + 1, parts - 1);
  } else if (key == Qt::Key_Down) {
    cursor_.part -= cursor_.part > 0 ? 1 : 0;
  } else {
    return false;
  }
  const QPoint at = part_rect(cursor_.stack, cursor_.part).center().toPoint();
  const QString words = tell(cursor_);
  plot().setAccessibleDescription(words);
  QToolTip::showText(plot().mapToGlobal(at), words, &plot());
  return true;
}

bool MemoryView::eventFilter(QObject* watched, QEvent* event) {
  Place place;
  switch (event->type()) {
    case QEvent::KeyPress:
      if (key(static_cast<QKeyEvent*>(event)->key())) return true;
      break;
    case QEvent::MouseMove: {
      const QPointF at = static_cast<QMouseEvent*>(event)->position();
      const bool is_part = find(at, place);
      plot().setCursor(is_part && !place.is_previous ? Qt::PointingHandCursor : Qt::ArrowCursor);
      break;
    }
    case QEvent::ToolTip: {
      auto* help = static_cast<QHelpEvent*>(event);
      if (find(help->pos(), place)) {
        QToolTip::showText(help->globalPos(), tell(place), &plot());
        return true;
      }
      QToolTip::hideText();
      break;
    }
    case QEvent::MouseButtonRelease: {
      auto* mouse = static_cast<QMouseEvent*>(event);
      if (mouse->button() == Qt::LeftButton && find(mouse->position(), place)) ask(place);
      break;
    }
    default:
      break;
  }
  return PlotView::eventFilter(watched, event);
}

}  // namespace orrery::gui
