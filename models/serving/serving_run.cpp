#include "models/serving/serving_run.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "models/serving/engine_mesh.hpp"
#include "models/serving/engine_row.hpp"
#include "models/serving/front_end.hpp"
#include "models/serving/kv_pool.hpp"

namespace orrery::models {

namespace {

constexpr double kGiB = 1073741824.0;

/// The cache that was asked for is more than the GPU leaves.
bool exceeds_memory(const KvPool& pool, const ServingConfig& config) {
  return !pool.pinned && pool.kv_cache + pool.block_bytes <= config.kv_cache_memory;
}

std::string refusal_of(const KvPool& pool, const ServingConfig& config) {
  const std::int64_t max_model_len = config.max_model_len;
  if (pool.blocks <= 0) return "weights, activations, context and graphs leave no memory for the KV cache";
  if (exceeds_memory(pool, config)) {
    return fmt::format("kv_cache_memory_bytes asks for {:.2f} GiB, and the GPU leaves {:.2f} GiB",
                       config.kv_cache_memory.value() / kGiB, pool.kv_cache.value() / kGiB);
  }
  return fmt::format(
      "the KV cache holds {} tokens, fewer than one sequence of max_model_len {}: lower max_model_len, raise "
      "gpu_memory_utilization, or use more GPUs",
      pool.tokens(), max_model_len);
}

}  // namespace

/// Everything that serves one load on one clock.
struct ServingRun::System {
  System(const ServingRun& run, sim::World& world, sim::SimTime origin)
      : System(run, run.kinds_.front()->job, world, origin) {}

  System(const ServingRun& run, const ServingJob& job, sim::World& world, sim::SimTime origin)
      : workload(run.options_.workload ? run.options_.workload()
                                       : std::shared_ptr<Workload>(make_workload(job.config.load, job.seed))),
        tally(job.config, run.options_),
        router(find_router(job.config.router)->make(job.seed)),
        pace(run.options_.control, static_cast<std::uint64_t>(run.options_.workload ? 0 : job.config.load.requests)),
        front(world.clock(), *workload, *router, engines, tally, pace, run.kinds_.front()->steps->request_time(),
              origin),
        began(origin) {
    const auto ended = [this](const Request& request, sim::SimTime now) {
      front.ended(request, now);
      if (done && front.is_over()) std::exchange(done, nullptr)();
    };
    std::function<void()> missed;
    if (run.options_.until_missed) {
      missed = [this, &world] {
        given_up = true;
        world.clock().stop();
      };
    }
    for (int i = 0; i < job.config.replicas; ++i) {
      const Kind& kind = run.kind_of(i);
      IterationLinks* links = run.links_[static_cast<std::size_t>(i)].get();
      const auto lost = [&run](LinkId link) { run.lose(link); };
      Engine::Surroundings around{world, *kind.steps, tally, pace, ended, missed, front.next_request(), links, lost};
      engines.push_back(std::make_unique<Engine>(kind.job, kind.pool.blocks, run.options_.coalesce,
                                                 static_cast<std::uint32_t>(i), std::move(around)));
    }
  }

  std::shared_ptr<Workload> workload;
  Tally tally;
  std::unique_ptr<Router> router;
  std::vector<std::unique_ptr<Engine>> engines;
  Pace pace;
  FrontEnd front;
  std::function<void()> done;
  sim::SimTime began;
  bool given_up = false;
};

ServingRun::ServingRun(const ServingJob& job, const kernels::KernelTimer& timer, const ServingOptions& options)
    : options_(options), links_(static_cast<std::size_t>(job.config.replicas)) {
  add_kinds(job);
  result_.config = kinds_.front()->job.config;
  result_.pool = kinds_.front()->pool;
  result_.started = true;
  for (const std::unique_ptr<Kind>& kind : kinds_) {
    // vLLM does not start if one sequence of the longest kind would not fit; a pinned pool is taken as it is.
    const std::int64_t longest = kind->job.config.max_model_len;
    const bool starts = kind->pool.blocks > 0 && (kind->pool.tokens() >= longest || kind->pool.pinned) &&
                        !exceeds_memory(kind->pool, kind->job.config);
    if (!starts) {
      result_.started = false;
      result_.pool = kind->pool;
      result_.refusal = refusal_of(kind->pool, kind->job.config);
      if (kinds_.size() > 1) result_.refusal.insert(0, fmt::format("on {}: ", site_of(kind->job).gpu.name));
      return;
    }
    if (kind->pool.tokens() < result_.pool.tokens()) result_.pool = kind->pool;
  }
  for (const std::unique_ptr<Kind>& kind : kinds_) kind->steps = std::make_unique<StepModel>(kind->job, timer);
}

void ServingRun::add_kinds(const ServingJob& job) {
  for (int replica = 0; replica < job.config.replicas; ++replica) {
    const ReplicaStand stand = stand_of(job, replica);
    const auto known =
        std::find_if(kinds_.begin(), kinds_.end(), [&](const auto& kind) { return kind->stand == stand; });
    kind_of_.push_back(static_cast<std::size_t>(known - kinds_.begin()));
    if (known != kinds_.end()) continue;
    auto kind = std::make_unique<Kind>();
    kind->stand = stand;
    kind->job = job;
    kind->job.replica = replica;
    kind->job.config = resolve(kind->job);
    kind->pool = size_kv_pool(kind->job);
    kind->job.config.kv_sides = kind->pool.sides;
    kind->job.config.kv_keeps_tokens = kind->pool.keeps_tokens;
    kinds_.push_back(std::move(kind));
  }
}

ServingRun::~ServingRun() = default;

bool ServingRun::leaves_nodes() const {
  const auto leaves = [](const std::unique_ptr<Kind>& kind) { return leaves_node(kind->job, kind->job.replica); };
  return result_.started && std::any_of(kinds_.begin(), kinds_.end(), leaves);
}

void ServingRun::surround(const std::vector<Disturbance>& disturbances, const hardware::Topology* topology) {
  if (!result_.started || (topology == nullptr && disturbances.empty())) return;
  const ServingJob& job = kinds_.front()->job;
  const Mesh mesh = serving_mesh(job);
  const sim::Placement placement = serving_placement(job);
  const std::vector<std::uint32_t> disturbed = disturbed_gpus(disturbances, topology);
  for (int replica = 0; replica < mesh.data(); ++replica) {
    bool is_own = topology == nullptr || !leaves_node(job, replica);
    for (int stage = 0; stage < mesh.pipeline(); ++stage) {
      for (const std::uint32_t member : stage_members(mesh, replica, stage)) {
        const std::uint32_t gpu = placement.gpu(member);
        stands_[gpu] = {replica, stage};
        is_own = is_own && !std::binary_search(disturbed.begin(), disturbed.end(), gpu);
      }
    }
    if (!is_own)
      links_[static_cast<std::size_t>(replica)] = std::make_unique<IterationLinks>(*kind_of(replica).steps, replica);
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
  system_ = std::make_unique<System>(*this, world, at);
  system_->done = done ? [this, done = std::move(done)] { tell(done); } : std::function<void()>();
  system_->front.look_ahead();
}

void ServingRun::stop() {
  require_not_telling();
  if (!system_) return;
  const sim::SimTime end = world_->now();
  for (const std::unique_ptr<Engine>& engine : system_->engines) engine->finish(end);
  options_.control.check();
  system_->tally.report(result_, end);
  result_.cut_off = system_->front.is_cut_off();
  result_.saturated = result_.saturated || result_.cut_off;
  result_.given_up = system_->given_up;
  if (result_.given_up) result_.duration = sim::to_seconds(end - system_->began);  // for so long it kept its promise
  result_.trace = system_->workload->tally();
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
      if (result_.config.pipeline_parallel > 1)
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
    throw std::logic_error(fmt::format("the engine on GPU {} was not made ready for a change of its speed", gpu));
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
