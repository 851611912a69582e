// One point of a search: a scenario with a few keys set, run, and of its report only what is asked for.
//
// A report holds a plan, a pool, its provenance: 200 kB and more. A search over thousands of points keeps none of them,
// only numbers, the names of findings, and why a point could not be.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/report.hpp"

namespace orrery::scenarios {

/// The metrics that a search keeps of every point, in order.
struct KeptMetrics {
  std::vector<MetricRow> rows;

  /// Where a metric stands in SearchPoint::values; nullopt: it isn't kept.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
};

struct SearchPoint {
  std::vector<Override> set;        ///< what makes it this point
  std::vector<Override> relaxed;    ///< what had to follow: relaxed_keys.hpp
  std::string reason;               ///< why it can't be, or can't be run here; empty: it ran
  int gpus = 0;                     ///< of the cluster
  std::vector<double> values;       ///< as KeptMetrics::rows; not a number: undefined for this run
  std::vector<Finding> findings;    ///< that the scenario doesn't expect
  std::vector<std::string> inputs;  ///< files that it read
  bool given_up = false;            ///< its run ended once its SLO was missed: its values are of what came before

  [[nodiscard]] bool ran() const { return reason.empty(); }
  /// It ran, fits, and holds what was promised.
  [[nodiscard]] bool is_well() const { return ran() && findings.empty(); }
};

/// nullopt: the point has no such figure, or it isn't kept.
[[nodiscard]] std::optional<double> kept_value(const KeptMetrics& kept, const SearchPoint& point,
                                               std::string_view metric);

/// Runs points of one scenario. Copies share what they work with; run() is safe to call from several threads.
class PointRunner {
 public:
  /// `base`: overrides under those of every point. Throws ConfigError as parse_scenario().
  PointRunner(const std::string& text, const std::string& file, const std::vector<Override>& base, KeptMetrics kept);

  /// Never throws for a point that can't be: that is its `reason`. The scenario's expectations and variants play no
  /// part, they are of the scenario as it stands. Throws sim::Cancelled after stop().
  /// `until_missed`: a run that can't keep its SLO any more may end (SearchPoint::given_up).
  [[nodiscard]] SearchPoint run(std::vector<Override> set, bool until_missed = false) const;

  /// Ends what runs here and in every copy, within some 50 ms, and for good. Safe to call from any thread.
  void stop() const { shared_->stop.store(true, std::memory_order_relaxed); }

  [[nodiscard]] const KeptMetrics& kept() const { return shared_->kept; }

 private:
  struct Shared {
    EditedText text;
    KeptMetrics kept;
    Keep keep;
    std::atomic<bool> stop{false};
  };
  std::shared_ptr<Shared> shared_;
};

/// "a=1 b=2".
[[nodiscard]] std::string words_of(const std::vector<Override>& set);

}  // namespace orrery::scenarios
