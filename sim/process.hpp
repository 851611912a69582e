// Processes: straight-line code that takes simulated time, as C++20 coroutines.
//
//   Process engine(Simulator& sim, Signal& arrived) {
//     for (;;) {
//       co_await arrived.wait();
//       co_await delay(5'000'000);
//     }
//   }
//   ProcessRef ref = spawn(sim, engine(sim, arrived));
//
// For the few deciders of a system (engine, router, load generator); what happens a million times is a
// Resource. The Simulator owns the frames: a process that ends destroys its frame, one that never ends is
// destroyed with the Simulator. Every wake-up goes through the queue, so that equal times run in the order
// in which they were caused. An exception leaves run().
//
// Rules: parameters by value, or references to what outlives the Simulator; no co_await inside an
// expression with temporaries (gcc 12 destroys them too early); a Signal outlives the processes that wait
// for it, and is not notified once their Simulator has ended.
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "sim/clock.hpp"
#include "sim/simulator.hpp"

namespace orrery::sim {

class Condition;
class ProcessRef;

class Process {
 public:
  class promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  Process(Process&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Process& operator=(Process&&) = delete;
  ~Process() {
    if (handle_) handle_.destroy();  // never spawned
  }

 private:
  friend ProcessRef spawn(Simulator& simulator, Process process);
  explicit Process(Handle handle) : handle_(handle) {}
  Handle handle_;
};

class Process::promise_type final : public Resource {
 public:
  Process get_return_object() { return Process(Handle::from_promise(*this)); }
  std::suspend_always initial_suspend() noexcept { return {}; }
  std::suspend_always final_suspend() noexcept { return {}; }
  void return_void() {}
  void unhandled_exception() { failure_ = std::current_exception(); }

  void fire(SimTime) override;
  void retire() noexcept override { Handle::from_promise(*this).destroy(); }

  [[nodiscard]] Simulator& simulator() const { return *simulator_; }
  [[nodiscard]] ResourceId id() const { return id_; }

 private:
  friend ProcessRef spawn(Simulator& simulator, Process process);

  Simulator* simulator_ = nullptr;
  ResourceId id_;
  std::shared_ptr<Condition> ended_;  ///< shared with those who may wait for the end
  std::exception_ptr failure_;
};

/// Lets simulated time pass: co_await delay(dt).
struct Delay {
  SimTime duration = 0;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(Process::Handle process) const {
    process.promise().simulator().after(duration, process.promise().id());
  }
  void await_resume() const noexcept {}
};
[[nodiscard]] inline Delay delay(SimTime duration) { return {duration}; }

/// Waiting processes, woken in the order in which they came: co_await signal.wait(). A notification
/// without a waiter is lost; wait in a loop over the condition that it tells of.
class Signal {
 public:
  struct Wait {
    Signal& signal;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(Process::Handle process) const { signal.waiting_.push_back(&process.promise()); }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] Wait wait() { return {*this}; }

  void notify_all() {
    // Nothing runs before the queue comes to it, so that no process can wait again meanwhile.
    for (Process::promise_type* process : waiting_) process->simulator().after(0, process->id());
    waiting_.clear();
  }

  void notify_one() {
    if (waiting_.empty()) return;
    Process::promise_type* const process = waiting_.front();
    waiting_.erase(waiting_.begin());
    process->simulator().after(0, process->id());
  }

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  std::vector<Process::promise_type*> waiting_;
};

/// A Signal that stays set: waiting for a condition that holds takes no time.
class Condition {
 public:
  struct Wait {
    Condition& condition;
    [[nodiscard]] bool await_ready() const noexcept { return condition.is_set_; }
    void await_suspend(Process::Handle process) const { condition.signal_.wait().await_suspend(process); }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] Wait wait() { return {*this}; }

  void set() {
    is_set_ = true;
    signal_.notify_all();
  }
  void reset() { is_set_ = false; }
  [[nodiscard]] bool is_set() const { return is_set_; }

 private:
  Signal signal_;
  bool is_set_ = false;
};

/// Refers to a spawned process; outlives it.
class ProcessRef {
 public:
  /// co_await ref.join(): waits for its end.
  [[nodiscard]] Condition::Wait join() const { return ended_->wait(); }
  [[nodiscard]] bool has_ended() const { return ended_->is_set(); }

 private:
  friend ProcessRef spawn(Simulator& simulator, Process process);
  explicit ProcessRef(std::shared_ptr<Condition> ended) : ended_(std::move(ended)) {}
  std::shared_ptr<Condition> ended_;
};

/// Starts a process now; its first statement runs when the queue comes to it.
ProcessRef spawn(Simulator& simulator, Process process);

}  // namespace orrery::sim
