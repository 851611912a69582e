// The library browser: a filter line above the tree of scenarios. Enter or double click opens one; a variant opens its
// file with the variant's changes applied.
#pragma once

#include <QWidget>

#include "gui/model/library_model.hpp"

class QTreeView;

namespace orrery::gui {

class LibraryView : public QWidget {
  Q_OBJECT

 public:
  explicit LibraryView(const QString& root, QWidget* parent = nullptr);
  [[nodiscard]] QTreeView& tree() { return *tree_; }
  /// Marks the open file.
  void set_current(const QString& path);

 signals:
  /// `variant` is empty for the scenario itself.
  void open_requested(const QString& path, const QString& variant);

 private:
  LibraryModel* model_ = nullptr;
  QTreeView* tree_ = nullptr;
};

}  // namespace orrery::gui
