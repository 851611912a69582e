// Lines of a file through zlib's gzread, which reads plain files as they are and gzip archives of several members.
// Limitation: after a complete gzip member, anything that isn't another one is ignored, as gzip itself does.
#include "models/serving/workload/line_reader.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <zlib.h>

#include "hardware/config/config.hpp"
#include "hardware/config/files.hpp"

namespace orrery::models {
namespace {

constexpr std::size_t kBuffer = std::size_t{64} << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

void LineReader::Close::operator()(gzFile_s* file) const { gzclose_r(file); }

LineReader::LineReader(std::string path) : path_(std::move(path)), buffer_(kBuffer) {
  hardware::check_input_file(path_);
  file_.reset(gzopen(path_.c_str(), "rb"));
  if (!file_) fail("the file can't be read: no such file, or no permission", 0);
}

void LineReader::fail(const std::string& message, std::int64_t line) const {
  hardware::Diagnostic diagnostic;
  diagnostic.file = path_;
  diagnostic.span.line = static_cast<int>(std::min<std::int64_t>(line, std::numeric_limits<int>::max()));
  diagnostic.span.column = line > 0 ? 1 : 0;
  diagnostic.message = message;
  throw hardware::ConfigError(std::vector<hardware::Diagnostic>{diagnostic});
}

// False at the end of the file.
bool LineReader::fill() {
  const int got = gzread(file_.get(), buffer_.data(), static_cast<unsigned>(buffer_.size()));
  int status = Z_OK;
  (void)gzerror(file_.get(), &status);
  if (status == Z_ERRNO) fail("the file can't be read", line_ + 1);
  if (status == Z_BUF_ERROR) fail("the gzip archive is cut short", line_ + 1);
  if (got < 0) fail("the gzip archive is broken", line_ + 1);
  from_ = 0;
  to_ = static_cast<std::size_t>(got);
  return to_ > 0;
}

bool LineReader::next(std::string_view& line) {
  text_.clear();
  bool any = false;
  while (true) {
    if (from_ == to_ && !fill()) break;
    any = true;
    const char* begin = buffer_.data() + from_;
    const auto* end = static_cast<const char*>(std::memchr(begin, '\n', to_ - from_));
    const std::size_t length = end == nullptr ? to_ - from_ : static_cast<std::size_t>(end - begin);
    if (text_.size() + length > kLongestLine) {
      fail(fmt::format("the line is longer than {} MiB", kLongestLine >> 20), line_ + 1);
    }
    text_.append(begin, length);
    from_ += length;
    if (end != nullptr) {
      ++from_;  // the line feed
      break;
    }
  }
  if (!any) return false;
  ++line_;
  if (!text_.empty() && text_.back() == '\r') text_.pop_back();
  line = text_;
  if (line_ == 1 && line.substr(0, kByteOrderMark.size()) == kByteOrderMark) line.remove_prefix(kByteOrderMark.size());
  return true;
}

bool LineReader::at_end() {
  while (from_ < to_ || fill()) {
    const char c = buffer_[from_];
    if (c != '\n' && c != '\r') return false;
    ++from_;
  }
  return true;
}

}  // namespace orrery::models
