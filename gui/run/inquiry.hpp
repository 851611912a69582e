// Asks a question in a worker: what `orrery ask` asks, by the same code.
//
//   ask → worker: AskKind::ask() → answered | refused | cancelled
//
// One question at a time. The window's thread never waits.
#pragma once

#include <memory>

#include <QObject>
#include <QString>
#include <QThreadPool>
#include <QTimer>

#include "scenarios/ask/ask.hpp"

namespace orrery::gui {

using ReplyPtr = std::shared_ptr<const scenarios::AskReply>;

class Inquiry : public QObject {
  Q_OBJECT

 public:
  explicit Inquiry(QObject* parent = nullptr);
  ~Inquiry() override;

  /// REQUIRES !is_busy().
  void ask(const scenarios::AskKind& kind, scenarios::AskWords words);
  /// Gives the question up; cancelled() follows.
  void cancel();
  [[nodiscard]] bool is_busy() const { return task_ != nullptr; }

 signals:
  void started();
  /// Kinds of engine that were tried, of how many. At most every 50 ms.
  void progressed(int done, int total);
  void answered(const orrery::gui::ReplyPtr& reply);
  /// The words can't be read, or name what there is not: the message says which, with the nearest names.
  void refused(const QString& message);
  void cancelled();

 private:
  struct Task;
  void settle();

  std::shared_ptr<Task> task_;
  QTimer poll_;
  QThreadPool pool_;  ///< one worker, which starts those that run the plans
};

}  // namespace orrery::gui

Q_DECLARE_METATYPE(orrery::gui::ReplyPtr)
