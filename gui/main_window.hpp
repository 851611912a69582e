// The window: library, form and text on the left, what they lead to on the right.
//
// It joins the document, the simulation and the views; it computes nothing itself. Messages never block: they appear in
// a bar at the top and in `notified`. Object names are a contract with the tests:
//   ask_view, library_view, runs_view, form_view, yaml_editor, problems_view, report_view, result_tabs, message_bar,
//   progress_bar, <name>_view for every row of views(), and the actions new, open, save, save_as, undo, redo, cancel,
//   ask, export, export_trace, light, dark, system, show_<name> (object name "action_<name>").
#pragma once

#include <vector>

#include <QMainWindow>

#include "gui/look/theme.hpp"
#include "gui/model/document.hpp"
#include "gui/run/run.hpp"
#include "gui/run/simulation.hpp"
#include "gui/view/views.hpp"

class QAction;
class QDockWidget;
class QMenu;

namespace orrery::gui {

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
  /// The welcome page, where questions are asked; it stands there until a scenario is opened.
  void show_questions();
  [[nodiscard]] bool shows_questions() const;
  /// Shows where a figure of the current run comes from.
  void explain(const QString& metric, const QString& focus = {});
  /// Runs another scenario beside the document's and compares both.
  void compare_with(const QString& path);
  /// Size and panels as they were when the window was last closed.
  void restore_layout();

  /// Exports: the front view as PNG, SVG or CSV by its ending; the report as CSV; the current run's Chrome trace.
  /// False: the message says why.
  bool export_view(const QString& path);
  bool export_report(const QString& path);
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
  void showEvent(QShowEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  struct Parts;

  // Construction.
  void make_docks();
  void make_results();
  void make_status();
  void connect_document();
  void connect_simulation();
  void connect_views();
  void make_file_menu();
  void make_edit_menu();
  void make_run_menu();
  void make_view_menu();
  void make_help_menu();
  QAction* add_action(QMenu& menu, const QString& name, const QString& text, const QKeySequence& keys,
                      std::function<void()> act);

  // main_window_panels.cpp
  [[nodiscard]] std::vector<QDockWidget*> columns() const;
  void measure_panels();
  void share_room();
  void stack_panels();
  void unstack_panels();
  void fit_panels();
  [[nodiscard]] QByteArray panel_state() const;

  // What the user asks for.
  void ask_to_open();
  /// `then`: what to do once it is saved.
  void ask_to_save(std::function<void()> then = {});
  void ask_to_export(const QString& title, const QString& filter, bool (MainWindow::*write)(const QString&));
  void ask_to_compare();
  /// Goes on at once, or after the user gave up unsaved changes.
  void when_discardable(std::function<void()> proceed);
  void new_document(const QString& text);
  void open_answer(const QString& scenario, bool save);
  void open_variant(const QString& path, const QString& variant);
  void add_event();
  void restore(const RunPtr& run);
  void choose_theme(Theme theme);
  void show_help();

  // What happens.
  void text_changed();
  void simulate(bool now);
  void show_results();
  void show_run(const RunPtr& run);
  void show_views();
  /// What is shown is of another scenario than the one that is open.
  [[nodiscard]] bool shows_other_scenario() const;
  void show_problems(const std::vector<hardware::Diagnostic>& problems);
  void show_busy();
  /// The document's, and that of a file to compare with.
  void cancel_runs();
  void keep(const RunPtr& run);
  void update_title();
  void remember_file(const QString& path);
  void fill_recent_files();
  void notify(const QString& message);
  [[nodiscard]] std::string file_name() const;

  Document document_;
  Simulation simulation_;
  Simulation other_;  ///< runs a second file to compare with
  RunPtr current_, previous_;
  std::vector<RunPtr> runs_;
  bool closing_ = false;        ///< the user gave up unsaved changes
  std::uint64_t new_from_ = 0;  ///< requests from this number on are of the scenario that is open now
  bool new_content_ = false;    ///< the text that comes is of another scenario
  std::unique_ptr<Parts> parts_;
};

}  // namespace orrery::gui
