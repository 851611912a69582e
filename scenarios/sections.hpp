// Readers of a scenario's sections: model and cluster. A job's section is read by its kind.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/config/config.hpp"
#include "models/llm.hpp"
#include "scenarios/placement.hpp"

namespace orrery::scenarios {

/// Where the value at a dotted path stands ("training.zero", "jobs.0.model"): the deepest part that is present.
[[nodiscard]] hardware::SourceSpan span_of(const hardware::ConfigNode& root, std::string_view path);

/// The value at a dotted path, nullptr where there is none.
[[nodiscard]] const hardware::ConfigNode* node_at(const hardware::ConfigNode& root, std::string_view path);

/// Adds what `error` says: its own located diagnostics, or its message at `span`.
void add_error(const hardware::ConfigError& error, const hardware::SourceSpan& span,
               hardware::Diagnostics& diagnostics);

/// `model:` as a name, a path or {config: …, overrides}. `model` receives the name or path as written.
[[nodiscard]] models::Llm read_model(const hardware::ConfigNode& node, const std::string& folder, std::string& model,
                                     hardware::Diagnostics& diagnostics);

/// The source of a GPU's price where the scenario has one of its own (`price:` of the cluster or a group of nodes).
inline constexpr std::string_view kScenarioPrice = "price: the scenario's own figure";

/// What the source of a figure begins with that the scenario has otherwise than the profile, here as in
/// hardware/cluster.cpp.
inline constexpr std::string_view kChangedByScenario = "changed by the scenario";

/// `placement` receives `cluster.placement`. Profiles of one's own are named by their paths as seen from `folder`.
[[nodiscard]] hardware::Cluster read_cluster(const hardware::ConfigNode& node, const std::string& folder,
                                             PlacementConfig& placement, hardware::Diagnostics& diagnostics);
/// The profiles that `cluster` names by their paths.
[[nodiscard]] std::vector<std::string> profile_files(const hardware::ConfigNode& cluster, const std::string& folder);

/// A moment of the clock, from the beginning on. An error at its place: later than the clock goes (sim/clock.hpp).
[[nodiscard]] Seconds read_moment(hardware::MapReader& reader, std::string_view key, Seconds fallback);

/// A dtype by one of its short names.
[[nodiscard]] Dtype read_dtype(hardware::MapReader& reader, std::string_view key, Dtype fallback);

}  // namespace orrery::scenarios
