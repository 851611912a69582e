// The sources of a profile's facts, which every profile has.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hardware/config/config.hpp"

namespace orrery::hardware {

/// Where each fact of a profile is printed.
using Sources = std::map<std::string, std::string>;

/// Joins facts with their sources. `facts` are dotted names ("peak.bf16"): the longest prefix that has an
/// entry gives the source, then `default`.
[[nodiscard]] Sources read_sources(MapReader& profile, const std::vector<std::string>& facts);

/// The keys of a section, those of a mapping in it with a dot.
void add_facts(std::vector<std::string>& facts, const ConfigNode* section);

}  // namespace orrery::hardware
