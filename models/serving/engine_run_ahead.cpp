// Running ahead: many equal steps of decodes in one event of the clock.
#include <algorithm>
#include <stdexcept>

#include "models/serving/engine.hpp"

namespace orrery::models {

bool Engine::may_run_ahead() const {
  constexpr std::size_t kDeepest = 2;  // below, the oldest of two is followed by the newest
  if (flights_.size() != loop_->depth() || flights_.size() > kDeepest || stage_free_.size() != 1) return false;
  const std::vector<BatchItem>& last = flights_.back().batch.items;
  const std::vector<BatchItem>& first = flights_.front().batch.items;
  return std::equal(first.begin(), first.end(), last.begin(), last.end(), [](const BatchItem& a, const BatchItem& b) {
    return a.sequence == b.sequence && a.tokens == 1 && a.emits && a.decodes() && b.decodes();
  });
}

// The loop without the queue: emit the oldest step, decide the same again. Everything that depends on single sequences
// is worked out once for all repetitions.
void Engine::run_ahead() {
  Flight& last = flights_.back();
  const std::vector<BatchItem>& items = last.batch.items;
  const auto count = static_cast<std::int64_t>(items.size());
  const std::size_t depth = loop_->depth();
  const std::int64_t size = cache_->block_size();
  // Sequences by their place in a block: those at 0 need a new one for the next token.
  std::vector<std::int64_t> places(static_cast<std::size_t>(size), 0);
  std::uint64_t counted = 0;
  for (const BatchItem& item : items) {
    const Sequence& sequence = sequences_[item.sequence];
    ++places[static_cast<std::size_t>(sequence.computed % size)];
    if (!around_.tally.is_warmup(sequence.request)) ++counted;
  }
  const sim::SimTime limit = around_.world.quiet_until(id_);
  const sim::SimTime host = around_.steps.host_time(count);
  const sim::SimTime first_start = last.end;
  sim::SimTime oldest = flights_.front().end, newest = last.end, emitted = 0;
  std::int64_t free = cache_->free_blocks(), times = 0;
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
    usage_.until(now);
    free -= crossing;
    usage_.add(crossing);
    host_free_ = sim::checked_add(now, host);
    last.shape.decode_kv_tokens += count;
    const sim::SimTime start = std::max(newest, host_free_);
    const sim::SimTime next = sim::checked_add(start, around_.steps.decode_time(count, last.shape.decode_kv_tokens));
    oldest = depth == 1 ? next : newest;
    newest = next;
    ++times;
  }
  if (times == 0) return;
  for (BatchItem& item : last.batch.items) {
    Sequence& sequence = sequences_[item.sequence];
    sequence.generated += times - 1;
    sequence.last_token = emitted;
    // emit() took the place of one token in flight; the step decided since has put one back.
    if (depth > 1) ++sequence.placeholders;
    if (!cache_->allocate(sequence, sequence.computed + times)) throw std::logic_error("counted blocks are not there");
    sequence.computed += times;
    item.context += times;
  }
  around_.tally.steps(times, count);
  flights_.front().end = oldest;
  flights_.back().end = newest;
  stage_free_[0] = newest;
  scheduler_->done(view_, last.batch, times);
  if (around_.tally.keeps_timeline()) keep(record_of(last, times), first_start, newest, 0);
}

}  // namespace orrery::models
