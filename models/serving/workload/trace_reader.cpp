// Reads traces line by line and keeps them in order of arrival.
//
//   arrival = (time − time of the start)/rate_scale
//
// The start is 0, or the first line's date. Exact to the picosecond with rate_scale 1, else rounded once.
#include "models/serving/workload/trace_reader.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {
namespace {

const TraceFormatRow* recognise(std::string_view first_line) {
  const auto& rows = trace_formats();
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const TraceFormatRow& row) { return row.recognises(first_line); });
  return found == rows.end() ? nullptr : &*found;
}

std::string unknown_format() {
  std::string message = "the first line is of no known trace format; they are";
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
    : lines_(path), rate_scale_(rate_scale) {
  std::string_view line;
  if (!lines_.next(line)) lines_.fail("the trace is empty");
  format_ = format.empty() ? recognise(line) : find_trace_format(format);
  if (format_ == nullptr) lines_.fail(format.empty() ? unknown_format() : "unknown trace format '" + format + "'");
  if (!format_->has_header) {
    first_line_ = line;
    has_first_line_ = true;
    return;
  }
  header_ = line;
  try {
    require_columns(header_, format_->columns);
  } catch (const std::invalid_argument& error) {
    lines_.fail(fmt::format("{} (format {}: {})", error.what(), format_->name, format_->equation));
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
  if (!(rounded < kLimit)) lines_.fail("the request arrives later than 2^64 picoseconds (213 days) after the start");
  return static_cast<sim::SimTime>(rounded);
}

void TraceReader::check_order(const TraceTime& time) {
  if (count_ == 0 && format_->calendar) zero_ = time;
  if (count_ > 0 && earlier(time, last_)) {
    const TraceTime back = difference(last_, time);
    const double seconds = static_cast<double>(back.seconds) + static_cast<double>(back.picoseconds) * 1e-12;
    lines_.fail(fmt::format("the request arrives {:.9g} s before the one above; arrivals must be in order", seconds));
  }
  last_ = time;
}

std::optional<Request> TraceReader::next() {
  std::string_view line = first_line_;
  if (!std::exchange(has_first_line_, false)) {
    const bool any = lines_.next(line);
    if (!any || (line.empty() && lines_.at_end())) {
      if (count_ == 0) lines_.fail("the trace has a header but no requests");
      return std::nullopt;
    }
  }
  TraceEntry entry;
  try {
    entry = format_->parse(header_, line);
  } catch (const std::invalid_argument& error) {
    lines_.fail(error.what());
  }
  check_order(entry.arrival);
  // Rounding of far times in a double might swap neighbours by some picoseconds; they stay in order.
  last_arrival_ = std::max(last_arrival_, scaled(difference(entry.arrival, zero_)));
  Request request;
  request.id = count_++;
  request.arrival = last_arrival_;
  request.input_tokens = entry.input_tokens;
  request.output_tokens = entry.output_tokens;
  request.prefix = std::move(entry.prefix);
  request.prefix_tokens = entry.prefix_tokens;
  return request;
}

}  // namespace orrery::models
