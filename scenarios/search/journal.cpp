#include "scenarios/search/journal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "hardware/config/files.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/output.hpp"
#include "scenarios/search/fnv.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

namespace {

/// Devices keep nothing to resume from.
bool keeps(const std::string& output) {
  std::error_code code;
  return !output.empty() && output != "-" &&
         (!std::filesystem::exists(output, code) || std::filesystem::is_regular_file(output, code));
}

/// How the lines of a killed sweep begin; an interrupted one leaves a document.
constexpr std::string_view kLinesBegin = R"({"partial": true, "journal": )";

[[noreturn]] void refuse_row(const std::string& path, int line) {
  throw ConfigError(std::vector<hardware::Diagnostic>{
      {path,
       {line, 1, 0, 0},
       "--resume: the row is not as the sweep wrote it: remove the line, or sweep without --resume"}});
}

int line_at(std::string_view text, std::size_t place) {
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(place), '\n'));
}

std::vector<SearchPoint> document_rows(const PointForm& form, const std::string& path, const std::string& text) {
  try {
    return read_points_json(form, text);
  } catch (const std::invalid_argument& check) {
    refuse_row(path, line_at(text, std::min(text.find(check.what()), text.size())));
  }
}

/// All but what is no row: the head, the mark, and a line without its end, which was being written when the sweep was
/// killed.
std::vector<SearchPoint> line_rows(JournalForm kind, const PointForm& form, const std::string& path,
                                   const std::string& text) {
  std::vector<SearchPoint> points;
  const std::string head = csv_head(form) + ",check";
  int number = 0;
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string line = text.substr(at, end - at);
    ++number;
    const bool is_csv = kind == JournalForm::csv;
    if (is_csv ? line == head || line.rfind("# partial: ", 0) == 0 : line.rfind(kLinesBegin, 0) == 0) continue;
    std::optional<SearchPoint> point = is_csv ? read_csv_line(form, line) : read_json_line(form, line);
    if (!point) refuse_row(path, number);
    points.push_back(std::move(*point));
  }
  return points;
}

}  // namespace

std::string fingerprint_of(const std::string& text, const std::vector<Override>& overrides, const PointForm& form) {
  Fnv hash;
  hash.add(kVersion);
  hash.add(text);
  for (const Override& change : overrides) hash.add(change.str());
  for (const MetricRow& row : form.kept.rows) hash.add(row.name);
  return fmt::format("{:016x}", hash.value());
}

std::string journal_mark(const std::string& fingerprint) {
  return fmt::format("partial: orrery sweep {}", fingerprint);
}

FinishedPoints read_journal(const std::string& output, JournalForm kind, const PointForm& form,
                            const std::string& fingerprint) {
  FinishedPoints finished;
  if (!keeps(output)) return finished;
  const std::string path = partial_name(output);
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return finished;
  hardware::check_input_file(path);
  std::ifstream in(path, std::ios::binary);
  if (!in) throw ConfigError(fmt::format("{}: --resume: can't be read", hardware::quoted_path(path)));
  std::ostringstream whole;
  whole << in.rdbuf();
  const std::string text = whole.str();
  if (text.find(journal_mark(fingerprint)) == std::string::npos) {
    throw ConfigError(
        fmt::format("{}: --resume: this is of another sweep, other columns or another version; remove it, or sweep "
                    "without --resume",
                    hardware::quoted_path(path)));
  }
  const bool is_document = kind == JournalForm::json && text.rfind(kLinesBegin, 0) != 0;
  for (SearchPoint& point : is_document ? document_rows(form, path, text) : line_rows(kind, form, path, text)) {
    finished.insert_or_assign(words_of(point.set), std::move(point));
  }
  return finished;
}

Journal::Journal(const std::string& output, JournalForm kind, const PointForm& form, const std::string& fingerprint)
    : kind_(kind) {
  if (!keeps(output)) return;
  path_ = partial_name(output);
  hardware::begin_file(path_);
  out_.open(path_, std::ios::binary | std::ios::app);
  const std::string mark = journal_mark(fingerprint);
  if (kind == JournalForm::csv) write(csv_head(form) + ",check");
  write(kind == JournalForm::csv ? "# " + mark : fmt::format("{}\"{}\"}}", kLinesBegin, mark));
}

void Journal::add(const PointForm& form, const SearchPoint& point) {
  if (!path_.empty()) write(kind_ == JournalForm::csv ? checked_csv_line(form, point) : checked_json_line(form, point));
}

void Journal::close() {
  if (!path_.empty()) out_.close();
}

void Journal::remove() {
  if (path_.empty()) return;
  close();
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
  path_.clear();
}

void Journal::write(const std::string& line) {
  out_ << line << "\n" << std::flush;
  if (!out_) throw ConfigError(fmt::format("{}: can't write: {}", hardware::quoted_path(path_), std::strerror(errno)));
}

}  // namespace orrery::scenarios
