// Reads a text file line by line, plain or gzip, holding one line and a buffer at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "models/serving/workload/byte_reader.hpp"
#include "models/serving/workload/record_reader.hpp"

namespace orrery::models {

class LineReader : public RecordReader {
 public:
  /// Throws hardware::ConfigError if the file is missing, unreadable or a folder.
  explicit LineReader(const std::string& path) : LineReader(std::make_unique<ByteReader>(path)) {}
  explicit LineReader(std::unique_ptr<ByteReader> bytes);

  /// The next line without its end (LF or CRLF; the last line may lack one) and, in the first, without a byte order
  /// mark. Throws hardware::ConfigError naming the line: a gzip archive that is broken or cut short, a read that fails,
  /// a line over kLongest.
  [[nodiscard]] bool next(std::string_view& line) override;
  [[nodiscard]] bool at_end() override;

 private:
  bool fill();

  std::unique_ptr<ByteReader> bytes_;
  std::string_view piece_;  ///< unread part of what was read last
  std::string text_;        ///< the line last read
};

}  // namespace orrery::models
