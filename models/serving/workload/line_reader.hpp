// Reads a text file line by line, plain or gzip, holding one line and a buffer at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct gzFile_s;

namespace orrery::models {

class LineReader {
 public:
  /// A longer line is no text of ours.
  static constexpr std::size_t kLongestLine = std::size_t{16} << 20;

  /// Throws hardware::ConfigError if the file is missing, unreadable or a folder.
  explicit LineReader(std::string path);

  /// The next line without its end (LF or CRLF; the last line may lack one) and, in the first, without a byte order
  /// mark. False at the end of the file. The view holds until the next call. Throws hardware::ConfigError naming the
  /// line: a gzip archive that is broken or cut short, a read that fails, a line over kLongestLine.
  [[nodiscard]] bool next(std::string_view& line);

  /// The file holds nothing but empty lines from here on; they are skipped.
  [[nodiscard]] bool at_end();

  /// Of the line last read, from 1.
  [[nodiscard]] std::int64_t line() const { return line_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  /// Throws hardware::ConfigError at the line last read, or at `line`.
  [[noreturn]] void fail(const std::string& message) const { fail(message, line_); }
  [[noreturn]] void fail(const std::string& message, std::int64_t line) const;

 private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };

  bool fill();

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::vector<char> buffer_;
  std::size_t from_ = 0, to_ = 0;  ///< unread part of the buffer
  std::string text_;               ///< the line last read
  std::int64_t line_ = 0;
};

}  // namespace orrery::models
