#include "models/training/training.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "models/training/outer_plan.hpp"
#include "models/training/outer_run.hpp"
#include "models/training/parallel.hpp"
#include "models/training/training_run.hpp"

namespace orrery::models {

namespace {

// Shares of the time that a large job takes: ready to evaluate here, evaluated undisturbed there.
constexpr double kReady = 0.5, kEvaluated = 0.8;

/// The step on a World, with what happens there.
TrainingResult on_world(TrainingRun& run, const TrainingJob& job, const hardware::Topology* topology,
                        const TrainingOptions& options, std::optional<sim::LinkClasses>& links,
                        const std::vector<std::uint32_t>& full) {
  run.set_steps(options.steps, options.keep_timeline);
  const WorldOutcome outcome = run_on_cluster(job.cluster, topology, {{&run, Seconds{0.0}, std::nullopt}},
                                              options.disturbances, options.control, links, full);
  if (const std::optional<Halt>& halt = outcome.halted.front()) throw Disturbed(halt->why);
  const std::vector<sim::HeldUpOn> held_up = run.held_up();
  TrainingResult result = std::move(run).world_result();
  result.events = outcome.events;
  result.batched = outcome.batched;
  result.links = sim::report_links(outcome.links, outcome.usage, held_up);
  return result;
}

}  // namespace

const StageMemory& TrainingResult::fullest() const {
  return *std::max_element(memory.begin(), memory.end(), [](const StageMemory& a, const StageMemory& b) {
    return a.capacity == b.capacity ? a.peak < b.peak : b.capacity - b.peak < a.capacity - a.peak;
  });
}

bool deals_evenly(const sim::Axis& axis, int per_node) {
  const int stride = axis.stride, extent = stride * axis.count;
  if (stride % per_node == 0 || per_node % extent == 0) return true;
  return per_node % stride == 0 && extent % per_node == 0;
}

bool is_aligned(const Mesh& mesh, int per_node) {
  return std::all_of(kMegatronOrder.begin(), kMegatronOrder.end(), [&](MeshAxis axis) {
    return deals_evenly({mesh.size(axis), mesh.stride(axis)}, per_node);
  });
}

MeshClasses alike_members(const TrainingJob& job, const std::vector<Disturbance>& disturbances,
                          const hardware::Topology* topology) {
  const Mesh mesh = make_mesh(job);
  const sim::Placement placement = make_placement(job);
  const bool aligned = placement.unlike.empty() && is_aligned(mesh, placement.per_node);
  const bool alike = groups_of(job).size() == 1;
  if (disturbances.empty() && aligned && alike) return folded(mesh);
  const std::vector<std::uint32_t> disturbed = disturbed_gpus(disturbances, topology);
  // Two that are disturbed are not alike either: they may be by different things.
  // And where nodes begin in the middle of a communicator, its copies cross other borders than each other.
  const auto per_node = static_cast<std::uint32_t>(placement.per_node);
  return with_parts_apart(job, refine(mesh, [&](std::uint32_t member) {
                            const std::uint32_t gpu = placement.gpu(member);
                            if (std::binary_search(disturbed.begin(), disturbed.end(), gpu))
                              return std::uint64_t{per_node} + member;
                            const std::uint64_t kind = alike ? 0 : job.cluster.group_of_gpu(gpu);
                            return (kind << 32) | (aligned ? 0 : placement.place(member));
                          }));
}

namespace {

/// The step of one worker.
TrainingResult predict_inner(const TrainingJob& job, const kernels::KernelTimer& timer,
                             const TrainingOptions& options) {
  const sim::RunControl& control = options.control;
  const bool by_link = std::any_of(options.disturbances.begin(), options.disturbances.end(),
                                   [](const Disturbance& d) { return !d.gpu; });
  std::optional<hardware::Topology> own;
  const hardware::Topology* topology = options.topology;
  if (topology == nullptr && by_link) topology = &own.emplace(job.cluster);
  const MeshClasses classes = options.classes ? *options.classes : alike_members(job, options.disturbances, topology);
  TrainingRun run(job, timer, classes, options.lowered, control.part(0.0, kReady));
  // A fabric whose leaves nobody describes has no links to share.
  const bool has_leaves = job.cluster.has_fabric_links();
  if (topology == nullptr && options.shares_links && has_leaves && run.leaves_nodes()) {
    topology = &own.emplace(job.cluster);
  }
  std::optional<sim::LinkClasses> links(std::in_place, job.cluster, topology);
  foresee(*links, topology, options.disturbances);
  run.join(*links);
  links->fold();
  sim::Evaluation step =
      run.evaluate(options.shares_links ? &*links : nullptr, options.keep_timeline, control.part(kReady, kEvaluated));
  control.report(kEvaluated);
  const bool shares_gpus = options.shares_links && job.cluster.network.gpu_shares;
  if (!step.filled_links.empty() || shares_gpus || options.steps > 1 || !options.disturbances.empty()) {
    return on_world(run, job, topology, options, links, step.filled_links);
  }
  std::vector<sim::LinkReport> carried = sim::report_links(links->links(), step.links, {});
  TrainingResult result = std::move(run).result(std::move(step));
  result.links = std::move(carried);
  control.check();
  control.report(1.0);
  return result;
}

}  // namespace

TrainingResult predict(const TrainingJob& job, const kernels::KernelTimer& timer, const TrainingOptions& options) {
  if (!job.config.outer.is_on()) return predict_inner(job, timer, options);
  require_undisturbed(job.config, options.steps > 1 || !options.disturbances.empty());
  TrainingResult result = predict_inner(worker_job(job), timer, options);
  add_outer(job, timer, options, result);
  return result;
}

}  // namespace orrery::models
