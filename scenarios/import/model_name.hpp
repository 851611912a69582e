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

/// A name of the library, whatever the publisher, case and fine-tuning behind it ("-Instruct"); a folder with a
/// config.json, or such a file, from `folder` on. nullopt: neither.
[[nodiscard]] std::optional<ModelName> find_model_name(const std::string& written, const std::string& folder,
                                                       const ImportOptions& options);

/// Up to three names of the library that are like it.
[[nodiscard]] std::vector<std::string> similar_models(const std::string& written);

}  // namespace orrery::scenarios
