#include "scenarios/explanation.hpp"

#include <memory>

#include "models/training/pricing.hpp"
#include "scenarios/explanation_nodes.hpp"

namespace orrery::scenarios {

Explanation::Explanation(const Report& report) : report_(&report) {
  const Scenario& scenario = report.scenario;
  if (!scenario.skipped.empty()) return;
  own_price_ = has_own_price(scenario.job.cluster.gpu);
  const std::unique_ptr<kernels::KernelTimer> timer = make_timer(scenario.timer);
  if (report.serving) {
    iterations_ = typical_steps(*scenario.serving, *report.serving, *timer);
  } else {
    entries_ = cost_entries(report.result.plan, models::training_prices(scenario.job, *timer), CostedBy::activity);
  }
}

std::vector<std::string> Explanation::metrics() const {
  std::vector<std::string> names;
  if (report_ == nullptr) return names;
  for (const MetricValue& value : report_->metrics) names.push_back(value.name);
  return names;
}

ExplainNode Explanation::of(std::string_view metric) const {
  const std::string name(metric);
  if (report_ == nullptr || !report_->find_metric(name)) {
    ExplainNode node;
    node.title = name;
    node.equation = "the report has no such figure";
    return node;
  }
  const Explained explained{*report_, entries_, iterations_, own_price_};
  for (const auto concept_of : {explain_training, explain_memory, explain_serving, explain_cost}) {
    if (std::optional<ExplainNode> node = concept_of(explained, name)) return std::move(*node);
  }
  return metric_node(*report_, name);
}

}  // namespace orrery::scenarios
