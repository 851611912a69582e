#include "gui/view/report_view.hpp"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QTimer>
#include <QTreeView>
#include <QVBoxLayout>

#include "gui/view/copy_rows.hpp"
#include "gui/view/figure_strip.hpp"
#include "gui/view/report_delegate.hpp"

namespace orrery::gui {

namespace {

/// Most runs of training are there sooner than this.
constexpr int kDimAfterMs = 200;

}  // namespace

ReportView::ReportView(QWidget* parent) : RunView(parent) {
  setObjectName(QStringLiteral("report_view"));
  setAccessibleName(QStringLiteral("Report"));
  strip_ = new FigureStrip(this);
  connect(strip_, &FigureStrip::explain_requested, this, &ReportView::explain_requested);
  make_table();
  make_actions();
  empty_ = new QLabel(QStringLiteral("No result yet."), this);
  empty_->setAlignment(Qt::AlignCenter);
  empty_->setForegroundRole(QPalette::PlaceholderText);
  badge_ = new QLabel(QStringLiteral("out of date"), table_);
  badge_->setObjectName(QStringLiteral("report_stale"));
  badge_->setAutoFillBackground(true);
  badge_->setBackgroundRole(QPalette::ToolTipBase);
  badge_->setForegroundRole(QPalette::ToolTipText);
  badge_->setMargin(4);
  badge_->setAttribute(Qt::WA_TransparentForMouseEvents);
  badge_->hide();
  dim_timer_ = new QTimer(this);
  dim_timer_->setSingleShot(true);
  dim_timer_->setInterval(kDimAfterMs);
  connect(dim_timer_, &QTimer::timeout, this, [this] { dim(true); });

  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(2);
  layout->addWidget(strip_);
  layout->addWidget(table_, 1);
  layout->addWidget(empty_, 1);
  table_->hide();
  setFocusProxy(table_);
}

void ReportView::make_table() {
  model_ = new ReportModel(this);
  table_ = new QTreeView(this);
  table_->setObjectName(QStringLiteral("report_table"));
  table_->setAccessibleName(QStringLiteral("Figures of the current run"));
  delegate_ = new ReportDelegate(table_);
  table_->setItemDelegate(delegate_);
  table_->setModel(model_);
  table_->setAlternatingRowColors(true);
  table_->setSelectionMode(QAbstractItemView::ExtendedSelection);
  table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  table_->setMinimumHeight(fontMetrics().height() * 5);
  table_->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
  QHeaderView* header = table_->header();
  header->setStretchLastSection(false);
  header->setSectionsMovable(false);
  header->setSectionResizeMode(QHeaderView::ResizeToContents);
  header->setSectionResizeMode(ReportModel::kMetric, QHeaderView::Stretch);
  table_->installEventFilter(this);
  table_->viewport()->installEventFilter(this);
  connect(table_, &QTreeView::doubleClicked, this, &ReportView::explain);
  // Groups open as they come, but for the long one of all stages.
  connect(model_, &QAbstractItemModel::rowsInserted, this, [this](const QModelIndex& parent, int first, int last) {
    if (parent.isValid()) return;
    for (int row = first; row <= last; ++row) {
      const QModelIndex group = model_->index(row, 0);
      const QString metric = model_->index(0, 0, group).data(ReportModel::kMetricRole).toString();
      table_->setExpanded(group, !metric.startsWith(QStringLiteral("memory.stages.")));
    }
  });
}

void ReportView::make_actions() {
  auto* explain_action = new QAction(QStringLiteral("&Where does this number come from?"), table_);
  explain_action->setObjectName(QStringLiteral("report_explain"));
  explain_action->setShortcut(Qt::Key_Return);
  auto* copy_name = new QAction(QStringLiteral("Copy metric &name"), table_);
  copy_name->setObjectName(QStringLiteral("report_copy_name"));
  for (QAction* action : {explain_action, copy_name}) {
    action->setShortcutContext(Qt::WidgetShortcut);
    action->setShortcutVisibleInContextMenu(true);
  }
  table_->addAction(explain_action);
  add_copy_action(*table_, "report_copy");
  table_->addAction(copy_name);
  table_->setContextMenuPolicy(Qt::ActionsContextMenu);
  connect(explain_action, &QAction::triggered, this, [this] { explain(table_->currentIndex()); });
  connect(copy_name, &QAction::triggered, this, [this] {
    const QString name = table_->currentIndex().data(ReportModel::kMetricRole).toString();
    if (!name.isEmpty()) QApplication::clipboard()->setText(name);
  });
}

void ReportView::set_runs(const RunPtr& current, const RunPtr& previous) {
  model_->set_runs(current, previous);
  span_rows();
  strip_->set_runs(current, previous);
  table_->setVisible(current != nullptr);
  empty_->setVisible(current == nullptr);
  set_stale(false);
}

std::string ReportView::csv() const { return model_->csv(); }

/// Titles and messages take all columns.
void ReportView::span_rows() {
  for (int group = 0; group < model_->rowCount(); ++group) {
    const QModelIndex parent = model_->index(group, 0);
    table_->setFirstColumnSpanned(group, {}, true);
    for (int row = 0; row < model_->rowCount(parent); ++row) {
      if (!model_->index(row, 0, parent).data(ReportModel::kMessageRole).toBool()) break;
      table_->setFirstColumnSpanned(row, parent, true);
    }
  }
}

const std::vector<KeyFigure*>& ReportView::figures() const { return strip_->figures(); }

void ReportView::set_stale(bool stale) {
  stale_ = stale;
  if (!stale) {
    dim_timer_->stop();
    dim(false);
  } else if (!dim_timer_->isActive() && badge_->isHidden()) {
    dim_timer_->start();
  }
}

void ReportView::dim(bool dimmed) {
  strip_->set_dimmed(dimmed);
  delegate_->set_dimmed(dimmed);
  badge_->setVisible(dimmed);
  if (dimmed) place_badge();
}

void ReportView::place_badge() {
  badge_->adjustSize();
  const QRect area = table_->viewport()->geometry();
  badge_->move(area.right() - badge_->width() - 4, area.bottom() - badge_->height() - 4);
  badge_->raise();
}

void ReportView::explain(const QModelIndex& index) {
  const QString metric = index.data(ReportModel::kMetricRole).toString();
  if (!metric.isEmpty()) emit explain_requested(metric, {});
}

bool ReportView::eventFilter(QObject* watched, QEvent* event) {
  if (watched == table_->viewport() && event->type() == QEvent::Resize) {
    delegate_->width_changed();
    if (!badge_->isHidden()) place_badge();
  }
  if (watched == table_ && event->type() == QEvent::KeyPress) {
    auto* key = static_cast<QKeyEvent*>(event);
    if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
      explain(table_->currentIndex());
      return true;
    }
  }
  return RunView::eventFilter(watched, event);
}

}  // namespace orrery::gui
