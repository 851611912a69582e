// A recorded load as a stream of requests: one line in memory, whatever the length of the file.
#pragma once

#include <optional>
#include <string>

#include "models/serving/workload/line_reader.hpp"
#include "models/serving/workload/workload.hpp"

namespace orrery::models {

class TraceReader {
 public:
  /// `format` empty: the first row of trace_formats() that recognises the first line. Times are divided by
  /// `rate_scale`. Throws hardware::ConfigError: unreadable, empty, no known format, a column missing.
  TraceReader(const std::string& path, const std::string& format, double rate_scale);

  /// The next request, ids counting from 0; nullopt at the end. Throws hardware::ConfigError at the line that is wrong:
  /// malformed, out of range, earlier than the line before, later than 213 days; a trace without requests.
  [[nodiscard]] std::optional<Request> next();

  [[nodiscard]] const TraceFormatRow& format() const { return *format_; }

 private:
  [[nodiscard]] sim::SimTime scaled(const TraceTime& time) const;
  void check_order(const TraceTime& time);

  LineReader lines_;
  const TraceFormatRow* format_ = nullptr;
  double rate_scale_;
  std::string header_;
  std::string first_line_;  ///< of a format without header, until it is read
  bool has_first_line_ = false;
  std::uint64_t count_ = 0;
  TraceTime zero_, last_;
  sim::SimTime last_arrival_ = 0;
};

}  // namespace orrery::models
