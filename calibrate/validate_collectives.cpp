// Predictions beside tables of collectives, by the columns of each.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "calibrate/collective_columns.hpp"
#include "calibrate/custom_rows.hpp"
#include "calibrate/exchange_rows.hpp"
#include "calibrate/nccl_rows.hpp"
#include "calibrate/network_rows.hpp"
#include "calibrate/split.hpp"
#include "hardware/config/config.hpp"
#include "sim/collective/fitted.hpp"

namespace orrery::calibrate {
namespace {

constexpr std::string_view kOverNodes = "over_nodes";

/// Over how many nodes a row is, where each has `most` GPUs; what keeps it from being so is its reason.
std::string find_nodes(NcclRow& row, int most) {
  if (row.nodes > 0) return row.ranks / row.nodes > most ? fmt::format("a node has {} GPUs", most) : "";
  if (row.ranks > most && row.ranks % most != 0) {
    return fmt::format("a node has {} GPUs, and {} are of no whole nodes", most, row.ranks);
  }
  row.nodes = std::max(1, row.ranks / most);
  return {};
}

PredictedRow predicted_row(const NcclRow& row, const Machine& machine) {
  const hardware::Site site = machine.cluster.site(0);
  const bool fitted = site.gpu.find_fit(sim::collective_fit_key(row.kind, row.ranks)) != nullptr;
  const std::string_view group = row.nodes > 1   ? kOverNodes
                                 : !fitted       ? kUnseenFamily
                                 : row.kept_back ? kUnseenPoint
                                                 : kSeen;
  PredictedRow out{row.line, describe(row), std::string(group), machine.model->time(call_of(row)).value(),
                   row.measured.value()};
  out.family = fmt::format("{}, {}", sim::name(row.kind),
                           row.nodes > 1 ? group_text(row.ranks, row.nodes) : fmt::format("{} GPUs", row.ranks));
  return out;
}

}  // namespace

ErrorReport validate_nccl(NcclRows read, Machines& machines) {
  const int most = machines.site().gpus_per_node();
  std::vector<PredictedRow> predicted;
  std::set<int> unsaid, over;
  for (NcclRow& row : read.rows) {
    const bool is_said = row.nodes > 0;
    std::string why = find_nodes(row, most);
    try {
      if (why.empty()) predicted.push_back(predicted_row(row, machines.of(row.nodes)));
    } catch (const hardware::ConfigError& error) {
      why = error.what();
    }
    if (!why.empty()) {
      read.skipped.push_back({row.line, describe(row), std::move(why)});
    } else if (row.nodes > 1) {
      over.insert(row.nodes);
      if (!is_said) unsaid.insert(row.ranks);
    }
  }
  ErrorReport report = summarise(std::move(predicted), std::move(read.skipped));
  if (!unsaid.empty()) {
    report.notes.push_back(fmt::format("{} GPUs are taken as those of whole nodes of {}: the table has no column nodes",
                                       fmt::join(unsaid, ", "), most));
  }
  for (const int nodes : over)
    report.notes.push_back(fmt::format("over {} nodes: {}", nodes, machines.describe(nodes)));
  return report;
}

ErrorReport validate_collectives(const std::filesystem::path& path, Machines& machines) {
  const CsvTable table = read_csv(path);
  require_collective_columns(table);
  const hardware::Site site = machines.site();
  if (!is_published_table(table)) require_nccl(table, site.gpu);
  if (is_custom_table(table)) return validate_custom(table, site);
  if (is_exchange_table(table)) return validate_exchange(table, site);
  if (is_eager_table(table)) return validate_eager(table, machines);
  if (is_published_table(table)) return validate_published(table, site.gpu.name);
  NcclRows read = read_nccl_rows(table);
  if (table.column("campaign") >= 0) read.rows = median_rows(read.rows);
  return validate_nccl(std::move(read), machines);
}

ErrorReport validate_collectives(const std::filesystem::path& path, const hardware::Site& site) {
  Machines machines(site);
  return validate_collectives(path, machines);
}

}  // namespace orrery::calibrate
