// Finds in a worker how full the links of a run were over time: the run once more, with their loads on record.
//
//   ask → worker: scenarios::link_loads() → answered | refused
//
// One at a time: a newer question stops the one under way. The window's thread never waits.
#pragma once

#include <memory>

#include <QObject>
#include <QString>
#include <QThreadPool>

#include "gui/run/run.hpp"
#include "scenarios/link_loads.hpp"

namespace orrery::gui {

using LoadsPtr = std::shared_ptr<const scenarios::LinkLoads>;

class LoadInquiry : public QObject {
  Q_OBJECT

 public:
  explicit LoadInquiry(QObject* parent = nullptr);
  ~LoadInquiry() override;

  /// In place of whatever is asked. REQUIRES a run that has results.
  void ask(const RunPtr& run);
  /// Nobody wants to know any more.
  void drop();

 signals:
  void answered(const orrery::gui::RunPtr& run, const orrery::gui::LoadsPtr& loads);
  void refused(const orrery::gui::RunPtr& run, const QString& message);

 private:
  struct Task;
  void start();
  void settle(const std::shared_ptr<Task>& task);

  RunPtr waiting_;
  std::shared_ptr<Task> task_;
  QThreadPool pool_;  ///< one worker: `task_` is what it does
};

}  // namespace orrery::gui
