// NCCL 2.28.9's own search and tuner, as they print ten systems on 1 to 128 nodes: graphs, every cell to the printed
// digit, threads, and the selection by size.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/collective/nccl/tuner.hpp"

namespace orrery::sim::nccl {
namespace {

using hardware::HostCpu;

/// One topology of the tables: what its XML says.
struct System {
  int capability;
  double nvlink;  ///< GB/s of a GPU, links × NCCL's rate of one
  double pcie;
  double nic;
  int gpus, nics;
  bool nvls;
  HostCpu cpu;
};

const std::map<std::string, System>& systems() {
  static const std::map<std::string, System> kSystems{
      {"dgxh100.xml", {90, 18 * 20.6, 48, 48, 8, 8, true, HostCpu::intel_sapphire_rapids}},
      {"h800.xml", {90, 8 * 20.6, 48, 48, 8, 8, true, HostCpu::intel_sapphire_rapids}},
      {"h100x4.xml", {90, 18 * 20.6, 48, 48, 4, 4, true, HostCpu::intel_sapphire_rapids}},
      {"h100x2.xml", {90, 18 * 20.6, 48, 48, 2, 2, true, HostCpu::intel_sapphire_rapids}},
      {"hgxb200.xml", {100, 18 * 40.1, 48, 48, 8, 8, true, HostCpu::intel_sapphire_rapids}},
      {"hgxb300_800g.xml", {100, 18 * 40.1, 96, 96, 8, 8, true, HostCpu::intel_sapphire_rapids}},
      {"dgxa100.xml", {80, 12 * 20.0, 24, 24, 8, 8, false, HostCpu::amd}},
      {"a800.xml", {80, 8 * 20.0, 24, 24, 8, 8, false, HostCpu::amd}},
      {"a100pcie8.xml", {80, 0, 24, 24, 8, 1, false, HostCpu::amd}},
      {"l40s8.xml", {89, 0, 24, 24, 8, 0, false, HostCpu::intel_sapphire_rapids}},
  };
  return kSystems;
}

/// One case of a table: its head line and the lines below it.
struct Case {
  std::string system, head;
  int nodes = 0;
  std::vector<std::string> lines;
};

std::vector<Case> read_cases(const std::string& file) {
  std::vector<Case> cases;
  std::ifstream in(std::string(std::getenv("ORRERY_DATA")) + "/nccl_golden/" + file);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("== ", 0) == 0) {
      Case& next = cases.emplace_back();
      std::istringstream words(line.substr(3));
      std::string nodes;
      words >> next.system >> nodes;
      next.nodes = std::stoi(nodes.substr(nodes.find('=') + 1));
      next.head = line;
    } else if (!line.empty() && !cases.empty()) {
      cases.back().lines.push_back(line);
    }
  }
  return cases;
}

std::vector<Case> all_cases() {
  std::vector<Case> cases = read_cases("golden_single_and_few_nodes.txt");
  for (Case& each : read_cases("golden_many_nodes.txt")) cases.push_back(std::move(each));
  return cases;
}

Box box_of_case(const Case& golden) {
  static const hardware::NcclSettings kPlain;
  const System& system = systems().at(golden.system);
  Box box;
  box.capability = system.capability;
  box.local = system.gpus;
  box.nodes = golden.nodes;
  box.nvlink = system.nvlink;
  box.pcie = system.pcie;
  box.nic = system.nic;
  box.nics = system.nics;
  box.switch_reduces = system.nvls;
  box.cpu = system.cpu;
  box.two_sockets = system.gpus > 4;
  box.settings = &kPlain;
  return box;
}

NcclFunction function_of(const std::string& word) {
  const std::map<std::string, NcclFunction> kNames{{"Broadcast", NcclFunction::broadcast},
                                                   {"AllGather", NcclFunction::all_gather},
                                                   {"ReduceScatter", NcclFunction::reduce_scatter},
                                                   {"AllReduce", NcclFunction::all_reduce}};
  return kNames.at(word);
}

std::string upper(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '_') out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

std::string cell_name(NcclAlgorithm a, NcclProtocol p) {
  return upper(hardware::name(a)) + "/" + upper(hardware::name(p));
}

/// The line of a function's cells as NCCL prints it.
std::string cells_line(const Tuner& tuner, const std::string& word) {
  std::string line = fmt::format("{:13}", word);
  for (std::size_t a = 0; a < kNcclAlgorithms; ++a) {
    for (std::size_t p = 0; p < kNcclProtocols; ++p) {
      const auto algorithm = static_cast<NcclAlgorithm>(a);
      const auto protocol = static_cast<NcclProtocol>(p);
      const Cell cell = tuner.cell(function_of(word), algorithm, protocol);
      if (cell.bandwidth <= 0.0) continue;
      line += fmt::format(" {}:{:.1f}us,{:.1f}", cell_name(algorithm, protocol), cell.latency_us, cell.bandwidth);
    }
  }
  return line;
}

double bus_share(NcclFunction function, int ranks) {
  return (function == NcclFunction::all_reduce ? 2.0 : 1.0) * (ranks - 1.0) / ranks;
}

/// The line of a function's selection: a change where the choice changes, a time at round sizes.
std::string selection_line(const Tuner& tuner, const std::string& word) {
  std::string line = "sel " + word + ":";
  std::string before;
  for (int log = 6; log <= 34; ++log) {
    const double bytes = std::exp2(log);
    const Selected chosen = tuner.choose({function_of(word), bytes});
    const std::string now = cell_name(chosen.algorithm, chosen.protocol);
    if (now != before) line += fmt::format(" 2^{}:{}({:.1f}us)", log, now, chosen.time_us);
    before = now;
    if (log == 20 || log == 24 || log == 28 || log == 32 || log == 34) {
      const double bus = bytes / chosen.time_us / 1000.0 * bus_share(function_of(word), tuner.box().ranks());
      line += fmt::format(" [2^{}={:.1f}us busbw={:.1f}]", log, chosen.time_us, bus);
    }
  }
  return line;
}

std::string threads_line(const Tuner& tuner) {
  const auto of = [&](NcclAlgorithm a) {
    return fmt::format("{}/{}/{}", tuner.most_threads(a, NcclProtocol::ll), tuner.most_threads(a, NcclProtocol::ll128),
                       tuner.most_threads(a, NcclProtocol::simple));
  };
  return "maxThreads ring LL/LL128/S=" + of(NcclAlgorithm::ring) + " tree=" + of(NcclAlgorithm::tree);
}

/// The head as NCCL prints it, without what is the search's own account (maxBw, typ, same, xnic).
std::string graphs_of(const Tuner& tuner) {
  const Graphs& g = tuner.graphs();
  return fmt::format(
      "ring: ch={} bwIntra={:.1f} bwInter={:.1f} same={} tree: pat={} ch={} {:.1f}/{:.1f} nvls ch={} "
      "{:.1f}/{:.1f} comm nChannels={}",
      g.ring.channels, g.ring.intra, g.ring.inter, g.ring.same_channels ? 1 : 0, static_cast<int>(g.tree.pattern),
      g.tree.channels, g.tree.intra, g.tree.inter, g.nvls.channels, g.nvls.intra, g.nvls.inter, g.channels);
}

std::string graphs_in(const std::string& head) {
  std::string out;
  std::istringstream words(head.substr(head.find("ring:")));
  for (std::string word; words >> word;) {
    if (word == "|" || word.rfind("typ=", 0) == 0 || word.rfind("xnic=", 0) == 0) continue;
    out += (out.empty() ? "" : " ") + word;
  }
  return out;
}

TEST(NcclGolden, GraphsFollowFromTheLinks) {
  if (std::getenv("ORRERY_DATA") == nullptr) GTEST_SKIP() << "ORRERY_DATA is not set";
  const std::vector<Case> cases = all_cases();
  EXPECT_EQ(cases.size(), 37u);
  for (const Case& golden : cases) {
    EXPECT_EQ(graphs_of(Tuner(box_of_case(golden))), graphs_in(golden.head)) << golden.head;
  }
}

TEST(NcclGolden, EveryCellAgreesToThePrintedDigit) {
  if (std::getenv("ORRERY_DATA") == nullptr) GTEST_SKIP() << "ORRERY_DATA is not set";
  int cells = 0, threads = 0;
  for (const Case& golden : all_cases()) {
    const Tuner tuner(box_of_case(golden));
    for (const std::string& line : golden.lines) {
      if (line.rfind("sel ", 0) == 0) continue;
      if (line.rfind("maxThreads", 0) == 0) {
        EXPECT_EQ(threads_line(tuner), line) << golden.head;
        ++threads;
        continue;
      }
      const std::string word = line.substr(0, line.find(' '));
      EXPECT_EQ(cells_line(tuner, word), line) << golden.head;
      for (std::size_t at = line.find("us,"); at != std::string::npos; at = line.find("us,", at + 1)) ++cells;
    }
  }
  EXPECT_EQ(cells, 396);
  EXPECT_EQ(threads, 9);
}

TEST(NcclGolden, EverySelectionAgrees) {
  if (std::getenv("ORRERY_DATA") == nullptr) GTEST_SKIP() << "ORRERY_DATA is not set";
  int selections = 0;
  for (const Case& golden : all_cases()) {
    const Tuner tuner(box_of_case(golden));
    for (const std::string& line : golden.lines) {
      if (line.rfind("sel ", 0) != 0) continue;
      const std::string word = line.substr(4, line.find(':') - 4);
      EXPECT_EQ(selection_line(tuner, word), line) << golden.head;
      ++selections;
    }
  }
  EXPECT_EQ(selections, 111);
}

}  // namespace
}  // namespace orrery::sim::nccl
