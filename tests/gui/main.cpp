// Runs the window's tests: one QApplication for the process, without a display, without the user's settings.
#include <QApplication>
#include <QStandardPaths>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"

int main(int argc, char** argv) {
  if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
  QStandardPaths::setTestModeEnabled(true);
  QApplication application(argc, argv);
  QApplication::setOrganizationName(QStringLiteral("orrery-test"));
  QApplication::setApplicationName(QStringLiteral("orrery-gui-test"));
  orrery::gui::apply_theme(orrery::gui::Theme::light);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
