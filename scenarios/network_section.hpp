// `cluster.network:` how finely a World looks at what shares its links.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "hardware/config/config.hpp"
#include "hardware/network_settings.hpp"

namespace orrery::scenarios {

/// The key `network` of `cluster:`, {reading: flows or messages, completion_batching: 0.001, gpu_shares: true}. Errors:
/// an unknown key or reading with the nearest names, a share beyond 0 … 0.1.
[[nodiscard]] hardware::NetworkSettings read_network(hardware::MapReader& cluster, hardware::Diagnostics& diagnostics);

/// What was set, as the keys are written; empty where nothing was.
[[nodiscard]] nlohmann::json network_json(const hardware::NetworkSettings& settings);

}  // namespace orrery::scenarios
