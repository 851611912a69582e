// Where the cost comes from: GPU hours times the price of one, over the tokens of the basis.

#include <cmath>

#include <fmt/format.h>

#include "hardware/catalogue.hpp"
#include "models/training/parallel.hpp"
#include "scenarios/explanation_nodes.hpp"
#include "scenarios/format.hpp"
#include "scenarios/serving_report.hpp"

namespace orrery::scenarios {

namespace {

/// The profile's list price, unless the scenario has one of its own.
ExplainNode price_node(const Explained& e) {
  const hardware::Gpu& gpu = e.report.scenario.job.cluster.gpu;
  return e.own_price
             ? fact("price of one GPU hour", gpu.price.value(), Unit::dollars, "asserted",
                    "cluster.price of the scenario")
             : fact("price of one GPU hour", gpu.price.value(), Unit::dollars, "published", source_of(gpu, "price"));
}

ExplainNode training_hours(const Explained& e) {
  const Scenario& scenario = e.report.scenario;
  const models::TrainingConfig& config = scenario.job.config;
  const double tokens = static_cast<double>(config.global_batch_size) * static_cast<double>(config.sequence_length);
  const double steps = scenario.total_tokens > 0 ? std::ceil(static_cast<double>(scenario.total_tokens) / tokens) : 1.0;
  ExplainNode node = metric_node(e.report, "cost.gpu_hours");
  node.equation = "GPUs * step_time * steps / 3600";
  node.parts.push_back(figure("GPUs", models::make_mesh(scenario.job).gpus(), Unit::count,
                              "tensor_parallel * pipeline_parallel * data_parallel"));
  node.parts.push_back(*explain_training(e, "training.step_time_s"));
  node.parts.push_back(figure("optimizer steps", steps, Unit::count,
                              scenario.total_tokens > 0 ? "training.total_tokens / tokens of a step, rounded up"
                                                        : "one: no training.total_tokens is given"));
  return node;
}

ExplainNode hours(const Explained& e) {
  if (!e.report.serving) return training_hours(e);
  ExplainNode node = metric_node(e.report, "cost.gpu_hours");
  node.equation = "GPUs * duration / 3600";
  node.parts.push_back(figure("GPUs", serving_gpus(e.report.serving->config), Unit::count,
                              "tensor_parallel * pipeline_parallel * replicas"));
  if (std::optional<ExplainNode> duration = explain_serving(e, "serving.duration_s"))
    node.parts.push_back(std::move(*duration));
  return node;
}

ExplainNode dollars(const Explained& e) {
  ExplainNode node = metric_node(e.report, "cost.usd");
  node.parts = {hours(e), price_node(e)};
  return node;
}

ExplainNode tokens_node(const Explained& e, bool output_only) {
  if (e.report.serving) {
    const models::ServingResult& result = *e.report.serving;
    const double output = static_cast<double>(result.output_tokens);
    ExplainNode answers = figure("answer tokens", output, Unit::count, "of the counted requests");
    if (output_only) return answers;
    ExplainNode node = figure("tokens", static_cast<double>(result.input_tokens) + output, Unit::count,
                              "prompts and answers of the counted requests");
    node.parts = {
        figure("prompt tokens", static_cast<double>(result.input_tokens), Unit::count, "of the counted requests"),
        std::move(answers)};
    node.sums = true;
    return node;
  }
  const Scenario& scenario = e.report.scenario;
  if (scenario.total_tokens > 0) return asserted("training.total_tokens", static_cast<double>(scenario.total_tokens));
  const models::TrainingConfig& config = scenario.job.config;
  return figure("tokens of a step",
                static_cast<double>(config.global_batch_size) * static_cast<double>(config.sequence_length),
                Unit::count, "global_batch_size * sequence_length");
}

}  // namespace

bool has_own_price(const hardware::Gpu& gpu) {
  try {
    return hardware::load_gpu(gpu.name).price != gpu.price;
  } catch (const hardware::ConfigError&) {
    return true;  // a profile that is gone can't be compared with: then the figure is the scenario's
  }
}

std::optional<ExplainNode> explain_cost(const Explained& explained, const std::string& metric) {
  if (metric == "cost.gpu_hours") return hours(explained);
  if (metric == "cost.usd") return dollars(explained);
  const bool output_only = metric == "cost.usd_per_million_output_tokens";
  if (!output_only && metric != "cost.usd_per_million_tokens") return std::nullopt;
  ExplainNode node = metric_node(explained.report, metric);
  node.parts = {dollars(explained), tokens_node(explained, output_only)};
  return node;
}

}  // namespace orrery::scenarios
