// The kept runs, newest first, each with what was changed and its key figure. Activating one goes back to its text; its
// context menu compares it with the current run.
#pragma once

#include <vector>

#include <QWidget>

#include "gui/run/run.hpp"

class QAction;
class QListWidget;

namespace orrery::gui {

class RunsView : public QWidget {
  Q_OBJECT

 public:
  explicit RunsView(QWidget* parent = nullptr);
  /// Oldest first, as MainWindow::runs().
  void set_runs(const std::vector<RunPtr>& runs, const RunPtr& current);

 signals:
  void restore_requested(const orrery::gui::RunPtr& run);
  void compare_requested(const orrery::gui::RunPtr& run);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void restore();
  void enable_actions();
  [[nodiscard]] RunPtr selected() const;

  QListWidget* list_ = nullptr;  ///< object name "runs_list"
  QAction *restore_ = nullptr, *compare_ = nullptr;
  std::vector<RunPtr> runs_;
  RunPtr current_;
};

}  // namespace orrery::gui
