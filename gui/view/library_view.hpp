// The library browser: a filter line above the tree of scenarios. Enter or double click opens one; a variant opens its
// file with the variant's changes applied.
#pragma once

#include <QWidget>

#include "gui/model/library_model.hpp"

class QLabel;
class QLineEdit;
class QSortFilterProxyModel;
class QTreeView;

namespace orrery::gui {

class LibraryView : public QWidget {
  Q_OBJECT

 public:
  explicit LibraryView(const QString& root, QWidget* parent = nullptr);
  /// Its model is a filter over the LibraryModel; roles are the same.
  [[nodiscard]] QTreeView& tree() { return *tree_; }
  [[nodiscard]] QLineEdit& filter_line() { return *filter_; }
  /// Marks the open file; empty: none.
  void set_current(const QString& path);

 signals:
  /// `variant` is empty for the scenario itself.
  void open_requested(const QString& path, const QString& variant);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void filter(const QString& text);
  void open(const QModelIndex& index);
  void select_first();
  void show_folders();

  LibraryModel* model_ = nullptr;
  QSortFilterProxyModel* filtered_ = nullptr;
  QTreeView* tree_ = nullptr;
  QLineEdit* filter_ = nullptr;
  QLabel* empty_ = nullptr;
};

}  // namespace orrery::gui
