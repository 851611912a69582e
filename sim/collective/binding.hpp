// The link that bounds a collective while nothing else runs: where its bytes take longest.
#pragma once

#include <string_view>

#include "sim/collective/collective.hpp"

namespace orrery::sim {

struct BindingLink {
  std::string_view
      link_class;  ///< "nvlink", "ici", "pcie", "nic", "leaf", "spine", "host_memory"; empty: it moves nothing
  BytesPerSecond bandwidth;  ///< that a rank sustains on it in this call
  Bytes bytes;               ///< that each rank puts on it in one call
};

/// Bytes of each rank over what a rank sustains, inside its node and on its share of the NICs: the larger of the two.
/// Of the algorithm that the call is priced with.
[[nodiscard]] BindingLink binding_link(const CollectiveCall& call, const hardware::Site& site);

}  // namespace orrery::sim
