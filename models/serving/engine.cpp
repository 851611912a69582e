#include "models/serving/engine.hpp"

#include <algorithm>
#include <stdexcept>

#include "models/serving/engine_row.hpp"

namespace orrery::models {

namespace {

SchedulerConfig scheduler_config(const ServingConfig& config, std::size_t depth) {
  SchedulerConfig limits;
  limits.max_num_batched_tokens = config.max_num_batched_tokens;
  limits.max_num_seqs = config.max_num_seqs;
  limits.max_model_len = config.max_model_len;
  limits.long_prefill_token_threshold = config.long_prefill_token_threshold;
  limits.enable_chunked_prefill = config.enable_chunked_prefill;
  // With pipeline stages the steps in flight are of different sequences, and none of them waits for a placeholder; nor
  // does the only one.
  limits.async_scheduling = config.async_scheduling && config.pipeline_parallel == 1 && depth > 1;
  limits.foresees_end = config.ignore_eos;
  limits.reserve_full_input = config.reserve_full_input;
  return limits;
}

}  // namespace

Engine::Engine(const ServingJob& job, std::int64_t blocks, bool coalesce, std::uint32_t replica, Surroundings around)
    : config_(job.config),
      coalesce_(coalesce),
      replica_(replica),
      around_(std::move(around)),
      loop_(engine_of(job).loop(config_)),
      scheduler_(engine_of(job).find_scheduler(config_.scheduler)->make(scheduler_config(config_, loop_->depth()))),
      cache_(engine_of(job).cache(config_, blocks)),
      view_(sequences_, waiting_, running_, *cache_),
      stage_free_(static_cast<std::size_t>(config_.pipeline_parallel), 0) {
  id_ = around_.world.clock().add(*this);
  around_.world.foretell(id_, around_.next_request);
  if (around_.links != nullptr) {
    stages_.emplace(around_.world, around_.steps, *around_.links, static_cast<StageRun::Owner&>(*this));
  }
}

void Engine::leave() {
  around_.world.foretell(id_, nullptr);
  around_.world.clock().remove(id_);
  if (stages_) stages_->leave();
}

std::vector<StageRun::HeldUpStage> Engine::held_up() const {
  return stages_ ? stages_->held_up() : std::vector<StageRun::HeldUpStage>();
}

ReplicaView Engine::view() const {
  return {static_cast<std::int64_t>(waiting_.size() + arrived_.size()), static_cast<std::int64_t>(running_.size()),
          cache_->free_blocks()};
}

bool Engine::submit(Request request) {
  const std::int64_t room = config_.max_model_len - request.input_tokens;
  const std::int64_t output = std::min(request.output_tokens, room);
  // The last token's keys and values are never needed.
  const std::int64_t blocks = cache_->blocks_for(request.input_tokens + output - 1) + cache_->side_blocks(request);
  if (room < 1 || blocks > cache_->blocks()) {
    around_.tally.rejected(request, replica_);
    return false;
  }
  if (output < request.output_tokens) around_.tally.truncated();
  request.output_tokens = output;
  arrived_.push_back(take_sequence(std::move(request)));
  ++live_;
  if (flights_.empty() && !around_.world.clock().is_scheduled(id_)) sleep_until(around_.world.clock().now());
  return true;
}

// A slot of one that has left, with the memory of its list of blocks, or a new one.
SequenceIndex Engine::take_sequence(Request request) {
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
  return index;
}

void Engine::sleep_until(sim::SimTime time) {
  if (time == sim::kNever) return;
  around_.world.clock().at(std::max({time, host_free_, around_.world.clock().now()}), id_);
}

void Engine::fire(sim::SimTime now) {
  around_.pace.event();
  loop_->turn(*this, now);
  if (flights_.empty() && !waiting_.empty() && !around_.world.clock().is_scheduled(id_)) {
    throw std::logic_error("a scheduler leaves requests waiting on an idle engine");
  }
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
  if (coalesce_ && !stages_ && flights_.back().batch.repeat > 1 && may_run_ahead()) run_ahead();
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
  around_.tally.steps(1, count);
  run_stages(flight, host_free_);
}

// Where nobody else is on the links, what a step will take is known.
void Engine::run_stages(Flight& flight, sim::SimTime ready) {
  if (stages_) {
    flight.end = sim::kNever;
    if (around_.tally.keeps_timeline()) records_.push_back(record_of(flight, 1));
    stages_->enter(completed_ + flights_.size() - 1, flight.shape, ready);
    return;
  }
  for (std::size_t stage = 0; stage < stage_free_.size(); ++stage) {
    const sim::SimTime start = std::max(ready, stage_free_[stage]);
    ready = sim::checked_add(start, around_.steps.time(flight.shape, static_cast<int>(stage)));
    stage_free_[stage] = ready;
    if (around_.tally.keeps_timeline()) keep(record_of(flight, 1), start, ready, stage);
  }
  flight.end = ready;
}

void Engine::stage_ended(std::uint64_t step, std::size_t stage, sim::SimTime start, sim::SimTime now) {
  Flight& flight = flights_[static_cast<std::size_t>(step - completed_)];
  if (around_.tally.keeps_timeline()) keep(records_[static_cast<std::size_t>(step - completed_)], start, now, stage);
  if (stage + 1 < stage_free_.size()) return;
  flight.end = now;
  if (!around_.world.clock().is_scheduled(id_)) sleep_until(now);
}

StepShape Engine::shape_of(const Batch& batch) const {
  StepShape shape;
  for (const BatchItem& item : batch.items) {
    const std::int64_t kv = item.context + item.tokens;
    if (item.decodes()) {
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
  ++completed_;
  if (!records_.empty()) records_.pop_front();
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
  if (around_.missed && around_.tally.is_missed()) around_.missed();
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
      around_.tally.first_token(sequence.request, now);
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
  cache_->release(sequence);
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

void Engine::finish(sim::SimTime now) {
  account(now);
  around_.tally.add_usage(usage_.block_time(), usage_.peak(), cache_->blocks());
}

StepRecord Engine::record_of(const Flight& flight, std::int64_t repeats) const {
  StepRecord record;
  record.replica = replica_;
  record.repeats = repeats;
  record.prefill_sequences = flight.shape.prefill_sequences;
  record.prefill_tokens = flight.shape.prefill_tokens;
  record.decode_sequences = flight.shape.decode_sequences;
  record.prefill_pairs = flight.shape.prefill_pairs;
  record.sampled = flight.shape.sampled;
  record.kv_tokens = flight.shape.decode_kv_tokens - (repeats - 1) * flight.shape.decode_sequences;
  record.padded_tokens = around_.steps.padded(flight.shape.tokens());
  record.used_blocks = cache_->used_blocks();
  record.preempted = flight.batch.preempted;
  record.waiting = static_cast<std::int64_t>(waiting_.size());
  record.running = static_cast<std::int64_t>(running_.size());
  return record;
}

void Engine::keep(StepRecord record, sim::SimTime start, sim::SimTime end, std::size_t stage) {
  record.start = start;
  record.end = end;
  record.stage = static_cast<std::uint32_t>(stage);
  around_.tally.record(record);
}

}  // namespace orrery::models
