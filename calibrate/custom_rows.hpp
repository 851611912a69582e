// Tables of the all_reduce kernels of serving engines (columns backend, kernel, dtype, gpus, bytes, time_us).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "calibrate/tables.hpp"
#include "kernels/kernel.hpp"

namespace orrery::calibrate {

/// One row of the table.
struct CustomRow {
  int line = 0;  ///< of the table, 1 is the header
  kernels::Implementation library = kernels::Implementation::automatic;
  bool eager = false;
  int ranks = 0;
  Bytes bytes;
  Seconds measured;
  bool kept_back = false;  ///< unseen_point: a fifth of the (ranks, bytes), for every library alike
};

struct CustomRows {
  std::vector<CustomRow> rows;
  std::vector<SkippedRow> skipped;
};

/// Where a library changes its kernel: from `two_shot` on it takes the two-shot (or symmetric-memory) one, from
/// `symmetric` on the symmetric-memory one, above `limit` NCCL. Either is above `limit` where it never does.
struct CustomLimits {
  Bytes two_shot, limit, symmetric;
};

/// For 2, 4 or 8 ranks of one node of GPUs of that generation. REQUIRES vLLM, SGLang or TensorRT-LLM.
[[nodiscard]] CustomLimits custom_limits(kernels::Implementation library, std::string_view generation, int ranks);

/// True if the table has the columns of such a table.
[[nodiscard]] bool is_custom_table(const CsvTable& table);

/// Throws hardware::ConfigError on a cell that is not a number; unknown kernels are skipped by name.
[[nodiscard]] CustomRows read_custom_rows(const CsvTable& table);

/// Two Fits per library and number of ranks: "custom_allreduce/vllm_graph/8" (one_shot_s, one_shot_bandwidth,
/// two_shot_s, two_shot_bandwidth, switch_bytes, limit_bytes; symmetric_s, symmetric_bandwidth, symmetric_bytes where
/// the library has the three forms) and ".../vllm_eager/8" (host_s, copy_s, copy_s_per_mib; no copy where it did not
/// show). The host does the same work for any number of ranks: where one run's host took longer by a quarter than the
/// library's others, it was busy, and the others' median is its H.
[[nodiscard]] FitOutcome fit_custom(const CsvTable& table, const hardware::Gpu& gpu, std::string_view date);

/// Predicts every row; rows above a library's limit form the group "nccl".
[[nodiscard]] ErrorReport validate_custom(const CsvTable& table, const hardware::Site& site);

}  // namespace orrery::calibrate
