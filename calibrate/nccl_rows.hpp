// NCCL tables (columns op, dtype, gpus, bytes, time_us): fitting the laws of collectives on one node.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "calibrate/tables.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::calibrate {

/// One row of the table.
struct NcclRow {
  int line = 0;  ///< of the table, 1 is the header
  sim::CollectiveKind kind = sim::CollectiveKind::all_reduce;
  int ranks = 0;
  Bytes bytes;
  Seconds measured;
  std::string dtype;
  bool kept_back = false;  ///< unseen_point: a fifth of the (kind, ranks, bytes), whatever the dtype
};

struct NcclRows {
  std::vector<NcclRow> rows;
  std::vector<SkippedRow> skipped;
};

/// "all_reduce", "alltoall": as tables and nccl-tests call an operation.
[[nodiscard]] std::optional<sim::CollectiveKind> parse_operation(std::string_view text);

/// True if the table has the columns of an NCCL table.
[[nodiscard]] bool is_nccl_table(const CsvTable& table);

/// Throws hardware::ConfigError on a cell that is not a number; unknown operations are skipped by name.
[[nodiscard]] NcclRows read_nccl_rows(const CsvTable& table);

/// One row for each (kind, ranks, bytes, dtype): the median of its campaigns, at the line of its first. What a campaign
/// saw of small messages repeats within a factor of two only.
[[nodiscard]] std::vector<NcclRow> median_rows(const std::vector<NcclRow>& rows);

/// The node's law, "nccl/node", and one Fit per (kind, ranks), "nccl/all_reduce/8" (sim/collective/fitted.hpp), on the
/// rows that are not kept back; residuals of both parts, and of families that the node's law did not see. Families with
/// fewer than six rows, and those of more ranks than a node of the site has, are left out.
[[nodiscard]] FitOutcome fit_nccl(const CsvTable& table, const hardware::Site& site, std::string_view date);

}  // namespace orrery::calibrate
