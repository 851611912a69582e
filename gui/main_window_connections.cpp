// What the main window does when its parts say something.

#include <QFileInfo>
#include <QSettings>
#include <QStatusBar>

#include "gui/look/text.hpp"
#include "gui/main_window_parts.hpp"

namespace orrery::gui {

using hardware::ConfigError;

void MainWindow::connect_document() {
  connect(&document_, &Document::text_changed, this, &MainWindow::text_changed);
  connect(&document_, &Document::path_changed, this, &MainWindow::update_title);
  connect(&document_, &Document::modified_changed, this, &MainWindow::update_title);
  connect(&document_, &Document::file_vanished, this, [this] {
    notify(
        tr("%1 was deleted or moved. Its text is still here: save it to write the file again.").arg(document_.path()));
  });
  connect(&document_, &Document::file_changed_on_disk, this, [this] {
    notify(tr("Another program changed %1. The text here is kept as it is; open the file again to read that version.")
               .arg(document_.path()));
  });
}

void MainWindow::connect_simulation() {
  other_.share_numbers(simulation_);
  for (const Simulation* simulation : {&simulation_, &other_}) {
    connect(simulation, &Simulation::started, this, &MainWindow::show_busy);
    connect(simulation, &Simulation::progressed, this, [this](double share) {
      parts_->progress->setRange(0, share < 0.0 ? 0 : 1000);
      if (share >= 0.0) parts_->progress->setValue(static_cast<int>(share * 1000.0));
      parts_->progress->show();
    });
  }
  const auto settle = [this] {
    if (simulation_.is_busy()) return;
    show_busy();
    emit settled();
  };
  connect(&simulation_, &Simulation::finished, this, [this, settle](const RunPtr& run) {
    show_run(run);
    // A newer text is on its way: this result is good, but not the last word.
    if (simulation_.is_busy()) parts_->report->set_stale(true);
    settle();
  });
  connect(&simulation_, &Simulation::rejected, this, [this, settle](const std::vector<hardware::Diagnostic>& problems) {
    if (shows_other_scenario()) {
      current_.reset();
      previous_.reset();
      show_views();
    }
    show_problems(problems);
    const QString first = QString::fromStdString(problems.empty() ? std::string() : problems.front().message);
    parts_->status->set_line(tr("Not simulated: %1").arg(first));
    settle();
  });
  connect(&simulation_, &Simulation::cancelled, this, [this, settle] {
    parts_->status->set_line(tr("Cancelled; the figures are those of the last finished run"));
    parts_->report->set_stale(true);
    settle();
  });
  connect(&other_, &Simulation::finished, this, [this](const RunPtr& run) {
    show_busy();
    keep(run);
    if (current_) parts_->compare->choose(run->request.number, current_->request.number);
    show_view(QStringLiteral("compare"));
  });
  connect(&other_, &Simulation::cancelled, this, [this] {
    show_busy();
    parts_->status->set_line(tr("Cancelled; there is nothing to compare with"));
  });
  connect(&other_, &Simulation::rejected, this, [this](const std::vector<hardware::Diagnostic>& problems) {
    show_busy();
    notify(problems.empty() ? tr("That scenario can't be run") : QString::fromStdString(problems.front().str()));
  });
}

void MainWindow::connect_views() {
  const auto open = [this](const QString& path, const QString& variant) {
    when_discardable([this, path, variant] { open_variant(path, variant); });
  };
  connect(parts_->library, &LibraryView::open_requested, this, open);
  connect(parts_->ask, &AskView::open_requested, this, [this](const QString& scenario, bool save) {
    when_discardable([this, scenario, save] { open_answer(scenario, save); });
  });
  connect(parts_->ask, &AskView::leave_requested, this, &MainWindow::show_results);
  connect(parts_->runs, &RunsView::restore_requested, this, &MainWindow::restore);
  connect(parts_->runs, &RunsView::compare_requested, this, [this](const RunPtr& run) {
    if (current_) parts_->compare->choose(run->request.number, current_->request.number);
    show_view(QStringLiteral("compare"));
  });
  connect(parts_->form, &FormView::edit_requested, this,
          [this](const QString& key, const QString& value) { set_value(key, value); });
  connect(parts_->form, &FormView::event_requested, this, &MainWindow::add_event);
  connect(parts_->form, &FormView::remove_requested, this, [this](const QString& key) {
    try {
      document_.remove_value(key);
    } catch (const ConfigError& error) {
      notify(message_of(error));
    }
  });
  connect(parts_->editor, &YamlEditor::edited, this, [this](const QString& text) { document_.set_text(text); });
  connect(parts_->problems, &ProblemsView::go_to_requested, this, [this](int line, int column) {
    parts_->editor->go_to(line, column);
    parts_->editor->setFocus(Qt::OtherFocusReason);
  });
  connect(parts_->report, &RunView::explain_requested, this, &MainWindow::explain);
  for (RunView* view : parts_->views) connect(view, &RunView::explain_requested, this, &MainWindow::explain);
  connect(parts_->compare, &CompareView::open_requested, this, &MainWindow::ask_to_compare);
}

void MainWindow::text_changed() {
  show_results();
  parts_->editor->set_text(document_.text());
  parts_->form->model().set_text(document_.text().toStdString(), file_name());
  simulate(new_content_);
}

void MainWindow::simulate(bool now) {
  parts_->report->set_stale(true);
  simulation_.submit(document_.text().toStdString(), file_name(), document_.last_change().toStdString(), now);
  if (new_content_) {
    new_from_ = simulation_.last_number();
    parts_->form->forget();
    for (RunView* view : parts_->views) view->forget();
  }
  new_content_ = false;
}

void MainWindow::cancel_runs() {
  for (Simulation* simulation : {&simulation_, &other_}) {
    if (simulation->is_busy()) simulation->cancel();
  }
}

void MainWindow::show_busy() {
  const bool busy = simulation_.is_busy() || other_.is_busy();
  parts_->cancel->setEnabled(busy);
  if (busy) {
    statusBar()->showMessage({});
    parts_->progress->setRange(0, 1000);
    parts_->progress->setValue(0);
  } else {
    parts_->progress->hide();
  }
}

void MainWindow::compare_with(const QString& path) {
  try {
    Document second;
    second.load(path);
    other_.submit(second.text().toStdString(), second.path().toStdString(), second.name().toStdString(), true);
  } catch (const ConfigError& error) {
    notify(message_of(error));
  }
}

void MainWindow::explain(const QString& metric, const QString& focus) {
  parts_->explain->explain(metric, focus);
  show_view(QStringLiteral("explain"));
}

void MainWindow::update_title() {
  // Qt takes "[*]" for the place of the mark of unsaved changes, twice in a row for itself.
  const QString mark = QStringLiteral("[*]");
  setWindowTitle(tr("%1[*] — Orrery").arg(document_.name().replace(mark, mark + mark)));
  setWindowModified(document_.is_modified());
  setWindowFilePath(document_.path());
}

}  // namespace orrery::gui
