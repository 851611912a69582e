// Where a report's figures come from, as trees: a figure, its equation, and the parts that it is made of down to the
// coefficients and their sources.
//
// `orrery explain` prints it, the window shows it. A figure that is a mean over GPUs lists its parts per GPU too, so
// that parts of a sum add up to the whole (a test holds it to 1e-9) where `sums` says so.
#pragma once

#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

struct ExplainNode {
  std::string title;   ///< "serving.tpot_s.mean", "36 x gemm bf16 12x6144x4096 (qkv)", "memory"
  double value = 0.0;  ///< SI
  Unit unit = Unit::ratio;
  bool has_value = false;
  std::string equation;  ///< of this figure from its parts, or of a term
  std::string level;     ///< "datasheet", "published", "measured", "computed", "asserted", or empty
  std::string source;    ///< of a coefficient, a fact or a fit
  bool sums = false;     ///< the value is the sum of the parts' values
  std::vector<ExplainNode> parts;
  /// Of the plan, that it stands for: "forward: qkv", "data_parallel: gradients (data parallel)".
  std::vector<std::string> operations = {};
};

/// The figures of one job: what its kind makes of a report (KindRow::explain). Priced once, then asked often.
class JobExplanation {
 public:
  virtual ~JobExplanation() = default;

  /// The tree of one of the job's metrics; nullopt: there is no more to say than its equation.
  [[nodiscard]] virtual std::optional<ExplainNode> of(const std::string& metric) const = 0;
  /// What `orrery explain` prints below the title.
  virtual void write_text(std::ostream& out) const = 0;
  /// What its JSON report has beside the figures.
  virtual void write_json(Json& report) const = 0;

 protected:
  JobExplanation() = default;
  JobExplanation(const JobExplanation&) = default;
  JobExplanation& operator=(const JobExplanation&) = default;
};

/// Priced once per report, then asked for one figure after another.
class Explanation {
 public:
  Explanation() = default;
  /// `report` must outlive the explanation; a training report keeps its plan (Keep::timeline). Nothing is explained of
  /// a skipped scenario.
  explicit Explanation(const Report& report);

  /// The tree of a metric ("training.step_time_s", "memory.stages.0.peak_bytes", "cost.usd"); a node without parts that
  /// says so for a name that the report does not have.
  [[nodiscard]] ExplainNode of(std::string_view metric) const;

  /// The report's metrics that can be asked for, in its order.
  [[nodiscard]] std::vector<std::string> metrics() const;

  /// Of the report's jobs, in their order; null for one that has no figures, as all of a skipped scenario.
  [[nodiscard]] const std::vector<std::shared_ptr<const JobExplanation>>& jobs() const { return jobs_; }

 private:
  const Report* report_ = nullptr;
  std::vector<std::shared_ptr<const JobExplanation>> jobs_;
};

}  // namespace orrery::scenarios
