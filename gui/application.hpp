// The program around the window: arguments, display, theme, screenshots.
//
//   orrery-gui [FILE] [--theme light|dark|system] [--set key=value …] [--view NAME]
//   orrery-gui --screenshot OUT.png [--size 1600x1000] [--scale 2] …     draws the window once and ends
//
// With --screenshot each --set is an edit after the first result, as a user would make it, so that the picture shows
// changes; no display is needed. Exit codes are those of `orrery`: 0 well, 2 the input is wrong or there is no display.
#pragma once

namespace orrery::gui {

/// Never throws.
int run_application(int argc, char** argv);

}  // namespace orrery::gui
