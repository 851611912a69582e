// The report table above all views: the figures of the current run, and how they changed. Double click or Enter on a
// figure asks where it comes from. Key figures stand first, in large type.
#pragma once

#include <vector>

#include "gui/model/report_model.hpp"
#include "gui/run/run_view.hpp"

class QLabel;
class QTimer;
class QTreeView;

namespace orrery::gui {

class FigureStrip;
class KeyFigure;
class ReportDelegate;

class ReportView : public RunView {
  Q_OBJECT

 public:
  explicit ReportView(QWidget* parent = nullptr);

  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  [[nodiscard]] std::string csv() const override;
  [[nodiscard]] ReportModel& model() { return *model_; }
  [[nodiscard]] QTreeView& table() { return *table_; }  ///< object name "report_table"
  /// The result shown is of an older text: a run is under way, or the text is wrong.
  /// Drawn after a moment, so that quick runs don't flicker.
  void set_stale(bool stale);
  [[nodiscard]] bool is_stale() const { return stale_; }
  /// The large figures, in the order of display.
  [[nodiscard]] const std::vector<KeyFigure*>& figures() const;

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void make_table();
  void make_actions();
  void span_rows();
  void dim(bool dimmed);
  void place_badge();
  void explain(const QModelIndex& index);

  ReportModel* model_ = nullptr;
  QTreeView* table_ = nullptr;
  ReportDelegate* delegate_ = nullptr;
  FigureStrip* strip_ = nullptr;
  QLabel *badge_ = nullptr, *empty_ = nullptr;
  QTimer* dim_timer_ = nullptr;
  bool stale_ = false;
};

}  // namespace orrery::gui
