// The report as a table: groups (training, memory, serving, cost) with a row per metric; columns metric, value, change
// against the previous run in per cent, the previous value. Findings, notes and expectations are groups of their own.
#pragma once

#include <memory>
#include <vector>

#include <QAbstractItemModel>

#include "gui/run/run.hpp"

namespace orrery::gui {

class ReportModel : public QAbstractItemModel {
  Q_OBJECT

 public:
  enum Column { kMetric, kValue, kChange, kPrevious, kColumns };
  enum Role {
    kMetricRole = Qt::UserRole,  ///< the metric's name
    kVerdictRole,                ///< +1 better, −1 worse, 0
    kMessageRole                 ///< a row of text, which takes all columns
  };

  explicit ReportModel(QObject* parent = nullptr);
  ~ReportModel() override;

  /// Rows that both runs have keep their places, so that selection and scrolling stay.
  void set_runs(const RunPtr& current, const RunPtr& previous);

  /// Of a metric's row in column kValue; invalid if there is none.
  [[nodiscard]] QModelIndex index_of(const QString& metric) const;
  [[nodiscard]] std::string csv() const;

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  struct State;
  /// Takes out the items that `next` lacks and puts in those that are new, so that both have the same keys.
  template <class Item>
  void merge(const QModelIndex& parent, std::vector<Item>& items, std::vector<Item>& next);
  [[nodiscard]] QVariant group_data(const QModelIndex& index, int role) const;

  std::unique_ptr<State> state_;
};

}  // namespace orrery::gui
