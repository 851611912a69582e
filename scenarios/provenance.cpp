#include "scenarios/provenance.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "models/serving/engine_mesh.hpp"
#include "models/serving/engine_row.hpp"
#include "models/serving/routers/router.hpp"
#include "models/training/parallel.hpp"
#include "scenarios/nccl_section.hpp"

namespace orrery::scenarios {

namespace {

std::string join_sources(const std::map<std::string, std::string>& sources) {
  std::vector<std::string> unique;
  for (const auto& [key, source] : sources) {
    if (std::find(unique.begin(), unique.end(), source) == unique.end()) unique.push_back(source);
  }
  std::string joined;
  for (const std::string& source : unique) joined += (joined.empty() ? "" : "; ") + source;
  return joined;
}

/// `key` may be of several fits, "nccl/reduce_scatter/4 + nccl/all_gather/4": of each, once.
std::string fit_source(const hardware::Gpu& gpu, const std::string& key) {
  constexpr std::string_view kAnd = " + ";
  if (key.empty()) return "facts of the GPU, node and fabric profiles";
  std::map<std::string, std::string> sources;
  for (std::size_t begin = 0; begin < key.size();) {
    const std::size_t end = std::min(key.find(kAnd, begin), key.size());
    const std::string one = key.substr(begin, end - begin);
    if (const hardware::Fit* fit = gpu.find_fit(one)) {
      sources[one] =
          fit->of.empty() ? fit->source : fmt::format("{}'s fit at this board's rates: {}", fit->of, fit->source);
    }
    begin = end + kAnd.size();
  }
  return join_sources(sources);
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

/// The profiles of the groups that the job runs on, of what joins them, and its model; nullptr: it has none.
std::vector<Provenance> profile_lines(const hardware::Cluster& cluster, const std::vector<std::size_t>& groups,
                                      const models::Llm* llm, const std::vector<CostedEntry>& entries) {
  std::vector<Provenance> lines;
  const auto add = [&](const char* kind, const auto& profile) {
    Provenance line{kind, profile.name, "datasheet", "", join_sources(profile.sources)};
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(std::move(line));
  };
  for (const std::size_t group : groups) add("gpu", cluster.groups[group].gpu);
  for (const std::size_t group : groups) add("node", cluster.groups[group].node);
  add("fabric", cluster.fabric);
  if (llm != nullptr) lines.push_back({"model", llm->name, "published", "", llm->source});
  const std::string& told = cluster.nccl.algorithms.text;
  if (std::any_of(entries.begin(), entries.end(), [&](const CostedEntry& e) {
        return lists_algorithm(cluster.nccl, e.family, e.algorithm) || (!told.empty() && e.algorithm == told);
      })) {
    const bool nccls = hardware::parse_nccl_algorithms(told).error.empty();
    lines.push_back({"collectives", told, "published", "",
                     fmt::format("collective_algorithm: the scenario's own choice, for every collective that {} it for",
                                 nccls ? "NCCL offers" : "its library has")});
  }
  return lines;
}

/// Of each kind of GPU.
void append_gaps(std::vector<Provenance>& lines, const hardware::Cluster& cluster,
                 const std::vector<std::size_t>& groups, bool host_overhead_asserted) {
  for (const std::size_t group : groups) {
    Provenance line = launch_gaps(cluster.groups[group].gpu, host_overhead_asserted);
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(std::move(line));
  }
}

/// One line per (family, fit), sorted.
void append_steps(std::vector<Provenance>& lines, const std::vector<CostedEntry>& entries,
                  const hardware::Cluster& cluster) {
  std::vector<Provenance> steps;
  std::vector<std::pair<double, double>> sums;  // of times and of their squares
  for (const CostedEntry& entry : entries) {
    const bool collective = !entry.algorithm.empty();
    const std::string kind = entry.family == "transfer" ? "transfers" : collective ? "collectives" : "kernels";
    Provenance line{kind, entry.family, std::string(kernels::name(entry.estimate.provenance)), entry.estimate.fit_key,
                    fit_source(cluster.groups[entry.group].gpu, entry.estimate.fit_key)};
    auto known = std::find(steps.begin(), steps.end(), line);
    if (known == steps.end()) {
      known = steps.insert(steps.end(), std::move(line));
      sums.emplace_back();
    }
    const double time = entry.total().value();
    auto& [sum, squares] = sums[static_cast<std::size_t>(known - steps.begin())];
    sum += time, squares += time * time;
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (sums[i].first > 0.0) steps[i].concentration = std::sqrt(sums[i].second) / sums[i].first;
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

std::vector<Provenance> provenance_of(const models::TrainingJob& job, const std::vector<CostedEntry>& entries) {
  const std::vector<std::size_t> groups = models::groups_of(job);
  std::vector<Provenance> lines = profile_lines(job.cluster, groups, &job.llm, entries);
  append_gaps(lines, job.cluster, groups, job.config.host_overhead > Seconds{0.0});
  append_steps(lines, entries, job.cluster);
  return lines;
}

std::vector<Provenance> provenance_of(const models::ServingJob& job, const std::vector<CostedEntry>& entries) {
  const std::vector<std::size_t> groups = models::groups_of(job);
  std::vector<Provenance> lines = profile_lines(job.cluster, groups, &job.llm, entries);
  append_engine(lines, job);
  append_gaps(lines, job.cluster, groups, false);
  append_steps(lines, entries, job.cluster);
  return lines;
}

std::vector<Provenance> provenance_of(const models::CommunicationJob& job, const std::vector<CostedEntry>& entries) {
  std::vector<Provenance> lines = profile_lines(job.cluster, models::groups_of(job), nullptr, entries);
  append_steps(lines, entries, job.cluster);
  return lines;
}

bool rests_on_datasheets(const std::vector<Provenance>& lines) {
  bool any = false;
  for (const Provenance& line : lines) {
    if (line.kind != "kernels" || line.name == "launch gaps") continue;
    if (line.level != "datasheet") return false;
    any = true;
  }
  return any;
}

}  // namespace orrery::scenarios
