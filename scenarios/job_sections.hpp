// Reader of a scenario's jobs: the one in a section of its kind, or those of `jobs:`. Used by scenario.cpp.
#pragma once

#include "hardware/config/config.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::scenarios {

/// Reads `model` and the jobs into `scenario`, whose file, seed and cluster are read already; `placement` is that of
/// the cluster. Errors go to `diagnostics`.
void read_jobs(hardware::MapReader& reader, const hardware::ConfigNode& root, const PlacementConfig& placement,
               Scenario& scenario, hardware::Diagnostics& diagnostics);

/// What the models of the jobs find, each at the place of its key. REQUIRES jobs that were read without an error.
void check_jobs(const hardware::ConfigNode& root, const Scenario& scenario, hardware::Diagnostics& diagnostics);

}  // namespace orrery::scenarios
