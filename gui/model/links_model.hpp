// What each class of links carried in a run, and below it the operations that it held up.
//
// A tree of two levels: a row per class and capacity, its children the operations with their delays.
#pragma once

#include <string>
#include <vector>

#include <QAbstractItemModel>

#include "gui/run/run.hpp"

namespace orrery::gui {

class LinksModel : public QAbstractItemModel {
  Q_OBJECT

 public:
  enum Column { kLink, kCount, kCapacity, kBytes, kMeanLoad, kPeakLoad, kHeldUp, kColumns };
  /// The number behind a cell, to sort by; of kLink the text.
  enum Role { kSortRole = Qt::UserRole };

  using QAbstractItemModel::QAbstractItemModel;

  void set_run(const RunPtr& run);
  /// A row per operation that was held up, and per class without one.
  [[nodiscard]] std::string csv() const;
  /// The class of a row, or that an operation's row stands below. REQUIRES a row of this model.
  [[nodiscard]] const sim::LinkReport& link_of(const QModelIndex& index) const;

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& index) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  std::vector<sim::LinkReport> links_;
};

}  // namespace orrery::gui
