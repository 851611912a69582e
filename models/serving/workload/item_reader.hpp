// Reads a JSON list of objects one object at a time, plain or gzip: a list of any length in the memory of one item.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "models/serving/workload/byte_reader.hpp"
#include "models/serving/workload/record_reader.hpp"

namespace orrery::models {

class ItemReader : public RecordReader {
 public:
  /// `key`: the list is the first value of an object, under that key; what follows it there is not read. Empty: the
  /// list is the whole file.
  explicit ItemReader(std::unique_ptr<ByteReader> bytes, std::string key = {});

  /// The next object's text. Only brackets and quotes are matched here: what is inside is for a parser to judge. Throws
  /// hardware::ConfigError at line and column: no list, no object in it, an object over kLongest, a file that ends
  /// before the list, or goes on behind it.
  [[nodiscard]] bool next(std::string_view& item) override;
  /// next() knows.
  [[nodiscard]] bool at_end() override { return ended_; }

 private:
  /// The next byte, or −1 at the end; take() moves on to the one behind it.
  int peek();
  void take();
  int skip_blank();
  bool to_item();
  int to_list(int c);
  [[noreturn]] void fail_here(const std::string& message) const { fail(message, at_line_, at_column_); }

  std::unique_ptr<ByteReader> bytes_;
  std::string key_;
  std::string_view piece_;
  std::string text_;
  std::int64_t at_line_ = 1, at_column_ = 1;
  bool begun_ = false, ended_ = false;
};

}  // namespace orrery::models
