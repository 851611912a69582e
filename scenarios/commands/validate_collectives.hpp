// orrery validate collectives: which table it is, and on what machine its rows were measured.
#pragma once

#include "scenarios/commands/commands.hpp"
#include "scenarios/validation.hpp"

namespace orrery::scenarios {

/// A CSV table of collectives (calibrate::validate_collectives()), or what nccl-tests printed. Its rows are predicted
/// on the cluster of --cluster (a node, its profile or a file with a cluster), else on nodes that hold --gpu, joined by
/// --fabric; a log names its board itself. Throws ConfigError.
[[nodiscard]] Validation validate_collective_table(const Options& options, Console& console);

}  // namespace orrery::scenarios
