// A recorded load as a stream of requests: one line in memory, whatever the length of the file.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "models/serving/workload/record_reader.hpp"
#include "models/serving/workload/workload.hpp"

namespace orrery::models {

class TraceReader {
 public:
  /// `format` empty: the first row of trace_formats() that recognises the file. Times are divided by `rate_scale`.
  /// Throws hardware::ConfigError: unreadable, empty, no known format, a column missing.
  TraceReader(const std::string& path, const std::string& format, double rate_scale);

  /// The next request, ids counting from 0; nullopt at the end. Requests without an answer are counted and left out.
  /// Throws hardware::ConfigError at the record that is wrong: malformed, out of range, earlier than the one before,
  /// later than 213 days; a trace without requests.
  [[nodiscard]] std::optional<Request> next();
  /// The same for whoever has arrivals of his own: the trace's times are not looked at, and are 0 in the request.
  [[nodiscard]] std::optional<Request> next_untimed();

  [[nodiscard]] const TraceFormatRow& format() const { return *format_; }
  [[nodiscard]] TraceTally tally() const { return {unanswered_, format_->name, format_->estimated}; }

 private:
  [[nodiscard]] sim::SimTime scaled(const TraceTime& time) const;
  void check_order(const TraceTime& time);
  std::optional<TraceEntry> read();
  Request numbered(TraceEntry entry, sim::SimTime arrival);

  std::unique_ptr<RecordReader> records_;
  const TraceFormatRow* format_ = nullptr;
  double rate_scale_;
  std::string header_;
  std::uint64_t count_ = 0, unanswered_ = 0;
  bool timed_ = false;  ///< a time has been read
  TraceTime zero_, last_;
  sim::SimTime last_arrival_ = 0;
};

}  // namespace orrery::models
