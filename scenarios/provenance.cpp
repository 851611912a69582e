#include "scenarios/provenance.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "models/serving/engine_row.hpp"
#include "models/serving/routers/router.hpp"
#include "sim/links/link_report.hpp"

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
  const auto add = [&](const std::vector<sim::Step>& steps, double times) {
    for (const sim::Step& step : steps) {
      if (step.kind == sim::StepKind::launch) counts.kernels[step.index] += times * plan.kernels[step.index].repeat;
      if (step.kind == sim::StepKind::collective) counts.collectives[step.index] += times;
      if (step.kind == sim::StepKind::send) counts.transfers[step.index] += times;
    }
  };
  std::vector<double> calls(plan.blocks.size(), 0.0);
  for (const sim::Call& call : plan.calls) calls[call.block] += 1.0;
  for (std::size_t b = 0; b < plan.blocks.size(); ++b) {
    for (const sim::BlockPart& part : plan.blocks[b].parts) add(part.steps, calls[b]);
  }
  for (const sim::Stream& stream : plan.streams) add(stream.steps, 1.0);
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
      known.rows.insert(known.rows.end(), entry.rows.begin(), entry.rows.end());
      for (std::string& operation : entry.operations) {
        const std::vector<std::string>& all = known.operations;
        if (std::find(all.begin(), all.end(), operation) == all.end()) known.operations.push_back(std::move(operation));
      }
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

/// Prices the entries of one plan.
class Costs {
 public:
  Costs(const sim::Plan& plan, const sim::Prices& prices, CostedBy by)
      : plan_(plan), prices_(prices), by_(by), counts_(count_steps(plan)) {
    if (by == CostedBy::activity) share_ = std::max(1.0, static_cast<double>(plan.ranks.size()));
  }

  [[nodiscard]] std::vector<CostedEntry> kernels() const {
    std::vector<CostedEntry> part;
    for (std::size_t i = 0; i < plan_.kernels.size(); ++i) {
      if (counts_.kernels[i] <= 0.0) continue;
      const sim::KernelEntry& entry = plan_.kernels[i];
      add(part, {kernels::describe(entry.kernel), family_of(entry.kernel), purpose(entry.activity, entry.label),
                 counts_.kernels[i] / share_, prices_.explain(entry, 0).kernel, ""});
    }
    return part;
  }

  [[nodiscard]] std::vector<CostedEntry> collectives() const {
    std::vector<CostedEntry> part;
    for (std::size_t i = 0; i < plan_.collectives.size(); ++i) {
      if (counts_.collectives[i] <= 0.0) continue;
      const sim::CollectiveEntry& entry = plan_.collectives[i];
      const auto [call, estimate, idle, bound] = prices_.explain(entry, plan_);
      add(part, {fmt::format("{} of {:.0f} B over {} GPUs on {} nodes", sim::name(call.kind), call.bytes.value(),
                             call.ranks, call.nodes),
                 std::string(sim::name(call.kind)),
                 purpose(entry.activity, entry.label),
                 counts_.collectives[i] / share_,
                 {estimate.time, estimate.provenance, estimate.fit_key, estimate.terms},
                 std::string(estimate.algorithm),
                 bound,
                 {sim::operation_name(plan_, entry)},
                 {static_cast<std::uint32_t>(i)}});
    }
    return part;
  }

  [[nodiscard]] std::vector<CostedEntry> transfers() const {
    std::vector<CostedEntry> part;
    for (std::size_t i = 0; i < plan_.transfers.size(); ++i) {
      if (counts_.transfers[i] <= 0.0) continue;
      const sim::TransferEntry& entry = plan_.transfers[i];
      const sim::TransferPrice price = prices_.explain(entry, plan_);
      kernels::Estimate cost;
      cost.time = price.time;
      add(part,
          {fmt::format("send of {:.0f} B {}", entry.bytes.value(), price.same_node ? "in a node" : "between nodes"),
           "transfer",
           purpose(entry.activity, entry.label),
           counts_.transfers[i] / share_,
           std::move(cost),
           "",
           {},
           {sim::operation_name(plan_, entry)},
           {static_cast<std::uint32_t>(i)}});
    }
    return part;
  }

 private:
  [[nodiscard]] std::string purpose(sim::Activity activity, sim::LabelId label) const {
    return by_ == CostedBy::activity ? std::string(sim::name(activity)) : plan_.labels[label.index()];
  }

  const sim::Plan& plan_;
  const sim::Prices& prices_;
  CostedBy by_;
  Counts counts_;
  double share_ = 1.0;
};

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
void append_engine(std::vector<Provenance>& lines, const models::ServingJob& job) {
  const models::ServingConfig& config = job.config;
  if (const models::SchedulerRow* row = models::engine_of(job).find_scheduler(config.scheduler)) {
    lines.push_back({"engine", std::string(row->name), "published", "", std::string(row->source)});
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
  const std::string activations = config.activation_memory > Bytes{0.0}
                                      ? ": the scenario's own figure"
                                      : fmt::format(" {}", models::engine_of(job).memory_sources.activations);
  lines.push_back({"engine", "memory beside the KV cache", "datasheet", "",
                   fmt::format("activations{}; CUDA graphs: estimate", activations)});
}

}  // namespace

std::vector<CostedEntry> cost_entries(const sim::Plan& plan, const sim::Prices& prices, CostedBy by) {
  const Costs costs(plan, prices, by);
  std::vector<CostedEntry> all;
  append_sorted(all, costs.kernels());
  append_sorted(all, costs.collectives());
  append_sorted(all, costs.transfers());
  return all;
}

// An operation is held up once, and all its ranks with it; a message is the sender's, as its run is.
void add_held_up(std::vector<CostedEntry>& entries, const sim::Plan& plan,
                 const std::vector<models::HeldUpOperations>& held_up) {
  const auto ranks_of = [&plan](const models::HeldUpOperations& held) -> std::size_t {
    if (held.kind != sim::StepKind::collective) return 1;
    return plan.groups[plan.collectives[held.entry].group.index()].members.size();
  };
  for (CostedEntry& entry : entries) {
    if (entry.rows.empty()) continue;
    const sim::StepKind kind = entry.family == "transfer" ? sim::StepKind::send : sim::StepKind::collective;
    for (const models::HeldUpOperations& held : held_up) {
      const bool is_of_entry = std::find(entry.rows.begin(), entry.rows.end(), held.entry) != entry.rows.end();
      if (held.kind != kind || !is_of_entry) continue;
      const Seconds delay = held.delay * (static_cast<double>(ranks_of(held)) / static_cast<double>(plan.ranks.size()));
      const auto same = [&held](const HeldUpBy& by) {
        return by.link_class == held.link_class && by.capacity == held.capacity;
      };
      const auto known = std::find_if(entry.held_up.begin(), entry.held_up.end(), same);
      if (known == entry.held_up.end()) {
        entry.held_up.push_back({held.link_class, held.capacity, delay});
      } else {
        known->delay += delay;
      }
    }
  }
}

std::vector<Provenance> provenance_of(const models::TrainingJob& job, const std::vector<CostedEntry>& entries) {
  std::vector<Provenance> lines = profile_lines(job.cluster, job.llm);
  lines.push_back(launch_gaps(job.cluster.gpu, job.config.host_overhead > Seconds{0.0}));
  append_steps(lines, entries, job.cluster.gpu);
  return lines;
}

std::vector<Provenance> provenance_of(const models::ServingJob& job, const std::vector<CostedEntry>& entries) {
  std::vector<Provenance> lines = profile_lines(job.cluster, job.llm);
  append_engine(lines, job);
  lines.push_back(launch_gaps(job.cluster.gpu, false));
  append_steps(lines, entries, job.cluster.gpu);
  return lines;
}

}  // namespace orrery::scenarios
