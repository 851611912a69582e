#include "scenarios/ask/front.hpp"

namespace orrery::scenarios {

void mark_front(Answer& answer, const Question& question, const AskControl& control, const PointRunner& runner,
                const std::function<std::vector<Override>(const AskedPlan&)>& whole) {
  if (question.pareto.empty()) return;
  std::vector<std::size_t> partial;
  std::vector<std::vector<Override>> sets;
  for (std::size_t i = 0; i < answer.plans.size(); ++i) {
    const AskedPlan& plan = answer.plans[i];
    if (!plan.holds || (plan.replicas_run() == plan.replicas && !plan.point.given_up)) continue;
    partial.push_back(i);
    sets.push_back(whole(plan));
  }
  SearchQuery query;
  query.rows = {sets.size(), [sets](std::size_t i) { return sets[i]; }};
  std::vector<SearchRow> rows = control.search(runner, query, "plans");
  if (control.console.stopped() || rows.size() != partial.size()) return;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    answer.runs += rows[i].runs;
    answer.plans[partial[i]].point = std::move(rows[i].point);
  }
  std::vector<SearchPoint> points;
  for (const AskedPlan& plan : answer.plans) points.push_back(plan.point);
  answer.front = front_of(answer.kept, points, question.pareto);
}

}  // namespace orrery::scenarios
