// What a sequence takes of a KV cache beside the blocks of its tokens.
#pragma once

#include <cstdint>

namespace orrery::models {

/// What some layers keep of a sequence beside what the others keep of all its tokens: a window's tokens, a state.
struct KvSide {
  std::int64_t window = 0;        ///< tokens, at most
  double blocks_per_token = 0.0;  ///< of those in the window
  double blocks_per_sequence = 0.0;
};

}  // namespace orrery::models
