// Loads: when requests arrive and how long they are.
//
// A Workload hands out requests one at a time, in order of arrival, so that a trace of a million requests is read as a
// stream. Three families make one: arrival processes (arrivals.cpp), length distributions (lengths.cpp) and trace
// formats (traces.cpp), each an explicit table.
//
// All random draws come from sim::Random substreams: arrivals, input lengths, output lengths and prefixes each have
// their own, so that changing one leaves the draws of the others alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/units.hpp"
#include "models/job.hpp"
#include "models/serving/sequences/request.hpp"
#include "sim/clock.hpp"
#include "sim/random.hpp"

namespace orrery::models {

/// Tokens per prompt or per answer.
struct LengthConfig {
  std::string distribution = "fixed";  ///< row of length_distributions()
  double mean = 0.0;                   ///< of the distribution before it is cut to [least, most]
  double cv = 1.0;                     ///< lognormal: standard deviation / mean
  std::int64_t least = 1;
  std::int64_t most = 1'000'000'000;
  std::vector<std::int64_t> values{};  ///< empirical: drawn with equal chance
  std::string file{};                  ///< empirical: a CSV table with the column `column`
  std::string column{};                ///< "input_tokens" or "output_tokens"
};

/// The keys of a scenario's `serving.load:` section.
struct LoadConfig {
  std::string arrivals = "poisson";  ///< row of arrival_processes(), or "trace"
  double rate = 0.0;                 ///< requests per second: poisson, gamma, constant; infinite: all at once
  double cv = 1.0;                   ///< gamma: standard deviation / mean of the gaps
  std::int64_t burst_size = 0;       ///< burst: requests at once; 0: all of them
  Seconds burst_interval;            ///< burst: between bursts
  std::int64_t concurrency = 0;      ///< closed_loop: clients
  Seconds think_time;                ///< closed_loop: mean pause of a client, exponential; 0: none
  std::int64_t requests = 0;         ///< how many in all; with a trace 0: all of it, else its first so many
  LengthConfig input, output;
  /// Every prompt starts with one of `prefix_groups` system prompts of so many tokens, drawn with equal chance, and is
  /// at least one token longer: a shorter draw of `input` is raised to prefix_tokens + 1.
  std::int64_t prefix_tokens = 0;
  std::int64_t prefix_groups = 1;
  std::string trace;         ///< file; its lengths are used, and with arrivals: trace its arrivals
  std::string trace_format;  ///< row of trace_formats(); empty: by the file's first line
  double rate_scale = 1.0;   ///< trace: arrival times are divided by it
};

/// No request is longer, whatever its source says: sums of many then stay far from 2^63.
inline constexpr std::int64_t kMostTokens = 1'000'000'000;

/// Request::prefix names block ids of a trace below this, system prompts from it on; all are below 2^40.
inline constexpr std::uint64_t kSystemPromptNames = std::uint64_t{1} << 39;

/// What is worth saying of the trace that a load was read from.
struct TraceTally {
  std::uint64_t unanswered = 0;  ///< requests of the trace without an answer, which are left out
  std::string_view format;       ///< the row's name; empty: no trace
  std::string_view estimated;    ///< how lengths were estimated; empty: the trace gives them
};

class Workload {
 public:
  virtual ~Workload() = default;

  /// When the next request arrives, as far as is known now; nullopt: never, unless one that runs ends.
  /// Throws hardware::ConfigError naming file and line for a broken trace.
  [[nodiscard]] virtual std::optional<sim::SimTime> next_arrival() = 0;
  /// That request. REQUIRES next_arrival().
  [[nodiscard]] virtual Request take() = 0;
  /// A request has been answered, or was refused: its client may send the next.
  virtual void ended(const Request& request, sim::SimTime now) = 0;
  /// ended() may add an arrival, or bring the next one forward. Where it can't, next_arrival() is final, and engines
  /// run on until then without looking at each other.
  [[nodiscard]] virtual bool reacts() const { return true; }
  /// Of what has been read so far.
  [[nodiscard]] virtual TraceTally tally() const { return {}; }
};

/// Draws lengths. Pure but for the random stream.
class LengthSource {
 public:
  virtual ~LengthSource() = default;
  [[nodiscard]] virtual std::int64_t draw(sim::Random& random) = 0;
};

struct LengthRow {
  std::string_view name;
  std::string_view equation;
  std::string_view source;
  std::unique_ptr<LengthSource> (*make)(const LengthConfig&);
};
/// fixed, lognormal, uniform, empirical.
[[nodiscard]] const std::vector<LengthRow>& length_distributions();

struct ArrivalRow {
  std::string_view name;
  std::string_view equation;
  std::string_view source;
  std::unique_ptr<Workload> (*make)(const LoadConfig&, std::uint64_t seed);
};
/// constant, poisson, gamma, burst, closed_loop, trace.
[[nodiscard]] const std::vector<ArrivalRow>& arrival_processes();

/// A moment as a trace writes it, to the picosecond.
struct TraceTime {
  std::int64_t seconds = 0;      ///< since the trace's zero, or since 1970-01-01 00:00 UTC
  sim::SimTime picoseconds = 0;  ///< below one second
};

/// One request of a trace as its record says it, before scaling.
struct TraceEntry {
  TraceTime arrival;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;  ///< 0: it was never answered, and is left out
  std::vector<std::uint64_t> prefix;
  std::int64_t prefix_tokens = 0;
};

class ByteReader;
class RecordReader;

struct TraceFormatRow {
  std::string_view name;
  std::string_view equation;  ///< the columns or fields
  std::string_view source;
  /// The file's head (ByteReader::head()) looks like this format.
  bool (*recognises)(std::string_view head);
  /// True if the first record is a header.
  bool has_header = false;
  /// Reads one record. Throws std::invalid_argument with a sentence; the reader adds file and line.
  TraceEntry (*parse)(std::string_view header, std::string_view record);
  std::vector<std::string_view> columns{};  ///< that the header must hold, in any order
  bool calendar = false;                    ///< times are dates: requests arrive so long after the first one
  bool timed = true;                        ///< false: there are no times, so that all requests arrive at once
  std::string_view estimated{};             ///< how lengths are estimated where the format holds texts
  /// Cuts the file into records; nullptr: its lines.
  std::unique_ptr<RecordReader> (*open)(std::unique_ptr<ByteReader> bytes) = nullptr;
};
/// See traces.cpp.
[[nodiscard]] const std::vector<TraceFormatRow>& trace_formats();
/// The first row that recognises a file by its head; nullptr if there is none.
[[nodiscard]] const TraceFormatRow* recognise_trace(std::string_view head);

/// By name; nullptr if there is none.
[[nodiscard]] const LengthRow* find_length_distribution(std::string_view name);
[[nodiscard]] const ArrivalRow* find_arrival_process(std::string_view name);
[[nodiscard]] const TraceFormatRow* find_trace_format(std::string_view name);

/// Keys that contradict each other or are out of range, tied to "serving.load.…".
[[nodiscard]] std::vector<JobError> check(const LoadConfig& load);

/// REQUIRES check(load).empty(). Throws hardware::ConfigError for a file that can't be read.
[[nodiscard]] std::unique_ptr<Workload> make_workload(const LoadConfig& load, std::uint64_t seed);

}  // namespace orrery::models
