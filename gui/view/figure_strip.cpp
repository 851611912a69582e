#include "gui/view/figure_strip.hpp"

#include <algorithm>

#include <QEvent>
#include <QLabel>

#include "gui/look/labels.hpp"
#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"

namespace orrery::gui {

FigureStrip::FigureStrip(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("figure_strip"));
  setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
}

void FigureStrip::set_runs(const RunPtr& current, const RunPtr& previous) {
  show_figures(key_figures(current, previous));
  show_remarks(run_remarks(current));
  arrange();
}

void FigureStrip::set_dimmed(bool dimmed) {
  for (KeyFigure* figure : figures_) figure->set_dimmed(dimmed);
}

void FigureStrip::show_figures(const std::vector<KeyFigure::Text>& texts) {
  while (figures_.size() > texts.size()) {
    figures_.back()->hide();  // it may be the sender of a click
    figures_.back()->deleteLater();
    figures_.pop_back();
  }
  while (figures_.size() < texts.size()) {
    auto* figure = new KeyFigure(this);
    connect(figure, &QAbstractButton::clicked, this,
            [this, figure] { emit explain_requested(figure->figure().metric, {}); });
    figure->show();
    figures_.push_back(figure);
  }
  for (std::size_t i = 0; i < texts.size(); ++i) figures_[i]->set_text(texts[i]);
}

void FigureStrip::show_remarks(const std::vector<RunRemark>& remarks) {
  for (const auto& [label, alarm] : remarks_) delete label;
  remarks_.clear();
  for (const RunRemark& remark : remarks) {
    QLabel* label = make_text(*this, QStringLiteral("run_remark_") + remark.kind);
    label->setText(QChar(0x26a0) + QStringLiteral(" ") + remark.text);
    label->setToolTip(plain_tip(remark.details));
    label->show();
    remarks_.push_back({label, remark.alarm});
  }
  color();
}

void FigureStrip::color() {
  for (const auto& [label, alarm] : remarks_) tint(*label, alarm ? worse_color(palette()) : warning_color(palette()));
}

/// Columns of equal width, no fewer rows than it takes for the widest figure to stand whole.
void FigureStrip::arrange() {
  int y = 0;
  if (!figures_.empty()) {
    int widest = 1;
    for (const KeyFigure* figure : figures_) widest = std::max(widest, figure->sizeHint().width());
    const int count = static_cast<int>(figures_.size());
    const int most = std::clamp(width() / widest, 1, count);
    const int rows = (count + most - 1) / most;
    const int columns = (count + rows - 1) / rows;  // as many in each row
    const int height = figures_.front()->sizeHint().height();
    for (int i = 0; i < count; ++i) {
      const int left = width() * (i % columns) / columns, right = width() * (i % columns + 1) / columns;
      figures_[static_cast<std::size_t>(i)]->setGeometry(left, y + height * (i / columns), right - left, height);
    }
    y += rows * height;
  }
  const int gap = fontMetrics().height() / 3;
  for (const auto& [label, alarm] : remarks_) {
    const int height = label->heightForWidth(std::max(1, width() - 2 * gap));
    label->setGeometry(gap, y, width() - 2 * gap, height);
    y += height;
  }
  if (!remarks_.empty()) y += gap;
  setFixedHeight(y);
}

QSize FigureStrip::minimumSizeHint() const { return {1, height()}; }
QSize FigureStrip::sizeHint() const { return {1, height()}; }

void FigureStrip::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  if (event->size().width() != event->oldSize().width()) arrange();
}

void FigureStrip::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::FontChange) arrange();
  if (event->type() == QEvent::PaletteChange) color();
}

}  // namespace orrery::gui
