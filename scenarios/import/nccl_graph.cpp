#include "scenarios/import/nccl_graph.hpp"

#include <string>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "scenarios/import/import.hpp"
#include "scenarios/nccl_graph_file.hpp"

namespace orrery::scenarios {

bool is_nccl_graph(const ImportFile& file) {
  const std::string_view head(file.head);
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && head[first] == '<' && head.find("<graphs") != std::string_view::npos;
}

Imported import_nccl_graph(const ImportFile& file, const ImportOptions&) {
  const std::string text = file.whole();
  const std::string name = hardware::printable(file.path == "-" ? "standard input" : file.name(), 200);
  Imported out;
  out.yaml = fmt::format(
      "# From {}, the graphs that NCCL found. Put it below cluster: of a scenario, or name the file there:\n"
      "# cluster: {{nccl: {{graph_file: ./FILE}}}}\n"
      "nccl:\n  graphs:\n",
      name);
  for (const hardware::NcclGraph& graph : read_nccl_graphs(text, file.path)) {
    if (graph.channels == 0) {
      out.ignored.push_back(fmt::format("{}: the search found no channel", hardware::name(graph.id)));
      continue;
    }
    out.yaml += fmt::format(
        "    - {{graph: {}, pattern: {}, channels: {}, gpus: {}, intra: {:g} GB/s, inter: {:g} GB/s, type_intra: {}, "
        "type_inter: {}, same_channels: {}}}\n",
        hardware::name(graph.id), graph.pattern, graph.channels, graph.gpus, graph.intra, graph.inter,
        hardware::name(graph.type_intra), hardware::name(graph.type_inter), graph.same_channels);
  }
  return out;
}

}  // namespace orrery::scenarios
