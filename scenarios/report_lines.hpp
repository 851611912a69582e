// Parts of the text report that every kind of job is written with.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/report.hpp"

namespace orrery::scenarios {

struct ReportLine {
  std::string_view label;
  std::string_view metric;
};

/// The metric in a unit that reads well; "-" where the report leaves it undefined.
[[nodiscard]] std::string value_of(const JobView& view, std::string_view metric);

/// " (datasheet figures only)" behind the heading of times that no measurement stands behind; else nothing.
[[nodiscard]] std::string datasheet_mark(const JobView& view);

/// A heading and a line per metric.
void write_lines(std::ostream& out, const JobView& view, std::string_view heading,
                 const std::vector<ReportLine>& lines);

}  // namespace orrery::scenarios
