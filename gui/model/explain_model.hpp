// A figure's tree of parts (scenarios/explanation.hpp): columns what, value, how well known, equation or source.
#pragma once

#include <memory>
#include <string>

#include <QAbstractItemModel>

#include "scenarios/explanation.hpp"

namespace orrery::gui {

class ExplainModel : public QAbstractItemModel {
  Q_OBJECT

 public:
  enum Column { kTitle, kValue, kLevel, kEquation, kColumns };
  /// The row stands for an operation of that name, "forward: qkv", as a list of texts.
  enum Role { kOperationsRole = Qt::UserRole };

  explicit ExplainModel(QObject* parent = nullptr);
  ~ExplainModel() override;

  /// A tree with the same titles as the last one keeps its indexes.
  void set_root(scenarios::ExplainNode root);
  /// A row per node, with its depth; empty before the first tree.
  [[nodiscard]] std::string csv() const;

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace orrery::gui
