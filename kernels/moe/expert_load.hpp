// How many token-expert pairs ("rows") the most loaded rank of an expert-parallel group computes. See the .cpp.
#pragma once

#include "kernels/kernel.hpp"

namespace orrery::kernels {

struct ExpertLoadOfRank {
  double rows = 0.0;    ///< token-expert pairs of the rank
  double active = 0.0;  ///< experts of the rank with at least one row
};

/// Expected load of the most loaded rank (of every rank where the load is balanced). Deterministic: a closed form
/// of the router's distribution, no sampling. REQUIRES check(shape).empty().
[[nodiscard]] ExpertLoadOfRank expert_load(const MoeShape& shape);

}  // namespace orrery::kernels
