// Lengths drawn with equal chance from a list, given in the scenario or read from a CSV table (plain or gzip).
// Limitation: input and output lengths of a table's row are drawn independently; `trace` keeps them together.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "models/serving/workload/families.hpp"
#include "models/serving/workload/line_reader.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {
namespace {

class EmpiricalLength : public LengthSource {
 public:
  explicit EmpiricalLength(std::vector<std::int64_t> values) : values_(std::move(values)) {}
  std::int64_t draw(sim::Random& random) override { return values_[random.below(values_.size())]; }

 private:
  std::vector<std::int64_t> values_;
};

std::vector<std::int64_t> read_column(const std::string& file, const std::string& column) {
  LineReader reader(file);
  std::string_view line;
  if (!reader.next(line)) reader.fail("the table is empty");
  const std::string header(line);
  std::vector<std::int64_t> values;
  try {
    require_columns(header, {column});
    while (reader.next(line)) {
      if (line.empty() && reader.at_end()) break;
      values.push_back(parse_tokens(column, csv_cell(header, line, column)));
    }
  } catch (const std::invalid_argument& error) {
    reader.fail(error.what());
  }
  if (values.empty()) reader.fail("the table has a header but no rows");
  return values;
}

}  // namespace

std::unique_ptr<LengthSource> make_empirical_length(const LengthConfig& config) {
  std::vector<std::int64_t> values = config.values;
  if (!config.file.empty()) values = read_column(config.file, config.column);
  for (std::int64_t& value : values) value = std::clamp(value, config.least, config.most);
  return std::make_unique<EmpiricalLength>(std::move(values));
}

}  // namespace orrery::models
