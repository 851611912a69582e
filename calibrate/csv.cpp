// Reads CSV tables, plain or gzip, quoted as RFC 4180 says: a cell in double quotes may hold commas, and "" is a quote.
// As spreadsheets save them, too: with a byte order mark, CRLF, and blank lines at the end.
// Limitations: no line break within a cell; the whole table is held in memory (the largest has 220,000 rows).
#include <charconv>
#include <cstdlib>
#include <fstream>

#include <fmt/format.h>
#include <zlib.h>

#include "calibrate/rows.hpp"
#include "calibrate/tables.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/files.hpp"
#include "hardware/config/shown.hpp"

namespace orrery::calibrate {
namespace {

[[noreturn]] void fail(const std::string& file, int line, std::string message) {
  hardware::Diagnostic diagnostic;
  diagnostic.file = file;
  diagnostic.span.line = line;
  diagnostic.span.column = line > 0 ? 1 : 0;
  diagnostic.message = std::move(message);
  throw hardware::ConfigError(std::vector<hardware::Diagnostic>{diagnostic});
}

std::string slurp(const std::filesystem::path& path) {
  hardware::check_input_file(path.string());
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(path.string(), 0, "the table can't be read: no such file, or no permission");
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// A table that unpacks to more than this is no table of ours but a bomb.
constexpr std::size_t kLargestTable = std::size_t{1} << 30;

std::string inflate_gzip(std::string packed, const std::string& file) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) fail(file, 0, "zlib can't start");
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text;
  std::vector<char> buffer(std::size_t{1} << 18);
  int status = Z_OK;
  while (status == Z_OK && text.size() <= kLargestTable) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (text.size() > kLargestTable) fail(file, 0, "the archive unpacks to more than 1 GiB");
  if (status != Z_STREAM_END) fail(file, 0, "the gzip archive is broken or cut short");
  return text;
}

// Takes a cell in quotes off the front of `rest`, which starts with the opening quote.
std::string quoted_cell(std::string_view& rest, const std::string& file, int line) {
  std::string cell;
  std::size_t i = 1;
  for (; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      if (i + 1 >= rest.size() || rest[i + 1] != '"') break;
      ++i;
    }
    cell += rest[i];
  }
  if (i >= rest.size()) fail(file, line, "a quoted cell is not closed on its line");
  rest.remove_prefix(i + 1);
  if (!rest.empty() && rest.front() != ',') fail(file, line, "a quoted cell is followed by text");
  return cell;
}

std::vector<std::string> cells(std::string_view rest, const std::string& file, int line) {
  std::vector<std::string> result;
  while (true) {
    if (!rest.empty() && rest.front() == '"') {
      result.push_back(quoted_cell(rest, file, line));
    } else {
      const std::string_view cell = rest.substr(0, rest.find(','));
      result.emplace_back(cell);
      rest.remove_prefix(cell.size());
    }
    if (rest.empty()) return result;
    rest.remove_prefix(1);  // the comma
  }
}

/// Of two columns of one name nobody could say which is meant.
void check_names(const CsvTable& table) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (table.columns[i] != table.columns[j] || table.columns[i].empty()) continue;
      fail(table.file, 1,
           fmt::format("columns {} and {} are both named {}", j + 1, i + 1, hardware::shown(table.columns[i])));
    }
  }
}

}  // namespace

int CsvTable::column(std::string_view name) const {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] == name) return static_cast<int>(i);
  }
  return -1;
}

CsvTable read_csv(const std::filesystem::path& path) {
  CsvTable table;
  table.file = path.string();
  std::string text = slurp(path);
  if (text.size() > 2 && text[0] == '\x1f' && text[1] == '\x8b') text = inflate_gzip(std::move(text), table.file);
  const std::string_view all = hardware::without_byte_order_mark(text);
  std::size_t from = 0;
  for (int line = 1; from < all.size(); ++line) {
    std::size_t end = all.find('\n', from);
    if (end == std::string_view::npos) end = all.size();
    std::string_view row = all.substr(from, end - from);
    if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
    from = end + 1;
    if (line == 1) {
      table.columns = cells(row, table.file, line);
      check_names(table);
      continue;
    }
    if (row.empty() && all.find_first_not_of("\r\n", from) == std::string_view::npos) break;
    table.rows.push_back(cells(row, table.file, line));
    if (table.rows.back().size() != table.columns.size()) {
      fail(table.file, line,
           fmt::format("the row has {} cells, the header {}", table.rows.back().size(), table.columns.size()));
    }
  }
  if (table.columns.empty() || table.rows.empty()) fail(table.file, 0, "the table is empty");
  return table;
}

std::filesystem::path data_folder() {
  const char* folder = std::getenv("ORRERY_DATA");
  return folder == nullptr ? std::filesystem::path{} : std::filesystem::path{folder};
}

const std::string& text_cell(const CsvTable& table, std::size_t row, int column) {
  return table.rows[row][static_cast<std::size_t>(column)];
}

double number_cell(const CsvTable& table, std::size_t row, int column) {
  const std::string& cell = text_cell(table, row, column);
  double value = 0.0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc{} || end != cell.data() + cell.size() || !(value > -1e300 && value < 1e300)) {
    fail(table.file, line_of(row),
         fmt::format("column {}: \"{}\" is not a number", table.columns[static_cast<std::size_t>(column)], cell));
  }
  return value;
}

std::int64_t integer_cell(const CsvTable& table, std::size_t row, int column) {
  const double value = number_cell(table, row, column);
  // Above 9e15 a double has no room for the next whole number, and a cast none for it.
  const bool fits = value <= 9e15 && value >= -9e15;
  const auto whole = fits ? static_cast<std::int64_t>(value) : 0;
  if (!fits || static_cast<double>(whole) != value) {
    fail(table.file, line_of(row),
         fmt::format("column {}: {} is not a whole number", table.columns[static_cast<std::size_t>(column)], value));
  }
  return whole;
}

}  // namespace orrery::calibrate
