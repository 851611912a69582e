// The panels beside the results: how they are made, and how both share the width.
//
// Panels keep their shares of the window's width when it changes; below kNarrow they stand behind each other as tabs,
// and side by side again when there is room again. What the user makes of them becomes their shares.

#include <QApplication>
#include <QDataStream>
#include <QResizeEvent>
#include <QSettings>
#include <QSplitter>

#include "gui/main_window_parts.hpp"
#include "hardware/catalogue/catalogue.hpp"

namespace orrery::gui {

namespace {

/// Side by side the panels would leave the results no room.
constexpr int kNarrow = 1200;

QDockWidget* add_dock(QMainWindow& window, QWidget* content, const QString& title, const QString& name) {
  auto* dock = new QDockWidget(title, &window);
  dock->setObjectName(name);
  dock->setWidget(content);
  dock->setFeatures(QDockWidget::DockWidgetClosable | QDockWidget::DockWidgetMovable |
                    QDockWidget::DockWidgetFloatable);
  return dock;
}

/// One below the other.
bool are_column(const QDockWidget& above, const QDockWidget& below) {
  return above.isVisible() && below.isVisible() && above.x() == below.x() && above.y() < below.y();
}

/// Names of those that the user closed; one behind another tab is none.
QStringList closed(const std::array<QDockWidget*, 4>& panels) {
  QStringList names;
  for (const QDockWidget* dock : panels) {
    if (!dock->toggleViewAction()->isChecked()) names << dock->objectName();
  }
  return names;
}

void close_only(const std::array<QDockWidget*, 4>& panels, const QStringList& names) {
  for (QDockWidget* dock : panels) dock->setVisible(!names.contains(dock->objectName()));
}

}  // namespace

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
  parts_->shares = {{library, 0.1}, {runs, 0.1}, {form, 0.195}, {yaml, 0.165}};
  parts_->panels = {library, runs, form, yaml};
  for (QDockWidget* dock : parts_->panels) dock->installEventFilter(this);
  parts_->docks = new QMenu(tr("&Panels"), this);
  for (QDockWidget* dock : {library, runs, form, yaml}) parts_->docks->addAction(dock->toggleViewAction());
}

/// The panels that take width: each one, or of tabs the one in front.
std::vector<QDockWidget*> MainWindow::columns() const {
  std::vector<QDockWidget*> columns;
  for (QDockWidget* dock : parts_->panels) {
    const Qt::DockWidgetArea area = dockWidgetArea(dock);
    const bool beside = area == Qt::LeftDockWidgetArea || area == Qt::RightDockWidgetArea;
    if (beside && !dock->isFloating() && dock->isVisible() && !dock->visibleRegion().isEmpty()) columns.push_back(dock);
  }
  return columns;
}

void MainWindow::measure_panels() {
  if (parts_->stacked) {
    for (QDockWidget* dock : columns()) parts_->stacked_share = static_cast<double>(dock->width()) / width();
    return;
  }
  for (QDockWidget* dock : columns()) parts_->shares[dock] = static_cast<double>(dock->width()) / width();
  const auto& [library, runs, form, yaml] = parts_->panels;
  if (!are_column(*library, *runs)) return;
  parts_->runs_share = static_cast<double>(runs->height()) / (library->height() + runs->height());
}

void MainWindow::share_room() {
  if (parts_->stacked) {
    // Tabs are as wide as any of them.
    QDockWidget* library = parts_->panels.front();
    resizeDocks({library}, {static_cast<int>(parts_->stacked_share * width())}, Qt::Horizontal);
    return;
  }
  QList<QDockWidget*> docks;
  QList<int> widths;
  for (QDockWidget* dock : columns()) {
    const auto share = parts_->shares.find(dock);
    if (share == parts_->shares.end()) continue;
    docks << dock;
    widths << static_cast<int>(share->second * width() + 0.5);
  }
  resizeDocks(docks, widths, Qt::Horizontal);
  const auto& [library, runs, form, yaml] = parts_->panels;
  if (!are_column(*library, *runs)) return;
  const int both = library->height() + runs->height(), below = static_cast<int>(parts_->runs_share * both);
  resizeDocks({library, runs}, {both - below, below}, Qt::Vertical);
}

void MainWindow::stack_panels() {
  parts_->side_by_side = saveState();
  const auto& [library, runs, form, yaml] = parts_->panels;
  for (QDockWidget* dock : {form, yaml, runs}) tabifyDockWidget(library, dock);
  form->raise();
  parts_->stacked = true;
}

void MainWindow::unstack_panels() {
  const QStringList names = closed(parts_->panels);  // as tabs they may have been closed or opened
  restoreState(parts_->side_by_side);
  close_only(parts_->panels, names);
  layout()->activate();
  parts_->stacked = false;
}

void MainWindow::fit_panels() {
  const bool narrow = width() < kNarrow;
  if (narrow && !parts_->stacked) stack_panels();
  if (!narrow && parts_->stacked) unstack_panels();
  share_room();
}

void MainWindow::resizeEvent(QResizeEvent* event) {
  QMainWindow::resizeEvent(event);
  if (parts_->arranged) fit_panels();
  parts_->settled = size();
}

/// A drag of the border between panels and results, not the window's own change.
bool MainWindow::eventFilter(QObject* watched, QEvent* event) {
  const bool dragged = event->type() == QEvent::Resize && (QApplication::mouseButtons() & Qt::LeftButton) != 0;
  if (dragged && parts_->arranged && size() == parts_->settled) measure_panels();
  return QMainWindow::eventFilter(watched, event);
}

void MainWindow::showEvent(QShowEvent* event) {
  QMainWindow::showEvent(event);
  if (parts_->arranged) return;
  parts_->arranged = true;
  layout()->activate();
  if (parts_->restored) measure_panels();
  fit_panels();
  parts_->settled = size();
}

/// As it is side by side: narrow windows stack it again.
QByteArray MainWindow::panel_state() const {
  QByteArray bytes;
  QDataStream out(&bytes, QIODevice::WriteOnly);
  out << (parts_->stacked ? parts_->side_by_side : saveState()) << closed(parts_->panels);
  return bytes;
}

void MainWindow::restore_layout() {
  const QSettings settings;
  restoreGeometry(settings.value(QStringLiteral("geometry")).toByteArray());
  QByteArray state;
  QStringList names;
  QDataStream in(settings.value(QStringLiteral("state")).toByteArray());
  in >> state >> names;
  parts_->restored = restoreState(state);
  if (parts_->restored) close_only(parts_->panels, names);
}

}  // namespace orrery::gui
