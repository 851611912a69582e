#include "scenarios/explanation.hpp"

#include "scenarios/explanation_nodes.hpp"

namespace orrery::scenarios {

Explanation::Explanation(const Report& report) : report_(&report) {
  for (const JobView& view : job_views(report)) {
    jobs_.push_back(view.result != nullptr ? view.job.kind->explain(view) : nullptr);
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
  const std::string own(own_name(name));
  ExplainNode node;
  const std::vector<JobView> views = job_views(*report_);
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    if (!jobs_[i] || views[i].job.name != job_of(name)) continue;
    std::optional<ExplainNode> of_job = jobs_[i]->of(own);
    node = of_job ? std::move(*of_job) : metric_node(views[i], own);
  }
  node.title = name;
  return node;
}

}  // namespace orrery::scenarios
