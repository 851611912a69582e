#include "gui/main_window.hpp"

#include <sstream>

#include <QApplication>
#include <QDockWidget>
#include <QSplitter>
#include <QStatusBar>
#include <QThreadPool>
#include <QVBoxLayout>
#include <fmt/format.h>

#include "gui/look/text.hpp"
#include "gui/main_window_parts.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/output.hpp"
#include "sim/plan/trace_writer.hpp"

namespace orrery::gui {

using hardware::ConfigError;

namespace {

/// Rows (spans, requests, iterations) of all kept runs together; some 60 bytes each.
constexpr std::size_t kMostKeptRows = 20'000'000;
/// A trace with more rows than this is written by a worker.
constexpr std::size_t kQuickTraceRows = 100'000;

QDockWidget* add_dock(QMainWindow& window, QWidget* content, const QString& title, const QString& name) {
  auto* dock = new QDockWidget(title, &window);
  dock->setObjectName(name);
  dock->setWidget(content);
  dock->setFeatures(QDockWidget::DockWidgetClosable | QDockWidget::DockWidgetMovable |
                    QDockWidget::DockWidgetFloatable);
  return dock;
}

void write_run_trace(const Run& run, std::ostream& out) {
  const scenarios::JobView view = scenarios::job_views(run.report).front();
  view.result != nullptr ? view.job.kind->trace(view, run.timeline, out) : sim::write_trace(run.timeline, out);
}

}  // namespace

MainWindow::MainWindow(QWidget* parent) : QMainWindow(parent), parts_(std::make_unique<Parts>()) {
  setObjectName(QStringLiteral("main_window"));
  setAccessibleName(tr("Orrery"));
  setAcceptDrops(true);
  setDockNestingEnabled(true);
  make_results();
  make_docks();
  make_status();
  make_file_menu();
  make_edit_menu();
  make_run_menu();
  make_view_menu();
  make_help_menu();
  connect_document();
  connect_simulation();
  connect_views();
  update_title();
}

MainWindow::~MainWindow() = default;

void MainWindow::make_docks() {
  const std::filesystem::path root = hardware::data_root() / "scenarios" / "library";
  parts_->library = new LibraryView(QString::fromStdString(root.string()));
  parts_->library->setObjectName(QStringLiteral("library_view"));
  parts_->runs = new RunsView;
  parts_->runs->setObjectName(QStringLiteral("runs_view"));
  parts_->form = new FormView;
  parts_->form->setObjectName(QStringLiteral("form_view"));
  parts_->editor = new YamlEditor;
  parts_->editor->setObjectName(QStringLiteral("yaml_editor"));
  parts_->editor->setAccessibleName(tr("Scenario as YAML text"));
  parts_->problems = new ProblemsView;
  parts_->problems->setObjectName(QStringLiteral("problems_view"));

  auto* text = new QSplitter(Qt::Vertical);
  text->addWidget(parts_->editor);
  text->addWidget(parts_->problems);
  text->setStretchFactor(0, 4);
  text->setStretchFactor(1, 1);
  text->setChildrenCollapsible(false);

  QDockWidget* library = add_dock(*this, parts_->library, tr("Library"), QStringLiteral("library_dock"));
  QDockWidget* runs = add_dock(*this, parts_->runs, tr("Runs"), QStringLiteral("runs_dock"));
  QDockWidget* form = add_dock(*this, parts_->form, tr("Scenario"), QStringLiteral("form_dock"));
  QDockWidget* yaml = add_dock(*this, text, tr("YAML"), QStringLiteral("yaml_dock"));
  addDockWidget(Qt::LeftDockWidgetArea, library);
  splitDockWidget(library, form, Qt::Horizontal);
  splitDockWidget(form, yaml, Qt::Horizontal);
  splitDockWidget(library, runs, Qt::Vertical);
  resizeDocks({library, form, yaml}, {170, 290, 280}, Qt::Horizontal);
  resizeDocks({library, runs}, {600, 250}, Qt::Vertical);
  parts_->panels = {library, runs, form, yaml};
  parts_->docks = new QMenu(tr("&Panels"), this);
  for (QDockWidget* dock : {library, runs, form, yaml}) parts_->docks->addAction(dock->toggleViewAction());
}

void MainWindow::arrange_for_width() {
  constexpr int kNarrow = 1200;
  if (width() >= kNarrow || parts_->arranged) return;
  // Side by side they would leave the results no room.
  const auto& [library, runs, form, yaml] = parts_->panels;
  for (QDockWidget* dock : {form, yaml, runs}) tabifyDockWidget(library, dock);
  form->raise();
  resizeDocks({library}, {width() / 3}, Qt::Horizontal);
}

void MainWindow::make_results() {
  auto* central = new QWidget;
  auto* layout = new QVBoxLayout(central);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  parts_->message = new MessageBar;
  parts_->message->setObjectName(QStringLiteral("message_bar"));
  parts_->message->hide();
  layout->addWidget(parts_->message);

  auto* splitter = new QSplitter(Qt::Vertical);
  splitter->setChildrenCollapsible(false);
  parts_->report = new ReportView;
  parts_->report->setObjectName(QStringLiteral("report_view"));
  parts_->tabs = new QTabWidget;
  parts_->tabs->setObjectName(QStringLiteral("result_tabs"));
  parts_->tabs->setAccessibleName(tr("Views of the result"));
  parts_->tabs->setDocumentMode(true);
  for (const ViewRow& row : views()) {
    RunView* view = row.make(parts_->tabs);
    view->setObjectName(QString::fromStdString(fmt::format("{}_view", row.name)));
    const int index =
        parts_->tabs->addTab(view, QString::fromUtf8(row.title.data(), static_cast<int>(row.title.size())));
    parts_->tabs->setTabToolTip(index, QString::fromUtf8(row.summary.data(), static_cast<int>(row.summary.size())));
    parts_->views.push_back(view);
  }
  parts_->explain = qobject_cast<ExplainView*>(view(QStringLiteral("explain")));
  parts_->compare = qobject_cast<CompareView*>(view(QStringLiteral("compare")));
  splitter->addWidget(parts_->report);
  splitter->addWidget(parts_->tabs);
  splitter->setStretchFactor(0, 2);
  splitter->setStretchFactor(1, 3);
  splitter->setSizes({380, 520});
  layout->addWidget(splitter, 1);
  // Key figures and plots would like more width than they need; the panels beside them keep theirs.
  parts_->report->setMinimumSize(1, fontMetrics().height() * 6);
  parts_->tabs->setMinimumSize(1, fontMetrics().height() * 8);
  setCentralWidget(central);
}

void MainWindow::make_status() {
  parts_->status = new QLabel(tr("Open a scenario from the library, or drop a file here"));
  parts_->progress = new QProgressBar;
  parts_->progress->setObjectName(QStringLiteral("progress_bar"));
  parts_->progress->setAccessibleName(tr("Progress of the simulation"));
  parts_->progress->setMaximumWidth(fontMetrics().averageCharWidth() * 30);
  parts_->progress->hide();
  statusBar()->addWidget(parts_->status, 1);
  statusBar()->addPermanentWidget(parts_->progress);
}

// --- Results ----------------------------------------------------------------------------------------------

bool MainWindow::shows_other_scenario() const { return current_ && current_->request.number < new_from_; }

void MainWindow::show_run(const RunPtr& run) {
  if (run->request.number < new_from_) return;  // of the scenario that was open before
  if (!current_ || shows_other_scenario() || !current_->has_kinds_of(*run)) {
    previous_.reset();
  } else if (current_->request.text != run->request.text) {
    previous_ = current_;
  }
  current_ = run;
  keep(run);
  show_problems({});
  show_views();
  const std::string& skipped = run->report.scenario.skipped;
  parts_->status->setText(skipped.empty() ? tr("%1: %2 spans on %3 streams")
                                                .arg(QString::fromStdString(run->label()))
                                                .arg(run->timeline.spans.size())
                                                .arg(run->index.tracks().size())
                                          : tr("Can't run here: %1").arg(QString::fromStdString(skipped)));
}

void MainWindow::show_views() {
  parts_->form->model().set_run(current_);
  parts_->report->set_runs(current_, previous_);
  const std::string_view first_kind = scenarios::kinds().front()->name;  // before the first run
  for (std::size_t i = 0; i < views().size(); ++i) {
    const std::string_view kind = views()[i].kind;
    const bool fits = kind.empty() || (current_ && current_->has_kind(kind)) || (!current_ && kind == first_kind);
    parts_->tabs->setTabVisible(static_cast<int>(i), fits);
    parts_->views[i]->set_runs(current_, previous_);
  }
}

void MainWindow::keep(const RunPtr& run) {
  runs_.push_back(run);
  std::size_t rows = 0;
  for (const RunPtr& kept : runs_) rows += kept->weight();
  while (runs_.size() > kRuns || (rows > kMostKeptRows && runs_.size() > 2)) {
    rows -= runs_.front()->weight();
    runs_.erase(runs_.begin());
  }
  parts_->runs->set_runs(runs_, current_);
  if (parts_->compare != nullptr) parts_->compare->set_choices(runs_);
}

void MainWindow::show_problems(const std::vector<hardware::Diagnostic>& problems) {
  std::vector<hardware::Diagnostic> here;
  for (const hardware::Diagnostic& problem : problems) {
    if (problem.span.line > 0 && (problem.file.empty() || problem.file == file_name())) here.push_back(problem);
  }
  parts_->editor->set_problems(here);
  parts_->form->model().set_problems(here);
  parts_->problems->set_problems(problems);
  parts_->report->set_stale(!problems.empty());
}

bool MainWindow::show_view(const QString& name) {
  RunView* shown = view(name);
  if (shown == nullptr) return false;
  parts_->tabs->setCurrentWidget(shown);
  return true;
}

RunView* MainWindow::view(const QString& name) const {
  for (std::size_t i = 0; i < parts_->views.size(); ++i) {
    const std::string_view known = views()[i].name;
    if (name == QString::fromUtf8(known.data(), static_cast<int>(known.size()))) return parts_->views[i];
  }
  return nullptr;
}

// --- Exports ----------------------------------------------------------------------------------------------

bool MainWindow::export_view(const QString& path) {
  auto* shown = qobject_cast<RunView*>(parts_->tabs->currentWidget());
  try {
    if (!path.endsWith(QLatin1String(".csv"), Qt::CaseInsensitive)) {
      export_picture(*shown, path);
      return true;
    }
    const std::string table = shown->csv();
    if (table.empty()) throw ConfigError("this view has no table to export");
    scenarios::check_writable(path.toStdString());
    scenarios::write_output(path.toStdString(), table);
  } catch (const ConfigError& error) {
    notify(message_of(error));
    return false;
  }
  return true;
}

bool MainWindow::export_report(const QString& path) {
  try {
    scenarios::check_writable(path.toStdString());
    scenarios::write_output(path.toStdString(), parts_->report->csv());
  } catch (const ConfigError& error) {
    notify(message_of(error));
    return false;
  }
  return true;
}

bool MainWindow::export_trace(const QString& path) {
  if (!current_) {
    notify(tr("There is no run to export yet"));
    return false;
  }
  const auto write = [run = current_, file = path.toStdString()] {
    scenarios::write_output(file, [&run](std::ostream& out) { write_run_trace(*run, out); });
  };
  try {
    scenarios::check_writable(path.toStdString());
    if (current_->weight() <= kQuickTraceRows) {
      write();
      notify(tr("Wrote %1").arg(path));
      return true;
    }
  } catch (const ConfigError& error) {
    notify(message_of(error));
    return false;
  }
  notify(tr("Writing %1 …").arg(path));
  QThreadPool::globalInstance()->start([guard = QPointer<MainWindow>(this), write, path] {
    QString outcome = tr("Wrote %1").arg(path);
    try {
      write();
    } catch (const std::exception& error) {
      outcome = message_of(error);
    }
    QMetaObject::invokeMethod(
        QCoreApplication::instance(),
        [guard, outcome] {
          if (guard) guard->notify(outcome);
        },
        Qt::QueuedConnection);
  });
  return true;
}

void MainWindow::notify(const QString& message) {
  parts_->message->show_message(message);
  emit notified(message);
}

}  // namespace orrery::gui
