// What a trace is made of, one piece at a time: the lines of a text, the items of a JSON list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "hardware/config/config.hpp"

namespace orrery::models {

class RecordReader {
 public:
  /// No record of ours is longer, in bytes.
  static constexpr std::size_t kLongest = std::size_t{16} << 20;

  explicit RecordReader(std::string path) : path_(std::move(path)) {}
  virtual ~RecordReader() = default;
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  /// The next record; false at the end. The view holds until the next call. Throws hardware::ConfigError at the place
  /// of what can't be read.
  [[nodiscard]] virtual bool next(std::string_view& record) = 0;
  /// Nothing but empty lines follows; they are skipped.
  [[nodiscard]] virtual bool at_end() = 0;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Of the record last read, from 1.
  [[nodiscard]] std::int64_t line() const { return line_; }

  /// Throws hardware::ConfigError at the record last read, or at a place; line 0: of the whole file.
  [[noreturn]] void fail(const std::string& message) const { fail(message, line_, column_); }
  [[noreturn]] void fail(const std::string& message, std::int64_t line, std::int64_t column = 1) const;

 protected:
  std::int64_t line_ = 0, column_ = 1;

 private:
  std::string path_;
};

}  // namespace orrery::models
