#include "gui/run/simulation.hpp"

#include <exception>
#include <new>

#include <QMetaObject>
#include <QThreadPool>

namespace orrery::gui {

/// One request on its way. The worker writes what is below `share` and then posts settle().
struct Simulation::Task {
  RunRequest request;
  std::atomic<bool> stop{false};
  std::atomic<double> share{0.0};
  std::shared_ptr<Run> run;
  std::vector<hardware::Diagnostic> problems;
  bool cancelled = false;
};

namespace {

constexpr std::chrono::milliseconds kPoll{50};

std::vector<hardware::Diagnostic> problems_of(const hardware::ConfigError& error) {
  if (!error.diagnostics().empty()) return error.diagnostics();
  return {{"", {}, error.what()}};
}

}  // namespace

Simulation::Simulation(QObject* parent) : QObject(parent) {
  qRegisterMetaType<RunPtr>();
  pool_.setMaxThreadCount(1);
  debounce_.setSingleShot(true);
  debounce_.setInterval(kDebounce);
  connect(&debounce_, &QTimer::timeout, this, [this] {
    if (!task_) start();
  });
  poll_.setInterval(kPoll);
  connect(&poll_, &QTimer::timeout, this, [this] {
    if (task_) emit progressed(task_->share.load(std::memory_order_relaxed));
  });
}

Simulation::~Simulation() {
  if (task_) task_->stop = true;
  pool_.waitForDone();  // at most as long as a run takes to see that it is stopped
}

void Simulation::submit(std::string text, std::string file, std::string change, bool now) {
  last_number_ = ++*counter_;
  waiting_ = RunRequest{last_number_, std::move(text), std::move(file), std::move(change)};
  if (task_) task_->stop = true;
  debounce_.start(now ? std::chrono::milliseconds{0} : kDebounce);
}

void Simulation::cancel() {
  waiting_.reset();
  debounce_.stop();
  if (task_) {
    task_->stop = true;
  } else {
    emit cancelled();
  }
}

bool Simulation::is_busy() const { return task_ != nullptr || waiting_.has_value(); }

void Simulation::start() {
  if (!waiting_) return;
  task_ = std::make_shared<Task>();
  task_->request = std::move(*waiting_);
  waiting_.reset();
  poll_.start();
  emit started();
  pool_.start([this, task = task_, lowered = lowered_] {
    sim::RunControl control;
    control.stop = &task->stop;
    control.progress = [share = &task->share](double done) { share->store(done, std::memory_order_relaxed); };
    try {
      task->run = make_run(task->request, control, lowered);
    } catch (const sim::Cancelled&) {
      task->cancelled = true;
    } catch (const hardware::ConfigError& error) {
      task->problems = problems_of(error);
    } catch (const std::bad_alloc&) {
      task->problems = {{"", {}, "not enough memory on this computer for that scenario"}};
    } catch (const std::exception& error) {
      task->problems = {{"", {}, error.what()}};
    }
    QMetaObject::invokeMethod(
        this, [this, task] { settle(task); }, Qt::QueuedConnection);
  });
}

void Simulation::settle(const std::shared_ptr<Task>& task) {
  if (task != task_) return;
  task_.reset();
  poll_.stop();
  const bool superseded = waiting_.has_value();
  if (superseded && !debounce_.isActive()) start();
  // A result that is ready is shown even if a newer one is under way; a failure of an older text is not.
  if (task->run) {
    task->run->ordinal = ++*results_;
    emit finished(task->run);
  } else if (!superseded) {
    task->cancelled ? emit cancelled() : emit rejected(task->problems);
  }
}

}  // namespace orrery::gui
