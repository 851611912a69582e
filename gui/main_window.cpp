#include "gui/main_window.hpp"

#include <sstream>

#include <QApplication>
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
  parts_->ask = new AskView;
  parts_->pages = new QStackedWidget;
  parts_->pages->addWidget(parts_->ask);
  parts_->pages->addWidget(splitter);
  layout->addWidget(parts_->pages, 1);
  // Key figures and plots would like more width than they need; the panels beside them keep theirs.
  parts_->report->setMinimumWidth(1);
  parts_->tabs->setMinimumSize(1, fontMetrics().height() * 8);
  setCentralWidget(central);
}

void MainWindow::make_status() {
  parts_->status = new ElidedLabel;
  parts_->status->setObjectName(QStringLiteral("window_status"));
  parts_->status->set_line(tr("Open a scenario from the library, or drop a file here"));
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
  parts_->status->set_line(skipped.empty() ? tr("%1: %2 spans on %3 streams")
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

void MainWindow::show_questions() {
  parts_->ask->set_can_leave(!document_.text().isEmpty());
  parts_->pages->setCurrentWidget(parts_->ask);
  parts_->ask->setFocus(Qt::OtherFocusReason);
}

bool MainWindow::shows_questions() const { return parts_->pages->currentWidget() == parts_->ask; }

void MainWindow::show_results() { parts_->pages->setCurrentIndex(1); }

bool MainWindow::show_view(const QString& name) {
  RunView* shown = view(name);
  if (shown == nullptr) return false;
  show_results();
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
    if (!current_) throw ConfigError("there is no run to export yet");
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
