#include "scenarios/job_sections.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "scenarios/kinds.hpp"
#include "scenarios/sections.hpp"

namespace orrery::scenarios {

namespace {

using hardware::ConfigNode;
using hardware::Diagnostics;
using hardware::MapReader;
using hardware::NodeKind;

/// Dots would part the names of its metrics.
bool is_name(const std::string& text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}

/// On file systems that don't tell small letters from capitals.
bool is_same_file(const std::string& a, const std::string& b) {
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return small(x) == small(y); });
}

/// What every job of a scenario is read with.
struct Shared {
  const Job& defaults;  ///< the scenario's model and placement
  bool has_model = false;
  std::string folder;
  Scenario& scenario;
  Diagnostics& diagnostics;
};

/// Its section is of a kind that has none.
bool needs_no_model(const ConfigNode& owner) {
  const auto found = std::find_if(kinds().begin(), kinds().end(),
                                  [&](const KindRow* kind) { return owner.find(kind->name) != nullptr; });
  return found != kinds().end() && !(*found)->has_model;
}

/// The section of a kind in a mapping; nullptr with an error for none or several. `owner`: "a scenario".
const ConfigNode* find_section(MapReader& reader, const ConfigNode& node, std::string_view owner, const KindRow*& kind,
                               Diagnostics& diagnostics) {
  const ConfigNode* found = nullptr;
  for (const KindRow* row : kinds()) {
    const ConfigNode* section = reader.child(row->name);
    if (section == nullptr) continue;
    if (found != nullptr) {
      diagnostics.error((found->span.begin < section->span.begin ? section : found)->span,
                        fmt::format("{} has a {}: section, not both", owner, kind_names(": or a ")));
      return nullptr;
    }
    found = section;
    kind = row;
  }
  if (found == nullptr) {
    diagnostics.error(node.span, fmt::format("{} needs a {}: section (`orrery new {}` print templates)", owner,
                                             kind_names(": or a "), kind_names("` and `orrery new ")));
  }
  return found;
}

void read_spec(const ConfigNode& section, Job& job, const Shared& shared) {
  job.spec = job.kind->read({section, shared.folder, job.llm, shared.scenario.cluster, shared.scenario.seed,
                             job.placement, &shared.scenario.skipped, &shared.diagnostics});
}

void read_name(MapReader& reader, Job& job, const Shared& shared) {
  job.name = reader.text("name");
  if (!reader.has("name")) return;
  if (!is_name(job.name)) {
    shared.diagnostics.error(reader.span("name"),
                             fmt::format("'{}' is no name of a job: use letters, digits, '-' and '_'", job.name));
  }
  for (const Job& other : shared.scenario.jobs) {
    if (!is_same_file(other.name, job.name)) continue;
    shared.diagnostics.error(
        reader.span("name"),
        other.name == job.name
            ? fmt::format("the job '{}' is there twice", job.name)
            : fmt::format(
                  "the job '{}' differs from '{}' only in case: where file systems don't tell them apart, their "
                  "traces and plans are one file",
                  job.name, other.name));
    break;
  }
}

void read_times(MapReader& reader, Job& job, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.items().size();
  job.start = read_moment(reader, "start", job.start);
  if (!reader.has("until")) return;
  job.until = read_moment(reader, "until", job.start);
  if (*job.until > job.start || diagnostics.items().size() != before) return;
  diagnostics.error(reader.span("until"),
                    fmt::format("'until' is not after 'start': the job would end at {:g} s and start at {:g} s",
                                job.until->value(), job.start.value()));
}

/// One of `jobs:`. It is added even where it is wrong, so that its name is known.
void read_one(const ConfigNode& node, const Shared& shared) {
  MapReader reader(&node, "job", shared.diagnostics);
  Job job = shared.defaults;
  job.span = node.span;
  read_name(reader, job, shared);
  const std::string owner = job.name.empty() ? "a job" : fmt::format("the job '{}'", job.name);
  read_times(reader, job, shared.diagnostics);
  const ConfigNode* model = reader.child("model");
  if (needs_no_model(node)) {
    if (model != nullptr) shared.diagnostics.error(model->span, fmt::format("{} has no model", owner));
    job.llm = {};
    job.model.clear();
  } else if (model != nullptr) {
    job.llm = read_model(*model, shared.folder, job.model, shared.diagnostics);
  } else if (!shared.has_model) {
    shared.diagnostics.error(node.span, fmt::format("{} needs a model: of its own, or one of the scenario", owner));
  }
  const int nodes = shared.scenario.cluster.node_count();
  job.placement = read_placement(reader.child("placement"), nodes, job.placement, shared.diagnostics);
  const ConfigNode* section = find_section(reader, node, owner, job.kind, shared.diagnostics);
  if (section != nullptr) read_spec(*section, job, shared);
  reader.finish();
  shared.scenario.jobs.push_back(std::move(job));
}

void read_list(MapReader& reader, const ConfigNode& list, const Shared& shared) {
  for (const KindRow* row : kinds()) {
    if (const ConfigNode* section = reader.child(row->name)) {
      shared.diagnostics.error(section->span,
                               fmt::format("a scenario has jobs: or a {}: section, not both", row->name));
    }
  }
  if (list.kind != NodeKind::sequence || list.items.empty()) {
    shared.diagnostics.error(list.span,
                             fmt::format("jobs must be a list of at least one {{name, start, until, model, placement, "
                                         "{}}}",
                                         kind_names("|")));
    return;
  }
  for (const hardware::NodePtr& item : list.items) read_one(*item, shared);
}

}  // namespace

void read_jobs(MapReader& reader, const ConfigNode& root, const PlacementConfig& placement, Scenario& scenario,
               Diagnostics& diagnostics) {
  const ConfigNode* list = reader.child("jobs");
  const bool alone = list == nullptr && root.kind == NodeKind::mapping;
  const bool without = alone && needs_no_model(root);
  const ConfigNode* model = alone && !without ? reader.required_child("model") : reader.child("model");
  if (model != nullptr && without) diagnostics.error(model->span, "a scenario of this kind has no model");
  Job defaults;
  defaults.span = root.span;
  defaults.placement = placement;
  const std::string folder = std::filesystem::path(scenario.file).parent_path().string();
  if (model != nullptr && !without) defaults.llm = read_model(*model, folder, defaults.model, diagnostics);
  const Shared shared{defaults, model != nullptr, folder, scenario, diagnostics};
  if (list != nullptr) return read_list(reader, *list, shared);
  Job job = defaults;
  const ConfigNode* section = find_section(reader, root, "a scenario", job.kind, diagnostics);
  if (section == nullptr) return;
  job.span = section->span;
  read_spec(*section, job, shared);
  scenario.jobs.push_back(std::move(job));
}

namespace {

/// Every GPU is there, and belongs to one job.
void check_gpus(const ConfigNode& root, const Scenario& scenario, Diagnostics& diagnostics) {
  std::vector<const Job*> taken(static_cast<std::size_t>(scenario.cluster.gpu_count()), nullptr);
  for (std::size_t i = 0; i < scenario.jobs.size(); ++i) {
    const Job& job = scenario.jobs[i];
    const hardware::SourceSpan span =
        job.name.empty() ? job.span : span_of(root, fmt::format("jobs.{}.placement.first_node", i));
    const std::string who = job.name.empty() ? "the job" : fmt::format("the job '{}'", job.name);
    for (const std::uint32_t gpu : job.kind->occupied(*job.spec)) {
      if (gpu >= taken.size()) {
        diagnostics.error(span, fmt::format("{} does not fit where it is placed: it would take GPU {}, the cluster "
                                            "has {} (from 0 on)",
                                            who, gpu, taken.size()));
        break;
      }
      if (taken[gpu] != nullptr) {
        diagnostics.error(span, fmt::format("{} takes GPU {}, which belongs to the job '{}'; placement.first_node "
                                            "moves it",
                                            who, gpu, taken[gpu]->name));
        break;
      }
      taken[gpu] = &job;
    }
  }
}

/// A value that breaks several rules is one mistake: with all its reasons.
std::vector<models::JobError> one_of_each_key(const std::vector<models::JobError>& errors) {
  std::vector<models::JobError> merged;
  for (const models::JobError& error : errors) {
    const auto known =
        std::find_if(merged.begin(), merged.end(), [&](const models::JobError& one) { return one.key == error.key; });
    if (known == merged.end()) {
      merged.push_back(error);
    } else {
      known->message += "; " + error.message;
    }
  }
  return merged;
}

}  // namespace

void check_jobs(const ConfigNode& root, const Scenario& scenario, Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < scenario.jobs.size(); ++i) {
    const Job& job = scenario.jobs[i];
    for (const models::JobError& error : one_of_each_key(job.kind->check(*job.spec))) {
      const bool own = !job.name.empty() && error.key.rfind(fmt::format("{}.", job.kind->name), 0) == 0;
      const std::string key = own ? fmt::format("jobs.{}.{}", i, error.key) : error.key;
      diagnostics.error(span_of(root, key), fmt::format("{}: {}", key, error.message));
    }
  }
  if (diagnostics.empty()) check_gpus(root, scenario, diagnostics);
}

}  // namespace orrery::scenarios
