// The form: a filter line above a tree of fields. Numbers are spin boxes that simulate as they turn, choices are menus
// fed by the tables, switches are check boxes; a key that stands in the file is bold, others show their default. The
// context menu (and Delete) takes a key out again.
#pragma once

#include <QWidget>

#include "gui/model/form_model.hpp"

class QKeyEvent;
class QLineEdit;
class QSortFilterProxyModel;
class QTreeView;

namespace orrery::gui {

class FormView : public QWidget {
  Q_OBJECT

 public:
  explicit FormView(QWidget* parent = nullptr);

  [[nodiscard]] FormModel& model() { return *model_; }
  [[nodiscard]] QTreeView& tree() { return *tree_; }
  /// Another scenario was opened: what was filtered in the one before means nothing in it.
  void forget();
  /// Scrolls to a key and opens its editor; the editor, or null for an unknown key.
  QWidget* edit(const QString& key);

 signals:
  void edit_requested(const QString& key, const QString& value);
  void remove_requested(const QString& key);
  /// One more of `events:`.
  void event_requested();

 protected:
  /// Keys of the tree: Enter and F2 edit or fold, Delete takes a key out.
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void make_filter(QSortFilterProxyModel* filter_model);
  void make_tree(QSortFilterProxyModel* filter_model);
  void show_all();
  void fit_keys();
  void open_clicked(const QModelIndex& index);
  void remove(const QModelIndex& index);
  void show_menu(const QModelIndex& at, const QPoint& position);
  bool open_by_key(const QKeyEvent& key, const QModelIndex& current);

  FormModel* model_ = nullptr;
  QTreeView* tree_ = nullptr;
  QLineEdit* filter_ = nullptr;
};

}  // namespace orrery::gui
