// The replica with the fewest requests, waiting or running; the first of equals.
#include <algorithm>

#include "models/serving/routers/router.hpp"

namespace orrery::models {
namespace {

class LeastRequests final : public Router {
 public:
  std::size_t pick(const Request&, const std::vector<ReplicaView>& replicas) override {
    const auto fewest = std::min_element(
        replicas.begin(), replicas.end(),
        [](const ReplicaView& a, const ReplicaView& b) { return a.waiting + a.running < b.waiting + b.running; });
    return static_cast<std::size_t>(fewest - replicas.begin());
  }
};

}  // namespace

RouterRow least_requests_row() {
  return {"least_requests", "replica with the fewest requests waiting or running (least outstanding requests)",
          "microsoft/vidur, vidur/scheduler/global_scheduler/lor_global_scheduler.py",
          [](std::uint64_t) -> std::unique_ptr<Router> { return std::make_unique<LeastRequests>(); }};
}

}  // namespace orrery::models
