// Reads traces record by record and keeps them in order of arrival.
//
//   arrival = (time − time of the start)/rate_scale
//
// The start is 0, or the first request's date. Exact to the picosecond with rate_scale 1, else rounded once.
#include "models/serving/workload/trace_reader.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "models/serving/workload/byte_reader.hpp"
#include "models/serving/workload/line_reader.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {
namespace {

std::string unknown_format() {
  std::string message = "the file begins like no known trace format; they are";
  for (const TraceFormatRow& row : trace_formats()) message += fmt::format("\n  {}: {}", row.name, row.equation);
  return message;
}

bool earlier(const TraceTime& a, const TraceTime& b) {
  return std::pair(a.seconds, a.picoseconds) < std::pair(b.seconds, b.picoseconds);
}

TraceTime difference(const TraceTime& later, const TraceTime& start) {
  TraceTime result{later.seconds - start.seconds, later.picoseconds};
  if (later.picoseconds < start.picoseconds) {
    --result.seconds;
    result.picoseconds += sim::kPicosecondsPerSecond;
  }
  result.picoseconds -= start.picoseconds;
  return result;
}

}  // namespace

TraceReader::TraceReader(const std::string& path, const std::string& format, double rate_scale)
    : rate_scale_(rate_scale) {
  const auto fail = [&path](int line, std::string message) {
    throw hardware::ConfigError(
        std::vector<hardware::Diagnostic>{{path, {line, line > 0 ? 1 : 0, 0, 0}, std::move(message)}});
  };
  auto bytes = std::make_unique<ByteReader>(path);
  std::string_view head;
  try {
    head = bytes->head();
  } catch (const std::invalid_argument& error) {
    fail(1, error.what());
  }
  if (head.empty()) fail(0, "the trace is empty");
  format_ = format.empty() ? recognise_trace(head) : find_trace_format(format);
  if (format_ == nullptr) fail(1, format.empty() ? unknown_format() : "unknown trace format '" + format + "'");
  records_ =
      format_->open != nullptr ? format_->open(std::move(bytes)) : std::make_unique<LineReader>(std::move(bytes));
  if (!format_->has_header) return;
  std::string_view line;
  if (records_->next(line)) header_ = line;
  try {
    require_columns(header_, format_->columns);
  } catch (const std::invalid_argument& error) {
    records_->fail(fmt::format("{} (format {}: {})", error.what(), format_->name, format_->equation));
  }
}

sim::SimTime TraceReader::scaled(const TraceTime& time) const {
  constexpr double kLimit = 18446744073709551616.0;  // 2^64
  constexpr std::int64_t kMostSeconds = 18'446'743;  // whole seconds below 2^64 ps
  if (rate_scale_ == 1.0 && time.seconds <= kMostSeconds) {
    return static_cast<std::uint64_t>(time.seconds) * sim::kPicosecondsPerSecond + time.picoseconds;
  }
  const double picoseconds = static_cast<double>(time.seconds) * 1e12 + static_cast<double>(time.picoseconds);
  const double rounded = std::floor(picoseconds / rate_scale_ + 0.5);
  if (!(rounded < kLimit)) records_->fail("the request arrives later than 2^64 picoseconds (213 days) after the start");
  return static_cast<sim::SimTime>(rounded);
}

void TraceReader::check_order(const TraceTime& time) {
  if (!timed_ && format_->calendar) zero_ = time;
  if (std::exchange(timed_, true) && earlier(time, last_)) {
    const TraceTime back = difference(last_, time);
    const double seconds = static_cast<double>(back.seconds) + static_cast<double>(back.picoseconds) * 1e-12;
    records_->fail(
        fmt::format("the request arrives {:.9g} s before the one above; arrivals must be in order", seconds));
  }
  last_ = time;
}

std::optional<TraceEntry> TraceReader::read() {
  std::string_view record;
  const bool any = records_->next(record);
  if (!any || (record.empty() && records_->at_end())) {
    if (count_ > 0) return std::nullopt;
    if (unanswered_ > 0) records_->fail(fmt::format("none of the trace's {} requests has an answer", unanswered_));
    records_->fail(format_->has_header ? "the trace has a header but no requests" : "the trace has no requests");
  }
  try {
    return format_->parse(header_, record);
  } catch (const std::invalid_argument& error) {
    records_->fail(error.what());
  }
}

Request TraceReader::numbered(TraceEntry entry, sim::SimTime arrival) {
  Request request;
  request.id = count_++;
  request.arrival = arrival;
  request.input_tokens = entry.input_tokens;
  request.output_tokens = entry.output_tokens;
  request.prefix = std::move(entry.prefix);
  request.prefix_tokens = entry.prefix_tokens;
  return request;
}

std::optional<Request> TraceReader::next() {
  while (std::optional<TraceEntry> entry = read()) {
    check_order(entry->arrival);
    if (entry->output_tokens == 0) {
      ++unanswered_;
      continue;
    }
    // Rounding of far times in a double might swap neighbours by some picoseconds; they stay in order.
    last_arrival_ = std::max(last_arrival_, scaled(difference(entry->arrival, zero_)));
    return numbered(std::move(*entry), last_arrival_);
  }
  return std::nullopt;
}

std::optional<Request> TraceReader::next_untimed() {
  while (std::optional<TraceEntry> entry = read()) {
    if (entry->output_tokens > 0) return numbered(std::move(*entry), 0);
    ++unanswered_;
  }
  return std::nullopt;
}

}  // namespace orrery::models
