// Readers of a scenario's sections: model, cluster, training (serving: serving_sections.hpp). Used by scenario.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hardware/config.hpp"
#include "models/training/training.hpp"

namespace orrery::scenarios {

/// Adds what `error` says: its own located diagnostics, or its message at `span`.
void add_error(const hardware::ConfigError& error, const hardware::SourceSpan& span,
               hardware::Diagnostics& diagnostics);

/// `model:` as a name, a path or {config: …, overrides}. `model` receives the name or path as written.
[[nodiscard]] models::Llm read_model(const hardware::ConfigNode& node, const std::string& folder, std::string& model,
                                     hardware::Diagnostics& diagnostics);

[[nodiscard]] hardware::Cluster read_cluster(const hardware::ConfigNode& node, hardware::Diagnostics& diagnostics);

/// `training:`; fills config, flop_convention and total_tokens.
void read_training(const hardware::ConfigNode& node, models::TrainingJob& job, std::int64_t& total_tokens,
                   hardware::Diagnostics& diagnostics);

/// A dtype by one of its short names.
[[nodiscard]] Dtype read_dtype(hardware::MapReader& reader, std::string_view key, Dtype fallback);

/// Names of the enumerators, in declaration order; the index is the enumerator.
[[nodiscard]] const std::vector<std::string>& recompute_names();
[[nodiscard]] const std::vector<std::string>& attention_names();
[[nodiscard]] const std::vector<std::string>& zero_names();
[[nodiscard]] const std::vector<std::string>& flop_convention_names();

}  // namespace orrery::scenarios
