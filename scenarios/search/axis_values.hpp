// Values of a sweep that their keys can't have, before any point runs.
//
// A point that can't be (TP that does not divide the heads) is a row with its reason, and a point whose key has no
// effect is left out (distinct_points.hpp): a slip of the pen among the values would be lost between them.
#pragma once

#include "scenarios/scenario.hpp"

namespace orrery::scenarios {

/// Throws ConfigError with every value of `base.sweep` that its key can't have: an unknown name or key, another type, a
/// number beyond its limits. Each is told at its place in the list. A value is right if it can be read beside one value
/// of any other axis; what can't be together is left to the points. Of numbers of one form the least and the greatest
/// are read, and all of them only where one of the two is wrong.
void check_axis_values(const Scenario& base);

}  // namespace orrery::scenarios
