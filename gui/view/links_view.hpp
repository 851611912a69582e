// The machine's links: what each class carried, how full it was, and whom it held up. Sorted by any column.
#pragma once

#include "gui/model/links_model.hpp"
#include "gui/run/run_view.hpp"

class QLabel;
class QSortFilterProxyModel;
class QTreeView;

namespace orrery::gui {

class LinksView : public RunView {
  Q_OBJECT

 public:
  explicit LinksView(QWidget* parent = nullptr);

  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  [[nodiscard]] std::string csv() const override;
  [[nodiscard]] LinksModel& model() { return *model_; }
  [[nodiscard]] QTreeView& table() { return *table_; }  ///< object name "links_table"

 private:
  void make_table();
  void fit_names();

  LinksModel* model_ = nullptr;
  QSortFilterProxyModel* sorted_ = nullptr;
  QTreeView* table_ = nullptr;
  QLabel* empty_ = nullptr;  ///< says why there are none; object name "links_empty"
  RunPtr run_;
};

}  // namespace orrery::gui
