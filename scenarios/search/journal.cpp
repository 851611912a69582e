#include "scenarios/search/journal.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>

#include "hardware/config/files.hpp"
#include "scenarios/output.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

namespace {

/// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/: enough to tell one sweep from another, not from an adversary's.
class Fnv {
 public:
  void add(std::string_view text) {
    for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    hash_ = (hash_ ^ 0xffU) * 0x100000001b3ULL;  // no byte of UTF-8: ends a part
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

/// Devices keep nothing to resume from.
bool keeps(const std::string& output) {
  std::error_code code;
  return !output.empty() && output != "-" &&
         (!std::filesystem::exists(output, code) || std::filesystem::is_regular_file(output, code));
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
  if (!in) throw ConfigError(fmt::format("{}: --resume: can't be read", path));
  std::ostringstream whole;
  whole << in.rdbuf();
  const std::string text = whole.str();
  if (text.find(journal_mark(fingerprint)) == std::string::npos) {
    throw ConfigError(
        fmt::format("{}: --resume: this is of another sweep, other columns or another version; remove it, or sweep "
                    "without --resume",
                    path));
  }
  if (kind == JournalForm::json) {
    for (SearchPoint& point : read_points_json(form, text)) finished.insert_or_assign(words_of(point.set), point);
  }
  // A line without its end was being written when the sweep was killed.
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string line = text.substr(at, end - at);
    std::optional<SearchPoint> point =
        kind == JournalForm::csv ? read_csv_line(form, line) : read_json_line(form, line);
    if (point) finished.insert_or_assign(words_of(point->set), std::move(*point));
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
  if (kind == JournalForm::csv) write(csv_head(form));
  write(kind == JournalForm::csv ? "# " + mark : fmt::format(R"({{"partial": true, "journal": "{}"}})", mark));
}

void Journal::add(const PointForm& form, const SearchPoint& point) {
  if (!path_.empty()) write(kind_ == JournalForm::csv ? csv_line(form, point) : json_line(form, point));
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
  if (!out_) throw ConfigError(fmt::format("{}: can't write: {}", path_, std::strerror(errno)));
}

}  // namespace orrery::scenarios
