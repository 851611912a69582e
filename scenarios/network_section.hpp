// `cluster.network:` how finely a World looks at what shares its links, and how flows are spread over them;
// `cluster.torus:` the shape of a slice.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "hardware/cluster.hpp"
#include "hardware/config/config.hpp"
#include "hardware/network_settings.hpp"

namespace orrery::scenarios {

/// The key `network` of `cluster:`, {reading: flows or messages, completion_batching: 0.001, gpu_shares: true, spread:
/// even or hash, hash_seed: 1}. Errors: an unknown key, reading or spread with the nearest names, a share beyond
/// 0 … 0.1, a seed without a hash.
[[nodiscard]] hardware::NetworkSettings read_network(hardware::MapReader& cluster, hardware::Diagnostics& diagnostics);

/// The key `torus` of `cluster:`, [4, 4, 4]: the chips along each axis. Errors: chips that the fabric does not link, a
/// fabric that is none, as many figures as the fabric has no axes, axes that don't multiply to the chips. `known`: the
/// nodes and the fabric were read, else nothing is held against them.
void read_torus(hardware::MapReader& reader, hardware::Cluster& cluster, bool known,
                hardware::Diagnostics& diagnostics);

/// Errors: keys that tell NCCL what to do, of chips that have none; collective_algorithm: torus is what they do anyway.
void check_nccl(const hardware::MapReader& reader, const hardware::Cluster& cluster,
                hardware::Diagnostics& diagnostics);

/// What was set, as the keys are written; empty where nothing was.
[[nodiscard]] nlohmann::json network_json(const hardware::NetworkSettings& settings);

}  // namespace orrery::scenarios
