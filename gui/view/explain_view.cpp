#include "gui/view/explain_view.hpp"

#include <algorithm>

#include <QAction>
#include <QComboBox>
#include <QCompleter>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QTreeView>
#include <QVBoxLayout>

#include "gui/model/metric_text.hpp"
#include "gui/view/copy_rows.hpp"

namespace orrery::gui {

namespace {

/// Trees with more rows than this on the second level are opened one level only.
constexpr int kMostOpenRows = 40;
/// Explained until the user asks for another; a kind of run without it shows its own first figure.
const QString kFirst = QStringLiteral("training.step_time_s");

/// Titles from the root down: tells a row apart in the tree of another run.
QString path_of(const QModelIndex& index) {
  QString path;
  for (QModelIndex i = index.siblingAtColumn(0); i.isValid(); i = i.parent()) {
    path.prepend(i.data().toString() + QChar(0x1f));
  }
  return path;
}

template <class Visit>
void visit_rows(const QAbstractItemModel& model, const QModelIndex& parent, const Visit& visit) {
  for (int row = 0; row < model.rowCount(parent); ++row) {
    const QModelIndex index = model.index(row, 0, parent);
    visit(index);
    visit_rows(model, index, visit);
  }
}

}  // namespace

ExplainView::ExplainView(QWidget* parent) : RunView(parent) {
  setObjectName(QStringLiteral("explain_view"));
  setAccessibleName(QStringLiteral("Where a number comes from"));
  metric_ = kFirst;
  make_choice();
  make_tree();
  auto* label = new QLabel(QStringLiteral("&Figure"), this);
  label->setBuddy(choice_);
  auto* top = new QHBoxLayout;
  top->addWidget(label);
  top->addWidget(choice_, 1);
  auto* layout = new QVBoxLayout(this);
  layout->addLayout(top);
  layout->addWidget(tree_, 1);
  setFocusProxy(choice_);  // the first of its widgets: Tab enters at the proxy and skips what stands before it
}

void ExplainView::make_choice() {
  choice_ = new QComboBox(this);
  choice_->setObjectName(QStringLiteral("explain_choice"));
  choice_->setAccessibleName(QStringLiteral("Figure to explain"));
  choice_->setEditable(true);
  choice_->setInsertPolicy(QComboBox::NoInsert);
  choice_->setMaxVisibleItems(25);
  choice_->completer()->setCompletionMode(QCompleter::PopupCompletion);
  choice_->completer()->setFilterMode(Qt::MatchContains);
  choice_->completer()->setCaseSensitivity(Qt::CaseInsensitive);
  connect(choice_, &QComboBox::textActivated, this, [this](const QString& metric) { explain(metric); });
  connect(choice_->lineEdit(), &QLineEdit::editingFinished, this, &ExplainView::take_choice);
}

void ExplainView::make_tree() {
  model_ = new ExplainModel(this);
  tree_ = new QTreeView(this);
  tree_->setObjectName(QStringLiteral("explain_tree"));
  tree_->setAccessibleName(QStringLiteral("Parts of the figure"));
  tree_->setModel(model_);
  tree_->setAlternatingRowColors(true);
  tree_->setUniformRowHeights(true);
  tree_->setSelectionMode(QAbstractItemView::ExtendedSelection);
  tree_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  tree_->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
  tree_->header()->setSectionsMovable(false);
  tree_->header()->setStretchLastSection(true);
  tree_->header()->setMinimumSectionSize(tree_->fontMetrics().averageCharWidth() * 8);
  tree_->header()->resizeSection(ExplainModel::kTitle, tree_->fontMetrics().averageCharWidth() * 46);
  tree_->header()->setSectionResizeMode(ExplainModel::kValue, QHeaderView::ResizeToContents);
  tree_->header()->setSectionResizeMode(ExplainModel::kLevel, QHeaderView::ResizeToContents);
  add_copy_action(*tree_, "explain_copy");
  auto* expand = new QAction(QStringLiteral("&Expand all"), tree_);
  connect(expand, &QAction::triggered, tree_, &QTreeView::expandAll);
  tree_->addAction(expand);
  tree_->setContextMenuPolicy(Qt::ActionsContextMenu);
}

void ExplainView::set_runs(const RunPtr& current, const RunPtr&) {
  if (run_ == current && !outdated_) return;
  run_ = current;
  outdated_ = true;
  if (isVisible()) refresh();
}

void ExplainView::explain(const QString& metric, const QString& focus) {
  metric_ = metric;
  focus_ = focus;
  outdated_ = true;
  if (isVisible()) refresh();
}

void ExplainView::forget() {
  metric_ = kFirst;
  focus_.clear();
  fresh_ = outdated_ = true;
}

QString ExplainView::metric() const { return metric_; }

std::string ExplainView::csv() const {
  if (!run_) return {};
  if (!outdated_) return model_->csv();
  ExplainModel model;  // the view was not shown since
  model.set_root(run_->explanation.of(metric_.toStdString()));
  return model.csv();
}

void ExplainView::showEvent(QShowEvent* event) {
  RunView::showEvent(event);
  if (outdated_) refresh();
}

void ExplainView::refresh() {
  outdated_ = false;
  fill_choice();
  QSet<QString> expanded;
  visit_rows(*model_, {}, [&](const QModelIndex& index) {
    if (tree_->isExpanded(index) && !fresh_) expanded.insert(path_of(index));
  });
  const QString current = fresh_ ? QString() : path_of(tree_->currentIndex());
  fresh_ = false;
  bool reset = false;
  const auto connection = connect(model_, &QAbstractItemModel::modelReset, this, [&reset] { reset = true; });
  if (run_) {
    model_->set_root(run_->explanation.of(metric_.toStdString()));
  } else {
    scenarios::ExplainNode nothing;
    nothing.title = "There is no result yet.";
    model_->set_root(std::move(nothing));
  }
  disconnect(connection);
  if (reset) restore_expanded(expanded, current);
  if (!focus_.isEmpty()) select_focus();
}

/// The figures of this run. One that it does not have stays chosen: its explanation says so.
void ExplainView::fill_choice() {
  const QSignalBlocker blocker(choice_);
  QStringList names;
  if (run_) {
    for (const std::string& name : run_->explanation.metrics()) names << to_qstring(name);
  }
  bool same = choice_->count() == names.size();
  for (int i = 0; same && i < choice_->count(); ++i) same = choice_->itemText(i) == names.at(i);
  if (!same) {
    choice_->clear();
    choice_->addItems(names);
    for (int i = 0; i < choice_->count(); ++i) {
      choice_->setItemData(i, wrapped(metric_tooltip(names.at(i).toStdString())), Qt::ToolTipRole);
    }
  }
  // A kind of run without the figure shows its first one.
  if (choice_->findText(metric_) < 0 && focus_.isEmpty() && metric_ == kFirst && choice_->count() > 0) {
    metric_ = choice_->itemText(0);
  }
  choice_->setCurrentIndex(choice_->findText(metric_));
  choice_->setEditText(metric_);
}

/// The line was left: an exact name is taken, anything else goes back to the figure shown.
void ExplainView::take_choice() {
  const QString text = choice_->lineEdit()->text().trimmed();
  if (text == metric_) return;
  if (choice_->findText(text, Qt::MatchFixedString) >= 0) {
    explain(choice_->itemText(choice_->findText(text, Qt::MatchFixedString)));
  } else {
    choice_->setEditText(metric_);
  }
}

void ExplainView::restore_expanded(const QSet<QString>& expanded, const QString& current) {
  const QModelIndex root = model_->index(0, 0);
  bool same_figure = false;
  visit_rows(*model_, {}, [&](const QModelIndex& index) {
    if (!expanded.contains(path_of(index))) return;
    tree_->expand(index);
    same_figure = true;
  });
  if (!same_figure) {
    int rows = 0;
    for (int i = 0; i < model_->rowCount(root); ++i) rows += 1 + model_->rowCount(model_->index(i, 0, root));
    tree_->expandToDepth(rows <= kMostOpenRows ? 1 : 0);
  }
  QModelIndex found = root;
  visit_rows(*model_, {}, [&](const QModelIndex& index) {
    if (path_of(index) == current) found = index;
  });
  tree_->setCurrentIndex(found);
  tree_->scrollTo(found);
}

/// The row of an operation, with what it is made of; else the first row whose title holds the words.
void ExplainView::select_focus() {
  const auto stands_for = [&](const QModelIndex& index) {
    const QStringList names = index.data(ExplainModel::kOperationsRole).toStringList();
    return std::any_of(names.begin(), names.end(), [&](const QString& name) {
      return name == focus_ || name.startsWith(focus_ + QStringLiteral(" ("));  // of a group of GPUs
    });
  };
  const QString label = focus_.section(QStringLiteral(": "), -1);
  QModelIndex found, named;
  visit_rows(*model_, {}, [&](const QModelIndex& index) {
    if (!found.isValid() && stands_for(index)) found = index;
    if (!named.isValid() && index.data().toString().contains(label, Qt::CaseInsensitive)) named = index;
  });
  focus_.clear();
  if (!found.isValid()) found = named;
  if (!found.isValid()) return;
  for (QModelIndex open = found; open.isValid(); open = open.parent()) tree_->expand(open);
  tree_->setCurrentIndex(found);
  tree_->scrollTo(found, QAbstractItemView::PositionAtTop);
}

}  // namespace orrery::gui
