// The scheduler family: which sequences the next step works on, and with how many tokens each.
//
// An engine asks next() for every step and tells done() what has run. A scheduler sees the engine through a View: the
// sequences that wait and run, and the KV cache. It moves sequences between the two lists, reserves blocks and counts
// what it schedules as computed. The engine emits tokens, ends sequences and knows the time.
//
// To add a scheduler, copy vllm_v1.cpp, add its row to schedulers.cpp and to the engines that can run by its rules
// (engines/).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "models/serving/sequences/kv_cache.hpp"
#include "models/serving/sequences/request.hpp"

namespace orrery::models {

/// Index of a sequence in its engine.
using SequenceIndex = std::uint32_t;

/// Limits of a scheduler, all filled in.
struct SchedulerConfig {
  std::int64_t max_num_batched_tokens = 8192;     ///< of one step
  std::int64_t max_num_seqs = 1024;               ///< running at once
  std::int64_t max_model_len = 0;                 ///< tokens of a sequence, prompt and output
  std::int64_t long_prefill_token_threshold = 0;  ///< most tokens of one sequence in a step; 0: no limit
  bool enable_chunked_prefill = true;
  bool async_scheduling = true;    ///< the next step is decided while one runs: outputs are placeholders until it ends
  bool foresees_end = true;        ///< answers end at their max_tokens: no step is decided past it
  bool reserve_full_input = true;  ///< a sequence is admitted only if its whole prompt fits the free blocks
};

/// One sequence's part of a step.
struct BatchItem {
  SequenceIndex sequence = 0;
  std::int64_t tokens = 0;   ///< computed in this step
  std::int64_t context = 0;  ///< tokens of the sequence before them
  bool emits = false;        ///< the step computes its last token, so that it samples a new one

  /// One token after others, as answers grow.
  [[nodiscard]] bool decodes() const { return tokens == 1 && context > 0; }
};

/// What a step works on.
struct Batch {
  std::vector<BatchItem> items;
  int preempted = 0;  ///< sequences that lost their blocks for it
  /// How often this very batch (one token for each sequence) would be decided in a row, as long as nothing arrives
  /// and blocks suffice: an upper bound, at least 1. An engine may run it that often without asking again.
  std::int64_t repeat = 1;

  void clear() {
    items.clear();
    preempted = 0;
    repeat = 1;
  }
};

/// What a scheduler sees of its engine.
class SchedulerView {
 public:
  SchedulerView(std::vector<Sequence>& all, std::deque<SequenceIndex>& waits, std::vector<SequenceIndex>& runs,
                KvCache& kv_cache)
      : waiting(waits), running(runs), cache(kv_cache), sequences_(&all) {}

  [[nodiscard]] Sequence& sequence(SequenceIndex index) const { return (*sequences_)[index]; }

  std::deque<SequenceIndex>& waiting;   ///< in the order in which they are to be tried
  std::vector<SequenceIndex>& running;  ///< in the order of admission
  KvCache& cache;

 private:
  std::vector<Sequence>* sequences_;
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// Decides a step into `batch` (cleared first). Empty: nothing can run now.
  virtual void next(SchedulerView& view, Batch& batch) = 0;

  /// `batch` has run `times` times in a row, and its outputs are applied. A scheduler without a memory of its own
  /// needs nothing here.
  virtual void done(SchedulerView& view, const Batch& batch, std::int64_t times) = 0;
};

struct SchedulerRow {
  std::string_view name;  ///< "vllm_v1"
  std::string_view equation;
  std::string_view source;
  std::unique_ptr<Scheduler> (*make)(const SchedulerConfig&);
};

[[nodiscard]] SchedulerRow vllm_v1_row();  // vllm_v1.cpp

/// Every scheduler.
[[nodiscard]] const std::vector<SchedulerRow>& schedulers();
[[nodiscard]] const SchedulerRow* find_scheduler(std::string_view name);

}  // namespace orrery::models
