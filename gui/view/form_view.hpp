// The form: a filter line above a tree of fields. Numbers are spin boxes that simulate as they turn, choices are menus
// fed by the tables, switches are check boxes; a key that stands in the file is bold, others show their default. The
// context menu (and Delete) takes a key out again.
#pragma once

#include <QWidget>

#include "gui/model/form_model.hpp"

class QLineEdit;
class QTreeView;

namespace orrery::gui {

class FormView : public QWidget {
  Q_OBJECT

 public:
  explicit FormView(QWidget* parent = nullptr);

  [[nodiscard]] FormModel& model() { return *model_; }
  [[nodiscard]] QTreeView& tree() { return *tree_; }
  /// Scrolls to a key and opens its editor; the editor, or null for an unknown key.
  QWidget* edit(const QString& key);

 signals:
  void edit_requested(const QString& key, const QString& value);
  void remove_requested(const QString& key);

 private:
  FormModel* model_ = nullptr;
  QTreeView* tree_ = nullptr;
  QLineEdit* filter_ = nullptr;
};

}  // namespace orrery::gui
