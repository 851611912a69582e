// Two runs side by side: menus to choose A and B among the kept runs (or another scenario file), the table of
// differences, and both timelines below each other with one time axis: zooming one moves the other.
#pragma once

#include <vector>

#include "gui/model/comparison_model.hpp"
#include "gui/run/run_view.hpp"

class QComboBox;
class QLabel;
class QTableView;
class QToolButton;
class QWidget;

namespace orrery::gui {

class TimelineView;

class CompareView : public RunView {
  Q_OBJECT

 public:
  explicit CompareView(QWidget* parent = nullptr);

  /// Compares `previous` (A) with `current` (B), unless the user chose others.
  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  void forget() override;
  [[nodiscard]] std::string csv() const override;
  /// The runs to choose from, oldest first.
  void set_choices(const std::vector<RunPtr>& runs);
  /// Chooses by number; false if one is not among the choices.
  bool choose(std::uint64_t a, std::uint64_t b);
  [[nodiscard]] ComparisonModel& model() { return *model_; }
  [[nodiscard]] TimelineView& timeline_a() { return *timeline_a_; }
  [[nodiscard]] TimelineView& timeline_b() { return *timeline_b_; }

 signals:
  /// The user wants another scenario file to compare with; its run comes back through set_choices().
  void open_requested();

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  QWidget* make_choices();
  QWidget* make_table();
  QWidget* make_timelines();
  void fill_choices();
  void take_choice();
  void swap();
  void set_pair(const RunPtr& a, const RunPtr& b);
  void follow(bool last_edit);
  void refresh();
  void align_timelines();
  void link(TimelineView& from, TimelineView& to);
  [[nodiscard]] RunPtr find(std::uint64_t number) const;
  [[nodiscard]] std::vector<RunPtr> choices() const;

  ComparisonModel* model_ = nullptr;
  TimelineView *timeline_a_ = nullptr, *timeline_b_ = nullptr;
  QComboBox *choice_a_ = nullptr, *choice_b_ = nullptr;
  QToolButton* follow_ = nullptr;
  QTableView* table_ = nullptr;  ///< object name "compare_table"
  QLabel *hint_ = nullptr, *title_a_ = nullptr, *title_b_ = nullptr;
  std::vector<RunPtr> runs_;
  RunPtr current_, previous_;  ///< what is compared by default
  RunPtr a_, b_;               ///< what is compared
  bool chosen_ = false;        ///< by the user
  bool outdated_ = true;       ///< table and timelines show another pair
  bool linking_ = false;       ///< a range goes from one timeline to the other
};

}  // namespace orrery::gui
