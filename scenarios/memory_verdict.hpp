// Whether a run fits its GPU's memory, and how sure that is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hardware/units.hpp"

namespace orrery::scenarios {

enum class Fit : std::uint8_t {
  fits,
  tight,  ///< it fits by the model, by less than the model may err
  does_not_fit
};

struct MemoryVerdict {
  Fit fit = Fit::fits;
  Bytes margin;            ///< what is left; negative: what is missing
  bool uncertain = false;  ///< the margin, either way, is less than the model may err
};

/// Share of a GPU's memory by which the prediction may err.
/// Training: PyTorch's allocator reserves 1.05 times what is allocated in the median, 1.09 at most (SimuMax's 29 runs
/// on B200, MooreThreads/SimuMax @4dcaae5: peak reserved over peak allocated); serving: vLLM's logged caches lie within
/// 2 % of the GPU's memory of the formula's (models/serving/kv_pool.cpp).
inline constexpr double kTrainingMemoryDoubt = 0.09;
inline constexpr double kServingMemoryDoubt = 0.02;

/// `doubt` is a share of `capacity`.
[[nodiscard]] MemoryVerdict memory_verdict(Bytes margin, Bytes capacity, double doubt);

/// "fits", "tight", "does_not_fit".
[[nodiscard]] std::string_view name(Fit fit);
/// "fits: 20.3 GiB to spare"; "tight: 0.4 GiB to spare (uncertain: …)". `of_what` follows the margin where that is not
/// capacity less peak: "beside one request of 4,096 tokens".
[[nodiscard]] std::string describe(const MemoryVerdict& verdict, std::string_view of_what = {});

}  // namespace orrery::scenarios
