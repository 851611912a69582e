#include "gui/run/run.hpp"

#include <QThreadPool>
#include <fmt/format.h>

#include "scenarios/kinds.hpp"

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

std::string Run::label() const { return fmt::format("#{} {}", ordinal, request.change); }

bool Run::has_kind(std::string_view kind) const {
  const std::vector<scenarios::JobView> jobs = scenarios::job_views(report);
  return std::any_of(jobs.begin(), jobs.end(), [&](const scenarios::JobView& view) {
    return view.result != nullptr && view.job.kind->name == kind;
  });
}

bool Run::fits() const {
  const std::vector<scenarios::JobView> jobs = scenarios::job_views(report);
  return std::none_of(jobs.begin(), jobs.end(),
                      [](const scenarios::JobView& view) { return view.find_metric("memory.fits") == 0.0; });
}

bool Run::has_kinds_of(const Run& other) const {
  return std::all_of(scenarios::kinds().begin(), scenarios::kinds().end(), [&](const scenarios::KindRow* kind) {
    return has_kind(kind->name) == other.has_kind(kind->name);
  });
}

std::size_t Run::weight() const {
  std::size_t weight = timeline.spans.size();
  for (const auto& result : report.results) weight += result ? result->weight() : 0;
  return weight;
}

std::shared_ptr<Run> make_run(RunRequest request, const sim::RunControl& control,
                              const std::shared_ptr<models::LoweredSteps>& lowered) {
  auto run = std::make_unique<Run>();
  run->request = std::move(request);
  run->ordinal = run->request.number;
  const scenarios::Scenario scenario = scenarios::parse_scenario(run->request.text, run->request.file);
  control.check();
  run->report = scenarios::run_scenario(scenario, {true, true, lowered}, control);
  control.check();
  if (!run->report.results.empty() && run->report.results.front()) {
    run->timeline = run->report.scenario.jobs.front().kind->take_timeline(*run->report.results.front());
  }
  run->series = series_of(run->report);
  control.check();
  run->index = TimelineIndex(run->timeline);
  run->explanation = scenarios::Explanation(run->report);
  return {run.release(), release};
}

}  // namespace orrery::gui
