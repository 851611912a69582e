// What a collective takes over sizes on the cluster of the scenario, as `orrery collective` says it: which operation,
// over how many GPUs and nodes, of which type and sizes; the table and its plot.
//
// Object names: collective_operation, collective_type, collective_gpus, collective_nodes, collective_sizes,
// collective_problem, collective_table, collective_notes.
#pragma once

#include "gui/model/collective_model.hpp"
#include "gui/run/run_view.hpp"

class QComboBox;
class QGridLayout;
class QLabel;
class QLineEdit;
class QSortFilterProxyModel;
class QSpinBox;
class QSplitter;
class QTreeView;

namespace orrery::gui {

class CollectivePlot;
class ElidedLabel;

class CollectiveView : public RunView {
  Q_OBJECT

 public:
  explicit CollectiveView(QWidget* parent = nullptr);

  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  /// Another cluster has other numbers of GPUs and nodes.
  void forget() override;
  /// The command's own.
  [[nodiscard]] std::string csv() const override;

  [[nodiscard]] CollectiveModel& model() { return *model_; }
  [[nodiscard]] CollectivePlot& plot() { return *plot_; }
  [[nodiscard]] QTreeView& table() { return *table_; }
  /// Why there is no table: the words can't be read, or name what there is not. Empty: there is one.
  [[nodiscard]] QString problem() const;

 protected:
  void showEvent(QShowEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void make_words(QGridLayout& layout);
  QSpinBox* make_number(const QString& name, const QString& title);
  void make_table();
  /// Asks now if the view is shown, else when it will be.
  void ask();
  void show_table(CollectivePtr table, const QString& problem);
  void color();

  CollectiveModel* model_ = nullptr;
  QSortFilterProxyModel* sorted_ = nullptr;
  QTreeView* table_ = nullptr;
  CollectivePlot* plot_ = nullptr;
  QSplitter* body_ = nullptr;
  QComboBox *operation_ = nullptr, *type_ = nullptr;
  QSpinBox *gpus_ = nullptr, *nodes_ = nullptr;
  QLineEdit* sizes_ = nullptr;
  QLabel* problem_ = nullptr;
  ElidedLabel* notes_ = nullptr;
  RunPtr run_;
  bool is_asked_ = false;  ///< what is shown answers the newest words
};

}  // namespace orrery::gui
