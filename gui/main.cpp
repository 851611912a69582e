// The program orrery-gui; see gui/application.hpp.

#include "gui/application.hpp"

int main(int argc, char** argv) { return orrery::gui::run_application(argc, argv); }
