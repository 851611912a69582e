#include "models/serving/workload/line_reader.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "hardware/config/files.hpp"

namespace orrery::models {
namespace {

int in_int(std::int64_t number) {
  return static_cast<int>(std::min<std::int64_t>(number, std::numeric_limits<int>::max()));
}

}  // namespace

void RecordReader::fail(const std::string& message, std::int64_t line, std::int64_t column) const {
  hardware::Diagnostic diagnostic;
  diagnostic.file = path_;
  diagnostic.span.line = in_int(line);
  diagnostic.span.column = line > 0 ? in_int(column) : 0;
  diagnostic.message = message;
  throw hardware::ConfigError(std::vector<hardware::Diagnostic>{diagnostic});
}

LineReader::LineReader(std::unique_ptr<ByteReader> bytes) : RecordReader(bytes->path()), bytes_(std::move(bytes)) {}

// False at the end of the file.
bool LineReader::fill() {
  try {
    piece_ = bytes_->read();
  } catch (const std::invalid_argument& error) {
    fail(error.what(), line_ + 1);
  }
  return !piece_.empty();
}

bool LineReader::next(std::string_view& line) {
  text_.clear();
  bool any = false;
  while (true) {
    if (piece_.empty() && !fill()) break;
    any = true;
    const std::size_t end = piece_.find('\n');
    const std::size_t length = std::min(end, piece_.size());
    if (text_.size() + length > kLongest) {
      fail(fmt::format("the line is longer than {} MiB", kLongest >> 20), line_ + 1,
           static_cast<std::int64_t>(kLongest) + 1);
    }
    text_ += piece_.substr(0, length);
    piece_.remove_prefix(end == std::string_view::npos ? length : length + 1);
    if (end != std::string_view::npos) break;
  }
  if (!any) return false;
  ++line_;
  if (!text_.empty() && text_.back() == '\r') text_.pop_back();
  line = line_ == 1 ? hardware::without_byte_order_mark(text_) : std::string_view(text_);
  return true;
}

bool LineReader::at_end() {
  while (!piece_.empty() || fill()) {
    if (piece_.front() != '\n' && piece_.front() != '\r') return false;
    piece_.remove_prefix(1);
  }
  return true;
}

}  // namespace orrery::models
