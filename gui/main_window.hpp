// The window: library, form and text on the left, what they lead to on the right.
//
// It joins the document, the simulation and the views; it computes nothing itself. Messages never block: they appear in
// a bar at the top and in `notified`. Object names are a contract with the tests:
//   library_view, runs_view, form_view, yaml_editor, problems_view, report_view, result_tabs, message_bar,
//   progress_bar, <name>_view for every row of views(), and the actions new, open, save, save_as, undo, redo, cancel,
//   export, export_trace, light, dark, system, show_<name> (object name "action_<name>").
#pragma once

#include <vector>

#include <QMainWindow>

#include "gui/document.hpp"
#include "gui/run.hpp"
#include "gui/simulation.hpp"
#include "gui/view/run_view.hpp"

class QTabWidget;
class QProgressBar;

namespace orrery::gui {

class FormView;
class YamlEditor;
class LibraryView;
class RunsView;
class ProblemsView;
class ReportView;
class MessageBar;

class MainWindow : public QMainWindow {
  Q_OBJECT

 public:
  explicit MainWindow(QWidget* parent = nullptr);
  ~MainWindow() override;

  /// Opens a scenario. False: the message says why, and everything stays as it was.
  bool open_file(const QString& path);
  /// Saves, under another name if `path` is given. False: the message says why.
  bool save_file(const QString& path = {});
  /// Edits a value as the form does. False: the message says why.
  bool set_value(const QString& key, const QString& value);

  [[nodiscard]] Document& document() { return document_; }
  [[nodiscard]] Simulation& simulation() { return simulation_; }
  /// The last good result and the one that it is compared with; null before the first.
  [[nodiscard]] const RunPtr& current_run() const { return current_; }
  [[nodiscard]] const RunPtr& previous_run() const { return previous_; }
  /// Kept runs, oldest first: at most kRuns, and fewer when their timelines are large.
  [[nodiscard]] const std::vector<RunPtr>& runs() const { return runs_; }
  static constexpr std::size_t kRuns = 20;

  /// Brings a view to the front; false if there is none of that name.
  bool show_view(const QString& name);
  [[nodiscard]] RunView* view(const QString& name) const;

  /// Exports: the front view as PNG, SVG or CSV by its ending; the current run's Chrome trace. False: the message says
  /// why.
  bool export_view(const QString& path);
  bool export_trace(const QString& path);

 signals:
  /// A message was shown to the user.
  void notified(const QString& message);
  /// All views show the result of the newest request, or say why there is none.
  void settled();

 protected:
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;
  void closeEvent(QCloseEvent* event) override;

 private:
  struct Parts;
  Document document_;
  Simulation simulation_;
  RunPtr current_, previous_;
  std::vector<RunPtr> runs_;
  Parts* parts_ = nullptr;
};

}  // namespace orrery::gui
