#include "gui/view/plot_view.hpp"

#include <QEvent>
#include <QLabel>
#include <QStackedLayout>
#include <qcustomplot.h>

#include "gui/view/plot_style.hpp"

namespace orrery::gui {

PlotView::PlotView(const QString& name, const QString& title, QWidget* parent) : RunView(parent) {
  setObjectName(name);
  setAccessibleName(title);
  plot_ = new QCustomPlot(this);
  plot_->setObjectName(name + QStringLiteral("_plot"));
  plot_->setAccessibleName(title);
  plot_->setFocusPolicy(Qt::StrongFocus);
  plot_->setMouseTracking(true);
  plot_->setAutoAddPlottableToLegend(false);
  message_ = new QLabel(this);
  message_->setAlignment(Qt::AlignCenter);
  message_->setWordWrap(true);
  message_->setMargin(24);
  message_->setAutoFillBackground(true);
  message_->setBackgroundRole(QPalette::Base);
  stack_ = new QStackedLayout(this);
  stack_->addWidget(message_);
  stack_->addWidget(plot_);
  setFocusProxy(plot_);
  plot_->installEventFilter(this);
}

void PlotView::set_runs(const RunPtr& current, const RunPtr& previous) {
  current_ = current;
  previous_ = previous;
  is_drawn_ = false;
  redraw();
}

QString PlotView::message() const { return stack_->currentWidget() == message_ ? message_->text() : QString(); }

void PlotView::redraw() {
  is_drawn_ = false;
  const QString why = reason();
  message_->setText(why);
  stack_->setCurrentWidget(why.isEmpty() ? static_cast<QWidget*>(plot_) : message_);
  const QString words = why.isEmpty() ? description() : why;
  setAccessibleDescription(words);
  plot_->setAccessibleDescription(words);
  if (!isVisible()) return;
  is_drawn_ = true;
  plot_->clearItems();
  plot_->clearPlottables();
  plot_->plotLayout()->clear();
  if (why.isEmpty()) draw();
  style_plot(*plot_);
  plot_->replot(QCustomPlot::rpQueuedReplot);
}

void PlotView::showEvent(QShowEvent* event) {
  RunView::showEvent(event);
  if (!is_drawn_) redraw();
}

bool PlotView::eventFilter(QObject* watched, QEvent* event) {
  // The plot's own events: when the view's come, the plot still has the old palette.
  const bool is_look = event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange;
  if (watched == plot_ && is_look) redraw();
  return RunView::eventFilter(watched, event);
}

}  // namespace orrery::gui
