// A serving run as a Chrome trace, which Perfetto and chrome://tracing read: `orrery run --trace F`.
//
// Format: "Trace Event Format" (JSON object form), times in microseconds with six decimals, exactly.
//   a process per replica, a thread per pipeline stage
//   X  an iteration, "prefill 2048 + decode 12", or a run of equal ones, "decode 12 (x 40)"; below the first
//      kKernelSteps of them their kernels, layers folded into one span with a count
//   C  KV blocks in use; sequences running and waiting
//   b, e  a request's life: "request 7" from its arrival to its last token, in it queued, prefill and decode; the spans
//      of one request share its id
//   i  preemptions, at the iteration that took the blocks; rejected requests, at their arrival
//
// Limitations: iterations record how often sequences were preempted but not which, so a request's preemptions are an
// argument of its span. Spans of kernels end with the iteration at the latest.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "models/serving/serving.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

/// Iterations with kernels.
inline constexpr std::size_t kKernelSteps = 200;

/// `count` equal kernels of an iteration, back to back.
struct TracedKernel {
  std::string name;           ///< "qkv"
  std::string detail;         ///< "gemm bf16 12x6144x4096"
  sim::SimTime duration = 0;  ///< of one, with the gap to the next
  std::int64_t count = 1;
};

/// The kernels of one iteration, the first of its repeats, in order.
using KernelsOf = std::function<std::vector<TracedKernel>(const models::StepRecord&)>;

/// Streams the trace of a result with records and timeline; memory use does not grow with them.
void write_serving_trace(const models::ServingResult& result, const KernelsOf& kernels, std::ostream& out);

/// The same with kernels from the job's own step model. REQUIRES the result of a serving job.
void write_serving_trace(const JobView& view, std::ostream& out);

}  // namespace orrery::scenarios
