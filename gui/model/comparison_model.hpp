// Two runs metric by metric: columns metric, A, B, difference, B/A.
#pragma once

#include <vector>

#include <QAbstractTableModel>

#include "gui/run/run.hpp"
#include "scenarios/comparison.hpp"

namespace orrery::gui {

class ComparisonModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  enum Column { kMetric, kA, kB, kDifference, kRatio, kColumns };
  enum Role { kVerdictRole = Qt::UserRole };

  using QAbstractTableModel::QAbstractTableModel;

  void set_runs(const RunPtr& a, const RunPtr& b);
  [[nodiscard]] std::string csv() const;

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  std::vector<scenarios::MetricChange> rows_;
  bool can_gain_ = true;  ///< B fits
};

}  // namespace orrery::gui
