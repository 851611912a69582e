#include "scenarios/nccl_graph_file.hpp"

#include <set>
#include <string>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "scenarios/xml_text.hpp"

namespace orrery::scenarios {
namespace {

using hardware::NcclGraph;
using hardware::NcclGraphId;
using hardware::NcclPath;

constexpr int kMostGraphChannels = 64, kMostPattern = 6;
constexpr double kMostSpeed = 1e5;  // GB/s

/// GPUs of a channel, each once.
std::set<std::string> gpus_of(const XmlText& xml, const pugi::xml_node& channel) {
  std::set<std::string> gpus;
  for (const pugi::xml_node& gpu : channel.children("gpu")) {
    const std::string dev = gpu.attribute("dev").value();
    if (dev.empty()) xml.refuse(gpu, "<gpu> of a channel has no dev");
    if (!gpus.insert(dev).second) {
      xml.refuse(gpu, fmt::format("a channel visits the GPU {} twice", hardware::shown(dev)));
    }
  }
  return gpus;
}

NcclPath path_in(const XmlText& xml, const pugi::xml_node& node, const char* attribute) {
  const std::string_view text = node.attribute(attribute).value();
  const auto found = hardware::parse_nccl_path(text);
  if (!found) {
    xml.refuse(node, fmt::format("<graph>: {}={} is none of LOC, NVL, NVB, C2C, PIX, PXB, P2C, PXN, PHB, SYS",
                                 attribute, hardware::shown(text)));
  }
  return *found;
}

NcclGraph read_graph(const XmlText& xml, const pugi::xml_node& node) {
  NcclGraph graph;
  graph.id = static_cast<NcclGraphId>(xml.count(node, "id", hardware::kNcclGraphs - 1));
  graph.pattern = xml.count(node, "pattern", kMostPattern);
  const int stated = xml.count(node, "nchannels", kMostGraphChannels);
  std::set<std::string> first;
  for (const pugi::xml_node& channel : node.children("channel")) {
    const std::set<std::string> gpus = gpus_of(xml, channel);
    if (gpus.empty()) xml.refuse(channel, "a channel without a GPU");
    if (graph.channels++ == 0) first = gpus;
    // In the switch each channel pulls from a head of its own, listed with the others.
    if (gpus.size() != first.size()) {
      xml.refuse(channel, fmt::format("a channel of {} GPUs beside one of {}", gpus.size(), first.size()));
    }
  }
  if (graph.channels > kMostGraphChannels) xml.refuse(node, fmt::format("more than {} channels", kMostGraphChannels));
  if (stated != graph.channels) {
    xml.refuse(node, fmt::format("nchannels=\"{}\", and {} channels", stated, graph.channels));
  }
  graph.gpus = static_cast<int>(first.size());
  graph.intra = xml.number(node, "speedintra", kMostSpeed);
  graph.inter = xml.number(node, "speedinter", kMostSpeed);
  if (graph.channels > 0 && !(graph.intra > 0.0 && graph.inter > 0.0)) {
    xml.refuse(node, "channels without speed: speedintra and speedinter are above 0");
  }
  graph.type_intra = path_in(xml, node, "typeintra");
  graph.type_inter = path_in(xml, node, "typeinter");
  graph.same_channels = xml.count(node, "samechannels", 1) == 1;
  return graph;
}

}  // namespace

std::vector<NcclGraph> read_nccl_graphs(std::string_view text, const std::string& file) {
  const XmlText xml(text, file);
  const pugi::xml_node root = xml.root("graphs", "a graph file of NCCL");
  std::vector<NcclGraph> graphs;
  std::set<NcclGraphId> seen;
  for (const pugi::xml_node& node : root.children("graph")) {
    const NcclGraph graph = read_graph(xml, node);
    if (!seen.insert(graph.id).second) {
      xml.refuse(node, fmt::format("the graph of {} is there twice", hardware::name(graph.id)));
    }
    graphs.push_back(graph);
  }
  if (graphs.empty()) xml.refuse(root, "no <graph> in it");
  return graphs;
}

}  // namespace orrery::scenarios
