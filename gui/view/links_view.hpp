// The machine's links: what each class carried, how full it was, and whom it held up. Sorted by any column. Below the
// table the load over time of the class that is selected.
#pragma once

#include "gui/model/links_model.hpp"
#include "gui/run/load_inquiry.hpp"
#include "gui/run/run_view.hpp"

class QLabel;
class QSortFilterProxyModel;
class QSplitter;
class QTreeView;

namespace orrery::gui {

class LinkLoadPlot;

class LinksView : public RunView {
  Q_OBJECT

 public:
  explicit LinksView(QWidget* parent = nullptr);

  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  void forget() override;
  [[nodiscard]] std::string csv() const override;
  [[nodiscard]] LinksModel& model() { return *model_; }
  [[nodiscard]] QTreeView& table() { return *table_; }  ///< object name "links_table"
  [[nodiscard]] LinkLoadPlot& load() { return *load_; }

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  void make_table();
  void fit_names();
  void connect_load();
  /// The class of the selected row, or none, is what the plot shows.
  void choose();
  /// Selects the class that was selected in the run before.
  void choose_again();
  /// Unless they are known, or asked for already, or nobody looks.
  void ask_for_loads();

  LinksModel* model_ = nullptr;
  QSortFilterProxyModel* sorted_ = nullptr;
  QTreeView* table_ = nullptr;
  QSplitter* body_ = nullptr;
  LinkLoadPlot* load_ = nullptr;
  LoadInquiry inquiry_;
  RunPtr asked_;             ///< whose loads are known, or on their way
  QString chosen_;           ///< class; empty: none
  QLabel* empty_ = nullptr;  ///< says why there are none; object name "links_empty"
  RunPtr run_;
};

}  // namespace orrery::gui
