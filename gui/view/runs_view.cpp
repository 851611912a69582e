#include "gui/view/runs_view.hpp"

#include <algorithm>

#include <QAction>
#include <QKeyEvent>
#include <QListWidget>
#include <QMenu>
#include <QVBoxLayout>

#include "gui/model/metric_text.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::gui {

namespace {

/// The one before of the same file: another file's, to compare with, may stand between.
const Run* before_of(const std::vector<RunPtr>& runs, std::size_t run) {
  for (std::size_t i = run; i-- > 0;) {
    if (runs[i]->request.file == runs[run]->request.file) return runs[i].get();
  }
  return nullptr;
}

/// "step 12.66 s (▼ −3.1 %)", against the run before if that is of the same kind.
QString key_figure(const Run& run, const Run* before) {
  if (!run.report.scenario.skipped.empty()) return QStringLiteral("skipped");
  if (run.report.results.empty()) return {};
  const scenarios::Job& job = run.report.scenario.jobs.front();
  const scenarios::Headline& headline = job.kind->headline;
  const std::string metric = job.prefix() + std::string(headline.metric);
  const std::optional<double> value = run.report.find_metric(metric);
  if (!value) return to_qstring(headline.absent);
  const scenarios::Unit unit = scenarios::metric_unit(metric).value_or(scenarios::Unit::number);
  QString text = to_qstring(headline.title) + QLatin1Char(' ') + to_qstring(scenarios::readable(*value, unit));
  if (before != nullptr && before->has_kinds_of(run)) {
    const ChangeText change = describe_change({metric, unit, before->report.find_metric(metric), value});
    text += QStringLiteral(" (%1)").arg(change.text);
  }
  return text;
}

}  // namespace

RunsView::RunsView(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("runs_view"));
  setAccessibleName(QStringLiteral("Runs"));
  list_ = new QListWidget(this);
  list_->setObjectName(QStringLiteral("runs_list"));
  list_->setAccessibleName(QStringLiteral("Runs, newest first"));
  list_->setWordWrap(true);
  list_->setAlternatingRowColors(true);
  list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  list_->setContextMenuPolicy(Qt::ActionsContextMenu);
  list_->setToolTip(QStringLiteral("Enter goes back to a run's text; the menu compares"));

  restore_ = new QAction(QStringLiteral("&Go back to this run"), list_);
  restore_->setObjectName(QStringLiteral("restore_run"));
  restore_->setShortcut(Qt::Key_Return);
  restore_->setShortcutContext(Qt::WidgetShortcut);
  compare_ = new QAction(QStringLiteral("&Compare with the current run"), list_);
  compare_->setObjectName(QStringLiteral("compare_run"));
  compare_->setShortcut(QKeySequence(Qt::CTRL | Qt::Key_Return));
  compare_->setShortcutContext(Qt::WidgetShortcut);
  for (QAction* action : {restore_, compare_}) action->setShortcutVisibleInContextMenu(true);
  list_->addActions({restore_, compare_});

  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(list_);
  setFocusProxy(list_);

  // Not activated(): where the desktop activates at a single click, looking at the list would change the text.
  connect(list_, &QListWidget::itemDoubleClicked, this, &RunsView::restore);
  list_->installEventFilter(this);
  connect(restore_, &QAction::triggered, this, &RunsView::restore);
  connect(compare_, &QAction::triggered, this, [this] {
    if (const RunPtr run = selected()) emit compare_requested(run);
  });
  connect(list_, &QListWidget::currentRowChanged, this, &RunsView::enable_actions);
  enable_actions();
}

void RunsView::restore() {
  if (const RunPtr run = selected()) emit restore_requested(run);
}

bool RunsView::eventFilter(QObject* watched, QEvent* event) {
  if (watched != list_ || event->type() != QEvent::KeyPress) return QWidget::eventFilter(watched, event);
  const auto* key = static_cast<QKeyEvent*>(event);
  if (key->key() != Qt::Key_Return && key->key() != Qt::Key_Enter) return false;
  if ((key->modifiers() & Qt::ControlModifier) == 0) {
    restore();
  } else if (compare_->isEnabled()) {
    compare_->trigger();
  }
  return true;
}

void RunsView::enable_actions() {
  const RunPtr run = selected();
  restore_->setEnabled(run != nullptr);
  compare_->setEnabled(run != nullptr && run != current_);
}

RunPtr RunsView::selected() const {
  const int row = list_->currentRow();
  if (row < 0 || row >= static_cast<int>(runs_.size())) return nullptr;
  return runs_[runs_.size() - 1 - static_cast<std::size_t>(row)];
}

void RunsView::set_runs(const std::vector<RunPtr>& runs, const RunPtr& current) {
  const RunPtr chosen = selected();
  // While the newest is selected the selection follows the runs; an older one that the user chose stays.
  const bool follow = list_->currentRow() <= 0;
  const QSignalBlocker blocker(list_);
  runs_ = runs;
  current_ = current;
  while (list_->count() > static_cast<int>(runs_.size())) delete list_->takeItem(list_->count() - 1);
  while (list_->count() < static_cast<int>(runs_.size())) list_->addItem(QString());
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Run& run = *runs_[i];
    QListWidgetItem* item = list_->item(static_cast<int>(runs_.size() - 1 - i));
    const QString figure = key_figure(run, before_of(runs_, i));
    const QString label = QString::fromStdString(run.label());
    const QString text = figure.isEmpty() ? label : QStringLiteral("%1 — %2").arg(label, figure);
    item->setText(text);
    item->setToolTip(plain_tip(text + QLatin1Char('\n') + to_qstring(run.report.scenario.title)));
    QFont font = list_->font();
    font.setBold(runs_[i] == current);
    item->setFont(font);
  }
  const auto found = std::find(runs_.begin(), runs_.end(), chosen);
  const bool keep = !follow && found != runs_.end();
  list_->setCurrentRow(runs_.empty() ? -1 : keep ? static_cast<int>(runs_.end() - found) - 1 : 0);
  enable_actions();
}

}  // namespace orrery::gui
