#pragma once

#include <string>

/// Where what these tests were built from lies. Only tests/places.cpp is compiled with paths of this checkout, so that
/// every other object is the same in any checkout and a compiler cache serves them all.
namespace orrery::tests {

std::string source_root();     ///< folder of the checkout, absolute, without a slash at its end
std::string orrery_program();  ///< the built `orrery`, absolute
std::string gui_program();     ///< the built `orrery-gui`, absolute; empty in a build without the window

}  // namespace orrery::tests
