#include "models/serving/serving_run.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "models/serving/engine_mesh.hpp"
#include "models/serving/engine_row.hpp"
#include "models/serving/front_end.hpp"
#include "models/serving/kv_pool.hpp"

namespace orrery::models {

namespace {

std::string refusal_of(const KvPool& pool, std::int64_t max_model_len) {
  if (pool.blocks <= 0) return "weights, activations, context and graphs leave no memory for the KV cache";
  return fmt::format(
      "the KV cache holds {} tokens, fewer than one sequence of max_model_len {}: lower max_model_len, raise "
      "gpu_memory_utilization, or use more GPUs",
      pool.tokens(), max_model_len);
}

}  // namespace

/// Everything that serves one load on one clock.
struct ServingRun::System {
  System(const ServingJob& job, StepModel& steps, const ServingOptions& options, std::int64_t blocks,
         const std::vector<std::unique_ptr<IterationLinks>>& links, sim::World& world, sim::SimTime origin)
      : workload(options.workload ? options.workload()
                                  : std::shared_ptr<Workload>(make_workload(job.config.load, job.seed))),
        tally(job.config, options),
        router(find_router(job.config.router)->make(job.seed)),
        pace(options.control, static_cast<std::uint64_t>(options.workload ? 0 : job.config.load.requests)),
        front(world.clock(), *workload, *router, engines, tally, pace, steps.request_time(), origin) {
    const auto ended = [this](const Request& request, sim::SimTime now) {
      front.ended(request, now);
      if (done && front.is_over()) std::exchange(done, nullptr)();
    };
    for (std::size_t i = 0; i < static_cast<std::size_t>(job.config.replicas); ++i) {
      Engine::Surroundings around{world, steps, tally, pace, ended, front.next_request(), links[i].get()};
      engines.push_back(
          std::make_unique<Engine>(job, blocks, options.coalesce, static_cast<std::uint32_t>(i), std::move(around)));
    }
  }

  std::shared_ptr<Workload> workload;
  Tally tally;
  std::unique_ptr<Router> router;
  std::vector<std::unique_ptr<Engine>> engines;
  Pace pace;
  FrontEnd front;
  std::function<void()> done;
};

ServingRun::ServingRun(const ServingJob& job, const kernels::KernelTimer& timer, const ServingOptions& options)
    : job_(job), options_(options), links_(static_cast<std::size_t>(job.config.replicas)) {
  job_.config = resolve(job);
  result_.config = job_.config;
  result_.pool = size_kv_pool(job_);
  // vLLM does not start if one sequence of the longest kind would not fit; a pinned pool is taken as it is.
  const bool holds_longest = result_.pool.tokens() >= job_.config.max_model_len;
  result_.started = result_.pool.blocks > 0 && (holds_longest || result_.pool.pinned);
  if (!result_.started) {
    result_.refusal = refusal_of(result_.pool, job_.config.max_model_len);
    return;
  }
  steps_ = std::make_unique<StepModel>(job_, timer);
}

ServingRun::~ServingRun() = default;

bool ServingRun::leaves_nodes() const {
  for (int replica = 0; replica < job_.config.replicas; ++replica) {
    if (result_.started && leaves_node(job_, replica)) return true;
  }
  return false;
}

void ServingRun::surround(const std::vector<Disturbance>& disturbances, const hardware::Topology* topology) {
  if (!result_.started || (topology == nullptr && disturbances.empty())) return;
  const Mesh mesh = serving_mesh(job_);
  const sim::Placement placement = serving_placement(job_);
  const std::vector<std::uint32_t> disturbed = disturbed_gpus(disturbances, topology);
  for (int replica = 0; replica < mesh.data(); ++replica) {
    bool is_own = topology == nullptr || !leaves_node(job_, replica);
    for (int stage = 0; stage < mesh.pipeline(); ++stage) {
      for (const std::uint32_t member : stage_members(mesh, replica, stage)) {
        const std::uint32_t gpu = placement.gpu(member);
        stands_[gpu] = {replica, stage};
        is_own = is_own && !std::binary_search(disturbed.begin(), disturbed.end(), gpu);
      }
    }
    if (!is_own) links_[static_cast<std::size_t>(replica)] = std::make_unique<IterationLinks>(*steps_, replica);
  }
}

void ServingRun::join(sim::LinkClasses& links) {
  for (const std::unique_ptr<IterationLinks>& replica : links_) {
    if (replica) replica->join(links);
  }
}

void ServingRun::begin(sim::World& world, const sim::LinkClasses& links, sim::SimTime at, std::function<void()> done) {
  world_ = &world;
  if (!result_.started) {
    if (done) tell(done);
    return;
  }
  for (const std::unique_ptr<IterationLinks>& replica : links_) {
    if (replica) replica->use(links);
  }
  speeds_.clear();
  system_ = std::make_unique<System>(job_, *steps_, options_, result_.pool.blocks, links_, world, at);
  system_->done = done ? [this, done = std::move(done)] { tell(done); } : std::function<void()>();
  system_->front.look_ahead();
}

void ServingRun::stop() {
  require_not_telling();
  if (!system_) return;
  const sim::SimTime end = world_->now();
  for (const std::unique_ptr<Engine>& engine : system_->engines) engine->finish(end);
  options_.control.check();
  system_->tally.report(result_, end, result_.pool.blocks);
  note_held_up();
  for (const std::unique_ptr<Engine>& engine : system_->engines) engine->leave();
  system_->front.leave();
  system_.reset();
}

void ServingRun::note_held_up() {
  held_up_.clear();
  for (std::size_t replica = 0; replica < links_.size(); ++replica) {
    for (const StageRun::HeldUpStage& one : system_->engines[replica]->held_up()) {
      std::string name = fmt::format("iterations (replica {})", replica);
      if (job_.config.pipeline_parallel > 1)
        name = fmt::format("iterations (replica {}, stage {})", replica, one.stage);
      held_up_.push_back({one.link, {std::move(name), sim::to_seconds(one.delay)}});
    }
  }
}

// A stage goes at the speed of its slowest GPU.
bool ServingRun::set_speed(std::uint32_t gpu, double speed) {
  const auto found = stands_.find(gpu);
  if (found == stands_.end()) return false;
  const Stand stand = found->second;
  if (!links_[static_cast<std::size_t>(stand.replica)]) {
    throw Disturbed(fmt::format("the engine on GPU {} was not made ready for a change of its speed", gpu));
  }
  speeds_[gpu] = speed;
  double slowest = 1e300;
  for (const auto& [other, where] : stands_) {
    if (where.replica != stand.replica || where.stage != stand.stage) continue;
    const auto known = speeds_.find(other);
    slowest = std::min(slowest, known == speeds_.end() ? 1.0 : known->second);
  }
  if (system_) {
    system_->engines[static_cast<std::size_t>(stand.replica)]->set_speed(static_cast<std::size_t>(stand.stage),
                                                                         slowest);
  }
  return true;
}

std::vector<LinkId> ServingRun::own_links(const sim::LinkClasses& links, std::uint32_t gpu) const {
  const auto found = stands_.find(gpu);
  if (found == stands_.end()) return {};
  const std::unique_ptr<IterationLinks>& replica = links_[static_cast<std::size_t>(found->second.replica)];
  return replica ? replica->own(links, found->second.stage) : std::vector<LinkId>();
}

}  // namespace orrery::models
