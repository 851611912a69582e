#include "gui/view/links_view.hpp"

#include <algorithm>

#include <QHeaderView>
#include <QLabel>
#include <QSortFilterProxyModel>
#include <QStyledItemDelegate>
#include <QTreeView>
#include <QVBoxLayout>

#include "gui/view/copy_rows.hpp"

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
  layout->addWidget(table_, 1);
  layout->addWidget(empty_, 1);
  setFocusProxy(table_);
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
  table_->setModel(sorted_);
  table_->setItemDelegateForColumn(LinksModel::kLink, new OperationDelegate(table_));
  table_->setAlternatingRowColors(true);
  table_->setUniformRowHeights(true);
  table_->setSelectionMode(QAbstractItemView::ExtendedSelection);
  table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  // As the report has them until a header is clicked.
  table_->header()->setSortIndicatorClearable(true);
  table_->setSortingEnabled(true);
  table_->sortByColumn(-1, Qt::AscendingOrder);
  table_->header()->setSectionsMovable(false);
  table_->header()->setStretchLastSection(false);
  table_->header()->setSectionResizeMode(QHeaderView::ResizeToContents);
  table_->header()->setSectionResizeMode(LinksModel::kLink, QHeaderView::Interactive);
  table_->header()->setSectionResizeMode(LinksModel::kHeldUp, QHeaderView::Stretch);
  table_->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
  add_copy_action(*table_, "links_copy");
  table_->setContextMenuPolicy(Qt::ActionsContextMenu);
}

void LinksView::set_runs(const RunPtr& current, const RunPtr&) {
  if (run_ == current && run_) return;
  run_ = current;
  model_->set_run(run_);
  const bool has_links = model_->rowCount() > 0;
  if (!has_links) empty_->setText(reason(run_));
  table_->setVisible(has_links);
  empty_->setVisible(!has_links);
  for (int row = 0; row < sorted_->rowCount(); ++row) {
    const QModelIndex link = sorted_->index(row, 0);
    for (int child = 0; child < sorted_->rowCount(link); ++child) table_->setFirstColumnSpanned(child, link, true);
  }
  table_->expandAll();
  fit_names();
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
