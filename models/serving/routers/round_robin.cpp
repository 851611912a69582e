// Each replica in turn, whatever it has to do.
#include "models/serving/routers/router.hpp"

namespace orrery::models {
namespace {

class RoundRobin final : public Router {
 public:
  std::size_t pick(const Request&, const std::vector<ReplicaView>& replicas) override {
    return next_++ % replicas.size();
  }

 private:
  std::size_t next_ = 0;
};

}  // namespace

RouterRow round_robin_row() {
  return {"round_robin", "replica = request number mod replicas",
          "microsoft/vidur, vidur/scheduler/global_scheduler/round_robin_global_scheduler.py",
          [](std::uint64_t) -> std::unique_ptr<Router> { return std::make_unique<RoundRobin>(); }};
}

}  // namespace orrery::models
