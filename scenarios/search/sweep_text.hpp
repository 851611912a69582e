// The table of a sweep: a line per point as it comes, then the best one once more with what it is best at.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "scenarios/kinds.hpp"
#include "scenarios/search/point_forms.hpp"

namespace orrery::scenarios {

class SweepText {
 public:
  /// `prefix`: of the metrics of the job that the columns are of. `file`: how errors name the scenario.
  SweepText(std::ostream& out, const KeptMetrics& kept, std::vector<SweepColumn> columns, std::string prefix,
            std::string file);

  void head() const;
  /// `mark`: what stands behind it, as "on the Pareto front"; may be empty.
  void line(const SearchPoint& point, std::string_view mark = {}) const;
  /// The points of a front once more, the best by its first objective first.
  void front(const std::vector<SearchPoint>& points, const ParetoFront& front) const;
  /// The best point with its objective, or that there is none.
  void best(const std::vector<SearchPoint>& points, const Objective& objective, std::string_view promise) const;

 private:
  [[nodiscard]] std::string text_of(const SearchPoint& point) const;

  std::ostream& out_;
  const KeptMetrics& kept_;
  std::vector<SweepColumn> columns_;
  std::string prefix_, file_;
};

/// Why a point can't be, short enough for the end of a line: without the file and the place, which --json has.
[[nodiscard]] std::string short_reason(const std::string& reason, const std::string& file);

}  // namespace orrery::scenarios
