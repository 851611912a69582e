#include "gui/run/load_inquiry.hpp"

#include <atomic>
#include <new>
#include <utility>

#include <QMetaObject>

#include "gui/look/text.hpp"

namespace orrery::gui {

/// One question on its way. The worker writes what is below `stop` and then posts settle().
struct LoadInquiry::Task {
  RunPtr run;
  std::atomic<bool> stop{false};
  LoadsPtr loads;
  QString problem;
};

LoadInquiry::LoadInquiry(QObject* parent) : QObject(parent) { pool_.setMaxThreadCount(1); }

LoadInquiry::~LoadInquiry() {
  drop();
  pool_.waitForDone();  // at most as long as a run takes to see that it is stopped
}

void LoadInquiry::ask(const RunPtr& run) {
  drop();
  waiting_ = run;
  if (!task_) start();
}

void LoadInquiry::drop() {
  waiting_.reset();
  if (task_) task_->stop = true;
}

void LoadInquiry::start() {
  if (!waiting_) return;
  task_ = std::make_shared<Task>();
  task_->run = std::exchange(waiting_, nullptr);
  pool_.start([this, task = task_] {
    sim::RunControl control;
    control.stop = &task->stop;
    try {
      task->loads =
          std::make_shared<const scenarios::LinkLoads>(scenarios::link_loads(task->run->report.scenario, control));
    } catch (const sim::Cancelled&) {
      task->stop = true;
    } catch (const std::bad_alloc&) {
      task->problem = tr("not enough memory on this computer for these loads");
    } catch (const std::exception& error) {
      task->problem = message_of(error);
    }
    QMetaObject::invokeMethod(
        this, [this, task] { settle(task); }, Qt::QueuedConnection);
  });
}

void LoadInquiry::settle(const std::shared_ptr<Task>& task) {
  task_.reset();
  if (!task->stop) task->loads ? emit answered(task->run, task->loads) : emit refused(task->run, task->problem);
  if (!task_) start();
}

}  // namespace orrery::gui
