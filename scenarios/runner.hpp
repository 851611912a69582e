// Running many scenarios, several at a time, until done or interrupted.
//
// Results stand in the order of the scenarios whatever the number of threads; each run is a plain value of
// its own, so nothing is shared. Ctrl-C is a flag that is polled between runs.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/report.hpp"

namespace orrery::scenarios {

/// Where a command writes, and what may stop it.
struct Console {
  std::ostream& out;
  std::ostream& err;
  bool terminal = false;                    ///< err is a terminal: progress is shown
  const std::atomic<bool>* stop = nullptr;  ///< set by Ctrl-C

  [[nodiscard]] bool stopped() const { return stop != nullptr && stop->load(std::memory_order_relaxed); }
};

/// Progress: one line on a terminal, rewritten; silent during the first second.
class Progress {
 public:
  Progress(Console& console, bool quiet, std::size_t total, std::string_view what);

  /// Not thread-safe: parallel_for() calls it under its lock.
  void show(std::size_t done);
  void clear();

 private:
  Console* console_;
  bool active_;
  bool shown_ = false;
  std::size_t total_;
  std::string what_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_;
};

struct RunOptions {
  int jobs = 1;
  bool quiet = false;
  bool keep_timeline = false;  ///< of the scenarios themselves, not of their variants
};

struct RunOutcome {
  std::vector<Report> reports;  ///< of the scenarios that were reached, in order, with their variants
  bool interrupted = false;
};

/// Runs every scenario and its variants. Throws what the first failing run (in order) threw.
[[nodiscard]] RunOutcome run_all(const std::vector<Scenario>& scenarios, const RunOptions& options, Console& console);

/// Calls task(0) … task(count − 1) on up to `jobs` threads until `stopped`; `tick` is told after each how many
/// are done, under a lock. Rethrows the exception of the lowest index.
void parallel_for(std::size_t count, int jobs, const std::function<void(std::size_t)>& task,
                  const std::function<bool()>& stopped, const std::function<void(std::size_t)>& tick);

}  // namespace orrery::scenarios
