#include "models/training/outer_plan.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "models/parallel/lanes.hpp"
#include "models/training/layer.hpp"
#include "models/training/optimizer_pass.hpp"
#include "models/training/parallel.hpp"

namespace orrery::models {
namespace {

using sim::Activity;
using sim::CollectiveKind;

constexpr double kFp32 = 4.0;

/// Whether replicas of a worker keep an fp32 copy of all their weights.
bool keeps_master(const TrainingConfig& config) {
  return config.zero == ZeroStage::none && config.master_weights && activation_size(config) < kFp32;
}

class OuterLowering {
 public:
  explicit OuterLowering(const TrainingJob& job)
      : worker_(worker_job(job)), mesh_(make_mesh(worker_)), workers_(job.config.outer.workers) {}

  sim::Plan run(OuterPart part) {
    lanes::name_lanes(builder_);
    for (int stage = 0; stage < mesh_.pipeline(); ++stage) write(part, stage);
    return builder_.take();
  }

 private:
  [[nodiscard]] const OuterConfig& outer() const { return worker_.config.outer; }

  /// The members at these places of all workers.
  std::vector<std::uint32_t> in_all_workers(const std::vector<std::uint32_t>& of_first) const {
    std::vector<std::uint32_t> all;
    for (int worker = 0; worker < workers_; ++worker) {
      for (const std::uint32_t member : of_first) {
        all.push_back(member + static_cast<std::uint32_t>(worker * mesh_.gpus()));
      }
    }
    return all;
  }

  std::vector<std::uint32_t> members(int stage, bool all_data) const {
    const MeshClasses classes = folded(mesh_);
    const std::vector<int> data = all_data ? classes.of(MeshAxis::data).front() : std::vector<int>{0};
    return members_of(mesh_, classes.of(MeshAxis::tensor).front(), data, {stage});
  }

  void write(OuterPart part, int stage) {
    const RankId rank = builder_.add_rank({fmt::format("stage {}", stage), in_all_workers(members(stage, true)), 0});
    const double values = outer_parameters(worker_, stage) / outer().fragments;
    switch (part) {
      case OuterPart::exchange:
        return exchange(rank, stage, values);
      case OuterPart::update:
        return update(rank, values);
      case OuterPart::gather:
        return gather(rank, stage);
    }
  }

  void exchange(RankId rank, int stage, double values) {
    const GroupId group = builder_.add_group(
        {fmt::format("workers stage {}", stage), {rank}, {{workers_, mesh_.gpus()}}, members(stage, true)});
    sim::CollectiveEntry entry;
    entry.kind = CollectiveKind::all_reduce;
    entry.bytes = element_size(outer().dtype) * values;
    entry.dtype = outer().dtype;
    entry.group = group;
    entry.label = builder_.label("pseudo-gradients");
    entry.activity = Activity::data_parallel;
    builder_.collective(builder_.stream(rank, lanes::kDataParallel), builder_.add(entry));
  }

  // Reads the weights of the last exchange and those of now, writes their difference; then of its mean and the momentum
  // makes new ones of both, and of the weights that the model computes with.
  void update(RankId rank, double values) {
    const StreamId compute = builder_.stream(rank, lanes::kCompute);
    const double sent = element_size(outer().dtype).value();
    const double weight = activation_size(worker_.config), master = weight < kFp32 ? weight : 0.0;
    const bool on_host = outer().state == OuterState::host;
    if (on_host) copy(compute, 2.0 * kFp32 * values, true);
    launch_optimizer_pass(builder_, compute, kernels::MemoryOp::elementwise, "pseudo-gradient", values, 2.0 * kFp32,
                          sent);
    launch_optimizer_pass(builder_, compute, kernels::MemoryOp::adam, "outer momentum", values, sent + 2.0 * kFp32,
                          3.0 * kFp32 + master);
    if (on_host) copy(compute, 2.0 * kFp32 * values, false);
  }

  void copy(StreamId stream, double bytes, bool to_device) {
    kernels::HostCopyShape shape;
    shape.bytes = Bytes{bytes};
    shape.to_device = to_device;
    builder_.copy(stream, shape, to_device ? "fetch outer state" : "put outer state back");
  }

  void gather(RankId rank, int stage) {
    if (mesh_.data() == 1) return;
    const GroupId group = builder_.add_group({fmt::format("dp stage {}", stage),
                                              {rank},
                                              mesh_.along({MeshAxis::data}),
                                              in_all_workers(members(stage, false))});
    const double size = keeps_master(worker_.config) ? kFp32 : activation_size(worker_.config);
    const double values = static_cast<double>(stage_parameters_per_rank(worker_, stage)) / outer().fragments;
    builder_.collective(builder_.stream(rank, lanes::kDataParallel), CollectiveKind::all_gather, Bytes{size * values},
                        group, "gather outer weights", Activity::data_parallel);
  }

  TrainingJob worker_;
  Mesh mesh_;
  int workers_;
  sim::PlanBuilder builder_;
};

template <class... Args>
JobError outer_error(std::string_view key, fmt::format_string<Args...> format, Args&&... args) {
  return {"training." + std::string(key), fmt::format(format, std::forward<Args>(args)...)};
}

/// Keys that say how workers synchronise where there are none.
std::optional<JobError> told_alone(const OuterConfig& outer) {
  const OuterConfig usual;
  const std::pair<std::string_view, bool> told[] = {{"outer_steps", outer.steps != usual.steps},
                                                    {"outer_fragments", outer.fragments != usual.fragments},
                                                    {"outer_dtype", outer.dtype != usual.dtype},
                                                    {"outer_overlap", outer.overlap != usual.overlap},
                                                    {"outer_state", outer.state != usual.state}};
  for (const auto& [key, is_told] : told) {
    if (is_told) return outer_error(key, "tells of an exchange that one worker alone has not; set outer_workers");
  }
  return std::nullopt;
}

/// Nodes of a site, where the fabric has sites; else 0.
int site_nodes(const hardware::Cluster& cluster) {
  if (cluster.fabric.kind != hardware::FabricKind::sites) return 0;
  return cluster.fabric.leaf_ports / std::max(1, cluster.groups.front().node.nics);
}

std::optional<JobError> places(const TrainingJob& job) {
  const Mesh mesh = make_mesh(worker_job(job));
  const sim::Placement placement = make_placement(job);
  if (groups_of(job).size() > 1 || !placement.unlike.empty()) {
    return outer_error("outer_workers", "{} workers need nodes that are alike", job.config.outer.workers);
  }
  if (mesh.gpus() % placement.per_node != 0) {
    return outer_error("outer_workers", "{} workers have {} GPUs each, which are no whole nodes of {}",
                       job.config.outer.workers, mesh.gpus(), placement.per_node);
  }
  const int site = site_nodes(job.cluster), first = job.placement.first_node;
  const int nodes = mesh.gpus() / placement.per_node * placement.spread;
  if (site == 0 || (site % nodes == 0 && first % nodes == 0) || (nodes % site == 0 && first % site == 0)) {
    return std::nullopt;
  }
  return outer_error("outer_workers", "a worker of {} nodes from node {} on straddles sites of {} nodes unevenly",
                     nodes, first, site);
}

}  // namespace

int worker_data_parallel(const TrainingJob& job) { return data_parallel_degree(job) / job.config.outer.workers; }

TrainingJob worker_job(const TrainingJob& job) {
  TrainingJob worker = job;
  worker.config.data_parallel = worker_data_parallel(job);
  worker.config.global_batch_size /= job.config.outer.workers;
  worker.config.outer.workers = 1;
  worker.config.outer.is_share = true;
  return worker;
}

std::optional<JobError> check_outer(const TrainingJob& job) {
  const OuterConfig& outer = job.config.outer;
  if (outer.workers < 1) return outer_error("outer_workers", "must be at least 1, not {}", outer.workers);
  if (outer.is_share) return std::nullopt;
  if (!outer.is_on()) return told_alone(outer);
  const int data = data_parallel_degree(job);
  if (data % outer.workers != 0) {
    return outer_error("outer_workers", "{} does not divide data_parallel ({})", outer.workers, data);
  }
  if (outer.steps < 1) return outer_error("outer_steps", "must be at least 1, not {}", outer.steps);
  if (outer.fragments < 1 || outer.fragments > outer.steps) {
    return outer_error("outer_fragments", "{} of them can't take turns within {} steps", outer.fragments, outer.steps);
  }
  static constexpr std::array kExchanged = {Dtype::fp32, Dtype::fp16, Dtype::bf16};
  if (std::find(kExchanged.begin(), kExchanged.end(), outer.dtype) == kExchanged.end()) {
    return outer_error("outer_dtype", "pseudo-gradients are exchanged in fp32, fp16 or bf16, not {}",
                       name(outer.dtype));
  }
  if (job.config.expert_parallel > 1) {
    return outer_error("expert_parallel", "can't go with outer_workers: an exchange of shared experts is not modelled");
  }
  return places(job);
}

sim::Plan lower_outer(const TrainingJob& job, OuterPart part) { return OuterLowering(job).run(part); }

double outer_parameters(const TrainingJob& job, int stage) {
  return static_cast<double>(stage_parameters_per_rank(job, stage)) / worker_data_parallel(job);
}

Bytes outer_state(const TrainingConfig& config, std::int64_t parameters, int data_parallel) {
  if (!config.outer.is_on() && !config.outer.is_share) return Bytes{};
  if (config.outer.state == OuterState::host) return Bytes{};
  return Bytes{2.0 * kFp32 * static_cast<double>(parameters) / data_parallel};
}

}  // namespace orrery::models
