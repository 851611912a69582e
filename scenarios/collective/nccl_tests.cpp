#include "scenarios/collective/nccl_tests.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/files.hpp"
#include "models/serving/workload/byte_reader.hpp"
#include "scenarios/format.hpp"

namespace orrery::scenarios {
namespace {

struct Word {
  std::string_view text;
  int column = 1;
};

std::vector<Word> words_in(std::string_view line) {
  std::vector<Word> words;
  for (std::size_t at = 0; at < line.size();) {
    if (line[at] == ' ' || line[at] == '\t' || line[at] == '\r') {
      ++at;
      continue;
    }
    const std::size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
    words.push_back({line.substr(at, end - at), static_cast<int>(at) + 1});
    at = end;
  }
  return words;
}

std::optional<double> number_in(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

[[noreturn]] void refuse(const std::string& file, int line, int column, std::string message) {
  throw hardware::ConfigError({{file, {line, column}, std::move(message)}});
}

/// A line without what mpirun or srun put before it: "[1,0]<stdout>:", " 3: ".
std::string_view without_prefix(std::string_view line) {
  if (const std::size_t end = line.find("<stdout>:"); end != std::string_view::npos && line.front() == '[') {
    return line.substr(end + std::string_view("<stdout>:").size());
  }
  const std::size_t first = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t end = line.find_first_not_of("0123456789", first);
  const bool label = end != std::string_view::npos && end > first && line[end] == ':';
  if (label && (end + 1 == line.size() || line[end + 1] == ' ')) return line.substr(end + 1);
  return line;
}

/// The ranks that a test lists: "#  Rank  0 Group  0 Pid 7 on host-1 device  0 [0000:1b:00] NVIDIA H100 80GB HBM3".
class RankList {
 public:
  void read(const std::vector<Word>& words, std::string_view line) {
    const auto* const number =
        words.size() > 6 && words[0].text == "#" && words[1].text == "Rank" ? &words[2] : nullptr;
    if (number == nullptr || !is_digits(number->text)) return;
    if (number->text == "0") *this = {};
    ++ranks_;
    for (std::size_t i = 3; i + 3 < words.size(); ++i) {
      if (words[i].text == "on" && words[i + 2].text == "device") hosts_.insert(std::string(words[i + 1].text));
    }
    const std::size_t behind = line.rfind("] ");
    if (board_.empty() && behind != std::string_view::npos) board_ = std::string(line.substr(behind + 2));
    while (!board_.empty() && (board_.back() == ' ' || board_.back() == '\r')) board_.pop_back();
  }
  void tell(NcclTestsRow& row) const {
    row.ranks = ranks_;
    row.hosts = static_cast<int>(hosts_.size());
    row.board = board_;
  }

 private:
  int ranks_ = 0;
  std::set<std::string> hosts_;
  std::string board_;
};

/// Names of tests, as the programs and our operations are called.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kTests{{{"all_reduce", "all_reduce"},
                                                                               {"all_gather", "all_gather"},
                                                                               {"reduce_scatter", "reduce_scatter"},
                                                                               {"alltoall", "all_to_all"},
                                                                               {"broadcast", "broadcast"},
                                                                               {"sendrecv", "sendrecv"},
                                                                               {"gather", "gather"},
                                                                               {"scatter", "scatter"},
                                                                               {"reduce", "reduce"}}};

/// The operation of a line that names a test ("# Collective test starting: all_reduce_perf"); the longest name wins,
/// since reduce is the end of all_reduce.
std::string test_in(std::string_view line) {
  const std::size_t end = line.find("_perf");
  if (end == std::string_view::npos) return {};
  std::string_view found, operation;
  for (const auto& [name, ours] : kTests) {
    if (name.size() <= end && line.substr(end - name.size(), name.size()) == name && name.size() > found.size()) {
      found = name;
      operation = ours;
    }
  }
  return std::string(operation);
}

/// Where a table has its columns; 0: it has none.
struct Layout {
  std::size_t reduction = 0, time = 0;
  std::size_t wrong = 0;  ///< how many values the test found wrong; older versions print a largest error there
};

/// "#  size  count  type  redop  root  time  algbw ...": the first `time` is out of place.
std::optional<Layout> layout_of(const std::vector<Word>& words) {
  std::vector<std::string_view> names;
  for (const Word& word : words) {
    if (word.text != "#") names.push_back(word.text);
  }
  if (names.size() < 5 || names[0] != "size" || names[1] != "count" || names[2] != "type") return std::nullopt;
  const auto at = [&](std::string_view name) {
    const auto found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? std::size_t{0} : static_cast<std::size_t>(found - names.begin());
  };
  const Layout layout{at("redop"), at("time"), at("#wrong")};
  if (layout.time < 3) return std::nullopt;
  return layout;
}

/// algbw (GB/s, two decimals) is what size and time (us) give.
bool fits(double size, double time, double algbw) {
  const double expected = size / time / 1e3;
  return std::fabs(algbw - expected) <= 0.006 + 0.01 * expected;
}

/// Of a row without a header: the first column whose neighbour is size/time, else the first number behind the words.
Layout layout_by_figures(const std::vector<Word>& words, double size) {
  const std::size_t first = words.size() > 3 && !number_in(words[3].text) ? 4 : 3;
  Layout layout{first == 4 ? std::size_t{3} : 0, first, 0};
  for (std::size_t at = first; at + 1 < words.size() && at <= 5; ++at) {
    const auto time = number_in(words[at].text), algbw = number_in(words[at + 1].text);
    if (!time || !algbw || !(*time > 0.0) || !(*algbw >= 0.02)) continue;
    if (fits(size, *time, *algbw)) return {layout.reduction, at, 0};
  }
  // Too small to tell: a root is a whole number, a time of small messages has decimals.
  const bool root =
      first < words.size() && words[first].text.find('.') == std::string_view::npos && first + 3 < words.size();
  if (root) ++layout.time;
  return layout;
}

NcclTestsRow read_row(const std::vector<Word>& words, const std::string& file, int line,
                      const std::optional<Layout>& header) {
  const auto size = number_in(words[0].text);
  if (!size || !(*size > 0.0)) {
    refuse(file, line, words[0].column, fmt::format("the size '{}' is no number of bytes", printable(words[0].text)));
  }
  const Layout layout = header ? *header : layout_by_figures(words, *size);
  if (layout.time >= words.size()) {
    refuse(file, line, words.back().column,
           fmt::format("a row of nccl-tests has a size, count, type and time; this one ends after '{}'",
                       printable(words.back().text)));
  }
  const Word& cell = words[layout.time];
  const auto time = number_in(cell.text);
  if (!time || !(*time > 0.0)) {
    refuse(file, line, cell.column,
           fmt::format("the time '{}' is no positive number of microseconds", printable(cell.text)));
  }
  NcclTestsRow row{line, Bytes{*size}, std::string(words[2].text), {}, {}, Seconds{*time * 1e-6}, 0.0};
  if (layout.reduction > 0) row.reduction = std::string(words[layout.reduction].text);
  const auto number_at = [&](std::size_t at) { return at < words.size() ? number_in(words[at].text) : std::nullopt; };
  const auto algbw = number_at(layout.time + 1), busbw = number_at(layout.time + 2);
  if (algbw && !fits(*size, *time, *algbw)) {
    refuse(file, line, words[layout.time + 1].column,
           fmt::format("algbw {} is not {:.0f} bytes in {} us: other columns than the table's header says",
                       printable(words[layout.time + 1].text), *size, printable(cell.text)));
  }
  if (layout.wrong > 0 && number_at(layout.wrong).value_or(0.0) > 0.0) {
    refuse(file, line, words[layout.wrong].column,
           fmt::format("nccl-tests found {} values wrong: a collective that doesn't work has no time",
                       printable(words[layout.wrong].text)));
  }
  constexpr double kTold = 1.0;  // GB/s: of two decimals less than one per cent
  if (algbw && busbw && *algbw >= kTold) row.bus_ratio = *busbw / *algbw;
  return row;
}

}  // namespace

bool is_nccl_tests(const std::string& path) {
  try {
    models::ByteReader bytes(path);
    const std::string_view head = bytes.head(), first = head.substr(0, head.find('\n'));
    constexpr int kCommas = 4;  // tables have five columns at least
    if (bytes.is_gzip() || std::count(first.begin(), first.end(), ',') >= kCommas) return false;
  } catch (const std::invalid_argument&) {
    return false;  // a broken archive, as its reader will say
  }
  const std::string text = hardware::read_text_file(path);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (layout_of(words_in(without_prefix(std::string_view(text).substr(at, end - at))))) return true;
    at = end + 1;
  }
  return false;
}

std::vector<NcclTestsRow> read_nccl_tests(const std::string& path) {
  const std::string whole = hardware::read_text_file(path);
  const std::string_view text = hardware::without_byte_order_mark(whole);
  std::vector<NcclTestsRow> rows;
  std::optional<Layout> header;
  std::string operation;
  RankList list;
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view all = text.substr(at, end - at);
    const std::string_view line = all.empty() ? all : without_prefix(all);
    std::vector<Word> words = words_in(line);
    for (Word& word : words) word.column += static_cast<int>(all.size() - line.size());
    ++number;
    at = end + 1;
    if (std::string test = test_in(line); !test.empty()) {
      operation = std::move(test);
      header.reset();
    }
    if (const auto layout = layout_of(words)) header = layout;
    list.read(words, line);
    // A log has other lines: a row begins with two whole numbers and a type.
    if (words.size() < 3 || !is_digits(words[0].text) || !is_digits(words[1].text) || number_in(words[2].text))
      continue;
    if (words[0].text == "0") continue;  // nccl-tests prints sizes below one element as 0
    rows.push_back(read_row(words, path, number, header));
    rows.back().operation = operation;
    list.tell(rows.back());
  }
  if (rows.empty()) {
    throw hardware::ConfigError(
        fmt::format("{}: no row of nccl-tests (size, count, type, redop, root, time, algbw, busbw)", printable(path)));
  }
  return rows;
}

namespace {

void keep_operation(std::vector<NcclTestsRow>& rows, const std::string& path, std::string_view operation) {
  const NcclTestsRow first = rows.front();
  rows.erase(
      std::remove_if(rows.begin(), rows.end(),
                     [&](const NcclTestsRow& row) { return !row.operation.empty() && row.operation != operation; }),
      rows.end());
  if (rows.empty()) {
    refuse(path, first.line, 1, fmt::format("rows of {}, and the operation is {}", first.operation, operation));
  }
}

void keep_type(std::vector<NcclTestsRow>& rows, const std::string& path, std::string_view type) {
  const NcclTestsRow first = rows.front();
  if (type.empty()) {
    for (const NcclTestsRow& row : rows) {
      if (row.type == first.type) continue;
      refuse(path, row.line, 1,
             fmt::format("rows of {} and of {}: say with --type which are meant", printable(first.type),
                         printable(row.type)));
    }
    return;
  }
  rows.erase(std::remove_if(rows.begin(), rows.end(), [&](const NcclTestsRow& row) { return row.type != type; }),
             rows.end());
  if (rows.empty()) {
    refuse(path, first.line, 1, fmt::format("rows of {}, and --type is {}", printable(first.type), type));
  }
}

}  // namespace

std::vector<NcclTestsRow> rows_of(std::vector<NcclTestsRow> rows, const std::string& path, std::string_view operation,
                                  std::string_view type, double factor) {
  if (rows.empty()) return rows;
  keep_operation(rows, path, operation);
  keep_type(rows, path, type);
  const bool reduces = operation == "all_reduce" || operation == "reduce_scatter" || operation == "reduce";
  for (const NcclTestsRow& row : rows) {
    if (!row.reduction.empty() && (row.reduction != "none") != reduces) {
      refuse(path, row.line, 1,
             fmt::format("the reduction '{}' is none of {}: rows of another operation", printable(row.reduction),
                         operation));
    }
    constexpr double kNear = 0.02;  // of two decimals
    if (row.bus_ratio > 0.0 && std::fabs(row.bus_ratio / factor - 1.0) > kNear) {
      refuse(path, row.line, 1,
             fmt::format("busbw is {:.3f} of algbw, and {} among these ranks has {:.3f}: another operation, or another "
                         "number of ranks (--gpus, --nodes)",
                         row.bus_ratio, operation, factor));
    }
  }
  return rows;
}

namespace {

/// What a board is called by: "h100" of "NVIDIA H100 80GB HBM3", the first word of letters and digits; empty: none.
std::string short_name(std::string_view board) {
  for (const Word& word : words_in(board)) {
    std::string name(word.text.substr(0, word.text.find('-')));
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool letters = name.find_first_of("abcdefghijklmnopqrstuvwxyz") == 0;
    if (letters && name.find_first_of("0123456789") != std::string::npos) return name;
  }
  return {};
}

}  // namespace

void check_group(const std::vector<NcclTestsRow>& rows, const std::string& path, const LogGroup& group) {
  const std::vector<std::string> boards = hardware::gpu_names();
  for (const NcclTestsRow& row : rows) {
    if (row.ranks == 0) continue;
    if (row.ranks != group.gpus * group.nodes || (row.hosts > 0 && row.hosts != group.nodes)) {
      refuse(path, row.line, 1,
             fmt::format("a test of {} ranks on {} hosts, and the group has {} on each of {} (--gpus, --nodes)",
                         row.ranks, row.hosts, group.gpus, group.nodes));
    }
    const std::string seen = short_name(row.board);
    const auto is_seen = [&](const std::string& name) { return name.rfind(seen, 0) == 0; };
    const bool known = std::find(boards.begin(), boards.end(), group.board) != boards.end();
    if (seen.empty() || !known || is_seen(group.board) || std::none_of(boards.begin(), boards.end(), is_seen)) continue;
    refuse(path, row.line, 1,
           fmt::format("a test on {}, and the cluster has {} (--cluster)", printable(row.board), group.board));
  }
}

}  // namespace orrery::scenarios
