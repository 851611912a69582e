// Reading and predicting tables of collectives over several nodes. See network_rows.hpp.
//
// Source of the eager table: microsoft/vidur data/profiling/network (torch.distributed, median of the repeats).
#include "calibrate/network_rows.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "calibrate/nccl_refusal.hpp"
#include "calibrate/nccl_rows.hpp"
#include "calibrate/nccl_types.hpp"
#include "calibrate/rows.hpp"
#include "calibrate/split.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "sim/collective/model.hpp"

namespace orrery::calibrate {
namespace {

using hardware::printable;

constexpr std::string_view kHostBound = "host_bound", kPublished = "published";
constexpr double kHostBoundBelow = 1048576.0;

/// A system of the eager table: its boards, and whether bridges join them in pairs.
struct System {
  std::string_view name, board;
  bool bridged;
};
constexpr std::array<System, 5> kSystems{{{"a100_dgx", "a100_sxm", false},
                                          {"h100_dgx", "h100_sxm", false},
                                          {"a100_pairwise_nvlink", "a100_pcie", true},
                                          {"h100_pairwise_nvlink", "h100_nvl", true},
                                          {"a40_pairwise_nvlink", "a40", true}}};

bool has_columns(const CsvTable& table, std::initializer_list<std::string_view> columns) {
  return std::all_of(columns.begin(), columns.end(),
                     [&](std::string_view column) { return table.column(column) >= 0; });
}

/// One row of the eager table.
struct EagerRow {
  const System* system = nullptr;
  std::string op;
  int ranks = 0, nodes = 0;
  Bytes bytes;
  Seconds measured;
};

/// Why the row can't be predicted on the site; empty: it can.
std::string why_not(const EagerRow& row, std::string_view system, const hardware::Site& site) {
  if (row.system == nullptr) return fmt::format("an unknown system {}", hardware::shown(system));
  if (row.system->board != site.gpu.name) return fmt::format("measured on {} (--gpu)", row.system->board);
  if (row.op != "all_reduce" && row.op != "send_recv") return "unknown operation";
  if (row.nodes < 1 || row.ranks < 2 || !(row.bytes > Bytes{}) || !(row.measured > Seconds{})) {
    return "needs two GPUs, as many on each node, and a positive size and time";
  }
  if (row.ranks / row.nodes > site.gpus_per_node()) return fmt::format("a node has {} GPUs", site.gpus_per_node());
  if (row.system->bridged && row.ranks > row.nodes && !(site.nvlink_among(2).value() > 0.0)) {
    return fmt::format("its GPUs are bridged in pairs, and {} has no bridge (--node)", site.node.name);
  }
  return {};
}

EagerRow read_eager(const CsvTable& table, std::size_t i) {
  EagerRow row;
  const std::string& system = text_cell(table, i, table.column("system"));
  const auto* found = std::find_if(kSystems.begin(), kSystems.end(), [&](const System& s) { return s.name == system; });
  row.system = found == kSystems.end() ? nullptr : found;
  row.op = text_cell(table, i, table.column("op"));
  const std::int64_t ranks = integer_cell(table, i, table.column("workers"));
  const std::int64_t each = integer_cell(table, i, table.column("devices_per_node"));
  constexpr std::int64_t kMost = 1 << 20;
  if (each > 0 && ranks >= each && ranks <= kMost && ranks % each == 0) {
    row.ranks = static_cast<int>(ranks);
    row.nodes = static_cast<int>(ranks / each);
  }
  row.bytes = Bytes{number_cell(table, i, table.column("bytes"))};
  row.measured = Seconds{number_cell(table, i, table.column("median_us")) * 1e-6};
  return row;
}

constexpr std::string_view kAlgorithm = "algorithm";  ///< a column that a table of published figures may have

/// A row of published figures with its machine.
struct PublishedRow {
  sim::CollectiveCall call;
  hardware::Cluster cluster;
  std::string why_not;  ///< empty: it can be predicted
};

PublishedRow read_published(const CsvTable& table, std::size_t i) {
  PublishedRow out;
  const auto text = [&](std::string_view column) { return text_cell(table, i, table.column(column)); };
  const auto whole = [&](std::string_view column) { return integer_cell(table, i, table.column(column)); };
  const std::int64_t ranks = whole("gpus"), nodes = whole("nodes");
  const auto kind = parse_operation(text("op"));
  const NcclType* type = find_nccl_type(text("dtype"));
  out.call.bytes = Bytes{number_cell(table, i, table.column("bytes"))};
  constexpr std::int64_t kMost = 1 << 20;
  if (!kind) return out.why_not = "unknown operation", out;
  if (type == nullptr) return out.why_not = fmt::format("unknown type {}", hardware::shown(text("dtype"))), out;
  if (nodes < 1 || ranks < 2 || ranks > kMost || ranks % nodes != 0 || !(out.call.bytes > Bytes{}) ||
      !(number_cell(table, i, table.column("busbw_GBps")) > 0.0)) {
    return out.why_not = "needs two GPUs, as many on each node, and a positive size and bandwidth", out;
  }
  if (std::string refusal = sum_refusal(*kind, *type); !refusal.empty()) return out.why_not = std::move(refusal), out;
  out.call.kind = *kind, out.call.dtype = type->dtype;
  out.call.ranks = static_cast<int>(ranks), out.call.nodes = static_cast<int>(nodes);
  try {
    out.cluster = hardware::make_cluster(text("node"), text("fabric"), out.call.nodes);
  } catch (const hardware::ConfigError& error) {
    return out.why_not = error.what(), out;
  }
  if (table.column(kAlgorithm) >= 0 && !text(kAlgorithm).empty()) {
    hardware::ParsedNcclList told = hardware::parse_nccl_algorithms(text(kAlgorithm));
    if (!told.error.empty()) return out.why_not = told.error, out;
    if (*kind == sim::CollectiveKind::all_to_all) {
      return out.why_not = "an all_to_all is made of messages: NCCL has no algorithm for it", out;
    }
    out.cluster.nccl.algorithms = std::move(told.list);
  }
  out.why_not = out.cluster.misfit();
  const int most = out.cluster.groups[0].node.gpus;
  if (ranks / nodes > most) out.why_not = fmt::format("a node has {} GPUs", most);
  if (!out.why_not.empty()) return out;
  const hardware::Site site = out.cluster.site(0);
  out.why_not = nccl_refusal(out.call, sim::select(out.call, site), site, kAlgorithm, "protocol");
  return out;
}

}  // namespace

std::string group_text(int ranks, int nodes) {
  return fmt::format("{} GPUs of {} node{}", ranks, nodes, nodes == 1 ? "" : "s");
}

bool is_eager_table(const CsvTable& table) {
  return has_columns(table, {"system", "op", "workers", "devices_per_node", "bytes", "median_us"});
}

ErrorReport validate_eager(const CsvTable& table, Machines& machines) {
  const hardware::Site site = machines.site();
  std::vector<PredictedRow> predicted;
  std::vector<SkippedRow> skipped;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const EagerRow row = read_eager(table, i);
    const std::string& system = text_cell(table, i, table.column("system"));
    std::string what = fmt::format("{} of {:.0f} bytes on {}, {}", printable(row.op), row.bytes.value(),
                                   group_text(row.ranks, row.nodes), printable(system));
    if (std::string why = why_not(row, system, site); !why.empty()) {
      skipped.push_back({line_of(i), std::move(what), std::move(why)});
      continue;
    }
    const Machine* found = nullptr;
    try {
      found = &machines.of(row.nodes);
    } catch (const hardware::ConfigError& error) {
      skipped.push_back({line_of(i), std::move(what), error.what()});
      continue;
    }
    const Machine& machine = *found;
    const Seconds time = row.op == "send_recv"
                             ? sim::transfer_time(row.bytes, row.nodes == 1, machine.cluster.site(0))
                             : machine.model->time({sim::CollectiveKind::all_reduce, row.bytes, row.ranks, row.nodes});
    const std::string_view group = row.bytes.value() < kHostBoundBelow ? kHostBound : kUnseenFamily;
    PredictedRow out{line_of(i), std::move(what), std::string(group), time.value(), row.measured.value()};
    out.family = fmt::format("{}, {}, {}{}", row.op, row.system->name, group_text(row.ranks, row.nodes),
                             group == kHostBound ? ", below 1 MiB" : "");
    predicted.push_back(std::move(out));
  }
  return summarise(std::move(predicted), std::move(skipped));
}

bool is_published_table(const CsvTable& table) {
  return has_columns(table, {"id", "op", "dtype", "node", "fabric", "gpus", "nodes", "bytes", "busbw_GBps", "source"});
}

ErrorReport validate_published(const CsvTable& table, std::string_view gpu) {
  // Other columns are whoever's; one that is nearly the optional one is a slip.
  for (const std::string& column : table.columns) {
    if (column == kAlgorithm || hardware::nearest_names(column, {std::string(kAlgorithm)}).empty()) continue;
    throw hardware::ConfigError(
        fmt::format("{}:1: unknown column {}; did you mean {}?", table.file, hardware::shown(column), kAlgorithm));
  }
  std::vector<PredictedRow> predicted;
  std::vector<SkippedRow> skipped;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    PublishedRow row = read_published(table, i);
    const std::string id = printable(text_cell(table, i, table.column("id")));
    const std::string node = printable(text_cell(table, i, table.column("node")));
    std::string what = fmt::format("{} of {:.0f} bytes on {} ({})", sim::name(row.call.kind), row.call.bytes.value(),
                                   group_text(row.call.ranks, row.call.nodes), node);
    const std::string board = row.why_not.empty() ? row.cluster.groups[0].gpu.name : std::string();
    if (!gpu.empty() && row.why_not.empty() && board != gpu) row.why_not = fmt::format("of {} (--gpu)", board);
    if (!row.why_not.empty()) {
      skipped.push_back({line_of(i), std::move(what), std::move(row.why_not), id});
      continue;
    }
    const Seconds time = sim::collective_time(row.call, row.cluster.site(0));
    const double bus = row.call.bytes.value() * sim::bus_factor(row.call.kind, row.call.ranks) / time.value();
    constexpr double kGiga = 1e9;
    PredictedRow out{line_of(i), std::move(what), std::string(kPublished), bus,
                     number_cell(table, i, table.column("busbw_GBps")) * kGiga};
    out.metric = "busbw_bytes_per_s";
    out.id = id;
    out.family = fmt::format("{}, {}, {}", sim::name(row.call.kind), node, group_text(row.call.ranks, row.call.nodes));
    predicted.push_back(std::move(out));
  }
  return summarise(std::move(predicted), std::move(skipped));
}

}  // namespace orrery::calibrate
