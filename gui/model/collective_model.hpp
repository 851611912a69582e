// The table of a collective over sizes, as `orrery collective` prints it.
#pragma once

#include <memory>

#include <QAbstractTableModel>

#include "scenarios/collective/collective_table.hpp"

namespace orrery::gui {

using CollectivePtr = std::shared_ptr<const scenarios::CollectiveTable>;

class CollectiveModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  enum Column {
    kSize,
    kCount,
    kType,
    kAlgorithm,
    kProtocol,
    kChannels,
    kTime,
    kAlgBandwidth,
    kBusBandwidth,
    kKnown,
    kColumns
  };
  /// What is behind a cell, in SI: bytes, elements, seconds, bytes per second; of a word the word.
  enum Role { kSortRole = Qt::UserRole };

  using QAbstractTableModel::QAbstractTableModel;

  /// Null: no rows.
  void set_table(CollectivePtr table);
  [[nodiscard]] const CollectivePtr& table() const { return table_; }

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  CollectivePtr table_;
};

}  // namespace orrery::gui
