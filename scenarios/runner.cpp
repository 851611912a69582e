#include "scenarios/runner.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
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

namespace {

std::ostream& line_of(const Console& console) { return console.line != nullptr ? *console.line : console.err; }

}  // namespace

Progress::Progress(Console& console, bool quiet, std::size_t total, std::string_view what)
    : console_(&console), active_(console.terminal && !quiet), total_(total), what_(what) {}

std::string progress_text(std::size_t done, std::size_t total, std::size_t skipped, double seconds,
                          std::string_view what) {
  std::string text = fmt::format("{} of {} {}", done, total, what);
  if (done <= skipped || seconds <= 0.0) return text;
  const double rate = static_cast<double>(done - skipped) / seconds;
  const auto left = static_cast<std::int64_t>(static_cast<double>(total - std::min(done, total)) / rate + 0.5);
  text += rate >= 10.0 ? fmt::format(", {:.0f}/s", rate) : fmt::format(", {:.2g}/s", rate);
  if (left >= 3600) return text + fmt::format(", {} h {} min left", left / 3600, left / 60 % 60);
  return text +
         (left >= 60 ? fmt::format(", {} min {} s left", left / 60, left % 60) : fmt::format(", {} s left", left));
}

void Progress::show(std::size_t done) {
  if (!active_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - start_ < std::chrono::seconds(1) || now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  line_of(*console_) << "\r" << progress_text(done, total_, skipped_, seconds, what_) << "\033[K" << std::flush;
}

void Progress::clear() {
  if (shown_) line_of(*console_) << "\r\033[K" << std::flush;
  shown_ = false;
}

namespace {

/// What workers share with the thread that waits for them. Workers hold it too, so one that was left behind after
/// Ctrl-C finds everything in its place.
struct Crew {
  Crew(std::size_t tasks, std::function<void(std::size_t)> call) : task(std::move(call)), count(tasks), errors(tasks) {}

  const std::function<void(std::size_t)> task;
  const std::size_t count;
  std::mutex mutex;
  std::condition_variable changed;
  // Below: under the mutex.
  std::vector<std::exception_ptr> errors;
  std::size_t next = 0, done = 0, working = 0;
  bool stop = false;  ///< no task is begun any more
};

/// Does the next task; false if there is none.
bool do_next(Crew& crew) {
  std::unique_lock<std::mutex> lock(crew.mutex);
  if (crew.stop || crew.next >= crew.count) return false;
  const std::size_t index = crew.next++;
  lock.unlock();
  std::exception_ptr error;
  try {
    crew.task(index);
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  if (error) {
    crew.errors[index] = error;
    crew.stop = true;
  }
  ++crew.done;
  crew.changed.notify_all();
  return true;
}

void work(const std::shared_ptr<Crew>& crew) {
  while (do_next(*crew)) {
  }
  const std::lock_guard<std::mutex> lock(crew->mutex);
  --crew->working;
  crew->changed.notify_all();
}

std::vector<std::thread> start_workers(const std::shared_ptr<Crew>& crew, std::size_t threads) {
  std::vector<std::thread> pool;
  pool.reserve(threads);
  const std::lock_guard<std::mutex> lock(crew->mutex);
  try {
    for (; pool.size() < threads; ++crew->working) pool.emplace_back([crew] { work(crew); });
  } catch (const std::exception&) {
    // No room for more threads: those that there are do the work.
  }
  return pool;
}

/// Returns when all workers are through; after `stopped`, at the latest when the grace is over: a prediction may
/// take minutes, and Ctrl-C should not.
void wait_for_workers(Crew& crew, const std::function<bool()>& stopped, const std::function<void(std::size_t)>& tick) {
  constexpr std::chrono::milliseconds kPoll{50}, kGrace{100};
  std::unique_lock<std::mutex> lock(crew.mutex);
  std::size_t seen = 0;
  const auto tell = [&] {
    if (crew.done != seen) tick(seen = crew.done);
  };
  while (crew.working > 0) {
    crew.changed.wait_for(lock, kPoll, [&] { return crew.done != seen || crew.working == 0; });
    tell();
    if (!stopped()) continue;
    crew.stop = true;
    crew.changed.wait_for(lock, kGrace, [&] { return crew.working == 0; });
    break;
  }
  tell();  // of what ended while this thread did not look, or before it came here at all
}

}  // namespace

void parallel_for(std::size_t count, int jobs, std::function<void(std::size_t)> task,
                  const std::function<bool()>& stopped, const std::function<void(std::size_t)>& tick) {
  if (count == 0 || stopped()) return;
  const auto crew = std::make_shared<Crew>(count, std::move(task));
  const std::size_t threads = std::min<std::size_t>(static_cast<std::size_t>(std::max(1, jobs)), count);
  std::vector<std::thread> pool = start_workers(crew, threads);
  if (pool.empty()) {
    // Not even one thread: this one works, and Ctrl-C waits for the end of a task.
    while (!stopped() && do_next(*crew)) tick(crew->done);
  }
  wait_for_workers(*crew, stopped, tick);
  std::unique_lock<std::mutex> lock(crew->mutex);
  const bool through = crew->working == 0;
  const std::vector<std::exception_ptr> errors = crew->errors;
  lock.unlock();
  for (std::thread& thread : pool) through ? thread.join() : thread.detach();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

RunOutcome run_all(const std::vector<Scenario>& scenarios, const RunOptions& options, Console& console) {
  // Runs own their input: one that Ctrl-C leaves behind outlives the caller's.
  const auto input = std::make_shared<const std::vector<Scenario>>(scenarios);
  const std::vector<Task> tasks = list_tasks(*input);
  const auto run = [input, tasks, keep = options.keep](std::size_t i) {
    return run_scenario(*tasks[i].scenario, tasks[i].variant ? Keep{} : keep);
  };
  Progress progress(console, options.quiet, tasks.size(), "runs");
  std::vector<std::optional<Report>> done = compute_all<Report>(tasks.size(), options.jobs, run, console, progress);
  RunOutcome outcome;
  outcome.interrupted = console.stopped();
  outcome.reports = assemble(tasks, done);
  return outcome;
}

}  // namespace orrery::scenarios
