// Fuzz target of the trace readers: any bytes as a file, plain or gzip, in every format.
//
// Any outcome but a stream of requests that keeps its promises or a ConfigError that names the file ends the program.

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/config/config.hpp"
#include "models/serving/workload/trace_reader.hpp"
#include "models/serving/workload/workload.hpp"
#include "tests/fuzz/memory_file.hpp"

namespace orrery::tests {
namespace {

using models::Request;

bool valid_tokens(std::int64_t tokens) { return tokens >= 1 && tokens <= models::kMostTokens; }

void check_names(const Request& request) {
  if (request.prefix.empty()) return;
  const auto pieces = static_cast<std::int64_t>(request.prefix.size());
  require(request.prefix_tokens > 0 && (pieces - 1) * request.prefix_tokens < request.input_tokens &&
              pieces * request.prefix_tokens >= request.input_tokens,
          "names cover the prompt");
  for (const std::uint64_t name : request.prefix) require(name < models::kSystemPromptNames, "names are small");
}

/// The requests read before the end or an error.
std::size_t read_trace(const std::string& path, const std::string& format, double rate_scale) {
  std::size_t count = 0;
  sim::SimTime last = 0;
  try {
    models::TraceReader reader(path, format, rate_scale);
    while (const auto request = reader.next()) {
      require(request->id == count, "ids count from 0");
      require(request->arrival >= last, "arrivals are in order");
      require(valid_tokens(request->input_tokens) && valid_tokens(request->output_tokens), "lengths are in range");
      check_names(*request);
      last = request->arrival;
      ++count;
    }
    require(count > 0, "a trace without requests is an error");
  } catch (const hardware::ConfigError& error) {
    require(!error.diagnostics().empty() && error.diagnostics().front().file == path, "an error names the file");
  }
  return count;
}

/// The rows' own parsers, given a header that nobody has checked.
void parse_lines(std::string_view text) {
  const std::size_t end = text.find('\n');
  const std::string_view header = text.substr(0, end);
  const std::string_view line = end == std::string_view::npos ? header : text.substr(end + 1);
  for (const models::TraceFormatRow& row : models::trace_formats()) {
    (void)row.recognises(header);
    try {
      (void)row.parse(header, line.substr(0, line.find('\n')));
    } catch (const std::invalid_argument&) {
      continue;
    }
  }
}

void fuzz_trace(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  const std::size_t plain = read_trace(file.path(), {}, 1.0);
  require(read_trace(file.path(), {}, 3.0) >= plain, "a faster replay reads as far");
  for (const models::TraceFormatRow& row : models::trace_formats()) {
    (void)read_trace(file.path(), std::string(row.name), 1.0);
  }
  const std::string text(data, data + size);
  parse_lines(text);
}

}  // namespace
}  // namespace orrery::tests

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orrery::tests::fuzz_trace(data, size);
  return 0;
}
