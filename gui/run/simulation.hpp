// Simulates in a worker what the document says, again after each change.
//
//   submit → (wait kDebounce for more) → worker: make_run() → finished | rejected | cancelled
//
// One run at a time: a newer request stops the one under way, and only the newest that waits is run. The window's
// thread never waits.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include <QObject>
#include <QThreadPool>
#include <QTimer>

#include "gui/run/run.hpp"
#include "hardware/config/config.hpp"
#include "models/training/lowered_step.hpp"

namespace orrery::gui {

class Simulation : public QObject {
  Q_OBJECT

 public:
  /// Short enough not to be felt, long enough that typing a number is one run.
  static constexpr std::chrono::milliseconds kDebounce{30};

  explicit Simulation(QObject* parent = nullptr);
  ~Simulation() override;

  /// Runs this text soon, in place of whatever runs or waits. `now`: without waiting for further changes.
  void submit(std::string text, std::string file, std::string change, bool now = false);
  /// Stops what runs and forgets what waits; cancelled() follows.
  void cancel();
  /// Something runs or waits.
  [[nodiscard]] bool is_busy() const;
  /// Number of the newest request; its run carries it.
  [[nodiscard]] std::uint64_t last_number() const { return last_number_; }
  /// Counts requests and results together with another simulation, so that no two runs have one number. Call before
  /// the first.
  void share_numbers(const Simulation& other) {
    counter_ = other.counter_;
    results_ = other.results_;
  }

 signals:
  /// A run begins.
  void started();
  /// Share of the run that is done, 0 … 1; −1 where it isn't known. At most every 50 ms.
  void progressed(double share);
  void finished(const orrery::gui::RunPtr& run);
  /// The input is wrong; positions where they are known. Earlier results stay valid.
  void rejected(const std::vector<orrery::hardware::Diagnostic>& problems);
  void cancelled();

 private:
  struct Task;
  void start();
  void settle(const std::shared_ptr<Task>& task);

  std::shared_ptr<std::uint64_t> counter_ = std::make_shared<std::uint64_t>(0);
  std::shared_ptr<std::uint64_t> results_ = std::make_shared<std::uint64_t>(0);
  std::uint64_t last_number_ = 0;
  std::shared_ptr<models::LoweredSteps> lowered_ = std::make_shared<models::LoweredSteps>();
  std::optional<RunRequest> waiting_;
  std::shared_ptr<Task> task_;
  QTimer debounce_, poll_;
  QThreadPool pool_;  ///< one worker: `task_` is what it does
};

}  // namespace orrery::gui

Q_DECLARE_METATYPE(orrery::gui::RunPtr)
