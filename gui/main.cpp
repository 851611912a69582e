// The program orrery-gui; see gui/application.hpp.

#include "gui/application.hpp"
#include "scenarios/kept_memory.hpp"

int main(int argc, char** argv) {
  orrery::scenarios::keep_freed_memory();
  return orrery::gui::run_application(argc, argv);
}
