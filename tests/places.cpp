#include "tests/places.hpp"

namespace orrery::tests {

std::string source_root() { return ORRERY_SOURCE_ROOT; }
std::string orrery_program() { return ORRERY_BINARY; }
std::string gui_program() { return ORRERY_GUI_BINARY; }

}  // namespace orrery::tests
