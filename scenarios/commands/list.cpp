// orrery list FAMILY: what there is to choose from.

#include <algorithm>
#include <filesystem>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hardware/catalogue.hpp"
#include "kernels/family.hpp"
#include "models/architectures/architectures.hpp"
#include "models/hf_config.hpp"
#include "models/schedule/schedule.hpp"
#include "models/serving/routers/router.hpp"
#include "models/serving/schedulers/scheduler.hpp"
#include "models/serving/workload/workload.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/format.hpp"
#include "scenarios/report.hpp"
#include "scenarios/sections.hpp"
#include "sim/collective/collectives.hpp"

namespace orrery::scenarios {

using Json = nlohmann::ordered_json;

namespace {

/// One line: a name, what it is, and where that is from.
struct Item {
  std::string name, summary, source;
};

std::vector<Item> list_gpus() {
  std::vector<Item> items;
  for (const std::string& name : hardware::gpu_names()) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    const std::optional<FlopsPerSecond> peak = gpu.matrix_peak(Dtype::bf16);
    items.push_back({name,
                     fmt::format("{}: {}, {:.0f} GB/s, bf16 {:.0f} TFLOP/s, {} SMs, {} fits", gpu.title,
                                 readable(gpu.memory.value(), Unit::bytes), gpu.memory_bandwidth.value() / 1e9,
                                 peak ? peak->value() / 1e12 : 0.0, gpu.sm_count, gpu.fits.size()),
                     gpu.sources.empty() ? "" : gpu.sources.begin()->second});
  }
  return items;
}

std::vector<Item> list_nodes() {
  std::vector<Item> items;
  for (const std::string& name : hardware::node_names()) {
    const hardware::Node node = hardware::load_node(name);
    items.push_back({name,
                     fmt::format("{}: {} x {}, {} NICs of {:.0f} Gb/s", node.title, node.gpus, node.gpu, node.nics,
                                 node.nic_bandwidth.value() * 8.0 / 1e9),
                     node.sources.empty() ? "" : node.sources.begin()->second});
  }
  return items;
}

std::vector<Item> list_fabrics() {
  std::vector<Item> items;
  for (const std::string& name : hardware::fabric_names()) {
    const hardware::Fabric fabric = hardware::load_fabric(name);
    items.push_back({name,
                     fmt::format("{}: up to {} nodes, oversubscription {} of leaves, {} of pods", fabric.title,
                                 fabric.max_nodes, fabric.oversubscription, fabric.core_oversubscription),
                     fabric.sources.empty() ? "" : fabric.sources.begin()->second});
  }
  return items;
}

std::vector<Item> list_models() {
  std::vector<Item> items;
  for (const std::string& name : models::model_names()) {
    const models::Llm llm = models::load_model(name);
    items.push_back({name,
                     fmt::format("{}: {:.3f} B parameters, {} layers, hidden {}", llm.title,
                                 static_cast<double>(models::parameters(llm)) / 1e9, llm.layers, llm.hidden),
                     llm.source});
  }
  return items;
}

/// Any table whose rows have a name, an equation and a source.
template <class Rows>
std::vector<Item> list_rows(const Rows& rows) {
  std::vector<Item> items;
  for (const auto& row : rows) {
    items.push_back({std::string(row.name), std::string(row.equation), std::string(row.source)});
  }
  return items;
}

std::vector<Item> list_architectures() {
  std::vector<Item> items;
  for (const auto& row : models::architectures()) {
    items.push_back({std::string(row.model_type), std::string(row.summary), std::string(row.source)});
  }
  return items;
}

std::vector<Item> list_metrics() {
  std::vector<Item> items;
  for (const MetricRow& row : metric_rows()) {
    items.push_back({std::string(row.name), fmt::format("{}: {}", name(row.unit), row.equation), ""});
  }
  for (const StageMetricRow& row : stage_metric_rows()) {
    items.push_back({fmt::format("memory.stages.<stage>.{}", row.name), fmt::format("B: {}", row.equation), ""});
  }
  return items;
}

std::vector<Item> list_dtypes() {
  std::vector<Item> items;
  for (const Dtype dtype : all_dtypes()) {
    items.push_back({std::string(name(dtype)), fmt::format("{} bytes an element", element_size(dtype).value()), ""});
  }
  return items;
}

std::vector<Item> list_flop_conventions() {
  return {{"model", "forward + 2 x forward, full attention, no recompute", "arXiv:2205.05198 appendix A"},
          {"model_causal", "the same with causal attention halved", ""},
          {"palm", "6 N + 12 L heads head_dim seq per token", "arXiv:2204.02311 appendix B"}};
}

std::vector<Item> list_scenarios() {
  std::vector<Item> items;
  const std::filesystem::path root = hardware::data_root() / "scenarios" / "library";
  for (const std::string& file : scenario_files(root.string())) {
    const Scenario scenario = load_scenario(file);
    items.push_back(
        {scenario.name,
         fmt::format("{} ({})", scenario.title, std::filesystem::relative(file, hardware::data_root()).string()), ""});
  }
  return items;
}

struct FamilyEntry {
  std::string_view name;
  std::string_view summary;
  std::vector<Item> (*items)();
};

const std::vector<FamilyEntry>& list_families() {
  static const std::vector<FamilyEntry> families = {
      {"gpus", "GPU profiles", list_gpus},
      {"nodes", "nodes of GPUs", list_nodes},
      {"fabrics", "how nodes are joined", list_fabrics},
      {"models", "language models of the library", list_models},
      {"architectures", "model types of config.json that are understood", list_architectures},
      {"schedules", "pipeline schedules", [] { return list_rows(models::schedules()); }},
      {"schedulers", "serving engines", [] { return list_rows(models::schedulers()); }},
      {"routers", "ways to choose a replica", [] { return list_rows(models::routers()); }},
      {"arrivals", "arrival processes of a load", [] { return list_rows(models::arrival_processes()); }},
      {"lengths", "distributions of prompt and answer lengths",
       [] { return list_rows(models::length_distributions()); }},
      {"trace_formats", "traces of requests that are understood", [] { return list_rows(models::trace_formats()); }},
      {"collectives", "collective algorithms", [] { return list_rows(sim::collective_algorithms()); }},
      {"kernels", "kernel families", [] { return list_rows(kernels::families()); }},
      {"timers", "kernel timing models", [] { return list_rows(kernels::timers()); }},
      {"dtypes", "number formats", list_dtypes},
      {"flop_conventions", "ways to count FLOPs", list_flop_conventions},
      {"metrics", "names for expect: and CSV columns", list_metrics},
      {"scenarios", "the scenario library", list_scenarios},
  };
  return families;
}

}  // namespace

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const FamilyEntry& family : list_families()) names.emplace_back(family.name);
  return names;
}

int list_family(const Options& options, Console& console) {
  check_outputs(options);
  if (options.files.empty()) {
    for (const FamilyEntry& family : list_families()) {
      console.out << fmt::format("{:<18} {}\n", family.name, family.summary);
    }
    return kExitWell;
  }
  const std::string& wanted = options.files[0];
  for (const FamilyEntry& family : list_families()) {
    if (family.name != wanted) continue;
    const std::vector<Item> items = family.items();
    Json json = Json::array();
    for (const Item& item : items) {
      if (options.json != "-") console.out << fmt::format("{:<28} {}\n", item.name, item.summary);
      json.push_back({{"name", item.name}, {"summary", item.summary}, {"source", item.source}});
    }
    emit(options.json, json.dump(2) + "\n", false, console);
    return kExitWell;
  }
  std::string known;
  for (const std::string& name : family_names()) known += (known.empty() ? "" : ", ") + name;
  std::string nearest;
  for (const std::string& name : hardware::nearest_names(wanted, family_names())) {
    nearest += (nearest.empty() ? "did you mean " : ", ") + name;
  }
  throw hardware::ConfigError(
      fmt::format("unknown family '{}'; {}{}known: {}", wanted, nearest, nearest.empty() ? "" : "? ", known));
}

}  // namespace orrery::scenarios
