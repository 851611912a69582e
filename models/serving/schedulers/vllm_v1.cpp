// vLLM's V1 scheduler: one token budget for all sequences, the running ones first.
//
//   n = known + placeholders − computed, cut to the threshold for long prompts and to what is left of the budget
//   1. running, in order of admission; without a free block the newest running sequence is preempted: it loses its
//      blocks and starts over, prompt and answer so far, from the front of the queue
//   2. waiting, in order, if nobody was preempted: prefix lookup, then as much as the budget holds; the first one that
//      doesn't fit ends the step's admissions
// A sequence with nothing to compute (its last token is still in flight) is passed over, not an end of the phase.
//
// Source: vllm-project/vllm, vllm/v1/core/sched/scheduler.py @ 00024d31 (schedule, _preempt_request),
// async_scheduler.py @ 014b2350 (placeholders, no step past max_tokens), kv_cache_manager.py @ 003df296
// (allocate_slots; admission gate for whole prompts). Device defaults: vllm/engine/arg_utils.py, get_batch_defaults,
// for the API server; 0.19.
// Limitations: first come first served only (no priorities); no encoder inputs, LoRA, structured output or remote KV.
#include <algorithm>

#include "models/serving/schedulers/scheduler.hpp"

namespace orrery::models {
namespace {

class VllmV1 final : public Scheduler {
 public:
  explicit VllmV1(const SchedulerConfig& config) : config_(config) {}

  void next(SchedulerView& view, Batch& batch) override {
    batch.clear();
    std::int64_t budget = config_.max_num_batched_tokens;
    schedule_running(view, batch, budget);
    const bool settled = batch.preempted > 0 || schedule_waiting(view, batch, budget);
    batch.repeat = settled ? repeats(view, batch) : 1;
  }

  void done(SchedulerView&, const Batch&, std::int64_t) override {}

 private:
  void schedule_running(SchedulerView& view, Batch& batch, std::int64_t& budget) const {
    // The list may lose its tail on the way.
    for (std::size_t i = 0; i < view.running.size() && budget > 0; ++i) {
      const SequenceIndex index = view.running[i];
      Sequence& sequence = view.sequence(index);
      if (config_.foresees_end && sequence.placeholders > 0 && sequence.remaining() <= 0) continue;
      std::int64_t tokens = sequence.known() + sequence.placeholders - sequence.computed;
      tokens = std::min(cut_long(tokens), budget);
      tokens = std::min(tokens, config_.max_model_len - 1 - sequence.computed);
      if (tokens <= 0) continue;
      if (!make_room(view, batch, i, sequence.computed + tokens)) break;
      budget -= tokens;
      add(batch, index, sequence, tokens);
    }
  }

  /// Preempts from the tail until the i-th running sequence has its slots; false if it had to go itself.
  static bool make_room(SchedulerView& view, Batch& batch, std::size_t i, std::int64_t tokens) {
    while (!view.cache.allocate(view.sequence(view.running[i]), tokens)) {
      const SequenceIndex victim = view.running.back();
      view.running.pop_back();
      preempt(view, victim);
      ++batch.preempted;
      if (view.running.size() == i) return false;
    }
    return true;
  }

  static void preempt(SchedulerView& view, SequenceIndex index) {
    Sequence& sequence = view.sequence(index);
    view.cache.release(sequence);
    sequence.computed = 0;
    sequence.named = 0;
    ++sequence.preemptions;
    sequence.state = SequenceState::waiting;
    view.waiting.push_front(index);
  }

  /// False if who waits now might not in the next step, though nothing ends: as cached blocks are taken for others, a
  /// prompt's chunk starts earlier and needs fewer blocks. A gate for the whole prompt only becomes harder to pass.
  bool schedule_waiting(SchedulerView& view, Batch& batch, std::int64_t& budget) const {
    while (!view.waiting.empty() && budget > 0 &&
           static_cast<std::int64_t>(view.running.size()) < config_.max_num_seqs) {
      const SequenceIndex index = view.waiting.front();
      Sequence& sequence = view.sequence(index);
      const std::int64_t hit = view.cache.lookup(sequence);
      std::int64_t tokens = cut_long(sequence.known() - hit);
      if (!config_.enable_chunked_prefill && tokens > budget) break;
      tokens = std::min(tokens, budget);
      const std::int64_t whole = std::min(sequence.known(), config_.max_model_len);
      if (config_.reserve_full_input && !view.cache.fits(sequence, whole, hit)) break;
      if (!view.cache.allocate(sequence, hit + tokens, hit)) return hit == 0;
      view.waiting.pop_front();
      view.running.push_back(index);
      sequence.state = SequenceState::running;
      sequence.computed = hit;
      if (sequence.cached < 0) sequence.cached = hit;
      budget -= tokens;
      add(batch, index, sequence, tokens);
    }
    return true;
  }

  void add(Batch& batch, SequenceIndex index, Sequence& sequence, std::int64_t tokens) const {
    const bool emits = sequence.computed + tokens == sequence.known() + sequence.placeholders;
    batch.items.push_back({index, tokens, sequence.computed, emits});
    sequence.computed += tokens;
    if (emits && config_.async_scheduling) ++sequence.placeholders;
  }

  [[nodiscard]] std::int64_t cut_long(std::int64_t tokens) const {
    const std::int64_t threshold = config_.long_prefill_token_threshold;
    return threshold > 0 && threshold < tokens ? threshold : tokens;
  }

  /// The same again until a sequence emits its last token, if every running one has one token of the step. Whoever
  /// waits keeps waiting then: seats stay taken, and free blocks only become fewer.
  [[nodiscard]] std::int64_t repeats(const SchedulerView& view, const Batch& batch) const {
    if (batch.preempted > 0 || batch.items.empty() || batch.items.size() != view.running.size()) return 1;
    std::int64_t least = config_.max_model_len;
    for (const BatchItem& item : batch.items) {
      if (item.tokens != 1 || !item.emits) return 1;
      const Sequence& sequence = view.sequence(item.sequence);
      least = std::min({least, sequence.remaining() - (config_.async_scheduling ? 0 : 1),
                        config_.max_model_len - 1 - sequence.computed});
    }
    return std::max<std::int64_t>(1, least + 1);
  }

  SchedulerConfig config_;
};

// At least 70 GiB and no board that vLLM excepts: 1,024 sequences and 8,192 tokens for the API server; else 256 and
// 2,048.
EngineDefaults device_defaults(const hardware::Gpu& gpu) {
  EngineDefaults defaults;
  const bool large = gpu.memory >= Bytes{70.0 * 1073741824.0} && !gpu.software.vllm_small_batches;
  defaults.max_num_batched_tokens = large ? 8192 : 2048;
  defaults.max_num_seqs = large ? 1024 : 256;
  defaults.gpu_memory_utilization = 0.9;
  defaults.kernels = kernels::Implementation::vllm;
  return defaults;
}

}  // namespace

SchedulerRow vllm_v1_row() {
  SchedulerRow row;
  row.name = "vllm_v1";
  row.equation = "running first, then waiting in order; n = known + placeholders - computed within one token budget";
  row.source = "vllm-project/vllm 0.19, vllm/v1/core/sched/scheduler.py @ 00024d31";
  row.make = [](const SchedulerConfig& config) -> std::unique_ptr<Scheduler> {
    return std::make_unique<VllmV1>(config);
  };
  row.defaults = device_defaults;
  return row;
}

}  // namespace orrery::models
