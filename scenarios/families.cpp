#include "scenarios/families.hpp"

#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/family.hpp"
#include "models/architectures/architectures.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/communication/communication.hpp"
#include "models/experts/exchange.hpp"
#include "models/layer/parameters.hpp"
#include "models/parallel/tensor_modes.hpp"
#include "models/schedule/schedule.hpp"
#include "models/serving/engine_row.hpp"
#include "models/serving/routers/router.hpp"
#include "models/serving/schedulers/scheduler.hpp"
#include "models/serving/workload/workload.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/metrics.hpp"
#include "sim/collective/collectives.hpp"

namespace orrery::scenarios {

namespace {

std::vector<FamilyItem> list_gpus() {
  std::vector<FamilyItem> items;
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

std::vector<FamilyItem> list_generations() {
  std::vector<FamilyItem> items;
  for (const std::string& name : hardware::generation_names()) {
    const hardware::Generation generation = hardware::load_generation(name);
    std::vector<std::string> boards;
    for (const std::string& gpu : hardware::gpu_names()) {
      if (hardware::load_gpu(gpu).generation.name == name) boards.push_back(gpu);
    }
    items.push_back({name, fmt::format("{}: {}", generation.title, fmt::join(boards, ", ")),
                     generation.sources.empty() ? "" : generation.sources.begin()->second});
  }
  return items;
}

std::vector<FamilyItem> list_nodes() {
  std::vector<FamilyItem> items;
  for (const std::string& name : hardware::node_names()) {
    const hardware::Node node = hardware::load_node(name);
    items.push_back({name,
                     fmt::format("{}: {} x {}, {} NICs of {:.0f} Gb/s", node.title, node.gpus, node.gpu, node.nics,
                                 node.nic_bandwidth.value() * 8.0 / 1e9),
                     node.sources.empty() ? "" : node.sources.begin()->second});
  }
  return items;
}

/// What its kind has: leaves and pods that may be narrower upwards, groups and their links, or axes.
std::string shape_text(const hardware::Fabric& fabric) {
  switch (fabric.kind) {
    case hardware::FabricKind::single_node:
      return "no network";
    case hardware::FabricKind::torus:
      return fmt::format("{} axes, rings where chips are a multiple of {}, links of {:g} Gb/s", fabric.axes,
                         fabric.ring_multiple, fabric.link_bandwidth.value() * 8.0 / 1e9);
    case hardware::FabricKind::dragonfly:
    case hardware::FabricKind::sites:
      return fmt::format(
          "{} {} of {:g} Gb/s", fabric.pod_leaves * fabric.global_links,
          fabric.kind == hardware::FabricKind::sites ? "links of a site to others" : "links of a group to others",
          fabric.global_bandwidth.value() * 8.0 / 1e9);
    default:
      return fmt::format("oversubscription {} of leaves, {} of pods", fabric.oversubscription,
                         fabric.core_oversubscription);
  }
}

std::vector<FamilyItem> list_fabrics() {
  std::vector<FamilyItem> items;
  for (const std::string& name : hardware::fabric_names()) {
    const hardware::Fabric fabric = hardware::load_fabric(name);
    items.push_back({name, fmt::format("{}: up to {} nodes, {}", fabric.title, fabric.max_nodes, shape_text(fabric)),
                     fabric.sources.empty() ? "" : fabric.sources.begin()->second});
  }
  return items;
}

std::vector<FamilyItem> list_models() {
  std::vector<FamilyItem> items;
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
std::vector<FamilyItem> list_rows(const Rows& rows) {
  std::vector<FamilyItem> items;
  for (const auto& row : rows) {
    items.push_back({std::string(row.name), std::string(row.equation), std::string(row.source)});
  }
  return items;
}

std::vector<FamilyItem> list_architectures() {
  std::vector<FamilyItem> items;
  for (const auto& row : models::architectures()) {
    items.push_back({std::string(row.model_type), std::string(row.summary), std::string(row.source)});
  }
  return items;
}

std::vector<FamilyItem> list_metrics() {
  std::vector<FamilyItem> items;
  for (const MetricRow& row : metric_rows()) {
    items.push_back({std::string(row.name), fmt::format("{}: {}", name(row.unit), row.equation), ""});
  }
  for (const PartMetricRow& row : part_metric_rows()) {
    items.push_back({fmt::format("{}<{}>.{}", row.prefix, row.part, row.name),
                     fmt::format("{}: {}", name(row.unit), row.equation), ""});
  }
  return items;
}

/// Shapes that a cluster can have, with the profiles of each.
std::vector<FamilyItem> list_topologies() {
  std::vector<std::string> switched, meshed, chips, plain;
  for (const std::string& name : hardware::node_names()) {
    const hardware::Node node = hardware::load_node(name);
    const bool ici = hardware::load_gpu(node.gpu).generation.interconnect == hardware::Interconnect::ici;
    std::vector<std::string>& shape = ici                         ? chips
                                      : !node.nvlink_mesh.empty() ? meshed
                                      : node.nvswitch             ? switched
                                                                  : plain;
    shape.push_back(name);
  }
  const auto with = [](std::string_view what, const std::vector<std::string>& names) {
    return fmt::format("{}: {}", what, fmt::join(names, ", "));
  };
  std::vector<FamilyItem> items = {
      {"nvswitch", with("every GPU reaches every other at its whole NVLink rate", switched),
       "NVIDIA DGX A100 and DGX H100 user guides"},
      {"nvlink_mesh", with("NVLinks between some pairs of GPUs: a group has those among its own", meshed),
       "NVIDIA DGX-1 with Tesla V100 whitepaper (2017); NVIDIA H100 PCIe product brief (bridges)"},
      {"pcie", with("a root port for each GPU, one host bridge for each socket", plain),
       "Fire-Flyer 2, arXiv 2408.14158, section III"},
      {"torus_host", with("chips of a torus, linked to those of other hosts as to each other, without cards", chips),
       "Jouppi et al., TPU v4, ISCA 2023"}};
  std::map<hardware::FabricKind, std::vector<std::string>> fabrics;
  for (const std::string& name : hardware::fabric_names()) {
    fabrics[hardware::load_fabric(name).kind].push_back(name);
  }
  for (const hardware::FabricKindRow& row : hardware::fabric_kinds()) {
    items.push_back({std::string(row.name), with(row.equation, fabrics[row.kind]), std::string(row.source)});
  }
  return items;
}

std::vector<FamilyItem> list_argument_names() {
  std::vector<FamilyItem> items;
  for (const KindRow* kind : kinds()) {
    if (kind->other_names == nullptr) continue;
    for (FamilyItem& item : list_rows(kind->other_names())) items.push_back(std::move(item));
  }
  return items;
}

std::vector<FamilyItem> list_kinds() {
  std::vector<FamilyItem> items;
  for (const KindRow* kind : kinds()) {
    items.push_back({std::string(kind->name), std::string(kind->equation), std::string(kind->source)});
  }
  return items;
}

std::vector<FamilyItem> list_dtypes() {
  std::vector<FamilyItem> items;
  for (const Dtype dtype : all_dtypes()) {
    items.push_back({std::string(name(dtype)), fmt::format("{} bytes an element", element_size(dtype).value()), ""});
  }
  return items;
}

std::vector<FamilyItem> list_flop_conventions() {
  return {{"model", "forward + 2 x forward, full attention, no recompute", "arXiv:2205.05198 appendix A"},
          {"model_causal", "the same with causal attention halved", ""},
          {"palm", "6 N + 12 L heads head_dim seq per token", "arXiv:2204.02311 appendix B"}};
}

std::vector<FamilyItem> list_scenarios() {
  std::vector<FamilyItem> items;
  const std::filesystem::path root = hardware::data_root() / "scenarios" / "library";
  for (const std::string& file : scenario_files(root.string())) {
    const Scenario scenario = load_scenario(file);
    items.push_back(
        {scenario.name,
         fmt::format("{} ({})", scenario.title, std::filesystem::relative(file, hardware::data_root()).string()), ""});
  }
  return items;
}

}  // namespace

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      {"gpus", "GPU profiles", list_gpus},
      {"generations", "generations of GPUs, and the boards of each", list_generations},
      {"nodes", "nodes of GPUs", list_nodes},
      {"fabrics", "how nodes are joined", list_fabrics},
      {"topologies", "shapes of nodes and fabrics, and the profiles of each", list_topologies},
      {"models", "language models of the library", list_models},
      {"architectures", "model types of config.json that are understood", list_architectures},
      {"kinds", "kinds of job that a scenario can hold", list_kinds},
      {"schedules", "pipeline schedules", [] { return list_rows(models::schedules()); }},
      {"tensor_parallel_modes", "ways in which tensor-parallel GPUs share a layer",
       [] { return list_rows(models::tensor_parallel_modes()); }},
      {"expert_exchanges", "ways of a mixture's tokens to experts on other ranks",
       [] { return list_rows(models::expert_exchanges()); }},
      {"engines", "serving engines", [] { return list_rows(models::engines()); }},
      {"argument_names", "vLLM's names for keys of serving:", list_argument_names},
      {"schedulers", "rules that form an engine's batches", [] { return list_rows(models::schedulers()); }},
      {"routers", "ways to choose a replica", [] { return list_rows(models::routers()); }},
      {"arrivals", "arrival processes of a load", [] { return list_rows(models::arrival_processes()); }},
      {"lengths", "distributions of prompt and answer lengths",
       [] { return list_rows(models::length_distributions()); }},
      {"trace_formats", "traces of requests that are understood", [] { return list_rows(models::trace_formats()); }},
      {"operations", "what a collective: job calls", [] { return list_rows(models::operations()); }},
      {"collectives", "collective algorithms", [] { return list_rows(sim::collective_algorithms()); }},
      {"kernels", "kernel families", [] { return list_rows(kernels::families()); }},
      {"timers", "kernel timing models", [] { return list_rows(kernels::timers()); }},
      {"dtypes", "number formats", list_dtypes},
      {"flop_conventions", "ways to count FLOPs", list_flop_conventions},
      {"metrics", "names for expect: and CSV columns", list_metrics},
      {"scenarios", "the scenario library", list_scenarios},
  };
  return all;
}

std::vector<FamilyItem> family_items(std::string_view wanted) {
  std::vector<std::string> names;
  for (const Family& family : families()) {
    if (family.name == wanted) return family.items();
    names.emplace_back(family.name);
  }
  std::string nearest;
  for (const std::string& name : hardware::nearest_names(wanted, names)) {
    nearest += (nearest.empty() ? "did you mean " : ", ") + name;
  }
  throw hardware::ConfigError(fmt::format("unknown family '{}'; {}{}known: {}", printable(wanted), nearest,
                                          nearest.empty() ? "" : "? ", fmt::join(names, ", ")));
}

}  // namespace orrery::scenarios
