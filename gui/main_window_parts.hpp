// The widgets of the main window; seen by main_window*.cpp only.
#pragma once

#include <array>
#include <map>
#include <vector>

#include <QAction>
#include <QDockWidget>
#include <QMenu>
#include <QProgressBar>
#include <QStackedWidget>
#include <QTabWidget>
#include <QToolButton>

#include "gui/look/elided_label.hpp"
#include "gui/main_window.hpp"
#include "gui/view/ask_view.hpp"
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
  QStackedWidget* pages = nullptr;  ///< the welcome page, or report and views
  AskView* ask = nullptr;           ///< the welcome page
  ReportView* report = nullptr;
  QTabWidget* tabs = nullptr;
  std::vector<RunView*> views;  ///< in the order of views()
  ExplainView* explain = nullptr;
  CompareView* compare = nullptr;
  MessageBar* message = nullptr;
  QProgressBar* progress = nullptr;
  ElidedLabel* status = nullptr;
  QMenu* recent = nullptr;
  QMenu* docks = nullptr;
  std::array<QDockWidget*, 4> panels{};     ///< library, runs, form, text
  std::map<QDockWidget*, double> shares;    ///< of the window's width, side by side
  double stacked_share = 1.0 / 3.0;         ///< and as tabs
  QByteArray side_by_side;                  ///< state from before they were stacked
  double runs_share = 0.3;                  ///< of the height of library and runs
  QSize settled;                            ///< of the window when panels last had their shares
  bool arranged = false, restored = false;  ///< shown; with the layout that the user left
  bool stacked = false;                     ///< as tabs
  QAction* cancel = nullptr;
};

}  // namespace orrery::gui
