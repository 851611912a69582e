// Running many scenarios, several at a time, until done or interrupted.
//
// Results stand in the order of the scenarios whatever the number of threads; each run is a plain value of
// its own, so nothing is shared. Ctrl-C is a flag that the waiting thread polls; it then takes what is finished and
// leaves behind the runs that are not. They go on until the process ends, on copies that they own.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <iosfwd>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/report.hpp"

namespace orrery::scenarios {

/// Where a command writes, and what may stop it.
struct Console {
  std::ostream& out;
  std::ostream& err;
  bool terminal = false;                    ///< err is a terminal: progress is shown
  const std::atomic<bool>* stop = nullptr;  ///< set by Ctrl-C
  bool replaceable = false;                 ///< a command may make another program of this process (exec)
  std::ostream* line = nullptr;             ///< takes a terminal's control characters: the line of progress; none: err

  [[nodiscard]] bool stopped() const { return stop != nullptr && stop->load(std::memory_order_relaxed); }
};

/// Progress: one line on a terminal, rewritten: how much is done, at what rate, and how long the rest takes at that
/// rate. Silent during the first second.
class Progress {
 public:
  Progress(Console& console, bool quiet, std::size_t total, std::string_view what);

  /// Not thread-safe: parallel_for() calls it on the waiting thread.
  void show(std::size_t done);
  /// So many were done before it began: they are no part of the rate.
  void skip(std::size_t done) { skipped_ = done; }
  void clear();

 private:
  Console* console_;
  bool active_;
  bool shown_ = false;
  std::size_t total_;
  std::size_t skipped_ = 0;
  std::string what_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_;
};

/// "120 of 2304 points, 14.2/s, 2 min 34 s left".
[[nodiscard]] std::string progress_text(std::size_t done, std::size_t total, std::size_t skipped, double seconds,
                                        std::string_view what);

struct RunOptions {
  int jobs = 1;
  bool quiet = false;
  Keep keep;  ///< of the scenarios themselves, not of their variants
};

struct RunOutcome {
  std::vector<Report> reports;  ///< of the scenarios that were reached, in order, with their variants
  bool interrupted = false;
};

/// Runs every scenario and its variants. Throws what the first failing run (in order) threw.
[[nodiscard]] RunOutcome run_all(const std::vector<Scenario>& scenarios, const RunOptions& options, Console& console);

/// Calls task(0) … task(count − 1) on up to `jobs` threads until `stopped`; `tick` is told on this thread, every
/// now and then, how many are done. Rethrows the exception of the lowest index. After `stopped` it returns within some
/// 0.2 s, even while tasks run: `task` must own all that it uses, and the process should end by std::_Exit.
void parallel_for(std::size_t count, int jobs, std::function<void(std::size_t)> task,
                  const std::function<bool()>& stopped, const std::function<void(std::size_t)>& tick);

/// What `task` returns for each index that was finished before Ctrl-C; see parallel_for().
template <class Result>
[[nodiscard]] std::vector<std::optional<Result>> compute_all(std::size_t count, int jobs,
                                                             std::function<Result(std::size_t)> task,
                                                             const Console& console, Progress& progress) {
  struct Slots {
    std::mutex mutex;
    std::vector<std::optional<Result>> results;
    bool taken = false;
  };
  const auto slots = std::make_shared<Slots>();
  slots->results.resize(count);
  const auto fill = [slots, task = std::move(task)](std::size_t index) {
    Result result = task(index);
    const std::lock_guard<std::mutex> lock(slots->mutex);
    if (!slots->taken) slots->results[index] = std::move(result);
  };
  parallel_for(
      count, jobs, fill, [&] { return console.stopped(); }, [&](std::size_t done) { progress.show(done); });
  progress.clear();
  const std::lock_guard<std::mutex> lock(slots->mutex);
  slots->taken = true;
  return std::move(slots->results);
}

/// The result of one long computation, or nothing if Ctrl-C came first. `task` must own all that it uses.
template <class Result>
[[nodiscard]] std::optional<Result> compute(std::function<Result()> task, Console& console) {
  Progress silent(console, true, 1, "");
  return std::move(compute_all<Result>(
                       1, 1, [task = std::move(task)](std::size_t) { return task(); }, console, silent)
                       .front());
}

}  // namespace orrery::scenarios
