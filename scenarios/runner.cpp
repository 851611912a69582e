#include "scenarios/runner.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <ostream>
#include <thread>

#include <fmt/format.h>

namespace orrery::scenarios {

namespace {

/// A scenario or one of its variants.
struct Task {
  const Scenario* scenario = nullptr;
  std::size_t owner = 0;
  bool variant = false;
};

std::vector<Task> list_tasks(const std::vector<Scenario>& scenarios) {
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < scenarios.size(); ++i) {
    tasks.push_back({&scenarios[i], i, false});
    for (const Scenario& variant : scenarios[i].variants) tasks.push_back({&variant, i, true});
  }
  return tasks;
}

/// Puts variants below their scenarios. A scenario that was not reached leaves out its variants.
std::vector<Report> assemble(const std::vector<Task>& tasks, std::vector<std::optional<Report>>& done) {
  std::vector<Report> reports;
  std::size_t reached = 0;  // owner + 1 of the last report
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (!tasks[i].variant) {
      if (!done[i]) continue;
      reports.push_back(std::move(*done[i]));
      reached = tasks[i].owner + 1;
    } else if (reached == tasks[i].owner + 1) {
      if (done[i]) {
        reports.back().variants.push_back(std::move(*done[i]));
      } else {
        reports.back().partial = true;
      }
    }
  }
  return reports;
}

}  // namespace

Progress::Progress(Console& console, bool quiet, std::size_t total, std::string_view what)
    : console_(&console), active_(console.terminal && !quiet), total_(total), what_(what) {}

void Progress::show(std::size_t done) {
  if (!active_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - start_ < std::chrono::seconds(1) || now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  shown_ = true;
  console_->err << fmt::format("\r{} of {} {}", done, total_, what_) << std::flush;
}

void Progress::clear() {
  if (shown_) console_->err << "\r\033[K" << std::flush;
  shown_ = false;
}

void parallel_for(std::size_t count, int jobs, const std::function<void(std::size_t)>& task,
                  const std::function<bool()>& stopped, const std::function<void(std::size_t)>& tick) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::size_t done = 0;
  std::vector<std::exception_ptr> errors(count);
  const auto work = [&] {
    while (!stopped() && !failed.load(std::memory_order_relaxed)) {
      const std::size_t index = next.fetch_add(1);
      if (index >= count) return;
      try {
        task(index);
      } catch (...) {
        errors[index] = std::current_exception();
        failed = true;
      }
      const std::lock_guard<std::mutex> lock(mutex);
      tick(++done);
    }
  };
  const std::size_t threads = std::min<std::size_t>(static_cast<std::size_t>(std::max(1, jobs)), count);
  std::vector<std::thread> pool;
  pool.reserve(threads);
  try {
    for (std::size_t i = 1; i < threads; ++i) pool.emplace_back(work);
  } catch (const std::exception&) {
    // No room for more threads: those that there are, this one among them, do the work.
  }
  work();
  for (std::thread& thread : pool) thread.join();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

RunOutcome run_all(const std::vector<Scenario>& scenarios, const RunOptions& options, Console& console) {
  const std::vector<Task> tasks = list_tasks(scenarios);
  std::vector<std::optional<Report>> done(tasks.size());
  Progress progress(console, options.quiet, tasks.size(), "runs");
  parallel_for(
      tasks.size(), options.jobs,
      [&](std::size_t i) { done[i] = run_scenario(*tasks[i].scenario, options.keep_timeline && !tasks[i].variant); },
      [&] { return console.stopped(); }, [&](std::size_t count) { progress.show(count); });
  progress.clear();
  RunOutcome outcome;
  outcome.interrupted = console.stopped();
  outcome.reports = assemble(tasks, done);
  return outcome;
}

}  // namespace orrery::scenarios
