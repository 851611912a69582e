// The scenario library as a tree: folders, scenario files with their titles, and a file's variants below it.
//
// Titles are read from the files (a scan of the text, not a full read, so that a broken file is listed too).
#pragma once

#include <memory>

#include <QAbstractItemModel>

namespace orrery::gui {

class LibraryModel : public QAbstractItemModel {
  Q_OBJECT

 public:
  enum Role { kPathRole = Qt::UserRole, kVariantRole };  ///< file, empty for a folder; name of the variant, or empty

  /// Lists the scenario files below `root`; an absent folder gives an empty model.
  explicit LibraryModel(const QString& root, QObject* parent = nullptr);
  ~LibraryModel() override;

  /// Of a file's row.
  [[nodiscard]] QModelIndex index_of(const QString& path) const;
  /// The open file, shown bold; empty: none.
  void set_current(const QString& path);

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace orrery::gui
