// Models and GPUs as people name them: "Qwen/Qwen3-32B-FP8", "H100".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/ask/question.hpp"

namespace orrery::scenarios {

/// A path that is there; else a model of the library as find_library_model() finds it.
/// `weight_dtype`: asked for beside it; may be empty. Throws ConfigError with the nearest names.
[[nodiscard]] AskedModel find_asked_model(const std::string& written, const std::string& weight_dtype);

/// A contract name: the only one of gpus_named(), or of these the board of the usual servers ("h100" means h100_sxm).
/// Throws ConfigError with the nearest names where there is none, and with all where there are several.
[[nodiscard]] std::string gpu_name_of(std::string_view written);

/// All that it may mean, whatever its case: itself; or those that begin with it, or are called so by other programs
/// (hardware::gpus_called()); empty: none.
[[nodiscard]] std::vector<std::string> gpus_named(std::string_view written);

/// The GPU of that name, or of a profile of one's own by its path, in the node of that name or path; either may be
/// empty: the node's own GPU, a node of the library that holds it. Throws ConfigError as gpu_name_of(), and where no
/// node is named and none of the library holds it.
[[nodiscard]] AskedGpu find_asked_gpu(std::string_view written, const std::string& node = "");
/// Every GPU that a node of the library holds.
[[nodiscard]] std::vector<AskedGpu> all_asked_gpus();

}  // namespace orrery::scenarios
