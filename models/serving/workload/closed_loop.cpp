// A closed loop: N clients, each waits for its answer, thinks, and sends its next request.
//
// All clients send at time 0; then a client's next request arrives at (end of the last) + Exp(think_time). Without
// think time exactly N requests are in flight until fewer are left. By Little's law N = X·(R + Z) for throughput X,
// response time R and think time Z (Denning and Buzen 1978, the interactive response time formula R = N/X − Z).
//
// Clients are alike, so that only the times of their next requests are kept. The quota of requests is common: who has
// thought first sends the last one. Limitation: no ramp-up; the requests of
// time 0 meet an empty system all at once, which warm-up exclusion is for.
#include <algorithm>
#include <functional>

#include <queue>

#include "models/serving/workload/families.hpp"
#include "models/serving/workload/request_source.hpp"

namespace orrery::models {
namespace {

class ClosedLoop : public Workload {
 public:
  ClosedLoop(const LoadConfig& load, std::uint64_t seed)
      : source_(load, seed),
        think_random_(load_random(seed, LoadPurpose::think)),
        think_time_(load.think_time),
        unsent_(static_cast<std::uint64_t>(load.requests > 0 ? std::min(load.concurrency, load.requests)
                                                             : load.concurrency)) {}

  std::optional<sim::SimTime> next_arrival() override {
    if (!source_.has_more()) return std::nullopt;
    if (unsent_ > 0) return sim::SimTime{0};
    if (pending_.empty()) return std::nullopt;
    return pending_.top();
  }

  Request take() override {
    if (unsent_ > 0) {
      --unsent_;
      return source_.draw(0);
    }
    const sim::SimTime arrival = pending_.top();
    pending_.pop();
    return source_.draw(arrival);
  }

  void ended(const Request&, sim::SimTime now) override {
    sim::SimTime pause = 0;
    if (think_time_ > Seconds{0.0}) {
      pause = sim::to_sim_time(Seconds{think_random_.exponential(think_time_.value())});
    }
    pending_.push(sim::checked_add(now, pause));
  }

 private:
  RequestSource source_;
  sim::Random think_random_;
  Seconds think_time_;
  std::uint64_t unsent_;  ///< clients that have not sent their first request
  std::priority_queue<sim::SimTime, std::vector<sim::SimTime>, std::greater<>> pending_;
};

}  // namespace

std::unique_ptr<Workload> make_closed_loop(const LoadConfig& load, std::uint64_t seed) {
  return std::make_unique<ClosedLoop>(load, seed);
}

}  // namespace orrery::models
