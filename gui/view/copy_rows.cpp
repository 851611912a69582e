#include "gui/view/copy_rows.hpp"

#include <algorithm>
#include <functional>

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QKeyEvent>
#include <QTreeView>

namespace orrery::gui {

namespace {

/// Sees the tree's keys before the tree does.
class CopyKeys final : public QObject {
 public:
  explicit CopyKeys(QTreeView* tree) : QObject(tree), tree_(tree) {}

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override {
    const bool copies =
        event->type() == QEvent::KeyPress && static_cast<QKeyEvent*>(event)->matches(QKeySequence::Copy);
    if (!copies) return QObject::eventFilter(watched, event);
    copy_rows(*tree_);
    return true;
  }

 private:
  QTreeView* tree_;
};

/// A tab or line end within a cell would begin another one.
QString one_cell(const QString& text) {
  const auto parts = [](QChar letter) {
    return letter == QLatin1Char('\t') || letter == QLatin1Char('\n') || letter == QLatin1Char('\r');
  };
  return std::any_of(text.begin(), text.end(), parts) ? text.simplified() : text;
}

}  // namespace

void copy_rows(const QTreeView& tree) {
  const QAbstractItemModel& model = *tree.model();
  QStringList lines;
  const std::function<void(const QModelIndex&)> visit = [&](const QModelIndex& parent) {
    for (int row = 0; row < model.rowCount(parent); ++row) {
      if (tree.selectionModel()->isRowSelected(row, parent)) {
        QStringList cells;
        for (int column = 0; column < model.columnCount(parent); ++column) {
          cells << one_cell(model.index(row, column, parent).data().toString());
        }
        lines << cells.join(QLatin1Char('\t'));
      }
      visit(model.index(row, 0, parent));
    }
  };
  visit({});
  if (!lines.isEmpty()) QApplication::clipboard()->setText(lines.join(QLatin1Char('\n')) + QLatin1Char('\n'));
}

QAction* add_copy_action(QTreeView& tree, const char* name) {
  auto* copy = new QAction(QStringLiteral("&Copy rows"), &tree);
  copy->setObjectName(QString::fromLatin1(name));
  copy->setShortcut(QKeySequence::Copy);
  copy->setShortcutContext(Qt::WidgetShortcut);
  copy->setShortcutVisibleInContextMenu(true);
  QObject::connect(copy, &QAction::triggered, &tree, [&tree] { copy_rows(tree); });
  tree.addAction(copy);
  tree.installEventFilter(new CopyKeys(&tree));
  return copy;
}

}  // namespace orrery::gui
