#include "gui/view/library_view.hpp"

#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QSortFilterProxyModel>
#include <QTreeView>
#include <QVBoxLayout>

namespace orrery::gui {

LibraryView::LibraryView(const QString& root, QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("library_view"));
  setAccessibleName(QStringLiteral("Scenario library"));
  model_ = new LibraryModel(root, this);
  filtered_ = new QSortFilterProxyModel(this);
  filtered_->setSourceModel(model_);
  filtered_->setFilterCaseSensitivity(Qt::CaseInsensitive);
  filtered_->setRecursiveFilteringEnabled(true);
  filtered_->setAutoAcceptChildRows(true);  // a folder that matches shows its files

  filter_ = new QLineEdit(this);
  filter_->setObjectName(QStringLiteral("library_filter"));
  filter_->setPlaceholderText(QStringLiteral("Filter scenarios"));
  filter_->setAccessibleName(QStringLiteral("Filter scenarios"));
  filter_->setClearButtonEnabled(true);
  filter_->installEventFilter(this);

  tree_ = new QTreeView(this);
  tree_->setObjectName(QStringLiteral("library_tree"));
  tree_->setAccessibleName(QStringLiteral("Scenarios"));
  tree_->setModel(filtered_);
  tree_->setHeaderHidden(true);
  tree_->setUniformRowHeights(true);
  tree_->setExpandsOnDoubleClick(false);
  tree_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  tree_->setTextElideMode(Qt::ElideRight);
  tree_->installEventFilter(this);

  empty_ = new QLabel(root.isEmpty() ? QStringLiteral("No scenario library was found. Open a file to begin.")
                                     : QStringLiteral("No scenarios in\n%1").arg(root),
                      this);
  empty_->setObjectName(QStringLiteral("library_empty"));
  empty_->setWordWrap(true);
  empty_->setAlignment(Qt::AlignCenter);
  empty_->setForegroundRole(QPalette::PlaceholderText);

  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(filter_);
  layout->addWidget(tree_, 1);
  layout->addWidget(empty_, 1);
  const bool has_rows = model_->rowCount() > 0;
  filter_->setVisible(has_rows);
  tree_->setVisible(has_rows);
  empty_->setVisible(!has_rows);
  setFocusProxy(filter_);  // the first of its widgets: Tab enters at the proxy and skips what stands before it
  show_folders();

  connect(filter_, &QLineEdit::textChanged, this, &LibraryView::filter);
  connect(tree_, &QTreeView::doubleClicked, this, &LibraryView::open);
}

void LibraryView::set_current(const QString& path) {
  model_->set_current(path);
  const QModelIndex index = filtered_->mapFromSource(model_->index_of(path));
  if (!index.isValid()) return;
  tree_->setCurrentIndex(index);
  tree_->scrollTo(index);
}

void LibraryView::filter(const QString& text) {
  filtered_->setFilterFixedString(text.trimmed());
  if (text.trimmed().isEmpty()) {
    tree_->collapseAll();
    show_folders();
    tree_->scrollTo(tree_->currentIndex());
  } else {
    tree_->expandAll();
  }
}

/// Folders open, variants folded.
void LibraryView::show_folders() {
  const auto expand = [this](const auto& self, const QModelIndex& parent) -> void {
    for (int row = 0; row < filtered_->rowCount(parent); ++row) {
      const QModelIndex index = filtered_->index(row, 0, parent);
      if (!index.data(LibraryModel::kPathRole).toString().isEmpty()) continue;
      tree_->expand(index);
      self(self, index);
    }
  };
  expand(expand, {});
}

void LibraryView::open(const QModelIndex& index) {
  const QString path = index.data(LibraryModel::kPathRole).toString();
  if (!path.isEmpty()) {
    emit open_requested(path, index.data(LibraryModel::kVariantRole).toString());
  } else if (index.isValid()) {
    tree_->setExpanded(index, !tree_->isExpanded(index));
  }
}

bool LibraryView::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() != QEvent::KeyPress) return QWidget::eventFilter(watched, event);
  const int key = static_cast<QKeyEvent*>(event)->key();
  const bool enter = key == Qt::Key_Return || key == Qt::Key_Enter;
  if (watched == tree_ && (enter || key == Qt::Key_Space) && tree_->currentIndex().isValid()) {
    open(tree_->currentIndex());
    return true;
  }
  // From the filter line, Down and Enter go on to the first match; Esc empties the line.
  if (watched == filter_ && (enter || key == Qt::Key_Down)) {
    select_first();
    tree_->setFocus();
    return true;
  }
  if (watched == filter_ && key == Qt::Key_Escape && !filter_->text().isEmpty()) {
    filter_->clear();
    return true;
  }
  return QWidget::eventFilter(watched, event);
}

void LibraryView::select_first() {
  QModelIndex index = filtered_->index(0, 0);
  while (index.isValid() && index.data(LibraryModel::kPathRole).toString().isEmpty()) {
    index = filtered_->index(0, 0, index);
  }
  if (index.isValid()) tree_->setCurrentIndex(index);
}

}  // namespace orrery::gui
