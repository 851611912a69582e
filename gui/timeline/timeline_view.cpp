#include "gui/timeline/timeline_view.hpp"

#include <algorithm>

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QShortcut>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/look/elided_label.hpp"
#include "gui/look/theme.hpp"
#include "gui/timeline/timeline_canvas.hpp"
#include "gui/timeline/timeline_text.hpp"

namespace orrery::gui {

namespace {

QToolButton* make_button(QWidget* parent, const QString& text, const QString& name, const QString& tip) {
  auto* const button = new QToolButton(parent);
  button->setText(text);
  button->setObjectName(name);
  button->setToolTip(tip);
  button->setAccessibleName(tip);
  button->setAutoRaise(true);
  button->setFocusPolicy(Qt::TabFocus);
  return button;
}

ElidedLabel* make_line(QWidget* parent, const QString& name) {
  auto* const label = new ElidedLabel(parent);
  label->setObjectName(name);
  label->setIndent(6);
  return label;
}

}  // namespace

TimelineView::TimelineView(QWidget* parent) : RunView(parent) {
  setObjectName(QStringLiteral("timeline_view"));
  setAccessibleName(tr("Timeline"));
  auto* const layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(2);
  tools_ = make_toolbar();
  layout->addWidget(tools_);
  legend_ = make_legend();
  layout->addWidget(legend_);
  canvas_ = new TimelineCanvas(this);
  layout->addWidget(canvas_, 1);
  status_ = make_line(this, QStringLiteral("timeline_status"));
  summary_ = make_line(this, QStringLiteral("timeline_selection"));
  status_->setAccessibleName(tr("Under the pointer"));
  summary_->setAccessibleName(tr("Selection"));
  layout->addWidget(status_);
  layout->addWidget(summary_);
  setFocusProxy(canvas_);
  // Tab comes in at the proxy: what stands before it in the chain would be skipped.
  QWidget* last = canvas_;
  for (QWidget* tool : tools_->findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly)) {
    if ((tool->focusPolicy() & Qt::TabFocus) == 0) continue;
    setTabOrder(last, tool);
    last = tool;
  }

  connect(canvas_, &TimelineCanvas::range_changed, this, &TimelineView::range_changed);
  connect(canvas_, &TimelineCanvas::selection_changed, this, &TimelineView::update_status);
  connect(canvas_, &TimelineCanvas::activated, this, &TimelineView::explain);
  connect(canvas_, &TimelineCanvas::hovered, this, [this](const QString& text) {
    hover_text_ = text;
    update_status();
  });
  make_shortcuts();
  set_runs(nullptr, nullptr);
}

void TimelineView::set_compact(bool with_tools) {
  fold_->setChecked(true);
  tools_->setVisible(with_tools);
  update_legend();
  status_->hide();
}

QWidget* TimelineView::make_toolbar() {
  auto* const bar = new QWidget(this);
  auto* const row = new QHBoxLayout(bar);
  row->setContentsMargins(4, 2, 4, 0);
  row->setSpacing(2);
  search_ = new QLineEdit(bar);
  search_->setObjectName(QStringLiteral("timeline_search"));
  search_->setPlaceholderText(tr("Search labels  ( / )"));
  search_->setAccessibleName(tr("Search the labels of the timeline"));
  search_->setClearButtonEnabled(true);
  search_->setMinimumWidth(fontMetrics().averageCharWidth() * 24);
  search_->setMaximumWidth(fontMetrics().averageCharWidth() * 34);
  previous_ =
      make_button(bar, QStringLiteral("‹"), QStringLiteral("timeline_previous"), tr("Previous match (Shift+N)"));
  next_ = make_button(bar, QStringLiteral("›"), QStringLiteral("timeline_next"), tr("Next match (N)"));
  count_ = new QLabel(bar);
  count_->setObjectName(QStringLiteral("timeline_matches"));
  count_->setAccessibleName(tr("Matches"));
  auto* const closer = make_button(bar, QStringLiteral("+"), QStringLiteral("timeline_zoom_in"), tr("Zoom in (W)"));
  auto* const wider = make_button(bar, QStringLiteral("−"), QStringLiteral("timeline_zoom_out"), tr("Zoom out (S)"));
  auto* const all = make_button(bar, tr("All"), QStringLiteral("timeline_zoom_all"), tr("Show the whole run (F)"));
  auto* const fit = make_button(bar, tr("Fit"), QStringLiteral("timeline_fit"),
                                tr("Fit the tracks to the height (Ctrl+0; Ctrl+wheel changes it)"));
  fold_ = make_button(bar, tr("Groups"), QStringLiteral("timeline_collapse"),
                      tr("Collapse every group into one row, or open them again"));
  fold_->setCheckable(true);
  for (QWidget* widget :
       std::initializer_list<QWidget*>{search_, previous_, next_, count_, closer, wider, all, fit, fold_}) {
    row->addWidget(widget);
  }
  row->addStretch(1);
  connect(search_, &QLineEdit::textChanged, this, &TimelineView::search);
  connect(search_, &QLineEdit::returnPressed, this, [this] { find(search_->text(), true); });
  connect(previous_, &QToolButton::clicked, this, [this] { find(search_->text(), false); });
  connect(next_, &QToolButton::clicked, this, [this] { find(search_->text(), true); });
  connect(closer, &QToolButton::clicked, this, [this] { canvas_->zoom(0.5); });
  connect(wider, &QToolButton::clicked, this, [this] { canvas_->zoom(2.0); });
  connect(all, &QToolButton::clicked, this, &TimelineView::show_all);
  connect(fit, &QToolButton::clicked, this, [this] { canvas_->set_stretch(1.0); });
  connect(fold_, &QToolButton::toggled, this, [this](bool on) { canvas_->set_all_collapsed(on); });
  return bar;
}

/// A row of its own: beside the tools it would break anew, and the timeline jump, whenever they change.
QLabel* TimelineView::make_legend() {
  auto* const legend = new QLabel(this);
  legend->setObjectName(QStringLiteral("timeline_legend"));
  legend->setAccessibleName(tr("Colours of the activities"));
  legend->setTextFormat(Qt::RichText);
  legend->setWordWrap(true);
  legend->setIndent(6);
  return legend;
}

void TimelineView::make_shortcuts() {
  const auto on_canvas = [this](const QKeySequence& keys, const auto& action) {
    auto* const shortcut = new QShortcut(keys, canvas_);
    shortcut->setContext(Qt::WidgetShortcut);
    connect(shortcut, &QShortcut::activated, this, action);
  };
  on_canvas(QKeySequence(Qt::Key_Slash), [this] { focus_search(); });
  on_canvas(QKeySequence(Qt::Key_N), [this] { find(search_->text(), true); });
  on_canvas(QKeySequence(Qt::SHIFT | Qt::Key_N), [this] { find(search_->text(), false); });
  auto* const find_keys = new QShortcut(QKeySequence::Find, this);
  find_keys->setContext(Qt::WidgetWithChildrenShortcut);
  connect(find_keys, &QShortcut::activated, this, &TimelineView::focus_search);
  auto* const leave = new QShortcut(QKeySequence(Qt::Key_Escape), search_);
  leave->setContext(Qt::WidgetShortcut);
  connect(leave, &QShortcut::activated, this, &TimelineView::end_search);
}

void TimelineView::set_runs(const RunPtr& current, const RunPtr& /*previous*/) {
  const bool zoomed = run_ != nullptr && !canvas_->scale().is_all();
  const double before = run_ != nullptr ? static_cast<double>(run_->timeline.makespan) : 0.0;
  const double after = current != nullptr ? static_cast<double>(current->timeline.makespan) : 0.0;
  const bool similar = before > 0.0 && after > 0.0 && after <= 2.0 * before && before <= 2.0 * after;
  const bool in_view = current != nullptr && canvas_->scale().begin() < current->timeline.makespan;

  const RunPtr kept = run_;  // until the canvas has let go of its index
  run_ = current;
  if (current == nullptr) {
    canvas_->set_index(nullptr, tr("No timeline: nothing has run yet. Open a scenario to see one."));
  } else {
    canvas_->set_index(&current->index, tr("No timeline: nothing ran in this scenario."));
  }
  if (zoomed && similar && in_view) {
    canvas_->set_limit(current->timeline.makespan);
  } else {
    canvas_->set_limit(current != nullptr ? current->timeline.makespan : 1);
    canvas_->show_all();
  }
  update_legend();
  search(search_->text());
  update_status();
}

void TimelineView::forget() {
  search_->clear();
  canvas_->show_all();
}

std::string TimelineView::csv() const {
  if (run_ == nullptr || run_->index.timeline() == nullptr) return {};
  return timeline_csv(run_->index, range_begin(), range_end());
}

void TimelineView::set_range(sim::SimTime begin, sim::SimTime end) { canvas_->set_range(begin, end); }
sim::SimTime TimelineView::range_begin() const { return canvas_->scale().begin(); }
sim::SimTime TimelineView::range_end() const { return canvas_->scale().end(); }
void TimelineView::show_all() { canvas_->show_all(); }

bool TimelineView::find_next(const QString& text) { return find(text, true); }
bool TimelineView::find_previous(const QString& text) { return find(text, false); }

bool TimelineView::find(const QString& text, bool forward) {
  if (search_->text() != text) search_->setText(text);
  if (canvas_->index() == nullptr) return false;
  const std::size_t span = canvas_->index()->find(match_, canvas_->marks().selected, forward);
  if (span == TimelineIndex::kNone) return false;
  canvas_->select_span(span, true);
  return true;
}

void TimelineView::search(const QString& text) {
  const TimelineIndex* const index = canvas_->index();
  match_ = index != nullptr ? index->match(text.toStdString()) : LabelMatch{};
  const bool searching = index != nullptr && !text.isEmpty();
  canvas_->set_match(searching ? &match_ : nullptr);
  previous_->setEnabled(match_.spans > 0);
  next_->setEnabled(match_.spans > 0);
  count_->setText(!searching          ? QString()
                  : match_.spans == 0 ? tr("no match")
                  : match_.spans == 1
                      ? tr("1 match")
                      : tr("%1 matches").arg(QLocale().toString(static_cast<qulonglong>(match_.spans))));
}

void TimelineView::focus_search() {
  search_->setFocus(Qt::ShortcutFocusReason);
  search_->selectAll();
}

void TimelineView::end_search() {
  search_->clear();
  canvas_->setFocus(Qt::OtherFocusReason);
}

void TimelineView::update_legend() {
  QString text;
  if (canvas_->index() != nullptr) {
    for (const sim::Activity activity : activities_present(*canvas_->index())) {
      text += QStringLiteral("<span style='white-space:nowrap'><span style='color:%1'>■</span>&nbsp;%2</span> &nbsp; ")
                  .arg(activity_color(activity).name(), readable_name(sim::name(activity)).replace(' ', "&nbsp;"));
    }
  }
  legend_->setText(text);
  legend_->setVisible(!text.isEmpty() && !tools_->isHidden());
}

void TimelineView::update_status() {
  const TimelineIndex* const index = canvas_->index();
  const CanvasMarks& marks = canvas_->marks();
  QString selection;
  if (index != nullptr && marks.has_range) {
    selection = describe_selection(*index, marks.range_begin, marks.range_end);
  } else if (index != nullptr && marks.selected != TimelineIndex::kNone) {
    selection = tr("Selected: %1").arg(describe_span(*index, marks.selected));
  }
  const bool hint = hover_text_.isEmpty() && index != nullptr;
  status_->setForegroundRole(hint ? QPalette::PlaceholderText : QPalette::WindowText);
  status_->set_line(hint ? tr("Wheel: zoom  ·  drag: move  ·  Shift+drag: sum up a range  ·  "
                              "Ctrl+wheel: height  ·  double click: where a time comes from")
                         : hover_text_);
  summary_->set_line(selection);
}

QString TimelineView::status() const { return status_->line(); }

void TimelineView::explain(std::size_t span) {
  const sim::Timeline& timeline = run_->timeline;
  const sim::Span& s = timeline.spans[span];
  const QString label =
      s.label.index() < timeline.labels.size() ? QString::fromStdString(timeline.labels[s.label.index()]) : QString();
  const std::vector<scenarios::Job>& jobs = run_->report.scenario.jobs;
  const QString job = jobs.empty() ? QString() : QString::fromStdString(jobs.front().prefix());
  emit explain_requested(job + metric_of(s.activity),
                         QString::fromStdString(std::string(sim::name(s.activity))) + QStringLiteral(": ") + label);
}

void TimelineView::changeEvent(QEvent* event) {
  RunView::changeEvent(event);
  if (event->type() == QEvent::PaletteChange && legend_ != nullptr) update_legend();
}

}  // namespace orrery::gui
