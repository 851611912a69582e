#include "scenarios/scenario.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/shown.hpp"
#include "kernels/kernel.hpp"
#include "scenarios/format.hpp"
#include "scenarios/job_sections.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/sections.hpp"

namespace orrery::scenarios {

namespace {

using hardware::ConfigError;
using hardware::ConfigNode;
using hardware::Diagnostic;
using hardware::Diagnostics;
using hardware::MapReader;
using hardware::NodeKind;
using hardware::SourceSpan;

/// Where the cluster itself could not be read, any number of a GPU may be right.
constexpr int kMostGpus = 10'000'000;

/// Each is read, held and reported; a larger study is a sweep, whose points are not kept.
constexpr std::size_t kMostVariants = 10'000;

/// A variant before it is applied: its overrides edit the text of the whole scenario.
struct VariantSpec {
  std::string name;
  std::vector<Override> set;
  const ConfigNode* expect = nullptr;
  SourceSpan span;
};

/// The text that set_value() takes to put this value somewhere else.
std::string scalar_or_flow(const ConfigNode& node, std::string_view text) {
  if (node.kind == NodeKind::scalar && !node.quoted) return node.scalar;
  return std::string(text.substr(node.span.begin, node.span.end - node.span.begin));
}

std::vector<VariantSpec> read_variants(const ConfigNode* node, std::string_view text, Diagnostics& diagnostics) {
  std::vector<VariantSpec> variants;
  if (node == nullptr) return variants;
  if (node->kind != NodeKind::sequence) {
    diagnostics.error(node->span, "variants must be a list of {name, set, expect}");
    return variants;
  }
  if (node->items.size() > kMostVariants) {
    diagnostics.error(node->span, fmt::format("{} variants; at most {} are accepted: a sweep goes through more",
                                              node->items.size(), kMostVariants));
    return variants;
  }
  std::set<std::string> names;
  for (const hardware::NodePtr& item : node->items) {
    MapReader reader(item.get(), "variant", diagnostics);
    VariantSpec spec;
    spec.span = item->span;
    spec.name = reader.text("name");
    const ConfigNode* set = reader.required_child("set");
    if (set != nullptr && set->kind == NodeKind::mapping) {
      for (const auto& [key, value] : set->entries) spec.set.push_back({key, scalar_or_flow(*value, text), "set"});
    } else if (set != nullptr) {
      diagnostics.error(set->span, "set must map scenario keys to values, {training.recompute: full}");
    }
    spec.expect = reader.child("expect");
    reader.finish();
    if (spec.name.empty() && reader.has("name")) {
      diagnostics.error(reader.span("name"), "a variant's name is empty: reports tell it from the scenario by that");
    }
    if (!names.insert(spec.name).second) {
      diagnostics.error(reader.span("name"), fmt::format("the variant '{}' is there twice", spec.name));
    }
    variants.push_back(std::move(spec));
  }
  return variants;
}

std::vector<SweepAxis> read_sweep(const ConfigNode* node, std::string_view text, Diagnostics& diagnostics) {
  std::vector<SweepAxis> axes;
  if (node == nullptr) return axes;
  if (node->kind != NodeKind::mapping) {
    diagnostics.error(node->span, "sweep must map scenario keys to lists, {training.tensor_parallel: [1, 2, 4, 8]}");
    return axes;
  }
  for (const auto& [key, value] : node->entries) {
    if (value->kind != NodeKind::sequence || value->items.empty()) {
      diagnostics.error(value->span, fmt::format("sweep.{} must be a list of values", key));
      continue;
    }
    SweepAxis axis{key, {}};
    for (const hardware::NodePtr& item : value->items) {
      std::string one = scalar_or_flow(*item, text);
      if (std::find(axis.values.begin(), axis.values.end(), one) != axis.values.end()) {
        diagnostics.error(item->span, fmt::format("sweep.{}: the value {} is there twice", key, hardware::shown(one)));
        continue;
      }
      axis.values.push_back(std::move(one));
    }
    axes.push_back(std::move(axis));
  }
  return axes;
}

void check_memory(const ConfigNode& root, const hardware::Cluster& cluster, Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < cluster.groups.size(); ++i) {
    const hardware::Gpu& gpu = cluster.groups[i].gpu;
    if (gpu.memory > gpu.reserved_memory) continue;
    const std::string key =
        cluster.groups.size() > 1 ? fmt::format("cluster.nodes.{}.gpu_memory", i) : "cluster.gpu_memory";
    diagnostics.error(span_of(root, key), fmt::format("{}: {} is not more than the {} that the driver of {} reserves",
                                                      key, readable(gpu.memory.value(), Unit::bytes),
                                                      readable(gpu.reserved_memory.value(), Unit::bytes), gpu.name));
  }
}

/// False: something is wrong with their text.
bool read_sections(MapReader& reader, const ConfigNode& root, Scenario& scenario, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.items().size();
  PlacementConfig placement;
  if (const ConfigNode* cluster = reader.required_child("cluster")) {
    const std::string folder = std::filesystem::path(scenario.file).parent_path().string();
    scenario.cluster = read_cluster(*cluster, folder, placement, diagnostics);
    scenario.profiles = profile_files(*cluster, folder);
  }
  const bool has_cluster = diagnostics.items().size() == before;
  read_jobs(reader, root, placement, scenario, diagnostics);
  const int gpus = scenario.cluster.gpu_count();
  scenario.events = read_events(reader.child("events"), gpus > 0 ? gpus : kMostGpus, diagnostics);
  if (has_cluster) check_event_links(scenario.events, scenario.cluster, diagnostics);
  return diagnostics.items().size() == before;
}

/// Of several jobs; empty for the only one.
std::vector<std::string> job_names(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const Job& job : scenario.jobs) {
    if (!job.name.empty()) names.push_back(job.name);
  }
  return names;
}

/// Reads one text, that of `scenario.source`, without its variants applied.
void read_scenario(const ConfigNode& root, Scenario& scenario, std::vector<VariantSpec>& variants,
                   Diagnostics& diagnostics) {
  const std::string& text = scenario.source->text();
  scenario.file = scenario.source->file();
  scenario.name = std::filesystem::path(scenario.file).stem().string();
  MapReader reader(&root, "scenario", diagnostics);
  if (root.kind != NodeKind::mapping) return;
  scenario.title = reader.text("scenario");
  scenario.seed = static_cast<std::uint64_t>(reader.integer_or("seed", 1, hardware::Range::between(0, 1e15)));
  if (read_sections(reader, root, scenario, diagnostics)) {
    check_memory(root, scenario.cluster, diagnostics);
    check_jobs(root, scenario, diagnostics);
  }
  std::vector<std::string> timers;
  std::size_t fallback = 0;
  for (const kernels::TimerRow& row : kernels::timers()) {
    if (row.name == scenario.timer) fallback = timers.size();
    timers.emplace_back(row.name);
  }
  scenario.timer = timers.at(reader.choice_or("timer", timers, fallback));
  scenario.expectations = read_expectations(reader.child("expect"), diagnostics, job_names(scenario));
  variants = read_variants(reader.child("variants"), text, diagnostics);
  scenario.sweep = read_sweep(reader.child("sweep"), text, diagnostics);
  reader.finish();
}

/// The scenario with a variant's overrides over those of the scenario; its errors are reported at the variant.
Scenario read_variant(const VariantSpec& spec, const EditedText& trunk, Diagnostics& diagnostics) {
  const std::string& file = trunk.file();
  Scenario scenario;
  try {
    scenario.source = std::make_shared<const EditedText>(trunk.with(spec.set));
    const hardware::NodePtr root = hardware::parse_config(scenario.source->text(), file);
    Diagnostics inner(file);
    std::vector<VariantSpec> unused;
    read_scenario(*root, scenario, unused, inner);
    for (const Diagnostic& item : inner.items()) {
      diagnostics.error(spec.span, fmt::format("variant '{}': {}", spec.name, item.message));
    }
  } catch (const ConfigError& error) {
    for (const Diagnostic& item : error.diagnostics()) {
      diagnostics.error(spec.span, fmt::format("variant '{}': {}", spec.name, item.message));
    }
  }
  scenario.variant = spec.name;
  scenario.sweep.clear();
  scenario.expectations = read_expectations(spec.expect, diagnostics, job_names(scenario));
  return scenario;
}

}  // namespace

std::string expand_variables(std::string_view text) {
  constexpr std::string_view kVariable = "${ORRERY_DATA}";
  std::string result(text);
  const std::size_t at = result.find(kVariable);
  if (at == std::string::npos) return result;
  const char* value = std::getenv("ORRERY_DATA");
  if (value == nullptr || *value == '\0') {
    throw ConfigError(fmt::format("'{}' needs the variable ORRERY_DATA, which is not set", text));
  }
  return result.replace(at, kVariable.size(), value);
}

Scenario parse_scenario(std::string text, const std::string& file, const std::vector<Override>& overrides) {
  return parse_scenario(EditedText(std::move(text), file, overrides));
}

Scenario parse_scenario(EditedText source) {
  Scenario scenario;
  scenario.source = std::make_shared<const EditedText>(std::move(source));
  const std::string& file = scenario.source->file();
  const hardware::NodePtr root = hardware::parse_config(scenario.source->text(), file);
  Diagnostics diagnostics(file);
  std::vector<VariantSpec> specs;
  read_scenario(*root, scenario, specs, diagnostics);
  // Variants repeat the errors of their base, so they are read only once that is right.
  if (diagnostics.empty() && !specs.empty()) {
    // Without the list of variants, so that the time to read each doesn't grow with their number.
    const EditedText trunk = scenario.source->with({{"variants", "[]", "variants"}});
    for (const VariantSpec& spec : specs) scenario.variants.push_back(read_variant(spec, trunk, diagnostics));
  }
  scenario.throw_if_any(diagnostics);
  return scenario;
}

std::vector<Diagnostic> reading_errors(const EditedText& source) {
  const hardware::NodePtr root = hardware::parse_config(source.text(), source.file());
  Scenario scenario;
  scenario.file = source.file();
  Diagnostics diagnostics(source.file());
  MapReader reader(root.get(), "scenario", diagnostics);
  if (root->kind == NodeKind::mapping) (void)read_sections(reader, *root, scenario, diagnostics);
  std::vector<Diagnostic> items;
  for (const Diagnostic& item : diagnostics.items()) items.push_back(source.of_file(item));
  return items;
}

void Scenario::throw_if_any(const Diagnostics& diagnostics) const {
  source ? source->throw_if_any(diagnostics) : diagnostics.throw_if_any();
}

Scenario load_scenario(const std::string& path, const std::vector<Override>& overrides) {
  return parse_scenario(hardware::read_text_file(path), path, overrides);
}

std::vector<std::string> input_files(const Scenario& scenario) {
  std::vector<std::string> files;
  const auto add = [&files](const std::string& file) {
    if (!file.empty()) files.push_back(file);
  };
  for (const std::string& file : scenario.profiles) add(file);
  for (const Job& job : scenario.jobs) {
    for (const std::string& file : job.kind->inputs(*job.spec)) add(file);
    // A model is a file or a folder with a config.json, where it is not a name of the library.
    const std::filesystem::path model = expand_variables(job.model);
    for (const std::filesystem::path& at : {model, std::filesystem::path(scenario.file).parent_path() / model}) {
      add(at.string());
      add((at / "config.json").string());
    }
  }
  for (const Scenario& variant : scenario.variants) {
    for (const std::string& file : input_files(variant)) add(file);
  }
  return files;
}

std::vector<std::string> scenario_files(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code code;
  if (!fs::is_directory(path, code)) return {path};
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator it(path, code), end; !code && it != end; it.increment(code)) {
    if (it->is_regular_file() && it->path().extension() == ".yaml") files.push_back(it->path().string());
  }
  if (code) throw ConfigError(fmt::format("{}: {}", hardware::quoted_path(path), code.message()));
  if (files.empty())
    throw ConfigError(fmt::format("{}: the folder holds no scenario (*.yaml)", hardware::quoted_path(path)));
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace orrery::scenarios
