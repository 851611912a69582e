#pragma once

#include <string>

namespace orrery::scenarios::testing {

/// GPT-2 124M on two nodes; `keys` stand in the section, from line 7 on, behind the two that are required.
inline std::string with(const std::string& keys) {
  return "scenario: keys\n"
         "model: gpt2-124m\n"
         "cluster: {node: dgx_h100, nodes: 2, fabric: rail_fat_tree_ndr}\n"
         "training:\n"
         "  sequence_length: 1024\n"
         "  global_batch_size: 64\n" +
         keys;
}

}  // namespace orrery::scenarios::testing
