// Fuzz target of what an interrupted sweep left: any bytes as rows of its partial files.
//
// Any outcome but no row, or one that is written again as it was read, ends the program.

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "scenarios/search/point_forms.hpp"
#include "tests/fuzz/memory_file.hpp"

namespace orrery::tests {
namespace {

using scenarios::PointForm;
using scenarios::SearchPoint;

PointForm form() {
  PointForm made;
  made.axes = {{"serving.load.concurrency", {"1", "2"}}};
  for (const char* name : {"serving.requests", "serving.ttft_s.p99", "memory.fits"}) {
    made.kept.rows.push_back(*scenarios::find_metric_row(name));
  }
  return made;
}

void check(const PointForm& form, const SearchPoint& point) {
  require(point.set.size() == form.axes.size(), "a row has a value of each axis");
  require(!point.ran() || point.values.size() == form.kept.rows.size(), "a row has a value of each metric");
}

void fuzz_lines(const PointForm& form, const std::string& text) {
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (const auto point = scenarios::read_csv_line(form, line)) {
      check(form, *point);
      require(scenarios::checked_csv_line(form, *point) == line, "a CSV row is written as it was read");
    }
    if (const auto point = scenarios::read_json_line(form, line)) {
      check(form, *point);
      require(scenarios::read_json_line(form, scenarios::checked_json_line(form, *point)).has_value(),
              "a JSON row that was read reads again");
    }
    at = end + 1;
  }
}

/// A right check does not make a row right.
void fuzz_checked(const PointForm& form, const std::string& text) {
  const std::string row = text.substr(0, text.find('\n'));
  if (const auto point = scenarios::read_csv_line(form, row + "," + scenarios::row_check(row))) check(form, *point);
  if (!row.empty() && row.back() == '}') {
    const std::string head = row.substr(0, row.size() - 1);
    const auto point = scenarios::read_json_line(form, head + R"(,"check":")" + scenarios::row_check(row) + "\"}");
    if (point) check(form, *point);
  }
}

void fuzz_sweep(const std::uint8_t* data, std::size_t size) {
  const PointForm made = form();
  const std::string text(data, data + size);
  fuzz_lines(made, text);
  fuzz_checked(made, text);
  try {
    for (const SearchPoint& point : scenarios::read_points_json(made, text)) check(made, point);
  } catch (const std::invalid_argument&) {
    return;  // a row that somebody edited
  }
}

}  // namespace
}  // namespace orrery::tests

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orrery::tests::fuzz_sweep(data, size);
  return 0;
}
