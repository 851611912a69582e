// How finely what goes on in a network is looked at: a question to the simulation, not to the machine.
#pragma once

#include <cstdint>

namespace orrery::hardware {

enum class NetworkReading : std::uint8_t {
  flows,    ///< a collective is one flow
  messages  ///< it is the messages that it consists of
};

/// How flows between two leaves are spread over the equal ways that there are.
enum class FlowSpread : std::uint8_t {
  even,  ///< over all of them, as adaptive routing or packet spraying do: parallel up-links are one
  hash   ///< each takes one, by a hash of its two cards (ECMP): flows collide on some links and leave others idle
};

struct NetworkSettings {
  /// Of operations where links are shared; where none is, all readings agree.
  NetworkReading reading = NetworkReading::flows;
  /// Ends of flows that lie together are reported together, each at most this part of its duration early or late; 0:
  /// exactly.
  double completion_batching = 0.0;
  FlowSpread spread = FlowSpread::even;
  std::uint64_t hash_seed = 0;  ///< another one is another draw of the same collisions

  /// A collective takes SMs and memory bandwidth from the kernels beside it on its GPUs.
  bool gpu_shares = false;

  friend bool operator==(const NetworkSettings&, const NetworkSettings&) = default;
};

}  // namespace orrery::hardware
