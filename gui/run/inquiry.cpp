#include "gui/run/inquiry.hpp"

#include <atomic>
#include <chrono>
#include <new>
#include <thread>

#include <QMetaObject>

#include "gui/look/text.hpp"
#include "hardware/config/config.hpp"

namespace orrery::gui {

/// One question on its way. The worker writes what is below `total` and then posts settle().
struct Inquiry::Task {
  const scenarios::AskKind* kind = nullptr;
  scenarios::AskWords words;
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> done{0}, total{0};
  ReplyPtr reply;
  QString problem;
};

namespace {

constexpr std::chrono::milliseconds kAskPoll{50};

int processors() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

}  // namespace

Inquiry::Inquiry(QObject* parent) : QObject(parent) {
  qRegisterMetaType<ReplyPtr>();
  pool_.setMaxThreadCount(1);
  poll_.setInterval(kAskPoll);
  connect(&poll_, &QTimer::timeout, this, [this] {
    if (task_ && task_->total > 0) emit progressed(static_cast<int>(task_->done), static_cast<int>(task_->total));
  });
}

Inquiry::~Inquiry() {
  if (task_) task_->stop = true;
  pool_.waitForDone();  // at most as long as a run takes to see that it is stopped
}

void Inquiry::ask(const scenarios::AskKind& kind, scenarios::AskWords words) {
  if (task_) return;
  task_ = std::make_shared<Task>();
  task_->kind = &kind;
  task_->words = std::move(words);
  poll_.start();
  emit started();
  pool_.start([this, task = task_] {
    const auto tell = [&task](std::size_t done, std::size_t total) {
      task->done = done;
      task->total = total;
    };
    try {
      task->reply = std::make_shared<const scenarios::AskReply>(
          scenarios::ask_quietly(*task->kind, task->words, {processors(), &task->stop, tell}));
    } catch (const std::bad_alloc&) {
      task->problem = tr("not enough memory on this computer for that question");
    } catch (const std::exception& error) {
      task->problem = message_of(error);
    }
    QMetaObject::invokeMethod(
        this, [this] { settle(); }, Qt::QueuedConnection);
  });
}

void Inquiry::cancel() {
  if (task_) task_->stop = true;
}

void Inquiry::settle() {
  const std::shared_ptr<Task> task = std::move(task_);
  task_.reset();
  poll_.stop();
  if (task->stop) {
    emit cancelled();
  } else if (task->reply) {
    emit answered(task->reply);
  } else {
    emit refused(task->problem);
  }
}

}  // namespace orrery::gui
