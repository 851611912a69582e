// Open loops: requests arrive whether or not earlier ones have been answered.
//
//   constant  t_k = k/r
//   poisson   t_k = t_{k−1} + Exp(1/r)
//   gamma     t_k = t_{k−1} + Gamma(shape 1/c², scale c²/r): mean 1/r, standard deviation c/r
//   burst     t_k = ⌊k/burst_size⌋·burst_interval
//
// Source: vllm-project/vllm vllm/benchmarks/serve.py get_request, whose burstiness is 1/c². Limitation: vLLM then
// stretches the whole series so that its last arrival falls on n/r; these arrivals are left as drawn, since a stream
// has no end to stretch to.
#include <cmath>
#include <utility>

#include "hardware/config/config.hpp"
#include "models/serving/workload/families.hpp"
#include "models/serving/workload/request_source.hpp"

namespace orrery::models {
namespace {

class ArrivalTimes {
 public:
  virtual ~ArrivalTimes() = default;
  /// Of the next request; never before the last.
  virtual sim::SimTime next() = 0;
};

class ConstantTimes : public ArrivalTimes {
 public:
  explicit ConstantTimes(double rate) : rate_(rate) {}
  sim::SimTime next() override {
    // From the count, not from the last arrival: rounding to picoseconds does not add up.
    return sim::to_sim_time(Seconds{static_cast<double>(count_++) / rate_});
  }

 private:
  double rate_;
  std::uint64_t count_ = 0;
};

class PoissonTimes : public ArrivalTimes {
 public:
  PoissonTimes(double rate, std::uint64_t seed)
      : random_(load_random(seed, LoadPurpose::arrivals)), mean_gap_(1.0 / rate) {}
  sim::SimTime next() override {
    return last_ = sim::checked_add(last_, sim::to_sim_time(Seconds{random_.exponential(mean_gap_)}));
  }

 private:
  sim::Random random_;
  double mean_gap_;
  sim::SimTime last_ = 0;
};

class GammaTimes : public ArrivalTimes {
 public:
  GammaTimes(double rate, double cv, std::uint64_t seed)
      : random_(load_random(seed, LoadPurpose::arrivals)), shape_(1.0 / (cv * cv)), scale_(cv * cv / rate) {}
  sim::SimTime next() override {
    return last_ = sim::checked_add(last_, sim::to_sim_time(Seconds{random_.gamma(shape_, scale_)}));
  }

 private:
  sim::Random random_;
  double shape_, scale_;
  sim::SimTime last_ = 0;
};

class BurstTimes : public ArrivalTimes {
 public:
  BurstTimes(std::int64_t size, Seconds interval) : size_(size), interval_(sim::to_sim_time(interval)) {}
  sim::SimTime next() override {
    if (size_ > 0 && in_burst_ == size_) {
      in_burst_ = 0;
      now_ = sim::checked_add(now_, interval_);
    }
    ++in_burst_;
    return now_;
  }

 private:
  std::int64_t size_;
  sim::SimTime interval_;
  std::int64_t in_burst_ = 0;
  sim::SimTime now_ = 0;
};

class OpenLoop : public Workload {
 public:
  OpenLoop(const LoadConfig& load, std::uint64_t seed, std::unique_ptr<ArrivalTimes> times)
      : source_(load, seed), times_(std::move(times)) {}

  std::optional<sim::SimTime> next_arrival() override {
    if (!next_ && source_.has_more()) next_ = following();
    return next_;
  }

  Request take() override {
    const sim::SimTime arrival = *next_;
    next_.reset();
    return source_.draw(arrival);
  }

  void ended(const Request&, sim::SimTime) override {}
  [[nodiscard]] bool reacts() const override { return false; }
  [[nodiscard]] TraceTally tally() const override { return source_.tally(); }

 private:
  // How long a trace is shows only when it is read.
  sim::SimTime following() {
    try {
      return times_->next();
    } catch (const sim::TimeOverflow&) {
      throw hardware::ConfigError("serving.load: at this rate the requests arrive later than 213 days after the start");
    }
  }

  RequestSource source_;
  std::unique_ptr<ArrivalTimes> times_;
  std::optional<sim::SimTime> next_;  ///< once asked for
};

/// An infinite rate is no gap between arrivals: all come at once, whatever the process.
template <class Times, class... Args>
std::unique_ptr<Workload> make_open_loop(const LoadConfig& load, std::uint64_t seed, Args... args) {
  std::unique_ptr<ArrivalTimes> times;
  if (std::isinf(load.rate)) {
    times = std::make_unique<BurstTimes>(0, Seconds{0.0});
  } else {
    times = std::make_unique<Times>(args...);
  }
  return std::make_unique<OpenLoop>(load, seed, std::move(times));
}

}  // namespace

std::unique_ptr<Workload> make_constant(const LoadConfig& load, std::uint64_t seed) {
  return make_open_loop<ConstantTimes>(load, seed, load.rate);
}

std::unique_ptr<Workload> make_poisson(const LoadConfig& load, std::uint64_t seed) {
  return make_open_loop<PoissonTimes>(load, seed, load.rate, seed);
}

std::unique_ptr<Workload> make_gamma(const LoadConfig& load, std::uint64_t seed) {
  return make_open_loop<GammaTimes>(load, seed, load.rate, load.cv, seed);
}

std::unique_ptr<Workload> make_burst(const LoadConfig& load, std::uint64_t seed) {
  return make_open_loop<BurstTimes>(load, seed, load.burst_size, load.burst_interval);
}

}  // namespace orrery::models
