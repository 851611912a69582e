// GPUs as other programs call them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace orrery::hardware {

/// Contract names that a GPU's name elsewhere may mean, in alphabetical order: as nvidia-smi and torch print it
/// ("NVIDIA H100 80GB HBM3", "A100-SXM4-40GB", "Tesla V100-SXM2-16GB"), as shops and people write it ("pro 6000",
/// "h100sxm5", "5090"). Every word of it has to be a part of the contract name, the board's memory, or of no meaning
/// (the vendor, the kind of memory); so that a board of another kind ("A10G", "RTX 4090 Ti") is none. Itself where it
/// is one. Empty: none.
[[nodiscard]] std::vector<std::string> gpus_called(std::string_view written);

}  // namespace orrery::hardware
