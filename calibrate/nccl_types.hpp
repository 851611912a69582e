// Types of elements as NCCL's tests name them, and as we do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hardware/dtype.hpp"
#include "hardware/units.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::calibrate {

/// A type that a collective may be asked about.
struct NcclType {
  std::string_view word;    ///< as it is asked for: "bfloat16", "bf16", "nvfp4"
  std::string_view name;    ///< of NCCL: "bfloat16"; of what it has no type for, that of the bytes it is moved as
  Dtype dtype;              ///< what NCCL's choice makes of it: its size in a sum, and whether the switch adds it
  double bytes = 0.0;       ///< of an element of `name`
  bool only_moved = false;  ///< NCCL has no such elements: it moves their bytes, and can sum none
};

/// Every word, NCCL's own first.
[[nodiscard]] const std::vector<NcclType>& nccl_types();

/// Why NCCL can't carry out the operation on such elements: "all_reduce of int4: …"; empty: it can.
[[nodiscard]] std::string sum_refusal(sim::CollectiveKind kind, const NcclType& type);

/// The type of that word; nullptr: unknown.
[[nodiscard]] const NcclType* find_nccl_type(std::string_view word);

/// That of one of our number formats.
[[nodiscard]] const NcclType& nccl_type(Dtype dtype);

}  // namespace orrery::calibrate
