// Running calls of an operation, and their figures.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "scenarios/collective_job/job.hpp"
#include "scenarios/format.hpp"
#include "scenarios/nccl_section.hpp"

namespace orrery::scenarios {

namespace {

using models::CommunicationRun;

const CollectiveSpec& calls_spec(const JobSpec& spec) { return dynamic_cast<const CollectiveSpec&>(spec); }

/// What the run knows of its calls. `run` is of no use afterwards.
std::shared_ptr<CollectiveOutcome> calls_outcome(CommunicationRun& run, const CollectiveSpec& spec) {
  if (run.times().empty()) throw models::Disturbed("it ended before its first call did: give it more time");
  auto outcome = std::make_shared<CollectiveOutcome>();
  const models::OperationRow& row = *models::find_operation(spec.job.operation);
  outcome->times = run.times();
  outcome->alone = run.alone();
  outcome->bus_factor = row.bus_factor(row.collective.value_or(sim::CollectiveKind::all_reduce),
                                       models::members_of(spec.job), spec.job.receivers);
  for (const std::size_t group : models::groups_of(spec.job)) {
    const hardware::Gpu& gpu = spec.job.cluster.groups[group].gpu;
    const Bytes usable = gpu.memory - gpu.reserved_memory;
    outcome->memory = outcome->memory > Bytes{} ? min(outcome->memory, usable) : usable;
  }
  outcome->entries = cost_entries(run.plan(), run.prices(), CostedBy::activity);
  outcome->plan = run.plan();
  outcome->timeline = run.take_timeline();
  return outcome;
}

JobRun report_calls(std::shared_ptr<CollectiveOutcome> outcome, const CollectiveSpec& spec) {
  std::vector<Provenance> lines = provenance_of(spec.job, outcome->entries);
  return {std::move(outcome), std::move(lines)};
}

class SharedCollective final : public SharedJob {
 public:
  SharedCollective(const CollectiveSpec& spec, const kernels::KernelTimer& timer, const Surroundings& around)
      : spec_(spec), run_(spec.job, timer, spec.calls, around.keep.timeline) {}

  [[nodiscard]] models::WorldJob& job() override { return run_; }
  [[nodiscard]] JobRun finish(const models::WorldOutcome&) override {
    return report_calls(calls_outcome(run_, spec_), spec_);
  }

 private:
  const CollectiveSpec& spec_;
  CommunicationRun run_;
};

constexpr Direction kFaster = Direction::more_is_better;
constexpr Direction kShorter = Direction::less_is_better;

struct CallsMetric {
  MetricRow row;
  double (*value)(const CollectiveSpec& spec, const CollectiveOutcome& outcome);
};
using CallsOf = const CollectiveSpec&;
using CallsLeft = const CollectiveOutcome&;

const std::vector<CallsMetric>& calls_metrics() {
  static const std::vector<CallsMetric> rows = {
      {{"collective.time_s", Unit::seconds, "from the beginning of a call to its end; the (lower) median call",
        kShorter},
       [](CallsOf, CallsLeft o) { return o.median().value(); }},
      {{"collective.longest_s", Unit::seconds, "the longest call", kShorter},
       [](CallsOf, CallsLeft o) { return o.longest().value(); }},
      {{"collective.alone_s", Unit::seconds, "a call, or its longest message, with nothing else on the links",
        kShorter},
       [](CallsOf, CallsLeft o) { return o.alone.value(); }},
      {{"collective.slowdown", Unit::number, "time / alone: what sharing of links costs", kShorter},
       [](CallsOf, CallsLeft o) { return o.median() / o.alone; }},
      {{"collective.bytes", Unit::bytes, "of the buffer, or of one message", Direction::neutral},
       [](CallsOf s, CallsLeft) { return s.job.bytes.value(); }},
      {{"collective.algorithm_bytes_per_s", Unit::bytes_per_second, "bytes / time: nccl-tests' algbw", kFaster},
       [](CallsOf s, CallsLeft o) { return (s.job.bytes / o.median()).value(); }},
      {{"collective.bus_bytes_per_s", Unit::bytes_per_second,
        "algorithm rate x factor of the busiest GPU: nccl-tests' busbw; of messages what one sends or receives",
        kFaster},
       [](CallsOf s, CallsLeft o) { return (s.job.bytes / o.median()).value() * o.bus_factor; }},
      {{"collective.calls", Unit::count, "calls that ended", Direction::neutral},
       [](CallsOf, CallsLeft o) { return static_cast<double>(o.times.size()); }},
  };
  return rows;
}

}  // namespace

Seconds CollectiveOutcome::median() const {
  std::vector<Seconds> sorted = times;
  std::sort(sorted.begin(), sorted.end());
  return sorted[(sorted.size() - 1) / 2];
}

Seconds CollectiveOutcome::longest() const { return *std::max_element(times.begin(), times.end()); }

// Messages meet each other on links: a World even for one job.
JobRun run_collective(const JobSpec& of_job, const kernels::KernelTimer& timer, const Keep& keep,
                      const sim::RunControl& control) {
  const CollectiveSpec& spec = calls_spec(of_job);
  CommunicationRun run(spec.job, timer, spec.calls, keep.timeline);
  const hardware::Cluster& cluster = spec.job.cluster;
  std::optional<hardware::Topology> machine;
  if (cluster.has_fabric_links()) machine.emplace(cluster);
  std::optional<sim::LinkClasses> links;
  const models::WorldOutcome world = models::run_on_cluster(cluster, machine ? &*machine : nullptr,
                                                            {{&run, Seconds{0.0}, std::nullopt}}, {}, control, links);
  const std::vector<sim::HeldUpOn> held_up = run.held_up();
  std::shared_ptr<CollectiveOutcome> outcome = calls_outcome(run, spec);
  outcome->of_links = sim::report_links(world.links, world.usage, held_up);
  outcome->of_clock = world.events;
  outcome->ends = world.batched;
  if (links->reads_messages()) outcome->read_as = "messages";
  return report_calls(std::move(outcome), spec);
}

std::unique_ptr<SharedJob> share_collective(const JobSpec& spec, const kernels::KernelTimer& timer,
                                            const Surroundings& around) {
  return std::make_unique<SharedCollective>(calls_spec(spec), timer, around);
}

std::vector<std::uint32_t> collective_gpu_numbers(const JobSpec& of_job) {
  const models::CommunicationJob& job = calls_spec(of_job).job;
  const sim::Placement placement = models::make_placement(job);
  std::vector<std::uint32_t> numbers;
  for (int member = 0; member < models::members_of(job); ++member) {
    numbers.push_back(placement.gpu(static_cast<std::uint32_t>(member)));
  }
  return numbers;
}

const std::vector<MetricRow>& collective_metric_rows() {
  static const std::vector<MetricRow> rows = [] {
    std::vector<MetricRow> all;
    for (const CallsMetric& metric : calls_metrics()) all.push_back(metric.row);
    for (const char* name : {"cost.gpu_hours", "cost.usd"}) all.push_back(shared_metric(name));
    return all;
  }();
  return rows;
}

std::vector<MetricValue> collective_values(const JobSpec& of_job, const JobResult& result) {
  const CollectiveSpec& spec = calls_spec(of_job);
  const auto& outcome = dynamic_cast<const CollectiveOutcome&>(result);
  std::vector<MetricValue> values;
  for (const CallsMetric& metric : calls_metrics()) {
    values.push_back({metric.row.name, metric.row.unit, metric.value(spec, outcome)});
  }
  Seconds all;
  for (const Seconds time : outcome.times) all += time;
  append_cost(values,
              {0.0, all, models::members_of(spec.job), mean_price(spec.job.cluster, collective_gpu_numbers(spec))},
              false);
  return values;
}

}  // namespace orrery::scenarios
