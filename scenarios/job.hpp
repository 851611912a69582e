// A Job: one piece of work of a scenario, a training run or a serving system, as a plain value.
//
// What a job of one kind reads from its section and what its run leaves are types of that kind (training/job.hpp,
// serving/job.hpp), known here by their bases alone: only the kind's own folder looks inside, through find_spec() and
// find_result(). What can be done with them is the kind's row (kinds.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/units.hpp"
#include "models/llm.hpp"
#include "scenarios/placement.hpp"
#include "sim/links/link_report.hpp"
#include "sim/network/flow_network.hpp"

namespace orrery::scenarios {

struct KindRow;

/// What a kind reads from its section. Immutable, so that copies of a scenario share it.
class JobSpec {
 public:
  virtual ~JobSpec() = default;
  /// How often it asks for its work to be done again, as `training.steps`.
  [[nodiscard]] virtual int repeats() const { return 1; }

 protected:
  JobSpec() = default;
  JobSpec(const JobSpec&) = default;
  JobSpec& operator=(const JobSpec&) = default;
};

/// What the run of a job leaves.
class JobResult {
 public:
  virtual ~JobResult() = default;
  /// Events that the simulator handled for it.
  [[nodiscard]] virtual std::uint64_t events() const = 0;
  /// Iterations of an engine; nullopt: the kind has none.
  [[nodiscard]] virtual std::optional<std::uint64_t> iterations() const { return std::nullopt; }
  /// How its times were found: "frozen" where nothing shares a link, else "flows" or "messages".
  [[nodiscard]] virtual std::string_view reading() const { return "frozen"; }
  /// Ends of flows that were reported together; none where they were a World's.
  [[nodiscard]] virtual sim::Batched batched() const { return {}; }
  /// What links carried for it; empty where they were a World's.
  [[nodiscard]] virtual std::vector<sim::LinkReport> links() const { return {}; }
  /// It ended before its work did, since Keep::until_missed was all that it was asked.
  [[nodiscard]] virtual bool given_up() const { return false; }
  /// Records that it keeps beyond its figures: what its memory grows with.
  [[nodiscard]] virtual std::size_t weight() const { return 0; }

 protected:
  JobResult() = default;
  JobResult(const JobResult&) = default;
  JobResult& operator=(const JobResult&) = default;
};

struct Job {
  std::string name;                     ///< of one in `jobs:`; empty: the only one, in a section of the scenario
  const KindRow* kind = nullptr;        ///< a row of kinds()
  std::string model;                    ///< as written: a library name or a path
  models::Llm llm;                      ///< that it names
  std::shared_ptr<const JobSpec> spec;  ///< of that kind
  PlacementConfig placement;
  Seconds start;                 ///< when it begins
  std::optional<Seconds> until;  ///< when it ends; nullopt: as its kind does
  hardware::SourceSpan span;     ///< where it stands, for errors that only a run can find

  /// What its metrics begin with: "jobs.<name>.", or nothing for the only one.
  [[nodiscard]] std::string prefix() const { return name.empty() ? std::string() : "jobs." + name + "."; }
};

/// nullptr: the job is of another kind.
template <class Spec>
[[nodiscard]] const Spec* find_spec(const Job& job) {
  return dynamic_cast<const Spec*>(job.spec.get());
}
/// REQUIRES a job of that kind; throws std::bad_cast otherwise.
template <class Spec>
[[nodiscard]] const Spec& spec_of(const Job& job) {
  return dynamic_cast<const Spec&>(*job.spec);
}

}  // namespace orrery::scenarios
