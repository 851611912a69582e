// Fused mixture-of-experts block of one rank: routing, permutation, two grouped GEMMs, weighted sum.
//
// moe.cpp holds shape rules and work, expert_load.* how tokens spread over experts, moe_time.cpp the model,
// moe_surfaces.cpp what measurements add to it.
#pragma once

#include "kernels/family.hpp"

namespace orrery::kernels {

[[nodiscard]] FamilyRow moe_family();

/// Weight streaming of the activated experts against tile-padded grouped GEMMs, plus permutation traffic.
[[nodiscard]] FittedModel moe_model();

/// What a fit may learn beyond it: moe_surfaces.cpp.
void add_moe_surfaces(FittedModel& model);

}  // namespace orrery::kernels
