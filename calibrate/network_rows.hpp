// Collectives over several nodes: tables of torch.distributed over two nodes, and of published bus bandwidths.
#pragma once

#include <string>
#include <string_view>

#include "calibrate/error_report.hpp"
#include "calibrate/machines.hpp"
#include "calibrate/tables.hpp"
#include "hardware/cluster.hpp"

namespace orrery::calibrate {

/// "16 GPUs of 2 nodes".
[[nodiscard]] std::string group_text(int ranks, int nodes);

/// Vidur's table (columns system, op, workers, devices_per_node, bytes, median_us): all_reduce and send_recv, launched
/// one by one.
[[nodiscard]] bool is_eager_table(const CsvTable& table);

/// Predicts each row of the board of `machines`: the rows of another system are skipped by its name, and those of pairs
/// that are bridged where the node has no bridge. The group "host_bound" has messages below 1 MiB, which the host's
/// launches hold back more than any link. Throws hardware::ConfigError on a cell that is no number.
[[nodiscard]] ErrorReport validate_eager(const CsvTable& table, Machines& machines);

/// A table of published figures (columns id, op, dtype, node, fabric, gpus, nodes, bytes, busbw_GBps, source): each row
/// names the machine; `gpus` of all `nodes`. A column `algorithm` holds what NCCL was told or seen to take, as
/// NCCL_ALGO would say it; empty: what it chooses by itself.
[[nodiscard]] bool is_published_table(const CsvTable& table);

/// Predicts each row's bus bandwidth; `gpu`, where it is not empty, keeps to the rows of that board. Throws
/// hardware::ConfigError on a cell that is no number; an unknown node or fabric, a group larger than the node, a sum of
/// elements that NCCL only moves, an algorithm that it does not have for the call and the like are skipped with the
/// reason.
[[nodiscard]] ErrorReport validate_published(const CsvTable& table, std::string_view gpu);

}  // namespace orrery::calibrate
