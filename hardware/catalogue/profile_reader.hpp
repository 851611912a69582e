// Reads profiles: GPU, node and fabric descriptions in hardware/profiles.
//
// A profile groups its facts in sections and ends with `sources:`, which says for each fact where it is
// printed; `default:` there covers every fact that has no entry of its own. A fact without a source, and a
// source without a fact, are errors. `fits:` of a GPU is written by `orrery calibrate fit`; `silicon:` names a board of
// the same chip whose fits stand in for those that it lacks, `switch_laws:` one whose collectives do.
#pragma once

#include <string>

#include "hardware/cluster.hpp"
#include "hardware/config/config.hpp"
#include "hardware/generation.hpp"
#include "hardware/gpu.hpp"

namespace orrery::hardware {

/// `name` is the contract name (the file's stem). Each throws ConfigError with everything that is wrong.
[[nodiscard]] Generation read_generation(const ConfigNode& root, const std::string& file, const std::string& name);
/// Reads the generation that it names along.
[[nodiscard]] Gpu read_gpu(const ConfigNode& root, const std::string& file, const std::string& name);
[[nodiscard]] Node read_node(const ConfigNode& root, const std::string& file, const std::string& name);
[[nodiscard]] Fabric read_fabric(const ConfigNode& root, const std::string& file, const std::string& name);

}  // namespace orrery::hardware
