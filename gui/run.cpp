#include "gui/run.hpp"

#include <QThreadPool>
#include <fmt/format.h>

#include "gui/serving_timeline.hpp"

namespace orrery::gui {

namespace {

/// Freeing more spans than this is felt in the window.
constexpr std::size_t kLightSpans = 100'000;

void release(const Run* run) {
  QThreadPool* pool = run->weight() > kLightSpans ? QThreadPool::globalInstance() : nullptr;
  if (pool == nullptr) {
    delete run;
  } else {
    pool->start([run] { delete run; });
  }
}

}  // namespace

std::string Run::label() const { return fmt::format("#{} {}", request.number, request.change); }

std::size_t Run::weight() const {
  std::size_t weight = timeline.spans.size();
  if (report.serving) weight += report.serving->records.size() + report.serving->timeline.size();
  return weight;
}

RunPtr make_run(RunRequest request, const sim::RunControl& control) {
  auto run = std::make_unique<Run>();
  run->request = std::move(request);
  const scenarios::Scenario scenario = scenarios::parse_scenario(run->request.text, run->request.file);
  control.check();
  run->report = scenarios::run_scenario(scenario, {true, true}, control);
  control.check();
  if (run->report.serving) {
    run->timeline = timeline_of(*run->report.serving);
    run->series = series_of(*run->report.serving);
  } else {
    run->timeline = std::move(run->report.result.timeline);
  }
  control.check();
  run->index = TimelineIndex(run->timeline);
  run->explanation = scenarios::Explanation(run->report);
  return RunPtr(run.release(), release);
}

}  // namespace orrery::gui
