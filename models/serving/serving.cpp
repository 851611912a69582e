#include "models/serving/serving.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "models/serving/engine.hpp"
#include "models/serving/kv_pool.hpp"
#include "models/serving/pace.hpp"
#include "models/serving/routers/router.hpp"
#include "models/serving/schedulers/scheduler.hpp"
#include "models/serving/serving_run.hpp"
#include "models/serving/step_model.hpp"
#include "models/serving/tally.hpp"
#include "sim/simulator.hpp"

namespace orrery::models {

namespace {

/// Brings requests from the load to the replicas. The front end (tokenising, transport to the engine) delays each by
/// the same time.
class FrontEnd final : public sim::Resource {
 public:
  /// The load's time 0 is `origin` on the clock.
  FrontEnd(sim::Simulator& simulator, Workload& workload, Router& router, std::vector<std::unique_ptr<Engine>>& engines,
           Tally& tally, Pace& pace, sim::SimTime delay, sim::SimTime origin)
      : simulator_(simulator),
        workload_(workload),
        router_(router),
        engines_(engines),
        tally_(tally),
        pace_(pace),
        delay_(delay),
        origin_(origin) {
    id_ = simulator_.add(*this);
  }

  /// Sets the alarm for the next request that is known of.
  void look_ahead() {
    const std::optional<sim::SimTime> next = next_due();
    if (!next) return;
    const sim::SimTime due = std::max(simulator_.now(), *next);
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
    tell_workload(request, now);
    look_ahead();
  }

  /// Nobody is being served and nobody will come.
  [[nodiscard]] bool is_over() {
    if (workload_.next_arrival()) return false;
    return std::all_of(engines_.begin(), engines_.end(), [](const auto& engine) { return engine->live() == 0; });
  }

  /// No further alarm.
  void leave() { simulator_.remove(id_); }

  void fire(sim::SimTime now) override {
    for (;;) {
      const std::optional<sim::SimTime> next = next_due();
      if (!next || *next > now) break;
      pace_.event();  // reading a trace takes most of the time of a burst
      Request request = workload_.take();
      request.arrival = sim::checked_add(request.arrival, origin_);
      deliver(std::move(request), now);
    }
    look_ahead();
  }

 private:
  /// When the next request that is known of reaches an engine.
  [[nodiscard]] std::optional<sim::SimTime> next_due() {
    const std::optional<sim::SimTime> next = workload_.next_arrival();
    if (!next) return std::nullopt;
    return sim::checked_add(sim::checked_add(*next, origin_), delay_);
  }

  void tell_workload(Request request, sim::SimTime now) {
    request.arrival -= origin_;
    workload_.ended(request, now - origin_);
  }

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
    tell_workload(copy, now);
  }

  sim::Simulator& simulator_;
  Workload& workload_;
  Router& router_;
  std::vector<std::unique_ptr<Engine>>& engines_;
  Tally& tally_;
  Pace& pace_;
  sim::SimTime delay_, origin_;
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

/// Everything that serves one load on one clock.
struct ServingRun::System {
  System(const ServingJob& job, const kernels::KernelTimer& timer, const ServingOptions& options, std::int64_t blocks,
         sim::Simulator& clock, sim::SimTime origin)
      : workload(options.workload ? options.workload
                                  : std::shared_ptr<Workload>(make_workload(job.config.load, job.seed))),
        steps(job, timer),
        tally(job.config, options),
        router(find_router(job.config.router)->make(job.seed)),
        pace(options.control, static_cast<std::uint64_t>(options.workload ? 0 : job.config.load.requests)),
        front(clock, *workload, *router, engines, tally, pace, steps.request_time(), origin) {
    const auto ended = [this](const Request& request, sim::SimTime now) {
      front.ended(request, now);
      if (done && front.is_over()) std::exchange(done, nullptr)();
    };
    const auto horizon = [this] { return front.horizon(); };
    for (int i = 0; i < job.config.replicas; ++i) {
      engines.push_back(std::make_unique<Engine>(job, blocks, options.coalesce, static_cast<std::uint32_t>(i),
                                                 Engine::Surroundings{clock, steps, tally, pace, ended, horizon}));
    }
  }

  std::shared_ptr<Workload> workload;
  StepModel steps;
  Tally tally;
  std::unique_ptr<Router> router;
  std::vector<std::unique_ptr<Engine>> engines;
  Pace pace;
  FrontEnd front;
  std::function<void()> done;
};

ServingRun::ServingRun(const ServingJob& job, const kernels::KernelTimer& timer, const ServingOptions& options)
    : job_(job), timer_(&timer), options_(options) {
  job_.config = resolve(job);
  result_.config = job_.config;
  result_.pool = size_kv_pool(job_);
  // vLLM does not start if one sequence of the longest kind would not fit; a pinned pool is taken as it is.
  const bool holds_longest = result_.pool.tokens() >= job_.config.max_model_len;
  result_.started = result_.pool.blocks > 0 && (holds_longest || result_.pool.pinned);
  if (!result_.started) result_.refusal = refusal_of(result_.pool, job_.config.max_model_len);
}

ServingRun::~ServingRun() = default;

void ServingRun::begin(sim::World& world, const sim::LinkClasses&, sim::SimTime at, std::function<void()> done) {
  begin(world.clock(), at, std::move(done));
}

void ServingRun::begin(sim::Simulator& clock, sim::SimTime at, std::function<void()> done) {
  clock_ = &clock;
  if (!result_.started) {
    if (done) done();
    return;
  }
  system_ = std::make_unique<System>(job_, *timer_, options_, result_.pool.blocks, clock, at);
  system_->done = std::move(done);
  system_->front.look_ahead();
}

void ServingRun::stop() {
  if (!system_) return;
  const sim::SimTime end = clock_->now();
  for (const std::unique_ptr<Engine>& engine : system_->engines) engine->finish(end);
  options_.control.check();
  system_->tally.report(result_, end, result_.pool.blocks);
  for (const std::unique_ptr<Engine>& engine : system_->engines) engine->leave();
  system_->front.leave();
  system_.reset();
}

bool ServingRun::set_speed(std::uint32_t gpu, double) {
  const std::uint32_t first = static_cast<std::uint32_t>(first_node_ * job_.cluster.gpus_per_node());
  const std::uint32_t count =
      static_cast<std::uint32_t>(job_.config.tensor_parallel * job_.config.pipeline_parallel * job_.config.replicas);
  if (gpu < first || gpu >= first + count) return false;
  throw Disturbed("a GPU of a serving job can't change its speed in this version");
}

ServingResult predict(const ServingJob& job, const kernels::KernelTimer& timer, const ServingOptions& options) {
  ServingRun run(job, timer, options);
  sim::Simulator clock;
  run.begin(clock, 0, nullptr);
  (void)clock.run();
  run.stop();
  ServingResult result = std::move(run).result();
  result.events = clock.statistics().fired;
  if (!result.started) return result;
  options.control.check();
  options.control.report(1.0);
  return result;
}

}  // namespace orrery::models
