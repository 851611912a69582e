// Measurements of one's own machine as laws in a profile of one's own GPU: `orrery collective OP --compare FILE --fit`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/collective/collective_table.hpp"

namespace orrery::scenarios {

/// Fits the laws of the query's operation and number of ranks to its measurements (calibrate/nccl_rows.hpp) and puts
/// them into `profile`, which begins as a copy of the GPU's own where it isn't there yet. A profile that has the laws
/// of a node already keeps them: those of one operation say less. What was written, as lines of text.
/// The rows, of `file`, are put under the laws that NCCL takes under the cluster's settings; source and lines name
/// them. Throws hardware::ConfigError: no measurements, several nodes, fewer rows than a fit needs, reductions that are
/// no sums, settings of other channels or threads than NCCL's own, a profile that can't be written.
[[nodiscard]] std::vector<std::string> fit_measurements(const CollectiveQuery& query, const std::string& file,
                                                        const std::string& profile, std::string_view date);

}  // namespace orrery::scenarios
