// The messages of an operation: hops that pass on what others bring. See message_run.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/network/max_min.hpp"

namespace orrery::sim {

struct MessageGraph {
  struct Hop {
    std::vector<LinkUse> uses;         ///< bytes per picosecond on each link while a message is sent
    std::vector<std::uint32_t> after;  ///< hops whose messages it passes on; none: it begins all of them
  };
  std::vector<Hop> hops;
  std::uint32_t steps = 1;   ///< hops that a chunk takes, where the way of each goes on round a ring
  std::uint64_t rounds = 1;  ///< in each of which every hop sends a chunk at each step
  std::uint32_t slices = 1;  ///< messages of a chunk
  std::uint32_t window = 8;  ///< messages that the far end of a hop holds; > lag
  /// A hop's message m passes on those numbered m − lag. Of a ring a chunk's slices: each hop begins one chunk of every
  /// `steps`. 0: each passes on the messages of its own number, and the hops before it come before it in `hops`.
  std::uint32_t lag = 0;

  [[nodiscard]] std::uint64_t messages() const { return rounds * steps * slices; }
};

/// The same with hops that are alike as one, which has the sum of their shares: they load the same links alike, and so
/// do those before and after them, all the way (colour refinement: Paige & Tarjan, SIAM J. Comput. 1987). Such hops
/// send their messages at the same times wherever else the links are loaded.
[[nodiscard]] MessageGraph folded(const MessageGraph& graph);

}  // namespace orrery::sim
