// Limits of the keys that the field lists (training/fields.hpp, serving/fields.hpp) name. They hold for what a user
// writes; a default may lie outside of them, where 0 stands for "the engine decides".
#pragma once

namespace orrery::scenarios {

/// Limits of an integer key.
struct IntegerLimits {
  double least = 1.0, most = 1e9;
  bool required = false;
};

/// Limits of a key with a fraction.
struct NumberLimits {
  double least = 0.0, most = 1e300;
  bool least_open = false;  ///< least itself is not allowed
};

}  // namespace orrery::scenarios
