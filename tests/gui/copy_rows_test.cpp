// Rows on the clipboard: which, in what order, and that a spreadsheet takes each cell for one.
#include "gui/view/copy_rows.hpp"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QSortFilterProxyModel>
#include <QStandardItemModel>
#include <QTest>
#include <QTreeView>
#include <gtest/gtest.h>

namespace orrery::gui {
namespace {

QString clipboard() { return QApplication::clipboard()->text(); }

class CopyRows : public ::testing::Test {
 protected:
  CopyRows() {
    model_.setColumnCount(2);
    for (const char* name : {"pear", "apple", "fig"}) {
      QList<QStandardItem*> row = {new QStandardItem(QString::fromLatin1(name)),
                                   new QStandardItem(QStringLiteral("%1").arg(qstrlen(name)))};
      row[0]->appendRow({new QStandardItem(QStringLiteral("of ") + QString::fromLatin1(name)),
                         new QStandardItem(QStringLiteral("0"))});
      model_.appendRow(row);
    }
    tree_.setModel(&model_);
    tree_.setSelectionMode(QAbstractItemView::ExtendedSelection);
    tree_.expandAll();
    tree_.show();
    QApplication::clipboard()->setText(QStringLiteral("before"));
  }
  void choose(int row, const QModelIndex& parent = {}) {
    tree_.selectionModel()->select(tree_.model()->index(row, 0, parent),
                                   QItemSelectionModel::Select | QItemSelectionModel::Rows);
  }

  QStandardItemModel model_;
  QTreeView tree_;
};

TEST_F(CopyRows, AreTheChosenOnesInTheirOrder) {
  choose(2);
  choose(0);
  choose(0, model_.index(0, 0));
  copy_rows(tree_);
  EXPECT_EQ(clipboard(), QStringLiteral("pear\t4\nof pear\t0\nfig\t3\n")) << "not in the order of the clicks";
}

TEST_F(CopyRows, AreInTheOrderOfDisplayWhereItIsSorted) {
  QSortFilterProxyModel sorted;
  sorted.setSourceModel(&model_);
  tree_.setModel(&sorted);
  sorted.sort(0, Qt::AscendingOrder);
  tree_.selectAll();
  copy_rows(tree_);
  EXPECT_EQ(clipboard(), QStringLiteral("apple\t5\nfig\t3\npear\t4\n")) << "what a closed branch hides is not chosen";
  tree_.setModel(nullptr);
}

TEST_F(CopyRows, OfNoSelectionLeaveTheClipboardAlone) {
  copy_rows(tree_);
  EXPECT_EQ(clipboard(), QStringLiteral("before"));
}

TEST_F(CopyRows, OfARowBelowACollapsedOneAreThoseThatAreChosen) {
  tree_.collapseAll();
  choose(0, model_.index(1, 0));
  copy_rows(tree_);
  EXPECT_EQ(clipboard(), QStringLiteral("of apple\t0\n"));
}

// A tab or a line end within a cell would become a cell or a row of its own.
TEST_F(CopyRows, ACellStaysOneCell) {
  model_.item(1)->setText(QStringLiteral("an\tapple\na day\r\nkeeps"));
  choose(1);
  copy_rows(tree_);
  EXPECT_EQ(clipboard(), QStringLiteral("an apple a day keeps\t5\n"));
}

TEST_F(CopyRows, TheKeysOfEveryProgramCopyRowsAndNotACell) {
  add_copy_action(tree_, "fruit_copy");
  tree_.setFocus();
  choose(0);
  choose(1);
  tree_.selectionModel()->setCurrentIndex(model_.index(0, 1), QItemSelectionModel::NoUpdate);
  for (const QKeySequence& keys : QKeySequence::keyBindings(QKeySequence::Copy)) {
    QApplication::clipboard()->setText(QStringLiteral("before"));
    QTest::keySequence(&tree_, keys);
    EXPECT_EQ(clipboard(), QStringLiteral("pear\t4\napple\t5\n")) << keys.toString().toStdString();
  }
}

TEST_F(CopyRows, TheActionIsInTheMenuWithItsKeys) {
  QAction* const action = add_copy_action(tree_, "fruit_copy");
  EXPECT_EQ(action->objectName(), QStringLiteral("fruit_copy"));
  EXPECT_TRUE(tree_.actions().contains(action));
  EXPECT_EQ(action->shortcut(), QKeySequence(QKeySequence::Copy));
  EXPECT_TRUE(action->isShortcutVisibleInContextMenu());
  choose(2);
  action->trigger();
  EXPECT_EQ(clipboard(), QStringLiteral("fig\t3\n"));
}

TEST_F(CopyRows, OtherKeysStayTheTrees) {
  add_copy_action(tree_, "fruit_copy");
  tree_.setFocus();
  tree_.setCurrentIndex(model_.index(0, 0));
  QTest::keyClick(&tree_, Qt::Key_Down);
  EXPECT_EQ(tree_.currentIndex(), model_.index(0, 0, model_.index(0, 0)));
  EXPECT_EQ(clipboard(), QStringLiteral("before"));
}

}  // namespace
}  // namespace orrery::gui
