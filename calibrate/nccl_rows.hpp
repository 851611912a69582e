// NCCL tables (columns op, dtype, gpus, bytes, time_us): fitting the laws of collectives on one node, and predicting
// rows over one or several.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "calibrate/machines.hpp"
#include "calibrate/tables.hpp"
#include "sim/collective/collective.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::calibrate {

/// One row of the table.
struct NcclRow {
  int line = 0;  ///< of the table, 1 is the header
  sim::CollectiveKind kind = sim::CollectiveKind::all_reduce;
  int ranks = 0;
  int nodes = 0;  ///< 0: the table doesn't say
  Bytes bytes;
  Seconds measured;
  std::string dtype;
  bool kept_back = false;  ///< unseen_point: a fifth of the (kind, ranks, bytes), whatever the dtype
};

struct NcclRows {
  std::vector<NcclRow> rows;
  std::vector<SkippedRow> skipped;
};

/// A row as a table or a log has it, before anything is known of it.
struct RawNcclRow {
  int line = 0;
  std::string operation, dtype;
  std::int64_t ranks = 0;
  std::optional<std::int64_t> nodes = std::nullopt;  ///< nullopt: it doesn't say
  double bytes = 0.0, time_us = 0.0;
};

/// Adds the row to those that are read, or to the skipped ones with the reason: an operation or type that NCCL has not,
/// a sum of elements that it only moves, a size or time that is none, GPUs that are not as many on each node.
void add_row(RawNcclRow row, NcclRows& rows);

/// "all_reduce", "alltoall": as tables and nccl-tests call an operation.
[[nodiscard]] std::optional<sim::CollectiveKind> parse_operation(std::string_view text);

/// The call of a row; of a row that doesn't say its nodes, on one.
[[nodiscard]] sim::CollectiveCall call_of(const NcclRow& row);

/// "all_reduce of 1024 bytes (fp16) on 16 GPUs of 2 nodes".
[[nodiscard]] std::string describe(const NcclRow& row);

/// True if the table has the columns of an NCCL table.
[[nodiscard]] bool is_nccl_table(const CsvTable& table);

/// A column `nodes`, or `num_nodes`, may say over how many nodes `gpus`, all of them, are; an empty cell says nothing.
/// Throws hardware::ConfigError on a cell that is not a number; add_row() says what is skipped.
[[nodiscard]] NcclRows read_nccl_rows(const CsvTable& table);

/// One row for each (kind, ranks, bytes, dtype): the median of its campaigns, at the line of its first. What a campaign
/// saw of small messages repeats within a factor of two only.
[[nodiscard]] std::vector<NcclRow> median_rows(const std::vector<NcclRow>& rows);

/// Predicts each row, over its nodes. Where it doesn't say over how many, GPUs beyond those of a node are of whole
/// nodes. Rows over several nodes have the group "over_nodes"; `notes` say what was assumed for them.
[[nodiscard]] ErrorReport validate_nccl(NcclRows rows, Machines& machines);

/// Throws hardware::ConfigError where no NCCL runs on the GPU: nothing of the table is of it.
void require_nccl(const CsvTable& table, const hardware::Gpu& gpu);

/// The node's law, "nccl/node", and one Fit per (kind, ranks), "nccl/all_reduce/8" (sim/collective/fitted.hpp), on the
/// rows that are not kept back; residuals of both parts, and of families that the node's law did not see. Families with
/// fewer than six rows, and those of more ranks than a node of the site has, are left out; so are rows over several
/// nodes. Throws as require_nccl().
[[nodiscard]] FitOutcome fit_nccl(const CsvTable& table, const hardware::Site& site, std::string_view date);

}  // namespace orrery::calibrate
