// A trace as a load: its arrivals, lengths and shared contents, the first `requests` of it or all.
#include <utility>

#include "models/serving/workload/families.hpp"
#include "models/serving/workload/trace_reader.hpp"

namespace orrery::models {
namespace {

class TraceLoad : public Workload {
 public:
  explicit TraceLoad(const LoadConfig& load)
      : reader_(load.trace, load.trace_format, load.rate_scale),
        limited_(load.requests > 0),
        left_(static_cast<std::uint64_t>(load.requests)) {
    read();  // a trace that is broken from the start is refused before anything runs
  }

  std::optional<sim::SimTime> next_arrival() override {
    if (!next_ && !finished_) read();
    if (!next_) return std::nullopt;
    return next_->arrival;
  }

  Request take() override {
    Request request = std::move(*next_);
    next_.reset();
    return request;
  }

  void ended(const Request&, sim::SimTime) override {}
  [[nodiscard]] bool reacts() const override { return false; }
  [[nodiscard]] TraceTally tally() const override { return reader_.tally(); }

 private:
  void read() {
    if (limited_ && left_ == 0) {
      finished_ = true;
      return;
    }
    next_ = reader_.next();
    finished_ = !next_;
    if (limited_) --left_;
  }

  TraceReader reader_;
  bool limited_;
  std::uint64_t left_;  ///< requests still to read, if limited
  bool finished_ = false;
  std::optional<Request> next_;
};

}  // namespace

std::unique_ptr<Workload> make_trace(const LoadConfig& load, std::uint64_t) {
  return std::make_unique<TraceLoad>(load);
}

}  // namespace orrery::models
