// Where the figures of a training step come from.
//
//   step time = computing + exposed communication + idle, of one GPU, mean over all
// holds exactly: the three are the GPU's busy intervals and what they leave of the plan's makespan. The kernels of the
// plan's tables, times how often a GPU runs them, make up the computing but for the gaps between them.
//
// Limitation: communication can't be split that way. Collectives overlap and wait for their partners, so their own
// times are listed beside the total and don't add up to it.

#include "scenarios/training/explanation.hpp"

#include <array>
#include <cmath>

#include <fmt/format.h>

#include "models/layer/flops.hpp"
#include "models/llm.hpp"
#include "models/schedule/schedule.hpp"
#include "models/training/parallel.hpp"
#include "scenarios/format.hpp"
#include "scenarios/training/job.hpp"

namespace orrery::scenarios {

namespace {

using models::TrainingConfig;
using models::TrainingJob;
using sim::Activity;

const TrainingJob& job_of(const ExplainedStep& e) { return spec_of<TrainingSpec>(e.view.job).job; }

double step_tokens(const TrainingConfig& config) {
  return static_cast<double>(config.global_batch_size) * static_cast<double>(config.sequence_length);
}

constexpr double kClockTick = 1e-12;

bool is_kernel(const CostedEntry& entry) { return entry.algorithm.empty() && entry.family != "transfer"; }

/// What a kernel's turn on the stream costs beyond its own time.
ExplainNode gaps_node(const ExplainedStep& e, double launches, double rest) {
  const TrainingConfig& config = job_of(e).config;
  const std::vector<const hardware::NodeGroup*> groups = e.view.groups();
  const bool own_host = config.host_overhead > Seconds{0.0};
  const bool shared = job_of(e).cluster.network.gpu_shares;
  ExplainNode node =
      figure(fmt::format("gaps after {} kernels{}", shortest(launches),
                         shared ? ", and what collectives beside them take of SMs and memory" : ""),
             rest, Unit::seconds,
             fmt::format("each kernel takes max(its time + kernel_gap, host cost of a launch){}",
                         shared ? "; beside collectives 1/speed of that, speed = min(1, SMs left / SMs kept busy, "
                                  "bandwidth left / bandwidth used) (cluster.network.gpu_shares)"
                                : ""));
  const auto of_gpu = [&](const hardware::Gpu& gpu, const std::string& key, Seconds value) {
    return fact(groups.size() > 1 ? key + " of " + gpu.name : key, value.value(), Unit::seconds, "datasheet",
                source_of(gpu, key));
  };
  for (const hardware::NodeGroup* group : groups) {
    node.parts.push_back(of_gpu(group->gpu, "kernel_gap", group->gpu.kernel_gap));
  }
  if (config.cuda_graphs) {
    node.parts.push_back(asserted("training.cuda_graphs: host cost of a launch", 0.0, Unit::seconds));
  } else if (own_host) {
    node.parts.push_back(asserted("training.host_overhead", config.host_overhead.value(), Unit::seconds));
  } else {
    for (const hardware::NodeGroup* group : groups) {
      node.parts.push_back(of_gpu(group->gpu, "kernel_launch", group->gpu.kernel_launch));
    }
  }
  return node;
}

/// Appends what the kernels in `node` leave of its value as gaps.
void add_gaps(const ExplainedStep& e, ExplainNode& node, double launches, double kernels) {
  node.parts.push_back(gaps_node(e, launches, node.value - kernels));
  node.sums = true;
}

/// Appends what one part of workers' exchanges is in the mean step; that time.
double add_outer_part(const ExplainedStep& e, ExplainNode& node, std::string title, Seconds models::OuterStep::*part) {
  const std::optional<models::OuterStep>& outer = result_of<TrainingOutcome>(e.view).result.outer;
  if (!outer) return 0.0;
  const double mean = ((*outer).*part).value() * outer->exchanges;
  ExplainNode share = figure(std::move(title), mean, Unit::seconds, "of one exchange * outer_fragments / outer_steps");
  share.parts.push_back(figure("one exchange", ((*outer).*part).value(), Unit::seconds, "see training.outer"));
  share.source = "Douillard et al. 2023 (DiLoCo), arXiv:2311.08105 algorithm 1 (models/training/outer.hpp)";
  share.level = "published";
  node.parts.push_back(std::move(share));
  return mean;
}

ExplainNode explain_compute(const ExplainedStep& e) {
  ExplainNode node = metric_node(e.view, "training.compute_s");
  if (e.entries.empty()) return node;
  double kernels = 0.0, launches = 0.0;
  std::vector<std::string> activities;
  for (const CostedEntry& entry : e.entries) {
    if (!is_kernel(entry)) continue;
    kernels += entry.total().value();
    launches += entry.runs;
    if (std::find(activities.begin(), activities.end(), entry.activity) == activities.end()) {
      activities.push_back(entry.activity);
    }
  }
  for (const std::string& activity : activities) {
    node.parts.push_back(entries_node(activity, e.entries, job_of(e).cluster, [&](const CostedEntry& entry) {
      return is_kernel(entry) && entry.activity == activity;
    }));
  }
  node.equation += ": its kernels, and the gaps between them";
  kernels += add_outer_part(e, node, "outer update", &models::OuterStep::update);
  add_gaps(e, node, launches, kernels);
  return node;
}

ExplainNode explain_optimizer(const ExplainedStep& e) {
  ExplainNode node = metric_node(e.view, "training.optimizer_s");
  const std::string_view optimizer = sim::name(Activity::optimizer);
  ExplainNode kernels = entries_node("optimizer", e.entries, job_of(e).cluster, [&](const CostedEntry& entry) {
    return is_kernel(entry) && entry.activity == optimizer;
  });
  if (kernels.parts.empty()) return node;
  double launches = 0.0;
  for (const CostedEntry& entry : e.entries) {
    if (is_kernel(entry) && entry.activity == optimizer) launches += entry.runs;
  }
  double total = kernels.value;
  node.parts = std::move(kernels.parts);
  total += add_outer_part(e, node, "outer update", &models::OuterStep::update);
  add_gaps(e, node, launches, total);
  return node;
}

ExplainNode explain_communication(const ExplainedStep& e) {
  ExplainNode node = metric_node(e.view, "training.communication_s");
  node.equation +=
      "; beside it what each kind takes by itself: less where they overlap, more where a GPU waits for its partners";
  std::vector<std::string> activities;
  for (const CostedEntry& entry : e.entries) {
    const bool known = std::find(activities.begin(), activities.end(), entry.activity) != activities.end();
    if (!is_kernel(entry) && !known) activities.push_back(entry.activity);
  }
  for (const std::string& activity : activities) {
    node.parts.push_back(entries_node(activity, e.entries, job_of(e).cluster, [&](const CostedEntry& entry) {
      return !is_kernel(entry) && entry.activity == activity;
    }));
  }
  add_outer_part(e, node, "pseudo-gradients between workers", &models::OuterStep::exchange);
  add_outer_part(e, node, "new weights within a worker", &models::OuterStep::gather);
  if (node.parts.empty()) node.parts.push_back(figure("collectives and transfers", 0.0, Unit::count, "there are none"));
  return node;
}

ExplainNode explain_exposed(const ExplainedStep& e) {
  ExplainNode node = metric_node(e.view, "training.exposed_communication_s");
  node.parts.push_back(explain_communication(e));
  const double hidden = node.parts.front().value - node.value;
  node.parts.push_back(figure("hidden behind computing", -hidden, Unit::seconds, "taken off: both run at once"));
  node.sums = true;
  return node;
}

ExplainNode explain_bubble(const ExplainedStep& e) {
  const TrainingConfig& config = job_of(e).config;
  ExplainNode node = metric_node(e.view, "training.bubble_fraction");
  const double replicas = models::data_parallel_degree(job_of(e));
  node.parts.push_back(asserted("training.pipeline_parallel", config.pipeline_parallel));
  node.parts.push_back(asserted("training.virtual_pipeline", config.virtual_pipeline));
  node.parts.push_back(
      figure("microbatches",
             static_cast<double>(config.global_batch_size) / (static_cast<double>(config.micro_batch_size) * replicas),
             Unit::count, "global_batch_size / (micro_batch_size * data_parallel)"));
  if (const models::ScheduleRow* row = models::find_schedule(config.schedule)) {
    ExplainNode ideal;
    ideal.title = "of the schedule " + config.schedule + " with equal stages";
    ideal.equation = std::string(row->equation);
    ideal.level = "published";
    ideal.source = std::string(row->source);
    node.parts.push_back(std::move(ideal));
  }
  return node;
}

ExplainNode explain_step_time(const ExplainedStep& e) {
  ExplainNode node = metric_node(e.view, "training.step_time_s");
  node.equation += " = computing + exposed communication + idle, of one GPU, mean over all";
  node.parts = {explain_compute(e), explain_exposed(e)};
  // Times are whole picoseconds: a difference below one is the rounding of seconds, and no time.
  const double left = node.value - node.parts[0].value - node.parts[1].value;
  ExplainNode idle = figure("idle", std::abs(left) < kClockTick ? 0.0 : left, Unit::seconds,
                            "what is left: waiting for other pipeline stages and for partners");
  idle.parts.push_back(explain_bubble(e));
  node.parts.push_back(std::move(idle));
  node.sums = true;
  return node;
}

ExplainNode tokens_node(const ExplainedStep& e) {
  const TrainingConfig& config = job_of(e).config;
  ExplainNode node =
      figure("tokens of a step", step_tokens(config), Unit::count, "global_batch_size * sequence_length");
  node.parts.push_back(asserted("training.global_batch_size", static_cast<double>(config.global_batch_size)));
  node.parts.push_back(asserted("training.sequence_length", static_cast<double>(config.sequence_length)));
  return node;
}

ExplainNode gpus_node(const ExplainedStep& e) {
  const models::Mesh mesh = models::make_mesh(job_of(e));
  ExplainNode node = figure("GPUs", mesh.gpus(), Unit::count, "tensor_parallel * pipeline_parallel * data_parallel");
  node.parts.push_back(asserted("training.tensor_parallel", mesh.tensor()));
  node.parts.push_back(asserted("training.pipeline_parallel", mesh.pipeline()));
  node.parts.push_back(asserted("training.data_parallel", mesh.data()));
  return node;
}

/// 10^12 FLOP of one step of all GPUs.
ExplainNode step_flops(const ExplainedStep& e) {
  const TrainingJob& job = job_of(e);
  const double per_token =
      models::training_flops_per_token(job.llm, job.config.sequence_length, job.flop_convention).value();
  ExplainNode node =
      figure("model TFLOP of a step", per_token * step_tokens(job.config) / 1e12, Unit::number,
             fmt::format("FLOPs per token by the convention '{}' * tokens / 1e12", models::name(job.flop_convention)));
  ExplainNode token = figure("model GFLOP per token", per_token / 1e9, Unit::number,
                             "matrix multiplications of forward and backward, without recomputation");
  token.source = "shape of the model: " + job.llm.source;
  node.parts = {std::move(token), tokens_node(e)};
  return node;
}

ExplainNode explain_model_tflops(const ExplainedStep& e) {
  ExplainNode node = metric_node(e.view, "training.model_tflops_per_gpu");
  node.parts = {step_flops(e), explain_step_time(e), gpus_node(e)};
  return node;
}

ExplainNode explain_hardware_tflops(const ExplainedStep& e) {
  ExplainNode node = metric_node(e.view, "training.hardware_tflops_per_gpu");
  node.parts.push_back(explain_model_tflops(e));
  add_rest(node, "recomputation", "FLOPs of forward passes that run again in the backward pass / step_time / GPUs");
  return node;
}

ExplainNode peak_node(const ExplainedStep& e) {
  const Dtype precision = job_of(e).config.precision;
  const auto of_gpu = [&](const hardware::Gpu& gpu) {
    const std::optional<FlopsPerSecond> peak = gpu.matrix_peak(precision);
    return fact(fmt::format("dense peak of {} in {}", gpu.title, name(precision)), peak ? peak->value() / 1e12 : 0.0,
                Unit::tflops, "datasheet", source_of(gpu, "peak"));
  };
  const std::vector<const hardware::NodeGroup*> groups = e.view.groups();
  if (groups.size() == 1) return of_gpu(groups.front()->gpu);
  const double mfu = e.view.metric("training.mfu"), tflops = e.view.metric("training.model_tflops_per_gpu");
  ExplainNode node = figure(fmt::format("dense peak in {}", name(precision)), mfu > 0.0 ? tflops / mfu : 0.0,
                            Unit::tflops, "mean over the job's GPUs");
  for (const hardware::NodeGroup* group : groups) node.parts.push_back(of_gpu(group->gpu));
  return node;
}

ExplainNode explain_mfu(const ExplainedStep& e) {
  ExplainNode node = metric_node(e.view, "training.mfu");
  node.parts = {explain_model_tflops(e), peak_node(e)};
  return node;
}

ExplainNode explain_hfu(const ExplainedStep& e) {
  ExplainNode node = metric_node(e.view, "training.hfu");
  node.parts = {explain_hardware_tflops(e), peak_node(e)};
  return node;
}

ExplainNode explain_tokens(const ExplainedStep& e) {
  ExplainNode node = metric_node(e.view, "training.tokens_per_s");
  node.parts = {tokens_node(e), explain_step_time(e)};
  return node;
}

ExplainNode explain_tokens_per_gpu(const ExplainedStep& e) {
  ExplainNode node = metric_node(e.view, "training.tokens_per_s_per_gpu");
  node.parts = {explain_tokens(e), gpus_node(e)};
  return node;
}

struct Row {
  std::string_view metric;
  ExplainNode (*explain)(const ExplainedStep&);
};

constexpr std::array<Row, 12> kRows = {{{"training.step_time_s", explain_step_time},
                                        {"training.tokens_per_s", explain_tokens},
                                        {"training.tokens_per_s_per_gpu", explain_tokens_per_gpu},
                                        {"training.model_tflops_per_gpu", explain_model_tflops},
                                        {"training.hardware_tflops_per_gpu", explain_hardware_tflops},
                                        {"training.mfu", explain_mfu},
                                        {"training.hfu", explain_hfu},
                                        {"training.bubble_fraction", explain_bubble},
                                        {"training.exposed_communication_s", explain_exposed},
                                        {"training.compute_s", explain_compute},
                                        {"training.communication_s", explain_communication},
                                        {"training.optimizer_s", explain_optimizer}}};

}  // namespace

std::optional<ExplainNode> explain_step(const ExplainedStep& explained, const std::string& metric) {
  for (const Row& row : kRows) {
    if (row.metric == metric) return row.explain(explained);
  }
  return explain_outer_step(explained, metric);
}

}  // namespace orrery::scenarios
