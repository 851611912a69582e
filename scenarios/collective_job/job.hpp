// What `collective:` says, and what calls of an operation leave.
#pragma once

#include <vector>

#include "models/communication/communication_run.hpp"
#include "scenarios/field_limits.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/provenance.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

struct CollectiveSpec final : JobSpec {
  models::CommunicationJob job;
  models::Calls calls;

  CollectiveSpec() { job.bytes = Bytes{0.0}; }
};

struct CollectiveOutcome final : JobResult {
  std::vector<Seconds> times;  ///< of each call
  Seconds alone;               ///< of one, with nothing else on the links
  double bus_factor = 1.0;
  Bytes memory;  ///< that a framework has of the smallest GPU
  sim::Plan plan;
  sim::Timeline timeline;  ///< of the first call, only where Keep::timeline asked for it
  std::vector<CostedEntry> entries;
  std::vector<sim::LinkReport> of_links;  ///< empty where they were a World's
  std::uint64_t of_clock = 0;
  sim::Batched ends;
  std::string_view read_as = "flows";

  /// The lower one.
  [[nodiscard]] Seconds median() const;
  [[nodiscard]] Seconds longest() const;
  [[nodiscard]] std::uint64_t events() const override { return of_clock; }
  [[nodiscard]] std::optional<std::uint64_t> iterations() const override { return times.size(); }
  [[nodiscard]] std::string_view reading() const override { return read_as; }
  [[nodiscard]] sim::Batched batched() const override { return ends; }
  [[nodiscard]] std::vector<sim::LinkReport> links() const override { return of_links; }
};

/// The keys of `collective:` in one list, for the reader, the schema and the resolved scenario alike.
template <class Spec, class Visitor>
void visit_collective(Spec& spec, Visitor&& visit) {
  visit.operation("operation", spec.job.operation);
  visit.bytes("bytes", spec.job.bytes);
  visit.dtype("dtype", spec.job.dtype);
  visit.integer("gpus", spec.job.gpus, IntegerLimits{2.0, 1e7});
  visit.integer("gpus_per_node", spec.job.gpus_per_node, IntegerLimits{1.0, 1024.0});
  visit.integer("receivers", spec.job.receivers, IntegerLimits{1.0, 1e6});
  visit.integer("calls", spec.calls.count, IntegerLimits{1.0, 1e5});
  visit.seconds("interval", spec.calls.interval);
  visit.boolean("background", spec.calls.background);
}

// Of its row (kinds.hpp).
[[nodiscard]] std::shared_ptr<const JobSpec> read_collective(const JobSource& source);
[[nodiscard]] std::vector<models::JobError> check_collective(const JobSpec& spec);
[[nodiscard]] std::string_view collective_template();
[[nodiscard]] std::vector<Field> collective_fields();
[[nodiscard]] const std::vector<FieldHelp>& collective_help();
[[nodiscard]] std::string collective_value(const JobView& view, std::string_view key);
[[nodiscard]] JobRun run_collective(const JobSpec& spec, const kernels::KernelTimer& timer, const Keep& keep,
                                    const sim::RunControl& control);
[[nodiscard]] std::unique_ptr<SharedJob> share_collective(const JobSpec& spec, const kernels::KernelTimer& timer,
                                                          const Surroundings& around);
[[nodiscard]] std::vector<std::uint32_t> collective_gpu_numbers(const JobSpec& spec);
[[nodiscard]] const std::vector<MetricRow>& collective_metric_rows();
[[nodiscard]] std::vector<MetricValue> collective_values(const JobSpec& spec, const JobResult& result);
[[nodiscard]] std::unique_ptr<JobExplanation> explain_collective_job(const JobView& view);

}  // namespace orrery::scenarios
