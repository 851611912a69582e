// Commented fabrics to start from, one of each kind: `orrery new fabric [KIND]`.
#pragma once

#include <string>

#include "hardware/cluster.hpp"

namespace orrery::scenarios {

/// A profile to fill in: every key that fabrics of the kind have, what it means and a cluster that names it. It reads
/// as it stands.
[[nodiscard]] std::string fabric_template(hardware::FabricKind kind);

}  // namespace orrery::scenarios
