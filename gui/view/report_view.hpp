// The report table above all views: the figures of the current run, and how they changed. Double click or Enter on a
// figure asks where it comes from. Key figures stand first, in large type.
#pragma once

#include "gui/model/report_model.hpp"
#include "gui/view/run_view.hpp"

class QTreeView;

namespace orrery::gui {

class ReportView : public RunView {
  Q_OBJECT

 public:
  explicit ReportView(QWidget* parent = nullptr);

  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  [[nodiscard]] std::string csv() const override;
  [[nodiscard]] ReportModel& model() { return *model_; }
  [[nodiscard]] QTreeView& table() { return *table_; }  ///< object name "report_table"
  /// The result shown is of an older text: a run is under way, or the text is wrong.
  void set_stale(bool stale);

 private:
  ReportModel* model_ = nullptr;
  QTreeView* table_ = nullptr;
};

}  // namespace orrery::gui
