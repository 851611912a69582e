#include "gui/view/pipeline_view.hpp"

#include <numeric>

#include <QLabel>
#include <QVBoxLayout>
#include <fmt/format.h>

#include "gui/look/text.hpp"
#include "gui/view/pipeline_canvas.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::gui {

namespace {

double mean(const std::vector<double>& values) {
  if (values.empty()) return 0.0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

QString percent(double share) { return QString::fromStdString(fmt::format("{:.1f} %", 100.0 * share)); }

/// Why a run has no picture.
QString reason(const RunPtr& run) {
  if (run == nullptr) return PipelineView::tr("The schedule appears here once a training scenario has run.");
  const std::vector<scenarios::Job>& jobs = run->report.scenario.jobs;
  if (jobs.size() > 1 && jobs.front().kind->name == "serving") {
    return PipelineView::tr("The schedule of the first job is shown, which serves requests: it has none.");
  }
  if (run->has_kind("serving") && !run->has_kind("training")) {
    return PipelineView::tr("This run serves requests: there are no forward and backward passes to schedule.");
  }
  if (run->has_kind("collective") && !run->has_kind("training")) {
    return PipelineView::tr("This run only communicates: there are no forward and backward passes to schedule.");
  }
  return PipelineView::tr(
      "This step has a single pipeline stage: no stage waits for another one. Set training.pipeline_parallel to 2 or "
      "more to see a schedule.");
}

}  // namespace

PipelineView::PipelineView(QWidget* parent) : RunView(parent) {
  setObjectName(QStringLiteral("pipeline_view"));
  setAccessibleName(tr("Pipeline"));
  canvas_ = new PipelineCanvas(this);
  summary_ = new QLabel(this);
  summary_->setObjectName(QStringLiteral("pipeline_summary"));
  summary_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  summary_->setWordWrap(true);
  message_ = new QLabel(this);
  message_->setObjectName(QStringLiteral("pipeline_message"));
  message_->setAlignment(Qt::AlignCenter);
  message_->setWordWrap(true);
  auto* column = new QVBoxLayout(this);
  column->addWidget(summary_);
  column->addWidget(canvas_, 1);
  column->addWidget(message_, 1);
  setFocusProxy(canvas_);
  connect(canvas_, &PipelineCanvas::explain_requested, this, [this] {
    // The timeline is the first job's.
    const std::vector<scenarios::Job>& jobs = current_->report.scenario.jobs;
    const std::string job = jobs.empty() ? std::string() : jobs.front().prefix();
    emit explain_requested(to_qstring(job + "training.bubble_fraction"), {});
  });
  refresh();
}

void PipelineView::set_runs(const RunPtr& current, const RunPtr& previous) {
  if (current == current_ && previous == previous_) return;
  current_ = current;
  previous_ = previous;
  stale_ = !isVisible();
  if (!stale_) refresh();
}

void PipelineView::showEvent(QShowEvent* event) {
  if (stale_) refresh();
  RunView::showEvent(event);
}

void PipelineView::refresh() {
  stale_ = false;
  std::vector<PassBox> boxes;
  if (current_ != nullptr) boxes = pass_boxes(current_->timeline);
  const bool drawn = !boxes.empty();
  canvas_->set_boxes(std::move(boxes), current_);
  canvas_->setVisible(drawn);
  summary_->setVisible(drawn);
  message_->setVisible(!drawn);
  layout()->activate();  // a picture taken now has the right heights
  if (!drawn) {
    message_->setText(reason(current_));
    return;
  }
  QString text = tr("%1 stages, %2 microbatches. No pass runs in %3 of the stages' time")
                     .arg(canvas_->bubbles().size())
                     .arg(canvas_->microbatches())
                     .arg(percent(mean(canvas_->bubbles())));
  if (previous_ != nullptr) {
    const std::vector<double> before = bubble_shares(pass_boxes(previous_->timeline));
    if (!before.empty()) text += tr(" (before: %1)").arg(percent(mean(before)));
  }
  summary_->setText(text + QLatin1Char('.'));
}

std::string PipelineView::csv() const {
  if (current_ == nullptr) return {};
  const std::vector<PassBox> boxes = pass_boxes(current_->timeline);
  if (boxes.empty()) return {};
  std::string out = "stage,pass,microbatch,chunk,begin_s,end_s\n";
  const auto seconds = [](sim::SimTime time) { return scenarios::shortest(sim::to_seconds(time).value()); };
  for (const PassBox& box : boxes) {
    const bool forward = box.slot.pass == models::PipelinePass::forward;
    out += fmt::format("{},{},{},{},{},{}\n", box.stage, forward ? "forward" : "backward", box.slot.microbatch,
                       box.slot.chunk, seconds(box.begin), seconds(box.end));
  }
  return out;
}

}  // namespace orrery::gui
