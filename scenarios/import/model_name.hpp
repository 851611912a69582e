// Which model a name means that other programs use: "meta-llama/Llama-3.1-8B-Instruct" is llama-3.1-8b here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/import/draft.hpp"

namespace orrery::scenarios {

struct ModelName {
  std::string value;         ///< as `model:` has it
  std::string weight_dtype;  ///< what the name says of its weights ("…-AWQ"), as `weight_dtype:` has it; empty: nothing
};

/// A folder with a config.json, or such a file, from `folder` on; else a model of the library as find_library_model()
/// finds it. nullopt: neither.
[[nodiscard]] std::optional<ModelName> find_model_name(const std::string& written, const std::string& folder,
                                                       const ImportOptions& options);

}  // namespace orrery::scenarios
