// The widgets of the main window; seen by main_window*.cpp only.
#pragma once

#include <array>
#include <vector>

#include <QAction>
#include <QDockWidget>
#include <QLabel>
#include <QMenu>
#include <QProgressBar>
#include <QTabWidget>
#include <QToolButton>

#include "gui/main_window.hpp"
#include "gui/view/compare_view.hpp"
#include "gui/view/explain_view.hpp"
#include "gui/view/form_view.hpp"
#include "gui/view/library_view.hpp"
#include "gui/view/message_bar.hpp"
#include "gui/view/problems_view.hpp"
#include "gui/view/report_view.hpp"
#include "gui/view/runs_view.hpp"
#include "gui/view/yaml_editor.hpp"

namespace orrery::gui {

struct MainWindow::Parts {
  LibraryView* library = nullptr;
  RunsView* runs = nullptr;
  FormView* form = nullptr;
  YamlEditor* editor = nullptr;
  ProblemsView* problems = nullptr;
  ReportView* report = nullptr;
  QTabWidget* tabs = nullptr;
  std::vector<RunView*> views;  ///< in the order of views()
  ExplainView* explain = nullptr;
  CompareView* compare = nullptr;
  MessageBar* message = nullptr;
  QProgressBar* progress = nullptr;
  QLabel* status = nullptr;
  QMenu* recent = nullptr;
  QMenu* docks = nullptr;
  std::array<QDockWidget*, 4> panels{};  ///< library, runs, form, text
  bool arranged = false;                 ///< the window was shown, or has the user's own layout
  QAction* cancel = nullptr;
};

}  // namespace orrery::gui
