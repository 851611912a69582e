#include "models/serving/engine.hpp"

#include <algorithm>
#include <stdexcept>

namespace orrery::models {

namespace {

SchedulerConfig scheduler_config(const ServingConfig& config) {
  SchedulerConfig limits;
  limits.max_num_batched_tokens = config.max_num_batched_tokens;
  limits.max_num_seqs = config.max_num_seqs;
  limits.max_model_len = config.max_model_len;
  limits.long_prefill_token_threshold = config.long_prefill_token_threshold;
  limits.enable_chunked_prefill = config.enable_chunked_prefill;
  // With pipeline stages the steps in flight are of different sequences, and none of them waits for a placeholder.
  limits.async_scheduling = config.async_scheduling && config.pipeline_parallel == 1;
  limits.foresees_end = config.ignore_eos;
  limits.reserve_full_input = config.reserve_full_input;
  return limits;
}

std::size_t depth_of(const ServingConfig& config) {
  if (config.pipeline_parallel > 1) return static_cast<std::size_t>(config.pipeline_parallel);
  return config.async_scheduling ? 2 : 1;
}

bool is_decode(const BatchItem& item) { return item.tokens == 1 && item.context > 0; }

}  // namespace

Engine::Engine(const ServingJob& job, std::int64_t blocks, bool coalesce, std::uint32_t replica, Surroundings around)
    : config_(job.config),
      coalesce_(coalesce),
      replica_(replica),
      around_(std::move(around)),
      scheduler_(find_scheduler(config_.scheduler)->make(scheduler_config(config_))),
      cache_({blocks, config_.block_size, config_.enable_prefix_caching}),
      view_(sequences_, waiting_, running_, cache_),
      depth_(depth_of(config_)),
      stage_free_(static_cast<std::size_t>(config_.pipeline_parallel), 0) {
  id_ = around_.simulator.add(*this);
}

ReplicaView Engine::view() const {
  return {static_cast<std::int64_t>(waiting_.size() + arrived_.size()), static_cast<std::int64_t>(running_.size()),
          cache_.free_blocks()};
}

bool Engine::submit(Request request) {
  const std::int64_t room = config_.max_model_len - request.input_tokens;
  const std::int64_t output = std::min(request.output_tokens, room);
  // The last token's keys and values are never needed.
  if (room < 1 || cache_.blocks_for(request.input_tokens + output - 1) > cache_.blocks()) {
    around_.tally.rejected(request, replica_);
    return false;
  }
  if (output < request.output_tokens) around_.tally.truncated();
  request.output_tokens = output;
  SequenceIndex index = 0;
  if (free_sequences_.empty()) {
    index = static_cast<SequenceIndex>(sequences_.size());
    sequences_.emplace_back();
  } else {
    index = free_sequences_.back();
    free_sequences_.pop_back();
  }
  std::vector<std::uint32_t> blocks = std::move(sequences_[index].blocks);
  blocks.clear();
  sequences_[index] = {};
  sequences_[index].request = std::move(request);
  sequences_[index].blocks = std::move(blocks);
  arrived_.push_back(index);
  ++live_;
  if (flights_.empty() && !around_.simulator.is_scheduled(id_)) sleep_until(around_.simulator.now());
  return true;
}

void Engine::sleep_until(sim::SimTime time) {
  around_.simulator.at(std::max({time, host_free_, around_.simulator.now()}), id_);
}

void Engine::fire(sim::SimTime now) {
  around_.pace.event();
  if (!flights_.empty() && flights_.front().end <= now) complete(now);
  const bool decided = flights_.size() < depth_ && decide(now);
  if (flights_.empty()) {
    if (!waiting_.empty()) throw std::logic_error("a scheduler leaves requests waiting on an idle engine");
    return;
  }
  // With room for another step the loop goes on deciding while the oldest one runs; else it waits for it.
  const bool again = decided && flights_.size() < depth_ && flights_.front().end > host_free_;
  sleep_until(again ? host_free_ : flights_.front().end);
}

void Engine::see_arrivals(sim::SimTime now) {
  for (const SequenceIndex index : arrived_) {
    sequences_[index].queued = now;
    waiting_.push_back(index);
  }
  arrived_.clear();
}

bool Engine::decide(sim::SimTime now) {
  see_arrivals(now);
  Flight flight;
  if (!spare_.empty()) {
    flight = std::move(spare_.back());
    spare_.pop_back();
  }
  int preempted = 0;
  do {
    scheduler_->next(view_, flight.batch);
    preempted += flight.batch.preempted;
    // A sequence that preempted itself may start over at once if nothing else is in flight.
  } while (flight.batch.items.empty() && flight.batch.preempted > 0 && flights_.empty());
  flight.batch.preempted = preempted;
  if (flight.batch.items.empty()) {
    spare_.push_back(std::move(flight));
    account(now);
    return false;
  }
  flights_.push_back(std::move(flight));
  dispatch(flights_.back(), now);
  account(now);
  if (coalesce_ && flights_.back().batch.repeat > 1 && may_run_ahead()) run_ahead();
  return true;
}

void Engine::dispatch(Flight& flight, sim::SimTime now) {
  for (const BatchItem& item : flight.batch.items) {
    Sequence& sequence = sequences_[item.sequence];
    ++sequence.in_flight;
    if (!sequence.started) sequence.scheduled = now;
    sequence.started = true;
  }
  flight.shape = shape_of(flight.batch);
  const auto count = static_cast<std::int64_t>(flight.batch.items.size());
  host_free_ = sim::checked_add(now, around_.steps.host_time(count));
  sim::SimTime ready = host_free_;
  for (std::size_t stage = 0; stage < stage_free_.size(); ++stage) {
    const sim::SimTime start = std::max(ready, stage_free_[stage]);
    ready = sim::checked_add(start, around_.steps.time(flight.shape, static_cast<int>(stage)));
    stage_free_[stage] = ready;
    if (around_.tally.keeps_timeline()) keep(flight, start, ready, stage, 1);
  }
  flight.end = ready;
  around_.tally.steps(1, count);
}

StepShape Engine::shape_of(const Batch& batch) const {
  StepShape shape;
  for (const BatchItem& item : batch.items) {
    const std::int64_t kv = item.context + item.tokens;
    if (is_decode(item)) {
      ++shape.decode_sequences;
      shape.decode_kv_tokens += kv;
    } else {
      ++shape.prefill_sequences;
      shape.prefill_tokens += item.tokens;
      shape.prefill_pairs += static_cast<double>(item.tokens) * static_cast<double>(2 * kv - item.tokens);
    }
    if (item.emits) ++shape.sampled;
  }
  return shape;
}

void Engine::complete(sim::SimTime now) {
  Flight flight = std::move(flights_.front());
  flights_.pop_front();
  for (const BatchItem& item : flight.batch.items) {
    Sequence& sequence = sequences_[item.sequence];
    --sequence.in_flight;
    // It ended while this step was in flight: the slot was wasted.
    if (sequence.state == SequenceState::finished && sequence.in_flight == 0) recycle(item.sequence);
  }
  emit(flight.batch, now);
  bool any_ended = false;
  for (const BatchItem& item : flight.batch.items) {
    const Sequence& sequence = sequences_[item.sequence];
    if (!item.emits || sequence.state == SequenceState::finished) continue;
    if (sequence.generated < sequence.request.output_tokens) continue;
    end(item.sequence, now);
    any_ended = true;
  }
  if (any_ended) {
    const auto ended = [this](SequenceIndex i) { return sequences_[i].state == SequenceState::finished; };
    running_.erase(std::remove_if(running_.begin(), running_.end(), ended), running_.end());
    for (const BatchItem& item : flight.batch.items) {
      if (ended(item.sequence) && sequences_[item.sequence].in_flight == 0 && sequences_[item.sequence].started) {
        recycle(item.sequence);
      }
    }
  }
  scheduler_->done(view_, flight.batch, 1);
  spare_.push_back(std::move(flight));
  account(now);
}

void Engine::emit(const Batch& batch, sim::SimTime now) {
  // Equal gaps one after another are counted at once.
  sim::SimTime gap = 0;
  std::uint64_t equal = 0;
  for (const BatchItem& item : batch.items) {
    Sequence& sequence = sequences_[item.sequence];
    if (!item.emits || sequence.state == SequenceState::finished) continue;
    if (sequence.placeholders > 0) --sequence.placeholders;
    if (sequence.generated++ == 0) {
      sequence.first_token = now;
    } else if (!around_.tally.is_warmup(sequence.request)) {
      if (now - sequence.last_token != gap) {
        around_.tally.gap(gap, equal);
        gap = now - sequence.last_token;
        equal = 0;
      }
      ++equal;
    }
    sequence.last_token = now;
  }
  around_.tally.gap(gap, equal);
}

void Engine::end(SequenceIndex index, sim::SimTime now) {
  Sequence& sequence = sequences_[index];
  cache_.release(sequence);
  if (sequence.state == SequenceState::waiting) {  // preempted while its last token was in flight
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), index));
  }
  sequence.state = SequenceState::finished;
  --live_;
  around_.tally.finished(sequence, replica_);
  around_.ended(sequence.request, now);
}

// The slot may be given out again: no list and no step knows it.
void Engine::recycle(SequenceIndex index) {
  sequences_[index].started = false;
  free_sequences_.push_back(index);
}

bool Engine::may_run_ahead() const {
  if (flights_.size() != depth_ || stage_free_.size() != 1) return false;
  const std::vector<BatchItem>& last = flights_.back().batch.items;
  const std::vector<BatchItem>& first = flights_.front().batch.items;
  return std::equal(first.begin(), first.end(), last.begin(), last.end(), [](const BatchItem& a, const BatchItem& b) {
    return a.sequence == b.sequence && a.tokens == 1 && a.emits && is_decode(a) && is_decode(b);
  });
}

// The loop without the queue: emit the oldest step, decide the same again. Everything that depends on single sequences
// is worked out once for all repetitions.
void Engine::run_ahead() {
  Flight& last = flights_.back();
  const std::vector<BatchItem>& items = last.batch.items;
  const auto count = static_cast<std::int64_t>(items.size());
  const std::int64_t size = cache_.block_size();
  // Sequences by their place in a block: those at 0 need a new one for the next token.
  std::vector<std::int64_t> places(static_cast<std::size_t>(size), 0);
  std::uint64_t counted = 0;
  for (const BatchItem& item : items) {
    const Sequence& sequence = sequences_[item.sequence];
    ++places[static_cast<std::size_t>(sequence.computed % size)];
    if (!around_.tally.is_warmup(sequence.request)) ++counted;
  }
  const sim::SimTime limit = around_.horizon();
  const sim::SimTime host = around_.steps.host_time(count);
  const sim::SimTime first_start = last.end;
  sim::SimTime oldest = flights_.front().end, newest = last.end, emitted = 0;
  std::int64_t free = cache_.free_blocks(), times = 0;
  constexpr std::int64_t kPace = 0xFFFF;  // of iterations of some ten nanoseconds
  while (times < last.batch.repeat - 1) {
    if ((times & kPace) == kPace) around_.pace.check();
    const sim::SimTime now = std::max(host_free_, oldest);
    const std::int64_t crossing = places[static_cast<std::size_t>((size - times % size) % size)];
    if (now >= limit || crossing > free) break;
    if (times == 0) {
      emit(flights_.front().batch, now);
    } else {
      around_.tally.gap(now - emitted, counted);
    }
    emitted = now;
    integrate(now);
    free -= crossing;
    used_ += crossing;
    peak_ = std::max(peak_, used_);
    host_free_ = sim::checked_add(now, host);
    last.shape.decode_kv_tokens += count;
    const sim::SimTime start = std::max(newest, host_free_);
    const sim::SimTime next = sim::checked_add(start, around_.steps.decode_time(count, last.shape.decode_kv_tokens));
    oldest = depth_ == 1 ? next : newest;
    newest = next;
    ++times;
  }
  if (times == 0) return;
  for (BatchItem& item : last.batch.items) {
    Sequence& sequence = sequences_[item.sequence];
    sequence.generated += times - 1;
    sequence.last_token = emitted;
    // emit() took the place of one token in flight; the step decided since has put one back.
    if (depth_ > 1) ++sequence.placeholders;
    if (!cache_.allocate(sequence, sequence.computed + times)) throw std::logic_error("counted blocks are not there");
    sequence.computed += times;
    item.context += times;
  }
  around_.tally.steps(times, count);
  flights_.front().end = oldest;
  flights_.back().end = newest;
  stage_free_[0] = newest;
  scheduler_->done(view_, last.batch, times);
  if (around_.tally.keeps_timeline()) keep(last, first_start, newest, 0, times);
}

void Engine::integrate(sim::SimTime now) {
  block_time_ += static_cast<TimeSum>(used_) * (now - accounted_);
  accounted_ = now;
}

void Engine::account(sim::SimTime now) {
  integrate(now);
  used_ = cache_.used_blocks();
  peak_ = std::max(peak_, used_);
}

void Engine::finish(sim::SimTime now) {
  account(now);
  around_.tally.add_usage(block_time_, peak_);
}

void Engine::keep(const Flight& flight, sim::SimTime start, sim::SimTime end, std::size_t stage, std::int64_t repeats) {
  StepRecord record;
  record.start = start;
  record.end = end;
  record.replica = replica_;
  record.stage = static_cast<std::uint32_t>(stage);
  record.repeats = repeats;
  record.prefill_sequences = flight.shape.prefill_sequences;
  record.prefill_tokens = flight.shape.prefill_tokens;
  record.decode_sequences = flight.shape.decode_sequences;
  record.prefill_pairs = flight.shape.prefill_pairs;
  record.sampled = flight.shape.sampled;
  record.kv_tokens = flight.shape.decode_kv_tokens - (repeats - 1) * flight.shape.decode_sequences;
  record.padded_tokens = around_.steps.padded(flight.shape.tokens());
  record.used_blocks = cache_.used_blocks();
  record.preempted = flight.batch.preempted;
  record.waiting = static_cast<std::int64_t>(waiting_.size());
  record.running = static_cast<std::int64_t>(running_.size());
  around_.tally.record(record);
}

}  // namespace orrery::models
