#include "calibrate/collective_columns.hpp"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "hardware/nearest_names.hpp"

namespace orrery::calibrate {
namespace {

struct Kind {
  std::string_view what;
  std::vector<std::string_view> columns;
};

const std::vector<Kind>& collective_tables() {
  static const std::vector<Kind> kinds = {
      {"NCCL's collectives", {"op", "dtype", "gpus", "bytes", "time_us"}},
      {"serving engines' all_reduce", {"backend", "kernel", "dtype", "gpus", "bytes", "time_us"}},
      {"DeepEP's normal kernels",
       {"nodes", "hidden", "tokens", "topk", "experts", "dispatch_sms", "dispatch_transmit_us", "dispatch_notify_us",
        "combine_sms", "combine_transmit_us", "combine_notify_us"}},
      {"DeepEP's low-latency kernels",
       {"nodes", "hidden", "tokens", "topk", "experts", "dispatch_us", "dispatch_GBps", "combine_us", "combine_GBps"}},
      {"expert exchanges over NVLink",
       {"op", "kernel", "dtype", "tokens", "hidden", "topk", "experts", "moe_ep", "distribution", "time_us"}},
      {"calls over several nodes", {"system", "op", "workers", "devices_per_node", "bytes", "median_us"}},
      {"published figures", {"id", "op", "dtype", "node", "fabric", "gpus", "nodes", "bytes", "busbw_GBps", "source"}}};
  return kinds;
}

std::vector<std::string> missing_of(const CsvTable& table, const Kind& kind) {
  std::vector<std::string> missing;
  for (const std::string_view column : kind.columns) {
    if (table.column(column) < 0) missing.emplace_back(column);
  }
  return missing;
}

/// Those of the table that the kind has no use for, one of which may be a misspelt one.
std::vector<std::string> spare_of(const CsvTable& table, const Kind& kind) {
  std::vector<std::string> spare;
  for (const std::string& column : table.columns) {
    bool used = false;
    for (const std::string_view name : kind.columns) used = used || name == column;
    if (!used) spare.push_back(column);
  }
  return spare;
}

}  // namespace

void require_collective_columns(const CsvTable& table) {
  const Kind* nearest = nullptr;
  std::vector<std::string> missing;
  double share = 0.0;
  std::string all;
  for (const Kind& kind : collective_tables()) {
    std::vector<std::string> lacks = missing_of(table, kind);
    if (lacks.empty()) return;
    const double has = 1.0 - static_cast<double>(lacks.size()) / static_cast<double>(kind.columns.size());
    all += fmt::format("{}of {} {}", all.empty() ? "" : "; ", kind.what, fmt::join(kind.columns, ", "));
    if (has <= share) continue;
    share = has;
    nearest = &kind;
    missing = std::move(lacks);
  }
  constexpr double kNear = 0.5;
  hardware::Diagnostic error;
  error.file = table.file;
  error.span = {1, 1};
  if (nearest == nullptr || share < kNear) {
    error.message = fmt::format("no table of collectives, which have these columns: {}", all);
  } else {
    for (const std::string& column : missing) {
      if (!error.message.empty()) error.message += ", ";
      const std::vector<std::string> near = hardware::nearest_names(column, spare_of(table, *nearest));
      error.message += fmt::format("no column '{}'", column);
      if (!near.empty()) error.message += fmt::format(" (is {} meant?)", hardware::shown(near.front()));
    }
    error.message += fmt::format(": a table of {} has {}", nearest->what, fmt::join(nearest->columns, ", "));
  }
  throw hardware::ConfigError(std::vector<hardware::Diagnostic>{std::move(error)});
}

}  // namespace orrery::calibrate
