// Readers of a scenario's sections: model and cluster. Used by scenario.cpp; a job's section is read by its kind.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/config.hpp"
#include "models/llm.hpp"

namespace orrery::scenarios {

/// Adds what `error` says: its own located diagnostics, or its message at `span`.
void add_error(const hardware::ConfigError& error, const hardware::SourceSpan& span,
               hardware::Diagnostics& diagnostics);

/// `model:` as a name, a path or {config: …, overrides}. `model` receives the name or path as written.
[[nodiscard]] models::Llm read_model(const hardware::ConfigNode& node, const std::string& folder, std::string& model,
                                     hardware::Diagnostics& diagnostics);

[[nodiscard]] hardware::Cluster read_cluster(const hardware::ConfigNode& node, hardware::Diagnostics& diagnostics);

/// A dtype by one of its short names.
[[nodiscard]] Dtype read_dtype(hardware::MapReader& reader, std::string_view key, Dtype fallback);

}  // namespace orrery::scenarios
