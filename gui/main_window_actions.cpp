// Menus, shortcuts and dialogs of the main window.

#include <QActionGroup>
#include <QApplication>
#include <QFileDialog>
#include <QFileInfo>
#include <QInputDialog>
#include <QLineEdit>
#include <QMenuBar>
#include <QMessageBox>
#include <QSettings>
#include <fmt/format.h>

#include "gui/look/text.hpp"
#include "gui/main_window_parts.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"
#include "scenarios/schema.hpp"

namespace orrery::gui {

namespace {

constexpr int kRecentFiles = 10;

/// An "&" in a name marks no mnemonic.
QString menu_text(QString name) { return name.replace(QLatin1Char('&'), QStringLiteral("&&")); }

QString scenario_filter() { return MainWindow::tr("Scenarios (*.yaml *.yml);;All files (*)"); }

}  // namespace

QAction* MainWindow::add_action(QMenu& menu, const QString& name, const QString& text, const QKeySequence& keys,
                                std::function<void()> act) {
  auto* action = new QAction(text, this);
  action->setObjectName(QStringLiteral("action_") + name);
  action->setShortcut(keys);
  connect(action, &QAction::triggered, this, [act = std::move(act)] { act(); });
  menu.addAction(action);
  addAction(action);
  return action;
}

void MainWindow::make_file_menu() {
  QMenu& menu = *menuBar()->addMenu(tr("&File"));
  add_action(menu, QStringLiteral("ask"), tr("Ask a &question"), QKeySequence(tr("Alt+0")),
             [this] { show_questions(); });
  menu.addSeparator();
  int place = -1;
  for (const scenarios::KindRow* kind : scenarios::kinds()) {
    ++place;
    const QString name = to_qstring(kind->name);
    // The first two kinds have a key each: a third is made from the menu.
    add_action(
        menu, place == 0 ? QStringLiteral("new") : QStringLiteral("new_") + name,
        place == 0 ? tr("&New %1 scenario").arg(name) : tr("New &%1 scenario").arg(name),
        place == 0   ? QKeySequence(QKeySequence::New)
        : place == 1 ? QKeySequence(tr("Ctrl+Shift+N"))
                     : QKeySequence(),
        [this, kind] { when_discardable([this, kind] { new_document(to_qstring(kind->scenario_template())); }); });
  }
  add_action(menu, QStringLiteral("open"), tr("&Open…"), QKeySequence::Open, [this] { ask_to_open(); });
  parts_->recent = menu.addMenu(tr("Open &recent"));
  connect(parts_->recent, &QMenu::aboutToShow, this, &MainWindow::fill_recent_files);
  menu.addSeparator();
  add_action(menu, QStringLiteral("save"), tr("&Save"), QKeySequence::Save,
             [this] { document_.path().isEmpty() ? ask_to_save() : static_cast<void>(save_file()); });
  add_action(menu, QStringLiteral("save_as"), tr("Save &as…"), QKeySequence(tr("Ctrl+Shift+S")),
             [this] { ask_to_save(); });
  menu.addSeparator();
  add_action(menu, QStringLiteral("export"), tr("&Export the front view…"), QKeySequence(tr("Ctrl+E")), [this] {
    ask_to_export(tr("Export the front view"), tr("PNG picture (*.png);;SVG picture (*.svg);;CSV table (*.csv)"),
                  &MainWindow::export_view);
  });
  add_action(menu, QStringLiteral("export_report"), tr("Export the re&port…"), {},
             [this] { ask_to_export(tr("Export the report"), tr("CSV table (*.csv)"), &MainWindow::export_report); });
  add_action(menu, QStringLiteral("export_trace"), tr("Export a &trace…"), QKeySequence(tr("Ctrl+Shift+E")), [this] {
    ask_to_export(tr("Export a Chrome trace"), tr("Trace for Perfetto (*.json)"), &MainWindow::export_trace);
  });
  menu.addSeparator();
  add_action(menu, QStringLiteral("quit"), tr("&Quit"), QKeySequence::Quit, [this] { close(); });
}

void MainWindow::make_edit_menu() {
  QMenu& menu = *menuBar()->addMenu(tr("&Edit"));
  QUndoStack& stack = document_.undo_stack();
  QAction* undo = stack.createUndoAction(this, tr("&Undo"));
  undo->setObjectName(QStringLiteral("action_undo"));
  undo->setShortcut(QKeySequence::Undo);
  QAction* redo = stack.createRedoAction(this, tr("&Redo"));
  redo->setObjectName(QStringLiteral("action_redo"));
  redo->setShortcuts({QKeySequence(tr("Ctrl+Shift+Z")), QKeySequence(tr("Ctrl+Y"))});
  menu.addAction(undo);
  menu.addAction(redo);
  menu.addSeparator();
  add_action(menu, QStringLiteral("add_event"), tr("&Add an event"), {}, [this] { add_event(); });
  menu.addSeparator();
  const auto focus = [](QWidget* widget) {
    if (auto* field = widget->findChild<QLineEdit*>()) {
      field->setFocus(Qt::ShortcutFocusReason);
      field->selectAll();
    } else {
      widget->setFocus(Qt::ShortcutFocusReason);
    }
  };
  add_action(menu, QStringLiteral("go_library"), tr("Go to the &library"), QKeySequence(tr("Alt+1")),
             [this, focus] { focus(parts_->library); });
  add_action(menu, QStringLiteral("go_form"), tr("Go to the &form"), QKeySequence(tr("Alt+2")),
             [this, focus] { focus(parts_->form); });
  add_action(menu, QStringLiteral("go_text"), tr("Go to the &text"), QKeySequence(tr("Alt+3")),
             [this] { parts_->editor->setFocus(Qt::ShortcutFocusReason); });
  add_action(menu, QStringLiteral("go_report"), tr("Go to the r&eport"), QKeySequence(tr("Alt+4")),
             [this] { parts_->report->table().setFocus(Qt::ShortcutFocusReason); });
}

void MainWindow::make_run_menu() {
  QMenu& menu = *menuBar()->addMenu(tr("&Run"));
  add_action(menu, QStringLiteral("run"), tr("&Simulate again"), QKeySequence(Qt::Key_F5), [this] { simulate(true); });
  parts_->cancel =
      add_action(menu, QStringLiteral("cancel"), tr("&Cancel"), QKeySequence(tr("Ctrl+.")), [this] { cancel_runs(); });
  parts_->cancel->setEnabled(false);
  add_action(menu, QStringLiteral("compare_file"), tr("Compare with a &file…"), QKeySequence(tr("Ctrl+Shift+O")),
             [this] { ask_to_compare(); });
}

void MainWindow::make_view_menu() {
  QMenu& menu = *menuBar()->addMenu(tr("&View"));
  int number = 1;
  for (const ViewRow& row : views()) {
    const QString name = to_qstring(row.name);
    QAction* action = add_action(menu, QStringLiteral("show_") + name, to_qstring(row.title),
                                 QKeySequence(QStringLiteral("Ctrl+%1").arg(number++)), [this, name] {
                                   show_view(name);
                                   view(name)->setFocus(Qt::ShortcutFocusReason);
                                 });
    action->setStatusTip(to_qstring(row.summary));
  }
  menu.addSeparator();
  menu.addMenu(parts_->docks);
  QMenu& themes = *menu.addMenu(tr("&Colours"));
  auto* group = new QActionGroup(this);
  const QString chosen = QSettings().value(QStringLiteral("theme"), QStringLiteral("system")).toString();
  for (const auto& [theme, name, title] : {std::tuple{Theme::system, QStringLiteral("system"), tr("As the &desktop")},
                                           std::tuple{Theme::light, QStringLiteral("light"), tr("&Light")},
                                           std::tuple{Theme::dark, QStringLiteral("dark"), tr("&Dark")}}) {
    QAction* action = add_action(themes, name, title, {}, [this, theme = theme, name = name] {
      QSettings().setValue(QStringLiteral("theme"), name);
      choose_theme(theme);
    });
    action->setCheckable(true);
    action->setChecked(name == chosen);
    group->addAction(action);
  }
}

void MainWindow::make_help_menu() {
  QMenu& menu = *menuBar()->addMenu(tr("&Help"));
  add_action(menu, QStringLiteral("keys"), tr("What is &where, and its keys"), QKeySequence::HelpContents,
             [this] { show_help(); });
  add_action(menu, QStringLiteral("about"), tr("&About Orrery"), {}, [this] {
    auto* box = new QMessageBox(QMessageBox::Information, tr("About Orrery"),
                                tr("Orrery %1 predicts the time, memory, throughput and cost of training and serving "
                                   "large language models.\n\nIts source is under the Apache License 2.0. This program "
                                   "links QCustomPlot and is therefore distributed under the GNU GPL, version 3.")
                                    .arg(to_qstring(scenarios::kVersion)),
                                QMessageBox::Ok, this);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->open();
  });
}

void MainWindow::choose_theme(Theme theme) { apply_theme(theme); }

void MainWindow::ask_to_open() {
  when_discardable([this] {
    const QString start = document_.path().isEmpty()
                              ? QString::fromStdString((hardware::data_root() / "scenarios" / "library").string())
                              : QFileInfo(document_.path()).absolutePath();
    auto* dialog = new QFileDialog(this, tr("Open a scenario"), start, scenario_filter());
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& path) { open_file(path); });
    dialog->open();
  });
}

void MainWindow::ask_to_save(std::function<void()> then) {
  auto* dialog = new QFileDialog(this, tr("Save the scenario"), document_.path(), scenario_filter());
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setAcceptMode(QFileDialog::AcceptSave);
  dialog->setDefaultSuffix(QStringLiteral("yaml"));
  connect(dialog, &QFileDialog::fileSelected, this, [this, then = std::move(then)](const QString& path) {
    if (save_file(path) && then) then();
  });
  dialog->open();
}

void MainWindow::ask_to_export(const QString& title, const QString& filter, bool (MainWindow::*write)(const QString&)) {
  auto* dialog = new QFileDialog(this, title, {}, filter);
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setAcceptMode(QFileDialog::AcceptSave);
  const auto use_suffix = [dialog](const QString& chosen) {
    const qsizetype star = chosen.indexOf(QLatin1String("*."));
    dialog->setDefaultSuffix(chosen.mid(star + 2, chosen.indexOf(QLatin1Char(')'), star) - star - 2));
  };
  use_suffix(filter);
  connect(dialog, &QFileDialog::filterSelected, this, use_suffix);
  connect(dialog, &QFileDialog::fileSelected, this, [this, write](const QString& path) { (this->*write)(path); });
  dialog->open();
}

void MainWindow::ask_to_compare() {
  auto* dialog = new QFileDialog(this, tr("Compare with a scenario"), QFileInfo(document_.path()).absolutePath(),
                                 scenario_filter());
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setFileMode(QFileDialog::ExistingFile);
  connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& path) { compare_with(path); });
  dialog->open();
}

void MainWindow::remember_file(const QString& path) {
  QSettings settings;
  QStringList files = settings.value(QStringLiteral("recent_files")).toStringList();
  files.removeAll(path);
  files.prepend(path);
  settings.setValue(QStringLiteral("recent_files"), QStringList(files.mid(0, kRecentFiles)));
}

void MainWindow::fill_recent_files() {
  parts_->recent->clear();
  const QStringList files = QSettings().value(QStringLiteral("recent_files")).toStringList();
  for (const QString& file : files) {
    parts_->recent->addAction(menu_text(file), this,
                              [this, file] { when_discardable([this, file] { open_file(file); }); });
  }
  if (files.isEmpty()) parts_->recent->addAction(tr("none yet"))->setEnabled(false);
}

}  // namespace orrery::gui
