// Starting, resuming and ending processes.
#include "sim/process.hpp"

namespace orrery::sim {

void Process::promise_type::fire(SimTime) {
  const Handle handle = Handle::from_promise(*this);
  handle.resume();
  if (!handle.done()) return;
  const std::exception_ptr failure = failure_;
  const std::shared_ptr<Condition> ended = ended_;
  simulator_->remove(id_);  // destroys the frame, and this promise with it
  ended->set();
  if (failure) std::rethrow_exception(failure);
}

ProcessRef spawn(Simulator& simulator, Process process) {
  Process::promise_type& promise = process.handle_.promise();
  promise.ended_ = std::make_shared<Condition>();
  promise.simulator_ = &simulator;
  promise.id_ = simulator.adopt(promise);
  process.handle_ = {};
  simulator.after(0, promise.id_);
  return ProcessRef(promise.ended_);
}

}  // namespace orrery::sim
