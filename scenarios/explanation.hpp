// Where a report's figures come from, as trees: a figure, its equation, and the parts that it is made of down to the
// coefficients and their sources.
//
// `orrery explain` prints it, the window shows it. A figure that is a mean over GPUs lists its parts per GPU too, so
// that parts of a sum add up to the whole (a test holds it to 1e-9) where `sums` says so.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/provenance.hpp"
#include "scenarios/report.hpp"
#include "scenarios/serving_steps.hpp"

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

  [[nodiscard]] const std::vector<CostedEntry>& entries() const { return entries_; }        ///< of a training step
  [[nodiscard]] const std::vector<TypicalStep>& iterations() const { return iterations_; }  ///< of a serving engine

 private:
  const Report* report_ = nullptr;
  std::vector<CostedEntry> entries_;
  std::vector<TypicalStep> iterations_;
  bool own_price_ = false;  ///< looked up once: reading a profile takes longer than all the rest
};

}  // namespace orrery::scenarios
