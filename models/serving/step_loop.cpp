#include "models/serving/step_loop.hpp"

#include "models/serving/engine.hpp"

namespace orrery::models {
namespace {

class BatchQueue final : public StepLoop {
 public:
  explicit BatchQueue(std::size_t depth) : depth_(depth) {}

  void turn(Engine& engine, sim::SimTime now) override {
    if (engine.in_flight() > 0 && engine.oldest_end() <= now) engine.complete(now);
    const bool decided = engine.in_flight() < depth_ && engine.decide(now);
    if (engine.in_flight() == 0) return;
    // With room for another step the loop goes on deciding while the oldest one runs; else it waits for it.
    const bool again = decided && engine.in_flight() < depth_ && engine.oldest_end() > engine.host_free();
    engine.sleep_until(again ? engine.host_free() : engine.oldest_end());
  }
  [[nodiscard]] std::size_t depth() const override { return depth_; }

 private:
  std::size_t depth_;
};

}  // namespace

std::unique_ptr<StepLoop> batch_queue_loop(std::size_t depth) { return std::make_unique<BatchQueue>(depth); }

}  // namespace orrery::models
