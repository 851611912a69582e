#include "scenarios/provenance.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "models/serving/routers/router.hpp"
#include "models/serving/schedulers/scheduler.hpp"
#include "sim/collective/collective.hpp"

namespace orrery::scenarios {

namespace {

/// How often each table entry runs over all streams.
struct Counts {
  std::vector<double> kernels, collectives, transfers;
};

Counts count_steps(const sim::Plan& plan) {
  Counts counts;
  counts.kernels.resize(plan.kernels.size());
  counts.collectives.resize(plan.collectives.size());
  counts.transfers.resize(plan.transfers.size());
  for (const sim::Stream& stream : plan.streams) {
    for (const sim::Step& step : stream.steps) {
      if (step.kind == sim::StepKind::launch) counts.kernels[step.index] += plan.kernels[step.index].repeat;
      if (step.kind == sim::StepKind::collective) counts.collectives[step.index] += 1.0;
      if (step.kind == sim::StepKind::send) counts.transfers[step.index] += 1.0;
    }
  }
  return counts;
}

bool costlier(const CostedEntry& a, const CostedEntry& b) {
  if (a.total() != b.total()) return a.total() > b.total();
  if (a.what != b.what) return a.what < b.what;
  return a.activity < b.activity;
}

void append_sorted(std::vector<CostedEntry>& all, std::vector<CostedEntry> part) {
  std::sort(part.begin(), part.end(), costlier);
  for (CostedEntry& entry : part) all.push_back(std::move(entry));
}

/// Entries that say the same (equal text and activity) are one line.
void add(std::vector<CostedEntry>& part, CostedEntry entry) {
  for (CostedEntry& known : part) {
    if (known.what == entry.what && known.activity == entry.activity && known.algorithm == entry.algorithm) {
      known.runs += entry.runs;
      return;
    }
  }
  part.push_back(std::move(entry));
}

/// Kernels that move memory are told apart by what they do.
std::string family_of(const kernels::Kernel& kernel) {
  const std::string_view family = kernels::family(kernel);
  const auto* memory = std::get_if<kernels::MemoryShape>(&kernel);
  return memory != nullptr ? fmt::format("{}.{}", family, kernels::name(memory->op)) : std::string(family);
}

CostedEntry collective_entry(const sim::CollectiveCall& call, const hardware::Cluster& cluster, std::string activity,
                             double runs) {
  const sim::CollectiveEstimate estimate = sim::explain_collective(call, cluster);
  return {fmt::format("{} of {:.0f} B over {} GPUs on {} nodes", sim::name(call.kind), call.bytes.value(), call.ranks,
                      call.nodes),
          std::string(sim::name(call.kind)),
          std::move(activity),
          runs,
          {estimate.time, estimate.provenance, estimate.fit_key, estimate.terms},
          std::string(estimate.algorithm)};
}

std::vector<CostedEntry> kernel_entries(const sim::Plan& plan, const Counts& counts, double ranks,
                                        const kernels::KernelTimer& timer, const hardware::Gpu& gpu) {
  std::vector<CostedEntry> part;
  for (std::size_t i = 0; i < plan.kernels.size(); ++i) {
    if (counts.kernels[i] <= 0.0) continue;
    const sim::KernelEntry& entry = plan.kernels[i];
    add(part, {kernels::describe(entry.kernel), family_of(entry.kernel), std::string(sim::name(entry.activity)),
               counts.kernels[i] / ranks, timer.explain(entry.kernel, gpu), ""});
  }
  return part;
}

std::vector<CostedEntry> collective_entries(const sim::Plan& plan, const Counts& counts, double ranks,
                                            const hardware::Cluster& cluster) {
  std::vector<CostedEntry> part;
  for (std::size_t i = 0; i < plan.collectives.size(); ++i) {
    if (counts.collectives[i] <= 0.0) continue;
    const sim::CollectiveEntry& entry = plan.collectives[i];
    const sim::Group& group = plan.groups.at(entry.group.index());
    sim::CollectiveCall call;
    call.kind = entry.kind;
    call.bytes = entry.bytes;
    call.ranks = group.size;
    call.nodes = group.nodes;
    add(part, collective_entry(call, cluster, std::string(sim::name(entry.activity)), counts.collectives[i] / ranks));
  }
  return part;
}

std::vector<CostedEntry> transfer_entries(const sim::Plan& plan, const Counts& counts, double ranks,
                                          const hardware::Cluster& cluster) {
  std::vector<CostedEntry> part;
  for (std::size_t i = 0; i < plan.transfers.size(); ++i) {
    if (counts.transfers[i] <= 0.0) continue;
    const sim::TransferEntry& entry = plan.transfers[i];
    kernels::Estimate cost;
    cost.time = sim::transfer_time(entry.bytes, entry.same_node, cluster);
    add(part, {fmt::format("send of {:.0f} B {}", entry.bytes.value(), entry.same_node ? "in a node" : "between nodes"),
               "transfer", std::string(sim::name(entry.activity)), counts.transfers[i] / ranks, std::move(cost), ""});
  }
  return part;
}

std::string join_sources(const std::map<std::string, std::string>& sources) {
  std::vector<std::string> unique;
  for (const auto& [key, source] : sources) {
    if (std::find(unique.begin(), unique.end(), source) == unique.end()) unique.push_back(source);
  }
  std::string joined;
  for (const std::string& source : unique) joined += (joined.empty() ? "" : "; ") + source;
  return joined;
}

std::string fit_source(const hardware::Gpu& gpu, const std::string& key) {
  if (const hardware::Fit* fit = gpu.find_fit(key)) return fit->source;
  return key.empty() ? "facts of the GPU, node and fabric profiles" : "";
}

// What a kernel costs beyond its own time: the profile's figures, or the host cost that the scenario asserts.
Provenance launch_gaps(const hardware::Gpu& gpu, bool host_overhead_asserted) {
  const auto fact = [&](const std::string& key) {
    const auto found = gpu.sources.find(key);
    return found == gpu.sources.end() ? std::string("profile") : found->second;
  };
  return {"kernels", "launch gaps", "datasheet", "",
          "kernel_gap: " + fact("kernel_gap") +
              (host_overhead_asserted ? "; host_overhead: the scenario's own figure"
                                      : "; kernel_launch: " + fact("kernel_launch"))};
}

std::vector<Provenance> profile_lines(const hardware::Cluster& cluster, const models::Llm& llm) {
  std::vector<Provenance> lines{{"gpu", cluster.gpu.name, "datasheet", "", join_sources(cluster.gpu.sources)},
                                {"node", cluster.node.name, "datasheet", "", join_sources(cluster.node.sources)},
                                {"fabric", cluster.fabric.name, "datasheet", "", join_sources(cluster.fabric.sources)},
                                {"model", llm.name, "published", "", llm.source}};
  if (!cluster.collective_algorithm.empty()) {
    lines.push_back({"collectives", cluster.collective_algorithm, "published", "",
                     "collective_algorithm: the scenario's own choice, for every collective that NCCL offers it for"});
  }
  return lines;
}

/// One line per (family, fit), sorted.
void append_steps(std::vector<Provenance>& lines, const std::vector<CostedEntry>& entries, const hardware::Gpu& gpu) {
  std::vector<Provenance> steps;
  for (const CostedEntry& entry : entries) {
    const bool collective = !entry.algorithm.empty();
    const std::string kind = entry.family == "transfer" ? "transfers" : collective ? "collectives" : "kernels";
    Provenance line{kind, entry.family, std::string(kernels::name(entry.estimate.provenance)), entry.estimate.fit_key,
                    fit_source(gpu, entry.estimate.fit_key)};
    const bool known = std::any_of(steps.begin(), steps.end(), [&](const Provenance& other) {
      return other.kind == line.kind && other.name == line.name && other.level == line.level && other.fit == line.fit;
    });
    if (!known) steps.push_back(std::move(line));
  }
  const std::array<std::string_view, 3> order = {"kernels", "collectives", "transfers"};
  std::sort(steps.begin(), steps.end(), [&](const Provenance& a, const Provenance& b) {
    const auto rank = [&](const std::string& kind) { return std::find(order.begin(), order.end(), kind); };
    if (a.kind != b.kind) return rank(a.kind) < rank(b.kind);
    if (a.name != b.name) return a.name < b.name;
    return a.fit < b.fit;
  });
  for (Provenance& line : steps) lines.push_back(std::move(line));
}

/// The scheduler, the router where it has a choice, and what the host costs.
void append_engine(std::vector<Provenance>& lines, const models::ServingConfig& config) {
  if (const models::SchedulerRow* row = models::find_scheduler(config.scheduler)) {
    lines.push_back({"engine", config.scheduler, "published", "", std::string(row->source)});
  }
  const models::RouterRow* router = models::find_router(config.router);
  if (router != nullptr && config.replicas > 1) {
    lines.push_back({"engine", config.router, "published", "", std::string(router->source)});
  }
  const auto overhead = [](std::string_view key, Seconds value) {
    return fmt::format("{}: {}", key, value < Seconds{0.0} ? "estimate" : "the scenario's own figure");
  };
  lines.push_back(
      {"engine", "host time", "datasheet", "",
       overhead("step_overhead", config.step_overhead) + "; " + overhead("request_overhead", config.request_overhead)});
  lines.push_back({"engine", "memory beside the KV cache", "datasheet", "",
                   config.activation_memory > Bytes{0.0}
                       ? "activations: the scenario's own figure; CUDA graphs: estimate"
                       : "activations by formula from vLLM's profile run; CUDA graphs: estimate"});
}

}  // namespace

std::vector<CostedEntry> cost_entries(const sim::Plan& plan, const kernels::KernelTimer& timer,
                                      const hardware::Cluster& cluster) {
  const Counts counts = count_steps(plan);
  const double ranks = std::max(1.0, static_cast<double>(plan.ranks.size()));
  std::vector<CostedEntry> all;
  append_sorted(all, kernel_entries(plan, counts, ranks, timer, cluster.gpu));
  append_sorted(all, collective_entries(plan, counts, ranks, cluster));
  append_sorted(all, transfer_entries(plan, counts, ranks, cluster));
  return all;
}

std::vector<CostedEntry> cost_entries(const models::StepModel& model, const models::StepShape& shape,
                                      const hardware::Cluster& cluster) {
  std::vector<CostedEntry> kernels, collectives;
  for (int stage = 0; stage < model.stages(); ++stage) {
    for (const models::StepOp& op : model.ops(shape, stage)) {
      const double runs = static_cast<double>(op.count);
      if (op.is_collective) {
        add(collectives, collective_entry(op.collective, cluster, std::string(op.label), runs));
      } else {
        add(kernels,
            {kernels::describe(op.kernel), family_of(op.kernel), std::string(op.label), runs, model.explain(op), ""});
      }
    }
  }
  std::vector<CostedEntry> all;
  append_sorted(all, std::move(kernels));
  append_sorted(all, std::move(collectives));
  return all;
}

std::vector<Provenance> provenance_of(const models::TrainingJob& job, const std::vector<CostedEntry>& entries) {
  std::vector<Provenance> lines = profile_lines(job.cluster, job.llm);
  lines.push_back(launch_gaps(job.cluster.gpu, job.config.host_overhead > Seconds{0.0}));
  append_steps(lines, entries, job.cluster.gpu);
  return lines;
}

std::vector<Provenance> provenance_of(const models::ServingJob& job, const std::vector<CostedEntry>& entries) {
  std::vector<Provenance> lines = profile_lines(job.cluster, job.llm);
  append_engine(lines, job.config);
  lines.push_back(launch_gaps(job.cluster.gpu, false));
  append_steps(lines, entries, job.cluster.gpu);
  return lines;
}

}  // namespace orrery::scenarios
