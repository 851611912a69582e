// Drives a scheduler step by step, as an engine without time would: what is tested is the decisions alone.
//
// A step is one call of next(). Up to `in_flight` steps run at once: with 1 the outputs of a step are known before the
// next is decided; with 2 they come one step late, as with asynchronous scheduling (whose scheduler counts them as
// placeholders) or with two pipeline stages. A decision without work waits for the oldest step in flight.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/serving/schedulers/scheduler.hpp"
#include "models/serving/sequences/paged_cache.hpp"

namespace orrery::models::testing {

/// A request that is there from step `step` on.
struct Arrival {
  std::int64_t step = 0;
  std::int64_t input = 0, output = 1;
  std::vector<std::uint64_t> prefix;
  std::int64_t prefix_tokens = 0;
};

inline Request request_of(const Arrival& arrival, std::uint64_t id) {
  Request request;
  request.id = id;
  request.input_tokens = arrival.input;
  request.output_tokens = arrival.output;
  request.prefix = arrival.prefix;
  request.prefix_tokens = arrival.prefix_tokens;
  return request;
}

class SchedulerDriver {
 public:
  SchedulerDriver(const SchedulerConfig& config, const KvCacheConfig& blocks, std::size_t in_flight = 1)
      : cache(blocks),
        view(sequences, waiting, running, cache),
        scheduler(find_scheduler("vllm_v1")->make(config)),
        in_flight_(in_flight) {}
  SchedulerDriver(const SchedulerDriver&) = delete;
  SchedulerDriver& operator=(const SchedulerDriver&) = delete;

  void add(const Arrival& arrival) {
    Sequence sequence;
    sequence.request = request_of(arrival, sequences.size());
    waiting.push_back(static_cast<SequenceIndex>(sequences.size()));
    sequences.push_back(std::move(sequence));
  }

  /// Decides a step into `batch`. settle() has to follow.
  const Batch& decide() {
    scheduler->next(view, batch);
    if (!batch.items.empty()) flying_.push_back(batch);
    return batch;
  }

  /// Applies the outputs that come before the next decision, and returns the step that they are of.
  Batch settle() {
    Batch done;
    if (flying_.size() < in_flight_ && !batch.items.empty()) return done;
    if (flying_.empty()) return done;
    done = flying_.front();
    flying_.pop_front();
    for (const BatchItem& item : done.items) apply(item);
    scheduler->done(view, done, 1);
    return done;
  }

  [[nodiscard]] bool idle() const { return waiting.empty() && running.empty() && flying_.empty(); }

  std::vector<Sequence> sequences;
  std::deque<SequenceIndex> waiting;
  std::vector<SequenceIndex> running;
  PagedCache cache;
  SchedulerView view;
  std::unique_ptr<Scheduler> scheduler;
  Batch batch;

 private:
  void apply(const BatchItem& item) {
    if (!item.emits) return;
    Sequence& sequence = sequences[item.sequence];
    if (sequence.placeholders > 0) --sequence.placeholders;
    if (sequence.state == SequenceState::finished) return;  // a step beyond the end, decided before that was known
    ++sequence.generated;
    if (sequence.generated < sequence.request.output_tokens) return;
    sequence.state = SequenceState::finished;
    if (sequence.holds_blocks) cache.release(sequence);
    running.erase(std::remove(running.begin(), running.end(), item.sequence), running.end());
    // A sequence can lose its blocks while the step of its last token runs.
    waiting.erase(std::remove(waiting.begin(), waiting.end(), item.sequence), waiting.end());
  }

  std::size_t in_flight_;
  std::deque<Batch> flying_;
};

/// "A 20@0* B 15@30 | free 6": 20 tokens of the first request at context 0, after which it emits a token; 15 of the
/// second at context 30, which emits none; free blocks once the step is decided. "| preempted 1" only if any.
inline std::string render(const Batch& batch, const KvCache& cache) {
  std::string text;
  for (const BatchItem& item : batch.items) {
    const char name = static_cast<char>('A' + item.sequence);
    text += fmt::format("{} {}@{}{} ", name, item.tokens, item.context, item.emits ? "*" : "");
  }
  text += fmt::format("| free {}", cache.free_blocks());
  if (batch.preempted > 0) text += fmt::format(" | preempted {}", batch.preempted);
  return text;
}

/// Runs `steps` steps of `requests` (the first is A, the second B, …) and writes each down.
inline std::vector<std::string> trace(SchedulerDriver& driver, const std::vector<Arrival>& requests,
                                      std::int64_t steps) {
  std::vector<std::string> lines;
  std::size_t arrived = 0;
  for (std::int64_t step = 0; step < steps; ++step) {
    while (arrived < requests.size() && requests[arrived].step <= step) driver.add(requests[arrived++]);
    driver.decide();
    lines.push_back(render(driver.batch, driver.cache));
    driver.settle();
  }
  return lines;
}

/// Limits of the hand-written traces. Asynchronous scheduling is off where a test doesn't ask for it.
inline SchedulerConfig limits(std::int64_t budget, std::int64_t max_num_seqs = 8) {
  SchedulerConfig config;
  config.max_num_batched_tokens = budget;
  config.max_num_seqs = max_num_seqs;
  config.max_model_len = 4096;
  config.async_scheduling = false;
  return config;
}

inline KvCacheConfig pool(std::int64_t blocks) { return {blocks, 16, true}; }

}  // namespace orrery::models::testing
