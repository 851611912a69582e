#include "gui/view/links_view.hpp"

#include <algorithm>

#include <QHeaderView>
#include <QLabel>
#include <QSortFilterProxyModel>
#include <QSplitter>
#include <QStyledItemDelegate>
#include <QTreeView>
#include <QVBoxLayout>

#include "gui/look/text.hpp"
#include "gui/view/figures_table.hpp"
#include "gui/view/link_load_plot.hpp"

namespace orrery::gui {

namespace {

/// Operations take the whole row: their names are long, and all they have is a delay.
class OperationDelegate final : public QStyledItemDelegate {
 public:
  using QStyledItemDelegate::QStyledItemDelegate;

 protected:
  void initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const override {
    QStyledItemDelegate::initStyleOption(option, index);
    if (!index.parent().isValid()) return;
    option->text += QStringLiteral(": ") + index.siblingAtColumn(LinksModel::kHeldUp).data().toString();
  }
};

QString reason(const RunPtr& run) {
  if (!run) return QObject::tr("Links appear here when the first run is done.");
  if (!run->report.scenario.skipped.empty()) return QObject::tr("This scenario was skipped: nothing was carried.");
  return QObject::tr("No links: nothing that ran here loads one.");
}

}  // namespace

LinksView::LinksView(QWidget* parent) : RunView(parent) {
  setObjectName(QStringLiteral("links_view"));
  setAccessibleName(tr("Links"));
  make_table();
  empty_ = new QLabel(this);
  empty_->setObjectName(QStringLiteral("links_empty"));
  empty_->setAlignment(Qt::AlignCenter);
  empty_->setForegroundRole(QPalette::PlaceholderText);
  empty_->setWordWrap(true);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  load_ = new LinkLoadPlot(this);
  load_->hide();
  body_ = new QSplitter(Qt::Vertical, this);
  body_->setChildrenCollapsible(false);
  body_->addWidget(table_);
  body_->addWidget(load_);
  body_->setStretchFactor(0, 3);
  body_->setStretchFactor(1, 2);
  body_->setSizes({300, 200});
  layout->addWidget(body_, 1);
  layout->addWidget(empty_, 1);
  setFocusProxy(table_);
  connect_load();
  set_runs(nullptr, nullptr);
}

void LinksView::make_table() {
  model_ = new LinksModel(this);
  sorted_ = new QSortFilterProxyModel(this);
  sorted_->setSourceModel(model_);
  sorted_->setSortRole(LinksModel::kSortRole);
  table_ = new QTreeView(this);
  table_->setObjectName(QStringLiteral("links_table"));
  table_->setAccessibleName(tr("Links of the machine"));
  set_up_figures_table(*table_, *sorted_, "links_copy");
  table_->setItemDelegateForColumn(LinksModel::kLink, new OperationDelegate(table_));
  table_->header()->setStretchLastSection(false);
  table_->header()->setSectionResizeMode(LinksModel::kLink, QHeaderView::Interactive);
  table_->header()->setSectionResizeMode(LinksModel::kHeldUp, QHeaderView::Stretch);
}

void LinksView::set_runs(const RunPtr& current, const RunPtr&) {
  if (run_ == current && run_) return;
  run_ = current;
  model_->set_run(run_);
  const bool has_links = model_->rowCount() > 0;
  if (!has_links) empty_->setText(reason(run_));
  body_->setVisible(has_links);
  empty_->setVisible(!has_links);
  for (int row = 0; row < sorted_->rowCount(); ++row) {
    const QModelIndex link = sorted_->index(row, 0);
    for (int child = 0; child < sorted_->rowCount(link); ++child) table_->setFirstColumnSpanned(child, link, true);
  }
  table_->expandAll();
  fit_names();
  choose_again();
}

void LinksView::connect_load() {
  connect(table_->selectionModel(), &QItemSelectionModel::selectionChanged, this, &LinksView::choose);
  connect(&inquiry_, &LoadInquiry::answered, this, [this](const RunPtr& run, const LoadsPtr& loads) {
    if (run == run_) load_->set_loads(loads);
  });
  connect(&inquiry_, &LoadInquiry::refused, this, [this](const RunPtr& run, const QString& message) {
    if (run == run_) load_->set_loads(nullptr, message);
  });
}

void LinksView::forget() {
  chosen_.clear();
  table_->clearSelection();
}

void LinksView::choose() {
  const QModelIndexList rows = table_->selectionModel()->selectedRows();
  load_->setVisible(!rows.isEmpty());
  if (rows.isEmpty()) {
    chosen_.clear();
    load_->set_link(std::nullopt);
    return;
  }
  const QModelIndex current = table_->currentIndex().siblingAtColumn(0);
  const sim::LinkReport& link = model_->link_of(sorted_->mapToSource(rows.contains(current) ? current : rows.front()));
  chosen_ = to_qstring(link.link_class);
  load_->set_link(link);
  ask_for_loads();
}

void LinksView::ask_for_loads() {
  if (asked_ == run_ || !isVisible()) return;
  asked_ = run_;
  if (run_->report.results.empty()) {
    load_->set_loads(nullptr, tr("This run has no results, so there is no load over time."));
    return;
  }
  load_->set_loads(nullptr);
  inquiry_.ask(run_);
}

void LinksView::showEvent(QShowEvent* event) {
  RunView::showEvent(event);
  if (!chosen_.isEmpty()) ask_for_loads();
}

void LinksView::choose_again() {
  // Before the first run of a scenario there is nothing to hold on to.
  const QString before = chosen_;
  inquiry_.drop();
  asked_.reset();
  load_->set_loads(nullptr);
  for (int row = 0; row < sorted_->rowCount() && !before.isEmpty(); ++row) {
    const QModelIndex link = sorted_->index(row, 0);
    if (link.data().toString() != before) continue;
    table_->selectionModel()->setCurrentIndex(link, QItemSelectionModel::ClearAndSelect | QItemSelectionModel::Rows);
    return;
  }
  choose();
}

/// Room for every class; the names of operations have the whole row.
void LinksView::fit_names() {
  int widest = table_->header()->sectionSizeHint(LinksModel::kLink);
  for (int row = 0; row < model_->rowCount(); ++row) {
    const QString name = model_->index(row, LinksModel::kLink).data().toString();
    widest = std::max(widest, table_->fontMetrics().horizontalAdvance(name) + 2 * table_->indentation());
  }
  table_->header()->resizeSection(LinksModel::kLink, widest);
}

std::string LinksView::csv() const { return model_->csv(); }

}  // namespace orrery::gui
