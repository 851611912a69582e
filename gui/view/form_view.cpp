#include "gui/view/form_view.hpp"

#include <algorithm>
#include <functional>

#include <QClipboard>
#include <QComboBox>
#include <QGuiApplication>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMenu>
#include <QResizeEvent>
#include <QSortFilterProxyModel>
#include <QTimer>
#include <QTreeView>
#include <QVBoxLayout>

#include "gui/view/field_delegate.hpp"

namespace orrery::gui {

namespace {

/// Rows whose key or help holds every word of the filter, with the sections that they are in.
class FieldFilter : public QSortFilterProxyModel {
 public:
  explicit FieldFilter(QObject* parent) : QSortFilterProxyModel(parent) { setRecursiveFilteringEnabled(true); }

  void set_words(const QStringList& words) {
    words_ = words;
    invalidateFilter();
  }

 protected:
  bool filterAcceptsRow(int row, const QModelIndex& parent) const override {
    if (words_.isEmpty()) return true;
    const QModelIndex index = sourceModel()->index(row, FormModel::kKey, parent);
    if (field_of(index) == nullptr) return false;
    const QString key = index.data(FormModel::kKeyRole).toString();
    const QString text = key + QLatin1Char(' ') + QString(key).replace(QLatin1Char('_'), QLatin1Char(' ')) +
                         QLatin1Char(' ') + index.data(Qt::StatusTipRole).toString();
    return std::all_of(words_.begin(), words_.end(),
                       [&](const QString& word) { return text.contains(word, Qt::CaseInsensitive); });
  }

 private:
  QStringList words_;
};

/// The event that a row is of, "events.2"; empty: of none.
QString event_of(const QModelIndex& index) {
  const QString key = index.data(FormModel::kKeyRole).toString();
  const QString event = key.section(QLatin1Char('.'), 0, 1);
  return event.startsWith(QLatin1String("events.")) ? event : QString();
}

/// Without a key that is required there is no scenario. Of sections only an event can be taken out.
bool is_removable(const QModelIndex& index) {
  const scenarios::Field* field = field_of(index);
  if (field == nullptr) return !event_of(index).isEmpty();
  return !field->required && index.data(FormModel::kGivenRole).toBool();
}

}  // namespace

FormView::FormView(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("form_view"));
  model_ = new FormModel(this);
  auto* filter_model = new FieldFilter(this);
  filter_model->setSourceModel(model_);
  make_filter(filter_model);
  make_tree(filter_model);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(filter_);
  layout->addWidget(tree_);
  setFocusProxy(filter_);  // the first of its widgets: Tab enters at the proxy and skips what stands before it
  connect(model_, &FormModel::edit_requested, this, &FormView::edit_requested);
  connect(filter_model, &QAbstractItemModel::modelReset, this, [this] { show_all(); });
  show_all();
}

void FormView::make_filter(QSortFilterProxyModel* filter_model) {
  filter_ = new QLineEdit(this);
  filter_->setObjectName(QStringLiteral("form_filter"));
  filter_->setPlaceholderText(tr("Filter keys"));
  filter_->setAccessibleName(tr("Filter keys"));
  filter_->setToolTip(tr("Shows the keys whose name or description holds these words"));
  filter_->setClearButtonEnabled(true);
  connect(filter_, &QLineEdit::textChanged, this, [this, filter_model](const QString& text) {
    static_cast<FieldFilter*>(filter_model)->set_words(text.split(QLatin1Char(' '), Qt::SkipEmptyParts));
    tree_->expandAll();
  });
  // Down leads from the filter to what it found.
  filter_->installEventFilter(this);
}

void FormView::make_tree(QSortFilterProxyModel* filter_model) {
  tree_ = new QTreeView(this);
  tree_->setObjectName(QStringLiteral("form_tree"));
  tree_->setAccessibleName(tr("Scenario as a form"));
  tree_->setModel(filter_model);
  tree_->setItemDelegate(new FieldDelegate(tree_));
  tree_->setUniformRowHeights(true);
  tree_->setAllColumnsShowFocus(true);
  tree_->setAlternatingRowColors(true);
  tree_->setEditTriggers(QAbstractItemView::EditKeyPressed | QAbstractItemView::AnyKeyPressed |
                         QAbstractItemView::DoubleClicked);
  tree_->setContextMenuPolicy(Qt::CustomContextMenu);
  tree_->header()->setStretchLastSection(false);
  tree_->header()->setSectionResizeMode(FormModel::kValue, QHeaderView::Stretch);
  tree_->header()->setMinimumSectionSize(fontMetrics().averageCharWidth() * 6);
  tree_->setIndentation(fontMetrics().averageCharWidth() * 2);
  tree_->installEventFilter(this);
  tree_->viewport()->installEventFilter(this);
  connect(tree_, &QTreeView::clicked, this, &FormView::open_clicked);
  connect(tree_, &QWidget::customContextMenuRequested, this,
          [this](const QPoint& at) { show_menu(tree_->indexAt(at), tree_->viewport()->mapToGlobal(at)); });
}

void FormView::show_all() {
  tree_->expandAll();
  fit_keys();
}

/// Wide enough for every key, those that the filter hides now included, but for what values need.
void FormView::fit_keys() {
  QFont bold = tree_->font();  // as a key that stands in the file
  bold.setBold(true);
  const QFontMetrics metrics(bold);
  const int margin = 2 * (style()->pixelMetric(QStyle::PM_FocusFrameHMargin, nullptr, tree_) + 1);
  int widest = 0;
  const std::function<void(const QModelIndex&, int)> visit = [&](const QModelIndex& parent, int depth) {
    for (int row = 0; row < model_->rowCount(parent); ++row) {
      const QModelIndex index = model_->index(row, FormModel::kKey, parent);
      const int text = metrics.horizontalAdvance(index.data().toString());
      widest = std::max(widest, depth * tree_->indentation() + text + margin);
      visit(index, depth + 1);
    }
  };
  visit({}, 1);
  tree_->header()->resizeSection(FormModel::kKey, std::min(widest, tree_->viewport()->width() * 2 / 3));
}

void FormView::forget() { filter_->clear(); }

void FormView::open_clicked(const QModelIndex& index) {
  if (index.column() != FormModel::kValue || index.data(Qt::CheckStateRole).isValid()) return;
  if (tree_->indexWidget(index) != nullptr || !index.flags().testFlag(Qt::ItemIsEditable)) return;
  tree_->edit(index);
  auto* combo = qobject_cast<QComboBox*>(tree_->indexWidget(index));
  if (combo != nullptr) QTimer::singleShot(0, combo, [combo] { combo->showPopup(); });
}

QWidget* FormView::edit(const QString& key) {
  const auto* filter_model = static_cast<const QSortFilterProxyModel*>(tree_->model());
  const QModelIndex source = model_->index_of(key);
  if (!source.isValid() || !source.flags().testFlag(Qt::ItemIsEditable)) return nullptr;
  if (!filter_model->mapFromSource(source).isValid()) filter_->clear();
  const QModelIndex index = filter_model->mapFromSource(source);
  for (QModelIndex section = index.parent(); section.isValid(); section = section.parent()) tree_->expand(section);
  tree_->scrollTo(index);
  tree_->setCurrentIndex(index);  // passes on and closes what else is being edited
  if (tree_->indexWidget(index) == nullptr) tree_->edit(index);
  QWidget* editor = tree_->indexWidget(index);
  if (editor != nullptr) editor->setFocus();
  return editor;
}

void FormView::remove(const QModelIndex& index) {
  if (!is_removable(index)) return;
  const auto* filter_model = static_cast<const QSortFilterProxyModel*>(tree_->model());
  emit remove_requested(model_->text_key(filter_model->mapToSource(index)));
}

void FormView::show_menu(const QModelIndex& at, const QPoint& position) {
  const scenarios::Field* field = field_of(at);
  const QString key = at.data(FormModel::kKeyRole).toString(), event = event_of(at);
  const QPersistentModelIndex place(at);
  auto* menu = new QMenu(this);
  menu->setObjectName(QStringLiteral("form_menu"));
  menu->setAttribute(Qt::WA_DeleteOnClose);
  if (field != nullptr) menu->addAction(tr("&Edit"), this, [this, key] { edit(key); });
  if (field != nullptr && field->kind == scenarios::FieldKind::path) {
    menu->addAction(tr("&Browse…"), this, [this, place] {
      const QModelIndex value = place.sibling(place.row(), FormModel::kValue);
      static_cast<FieldDelegate*>(tree_->itemDelegate())->browse(value, window());
    });
  }
  if (field != nullptr) {
    QAction* remove_action =
        menu->addAction(tr("&Remove from the file, use the default"), this, [this, place] { remove(place); });
    remove_action->setEnabled(is_removable(at));
  }
  if (at.isValid()) menu->addAction(tr("&Copy key"), this, [key] { QGuiApplication::clipboard()->setText(key); });
  menu->addAction(tr("&Add an event"), this, &FormView::event_requested);
  if (!event.isEmpty())
    menu->addAction(tr("Re&move this event"), this, [this, event] { emit remove_requested(event); });
  menu->popup(position);
}

bool FormView::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::Resize && tree_ != nullptr && watched == tree_->viewport()) {
    const auto* resize = static_cast<QResizeEvent*>(event);
    if (resize->size().width() != resize->oldSize().width()) fit_keys();
  }
  if (event->type() != QEvent::KeyPress) return QWidget::eventFilter(watched, event);
  const auto* key = static_cast<QKeyEvent*>(event);
  if (watched == filter_) {
    if (key->key() == Qt::Key_Down) tree_->setFocus();
    return false;
  }
  const QModelIndex current = tree_->currentIndex();
  const bool is_plain = (key->modifiers() & ~Qt::KeypadModifier) == Qt::NoModifier;
  if (watched != tree_ || !current.isValid() || tree_->indexWidget(current) != nullptr) return false;
  if (key->key() == Qt::Key_Delete && is_plain) {
    remove(current);
    return true;
  }
  if (key->key() == Qt::Key_Menu) {
    show_menu(current, tree_->viewport()->mapToGlobal(tree_->visualRect(current).center()));
    return true;
  }
  return open_by_key(*key, current);
}

bool FormView::open_by_key(const QKeyEvent& key, const QModelIndex& current) {
  const bool is_enter = key.key() == Qt::Key_Return || key.key() == Qt::Key_Enter;
  const bool is_section = field_of(current) == nullptr;
  if (is_section) {
    if (is_enter) tree_->setExpanded(current.siblingAtColumn(0), !tree_->isExpanded(current.siblingAtColumn(0)));
    return is_enter;
  }
  const bool types = !key.text().isEmpty() && key.text().at(0).isPrint() &&
                     !(key.modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier));
  if (!is_enter && key.key() != Qt::Key_F2 && !types) return false;
  const QModelIndex value = current.siblingAtColumn(FormModel::kValue);
  if (current != value) tree_->setCurrentIndex(value);  // the tree then treats the key as one for the value
  const bool is_switch = value.data(Qt::CheckStateRole).isValid();
  if (is_switch && is_enter) {
    const bool is_on = value.data(Qt::CheckStateRole).toInt() == Qt::Checked;
    tree_->model()->setData(value, is_on ? Qt::Unchecked : Qt::Checked, Qt::CheckStateRole);
    return true;
  }
  if (is_enter) {
    edit(value.data(FormModel::kKeyRole).toString());
    return true;
  }
  return is_switch && types && key.key() != Qt::Key_Space;  // letters mean nothing to a switch
}

}  // namespace orrery::gui
