#include "models/serving/serving.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "models/serving/engine.hpp"
#include "models/serving/kv_pool.hpp"
#include "models/serving/pace.hpp"
#include "models/serving/routers/router.hpp"
#include "models/serving/schedulers/scheduler.hpp"
#include "models/serving/step_model.hpp"
#include "models/serving/tally.hpp"
#include "sim/simulator.hpp"

namespace orrery::models {

namespace {

/// Brings requests from the load to the replicas. The front end (tokenising, transport to the engine) delays each by
/// the same time.
class FrontEnd final : public sim::Resource {
 public:
  FrontEnd(sim::Simulator& simulator, Workload& workload, Router& router, std::vector<std::unique_ptr<Engine>>& engines,
           Tally& tally, Pace& pace, sim::SimTime delay)
      : simulator_(simulator),
        workload_(workload),
        router_(router),
        engines_(engines),
        tally_(tally),
        pace_(pace),
        delay_(delay) {
    id_ = simulator_.add(*this);
  }

  /// Sets the alarm for the next request that is known of.
  void look_ahead() {
    const std::optional<sim::SimTime> next = workload_.next_arrival();
    if (!next) return;
    const sim::SimTime due = std::max(simulator_.now(), sim::checked_add(*next, delay_));
    if (simulator_.is_scheduled(id_) && due >= due_) return;
    due_ = due;
    simulator_.at(due, id_);
  }

  /// Until when no request can come: the next known arrival, or where answers bring arrivals, any next event.
  [[nodiscard]] sim::SimTime horizon() const {
    if (workload_.reacts()) return simulator_.next_time();
    return simulator_.is_scheduled(id_) ? due_ : ~sim::SimTime{0};
  }

  void ended(const Request& request, sim::SimTime now) {
    pace_.ended();
    workload_.ended(request, now);
    look_ahead();
  }

  void fire(sim::SimTime now) override {
    for (;;) {
      const std::optional<sim::SimTime> next = workload_.next_arrival();
      if (!next || sim::checked_add(*next, delay_) > now) break;
      pace_.event();  // reading a trace takes most of the time of a burst
      deliver(workload_.take(), now);
    }
    look_ahead();
  }

 private:
  void deliver(Request request, sim::SimTime now) {
    views_.clear();
    std::int64_t waiting = 0;
    for (const std::unique_ptr<Engine>& engine : engines_) {
      views_.push_back(engine->view());
      waiting += views_.back().waiting;
    }
    tally_.arrived(request, waiting);
    Engine& engine = *engines_[router_.pick(request, views_)];
    const Request copy = request;
    if (engine.submit(std::move(request))) return;
    pace_.ended();
    workload_.ended(copy, now);
  }

  sim::Simulator& simulator_;
  Workload& workload_;
  Router& router_;
  std::vector<std::unique_ptr<Engine>>& engines_;
  Tally& tally_;
  Pace& pace_;
  sim::SimTime delay_;
  sim::ResourceId id_;
  sim::SimTime due_ = 0;
  std::vector<ReplicaView> views_;
};

std::string refusal_of(const KvPool& pool, std::int64_t max_model_len) {
  if (pool.blocks <= 0) return "weights, activations, context and graphs leave no memory for the KV cache";
  return fmt::format(
      "the KV cache holds {} tokens, fewer than one sequence of max_model_len {}: lower max_model_len, raise "
      "gpu_memory_utilization, or use more GPUs",
      pool.tokens(), max_model_len);
}

void serve(const ServingJob& job, const kernels::KernelTimer& timer, const ServingOptions& options,
           ServingResult& result) {
  const std::shared_ptr<Workload> workload =
      options.workload ? options.workload : std::shared_ptr<Workload>(make_workload(job.config.load, job.seed));
  StepModel steps(job, timer);
  Tally tally(job.config, options);
  sim::Simulator simulator;
  const std::unique_ptr<Router> router = find_router(job.config.router)->make(job.seed);
  std::vector<std::unique_ptr<Engine>> engines;
  const std::int64_t known = options.workload ? 0 : job.config.load.requests;
  Pace pace(options.control, static_cast<std::uint64_t>(known));
  FrontEnd front(simulator, *workload, *router, engines, tally, pace, steps.request_time());
  const auto ended = [&front](const Request& request, sim::SimTime now) { front.ended(request, now); };
  const auto horizon = [&front] { return front.horizon(); };
  for (int i = 0; i < job.config.replicas; ++i) {
    engines.push_back(std::make_unique<Engine>(job, result.pool.blocks, options.coalesce, static_cast<std::uint32_t>(i),
                                               Engine::Surroundings{simulator, steps, tally, pace, ended, horizon}));
  }
  front.look_ahead();
  const sim::SimTime end = simulator.run();
  for (const std::unique_ptr<Engine>& engine : engines) engine->finish(end);
  options.control.check();
  tally.report(result, end, result.pool.blocks);
  result.events = simulator.statistics().fired;
  options.control.check();
  options.control.report(1.0);
}

}  // namespace

double ServingResult::requests_per_second() const {
  return duration > Seconds{0.0} ? static_cast<double>(requests) / duration.value() : 0.0;
}

double ServingResult::input_tokens_per_second() const {
  return duration > Seconds{0.0} ? static_cast<double>(input_tokens) / duration.value() : 0.0;
}

double ServingResult::output_tokens_per_second() const {
  return duration > Seconds{0.0} ? static_cast<double>(output_tokens) / duration.value() : 0.0;
}

double ServingResult::goodput() const {
  return duration > Seconds{0.0} ? static_cast<double>(within_slo) / duration.value() : 0.0;
}

double ServingResult::attainment() const {
  return requests > 0 ? static_cast<double>(within_slo) / static_cast<double>(requests) : 0.0;
}

ServingResult predict(const ServingJob& job, const kernels::KernelTimer& timer, const ServingOptions& options) {
  ServingJob resolved = job;
  resolved.config = resolve(job);
  ServingResult result;
  result.config = resolved.config;
  result.pool = size_kv_pool(resolved);
  // vLLM does not start if one sequence of the longest kind would not fit; a pinned pool is taken as it is.
  const bool holds_longest = result.pool.tokens() >= resolved.config.max_model_len;
  if (result.pool.blocks <= 0 || (!holds_longest && !result.pool.pinned)) {
    result.refusal = refusal_of(result.pool, resolved.config.max_model_len);
    return result;
  }
  result.started = true;
  serve(resolved, timer, options, result);
  return result;
}

}  // namespace orrery::models
