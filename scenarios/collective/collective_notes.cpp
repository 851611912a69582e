// What a table of `orrery collective` says beside its rows. See collective_table.hpp.
#include <algorithm>

#include <fmt/format.h>

#include "scenarios/collective/collective_table.hpp"
#include "scenarios/format.hpp"
#include "scenarios/nccl_section.hpp"

namespace orrery::scenarios {
namespace {

void add_once(std::vector<std::string>& notes, std::string note) {
  if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(std::move(note));
}

/// Switches that leave an exchange less than its cards have.
void add_fabric(const CollectiveTable& table, std::vector<std::string>& notes) {
  const bool is_direct = table.query.cluster.fabric.kind == hardware::FabricKind::dragonfly;
  for (const CollectiveLine& line : table.lines) {
    const std::string_view held = line.bound.link_class;
    if (is_direct && held == "nic" && line.bound.bytes > Bytes{}) {
      return notes.push_back(
          "links between the routers of a group are taken to be wide enough: a job collective: counts what is on them");
    }
    if (held != "leaf" && held != "spine") continue;
    return notes.push_back(fmt::format("links of the fabric hold it up (class {}): a GPU gets {:.4g} GB/s there", held,
                                       line.bound.bandwidth.value() / 1e9));
  }
}

void add_dips(const CollectiveTable& table, std::vector<std::string>& notes) {
  const std::vector<std::size_t> order = by_size(table);
  for (std::size_t i = 1; i < order.size(); ++i) {
    const CollectiveLine &before = table.lines[order[i - 1]], &line = table.lines[order[i]];
    if (!line.dips) continue;
    notes.push_back(fmt::format("{} take less than {}: NCCL's own model goes from {} to {} there",
                                readable(line.size.value(), Unit::bytes), readable(before.size.value(), Unit::bytes),
                                way_of(before.estimate), way_of(line.estimate)));
  }
}

/// Where a way that NCCL leaves would have been far faster, or far slower.
void add_jumps(const CollectiveTable& table, std::vector<std::string>& notes) {
  for (const std::size_t at : by_size(table)) {
    const CollectiveLine& line = table.lines[at];
    if (!line.jump || line.dips) continue;
    const Seconds now = line.estimate.time, stayed = line.jump->time;
    notes.push_back(fmt::format(
        "at {} the time jumps {}: NCCL's own model goes from {} to {} there, {} where {} would "
        "take {}",
        readable(line.size.value(), Unit::bytes), now > stayed ? "up" : "down", line.jump->from, way_of(line.estimate),
        readable(now.value(), Unit::seconds), line.jump->from, readable(stayed.value(), Unit::seconds)));
  }
}

/// The sizes at which more nodes are faster, by the ways that both go.
void add_faster(const CollectiveTable& table, std::vector<std::string>& notes) {
  std::vector<std::string> told;
  for (const std::size_t at : by_size(table)) {
    const CollectiveLine& line = table.lines[at];
    if (!line.slower) continue;
    const std::string from = way_of(line.slower->estimate), to = way_of(line.estimate);
    if (std::find(told.begin(), told.end(), from + to) != told.end()) continue;
    told.push_back(from + to);
    const std::string why =
        from == to
            ? fmt::format(
                  "both by {}: no choice of NCCL's, but what this model reckons over one and over several nodes", to)
            : fmt::format("NCCL's own model goes from {} there to {} here", from, to);
    notes.push_back(fmt::format("from {} on {} nodes take less than {} ({}): {}",
                                readable(line.size.value(), Unit::bytes), table.query.nodes, line.slower->nodes,
                                readable(line.slower->estimate.time.value(), Unit::seconds), why));
  }
}

}  // namespace

std::vector<std::string> notes_of(const CollectiveTable& table) {
  std::vector<std::string> notes;
  for (const CollectiveLine& line : table.lines) {
    if (!line.refusal.empty()) add_once(notes, "refused: " + line.refusal + "; what NCCL takes unasked is shown");
  }
  for (std::string& note : nccl_notes(table.query.cluster.nccl)) notes.push_back(std::move(note));
  if (const calibrate::NcclType& type = table.query.type; type.only_moved) {
    notes.push_back(fmt::format("{}: NCCL has no such type; it is moved as bytes ({})", type.word, type.name));
  }
  const auto is_symmetric = [](const CollectiveLine& line) { return line.estimate.algorithm.starts_with("symmetric"); };
  if (table.query.cluster.nccl.symmetric && std::none_of(table.lines.begin(), table.lines.end(), is_symmetric)) {
    notes.push_back(
        "cluster.nccl.symmetric: NCCL has no kernel over symmetric memory for this call (sums of floats and gathers, "
        "among "
        "GPUs of one node that a switch joins): what it takes without is shown");
  }
  add_fabric(table, notes);
  add_dips(table, notes);
  add_jumps(table, notes);
  add_faster(table, notes);
  for (const CollectiveLine& line : table.lines) {
    if (!line.estimate.extrapolated.empty()) add_once(notes, "extrapolated: " + line.estimate.extrapolated);
  }
  return notes;
}

}  // namespace orrery::scenarios
