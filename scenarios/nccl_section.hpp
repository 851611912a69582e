// `cluster.nccl:` NCCL's variables as keys of a scenario, by their names without the prefix.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hardware/config/config.hpp"
#include "hardware/nccl.hpp"

namespace orrery::scenarios {

/// The keys `nccl` and `collective_algorithm` (a short way to write nccl.algo) of `cluster:`. Errors: an unknown name
/// in a list with the nearest ones and its place, both keys at once, least above most; a graph file that is none, with
/// its own line and column. Its path is seen from `folder`.
[[nodiscard]] hardware::NcclSettings read_nccl(hardware::MapReader& cluster, const std::string& folder,
                                               hardware::Diagnostics& diagnostics);

/// What is to be known of what was set: keys that are taken and change no time in this model, and those that hold for a
/// part of the collectives.
[[nodiscard]] std::vector<std::string> nccl_notes(const hardware::NcclSettings& settings);

/// What was set, as the keys are written; empty where nothing was.
[[nodiscard]] nlohmann::json nccl_json(const hardware::NcclSettings& settings);

/// The settings' list of algorithms speaks of calls of that kind and leaves them that algorithm (both by name).
[[nodiscard]] bool lists_algorithm(const hardware::NcclSettings& settings, std::string_view kind,
                                   std::string_view algorithm);

}  // namespace orrery::scenarios
