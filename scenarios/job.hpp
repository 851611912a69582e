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

#include "models/llm.hpp"

namespace orrery::scenarios {

struct KindRow;

/// What a kind reads from its section. Immutable, so that copies of a scenario share it.
class JobSpec {
 public:
  virtual ~JobSpec() = default;

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
  /// Records that it keeps beyond its figures: what its memory grows with.
  [[nodiscard]] virtual std::size_t weight() const { return 0; }

 protected:
  JobResult() = default;
  JobResult(const JobResult&) = default;
  JobResult& operator=(const JobResult&) = default;
};

struct Job {
  const KindRow* kind = nullptr;        ///< a row of kinds()
  std::string model;                    ///< as written: a library name or a path
  models::Llm llm;                      ///< that it names
  std::shared_ptr<const JobSpec> spec;  ///< of that kind
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
