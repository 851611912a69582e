// Writes Chrome traces, which Perfetto and chrome://tracing read: a Timeline, or events one by one.
//
// Format: "Trace Event Format" (JSON object form). Times are written exactly, as microseconds with six decimals, from
// integers. Of a Timeline: a process per rank, a thread per stream, complete events ("X"), and one counter track per
// rank for memory in use by kind. A span that a link held up has the args held_up_by (where links have names) and
// held_up_s.
//
// Limitations: labels that are not UTF-8 have the offending bytes replaced by U+FFFD.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "sim/plan/timeline.hpp"

namespace orrery::sim {

/// A JSON string with quotes: escapes quotes, backslashes and control characters, repairs bad UTF-8.
[[nodiscard]] std::string json_string(std::string_view text);

/// Streams the events of a trace; memory use does not grow with them. Fields follow event() in any order, each once at
/// most. The caller checks the stream's state.
class TraceWriter {
 public:
  explicit TraceWriter(std::ostream& out);
  /// Ends the trace.
  ~TraceWriter();
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  /// Begins an event of a phase ("X", "C", …) of a process, and ends the one before.
  TraceWriter& event(char phase, std::uint64_t process);
  TraceWriter& thread(std::uint64_t number) { return number_field("tid", number); }
  TraceWriter& name(std::string_view text) { return name_json(json_string(text)); }
  /// A name that is a JSON string already.
  TraceWriter& name_json(std::string_view json);
  TraceWriter& at(SimTime time) { return time_field("ts", time); }
  TraceWriter& lasts(SimTime duration) { return time_field("dur", duration); }
  /// A word of letters, as are field names.
  TraceWriter& category(std::string_view word) { return word_field("cat", word); }
  TraceWriter& scope(std::string_view word) { return word_field("s", word); }
  TraceWriter& id(std::uint64_t number) { return number_field("id", number); }

  /// Arguments of the event, until it ends; no other field follows but by end_arguments().
  TraceWriter& argument(std::string_view field, double number);
  TraceWriter& argument(std::string_view field, std::int64_t number);
  TraceWriter& argument(std::string_view field, std::string_view text);
  TraceWriter& argument(std::string_view field, bool is);
  TraceWriter& argument(std::string_view field, const char* text) = delete;  // would be taken for a bool
  /// One that is JSON already.
  TraceWriter& argument_json(std::string_view field, std::string_view json);
  /// In seconds with twelve decimals, exactly.
  TraceWriter& argument_seconds(std::string_view field, SimTime time);
  TraceWriter& end_arguments();

 private:
  TraceWriter& number_field(std::string_view field, std::uint64_t number);
  TraceWriter& time_field(std::string_view field, SimTime time);
  TraceWriter& word_field(std::string_view field, std::string_view word);
  void begin_field(std::string_view field);
  void begin_argument(std::string_view field);
  void end_event();
  template <class Number>
  void append(Number number);
  /// time / 10^places, with all of its places or none.
  void append_decimal(SimTime time, unsigned places);

  std::ostream& out_;
  std::string text_;  ///< passed on in large pieces
  bool is_first_ = true, in_event_ = false, in_arguments_ = false;
};

/// Streams the trace of a timeline.
void write_trace(const Timeline& timeline, std::ostream& out);

}  // namespace orrery::sim
