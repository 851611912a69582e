// Laws of the scheduler, tried on random loads, and a comparison with schedule() in the plainest words.
#ifdef ORRERY_HAVE_RAPIDCHECK

#include <set>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/models/serving_driver.hpp"
#include "tests/models/serving_naive_cache.hpp"

namespace orrery::models::testing {
namespace {

/// vLLM V1's schedule(), statement by statement, on lists and maps.
class NaiveScheduler {
 public:
  NaiveScheduler(const SchedulerConfig& limits, const KvCacheConfig& pool)
      : config(limits), cache(pool.blocks, pool.block_size, pool.prefix_caching) {}

  void add(const Arrival& arrival) {
    Sequence sequence;
    sequence.request = request_of(arrival, sequences.size());
    waiting.push_back(static_cast<SequenceIndex>(sequences.size()));
    sequences.push_back(std::move(sequence));
  }

  void next() {
    items.clear();
    preempted = 0;
    budget_ = config.max_num_batched_tokens;
    bool room = true;
    for (std::size_t i = 0; i < running.size() && budget_ > 0 && room; ++i) room = run(running[i]);
    if (preempted > 0) return;
    while (!waiting.empty() && budget_ > 0 && static_cast<std::int64_t>(running.size()) < config.max_num_seqs) {
      if (!admit(waiting.front())) break;
      running.push_back(waiting.front());
      waiting.pop_front();
    }
  }

  void apply(const Batch& batch) {
    for (const BatchItem& item : batch.items) {
      if (!item.emits) continue;
      Sequence& s = sequences[item.sequence];
      if (s.placeholders > 0) --s.placeholders;
      if (s.state == SequenceState::finished) continue;
      if (++s.generated < s.request.output_tokens) continue;
      s.state = SequenceState::finished;
      if (cache.holds(s)) cache.release(s);
      running.erase(std::remove(running.begin(), running.end(), item.sequence), running.end());
      waiting.erase(std::remove(waiting.begin(), waiting.end(), item.sequence), waiting.end());
    }
  }

  SchedulerConfig config;
  NaiveCache cache;
  std::vector<Sequence> sequences;
  std::deque<SequenceIndex> waiting;
  std::vector<SequenceIndex> running;
  std::vector<BatchItem> items;
  int preempted = 0;

 private:
  /// False: the sequence has preempted itself.
  bool run(SequenceIndex index) {
    Sequence& s = sequences[index];
    if (config.async_scheduling && config.foresees_end && s.placeholders > 0 && s.remaining() <= 0) return true;
    std::int64_t n = s.known() + s.placeholders - s.computed;
    if (config.long_prefill_token_threshold > 0) n = std::min(n, config.long_prefill_token_threshold);
    n = std::min({n, budget_, config.max_model_len - 1 - s.computed});
    if (n <= 0) return true;
    while (!cache.allocate(s, s.computed + n, 0)) {
      const SequenceIndex victim = running.back();
      running.pop_back();
      cache.release(sequences[victim]);
      sequences[victim].computed = 0;
      waiting.push_front(victim);
      ++preempted;
      if (victim == index) return false;
    }
    schedule(index, n);
    return true;
  }

  bool admit(SequenceIndex index) {
    Sequence& s = sequences[index];
    const std::int64_t hit = cache.lookup(s);
    std::int64_t n = s.known() - hit;
    if (config.long_prefill_token_threshold > 0) n = std::min(n, config.long_prefill_token_threshold);
    if (!config.enable_chunked_prefill && n > budget_) return false;
    n = std::min(n, budget_);
    if (config.reserve_full_input && !cache.fits(s, std::min(s.known(), config.max_model_len), hit)) return false;
    if (!cache.allocate(s, hit + n, hit)) return false;
    s.computed = hit;
    schedule(index, n);
    return true;
  }

  void schedule(SequenceIndex index, std::int64_t n) {
    Sequence& s = sequences[index];
    const bool emits = s.computed + n == s.known() + s.placeholders;
    items.push_back({index, n, s.computed, emits});
    s.computed += n;
    budget_ -= n;
    if (emits && config.async_scheduling) ++s.placeholders;
  }

  std::int64_t budget_ = 0;
};

struct Case {
  SchedulerConfig config;
  KvCacheConfig pool;
  std::size_t in_flight = 1;
  std::vector<Arrival> arrivals;
};

/// A small system under some pressure: requests of a tree of prompts whose answers may need every block.
Case random_case() {
  Case c;
  c.config.max_num_batched_tokens = *rc::gen::element<std::int64_t>(8, 24, 64, 200);
  c.config.max_num_seqs = *rc::gen::element<std::int64_t>(1, 2, 5, 16);
  c.config.max_model_len = 4096;
  c.config.long_prefill_token_threshold = *rc::gen::weightedElement<std::int64_t>({{3, 0}, {1, 7}, {1, 33}});
  c.config.reserve_full_input = *rc::gen::arbitrary<bool>();
  c.config.async_scheduling = *rc::gen::arbitrary<bool>();
  c.config.foresees_end = *rc::gen::weightedElement<bool>({{3, true}, {1, false}});
  c.in_flight = c.config.async_scheduling ? 2 : *rc::gen::element<std::size_t>(1, 1, 2);
  c.pool.block_size = *rc::gen::element<std::int64_t>(4, 16);
  c.pool.prefix_caching = *rc::gen::weightedElement<bool>({{4, true}, {1, false}});
  const auto draws = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::arbitrary<std::uint32_t>());
  std::int64_t step = 0, longest = 1;
  for (const std::uint32_t draw : draws) {
    Arrival arrival;
    step += (draw % 3 == 0) ? (draw >> 2) % 9 : 0;
    arrival.step = step;
    arrival.input = 1 + (draw >> 4) % (6 * c.pool.block_size);
    arrival.output = 1 + (draw >> 9) % 40;
    if ((draw >> 14) % 3 > 0) {
      arrival.prefix_tokens = draw % 2 == 0 ? c.pool.block_size : 2 * c.pool.block_size;
      // Names of one length of pieces only, or they would not mean equal tokens.
      std::uint64_t node = draw % 2 == 0 ? 1 : 1000;
      for (std::uint32_t depth = 0; depth < (draw >> 16) % 4; ++depth) {
        node = 2 * node + (draw >> (18 + depth)) % 2;
        arrival.prefix.push_back(node);
      }
    }
    longest = std::max(longest, arrival.input + arrival.output);
    c.arrivals.push_back(arrival);
  }
  c.config.enable_chunked_prefill = *rc::gen::weightedElement<bool>({{4, true}, {1, false}});
  if (!c.config.enable_chunked_prefill) {
    c.config.max_num_batched_tokens = std::max(c.config.max_num_batched_tokens, longest);
  }
  const std::int64_t needed = (longest + c.pool.block_size) / c.pool.block_size + 1;
  c.pool.blocks = needed + *rc::gen::inRange<std::int64_t>(0, 20);
  return c;
}

TEST(VllmV1SchedulerProperties, DecidesWhatThePlainAlgorithmDecides) {
  EXPECT_TRUE(rc::check([] {
    const Case c = random_case();
    SchedulerDriver driver(c.config, c.pool, c.in_flight);
    NaiveScheduler naive(c.config, c.pool);
    std::size_t arrived = 0;
    std::int64_t step = 0;
    for (; arrived < c.arrivals.size() || !driver.idle(); ++step) {
      RC_ASSERT(step < 20'000);
      for (; arrived < c.arrivals.size() && c.arrivals[arrived].step <= step; ++arrived) {
        driver.add(c.arrivals[arrived]);
        naive.add(c.arrivals[arrived]);
      }
      driver.decide();
      naive.next();
      const std::vector<BatchItem>& expected = naive.items;
      RC_LOG() << "step " << step << ": " << render(driver.batch, driver.cache) << "\n";
      RC_ASSERT(driver.batch.items.size() == expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        RC_ASSERT(driver.batch.items[i].sequence == expected[i].sequence);
        RC_ASSERT(driver.batch.items[i].tokens == expected[i].tokens);
        RC_ASSERT(driver.batch.items[i].context == expected[i].context);
        RC_ASSERT(driver.batch.items[i].emits == expected[i].emits);
      }
      RC_ASSERT(driver.batch.preempted == naive.preempted);
      RC_ASSERT(driver.cache.free_blocks() == naive.cache.free_blocks());
      naive.apply(driver.settle());
    }
    for (const Sequence& sequence : driver.sequences) {
      RC_ASSERT(sequence.state == SequenceState::finished);
      RC_ASSERT(sequence.generated == sequence.request.output_tokens);
    }
    RC_ASSERT(driver.cache.free_blocks() == c.pool.blocks);
  }));
}

TEST(VllmV1SchedulerProperties, KeepsItsLimitsAndEndsEverySequence) {
  EXPECT_TRUE(rc::check([] {
    const Case c = random_case();
    SchedulerDriver driver(c.config, c.pool, c.in_flight);
    std::size_t arrived = 0;
    int preempted = 0;
    for (std::int64_t step = 0; arrived < c.arrivals.size() || !driver.idle(); ++step) {
      RC_ASSERT(step < 20'000);
      while (arrived < c.arrivals.size() && c.arrivals[arrived].step <= step) driver.add(c.arrivals[arrived++]);
      const std::size_t waited = driver.waiting.size();
      driver.decide();
      std::int64_t tokens = 0;
      std::set<SequenceIndex> seen;
      for (const BatchItem& item : driver.batch.items) {
        const Sequence& s = driver.sequences[item.sequence];
        tokens += item.tokens;
        RC_ASSERT(item.tokens >= 1);
        RC_ASSERT(seen.insert(item.sequence).second);
        RC_ASSERT(s.state == SequenceState::running && s.holds_blocks);
        RC_ASSERT(s.computed == item.context + item.tokens);
        RC_ASSERT(static_cast<std::int64_t>(s.blocks.size()) == driver.cache.blocks_for(s.computed));
        RC_ASSERT(s.cached >= 0 && s.cached < s.request.input_tokens + s.request.output_tokens);
      }
      RC_ASSERT(tokens <= c.config.max_num_batched_tokens);
      RC_ASSERT(static_cast<std::int64_t>(driver.running.size()) <= c.config.max_num_seqs);
      if (driver.batch.preempted > 0) {
        RC_ASSERT(driver.waiting.size() == waited + static_cast<std::size_t>(driver.batch.preempted));
      }
      preempted += driver.batch.preempted;
      driver.settle();
    }
    for (const Sequence& sequence : driver.sequences) {
      RC_ASSERT(sequence.generated == sequence.request.output_tokens);
      preempted -= sequence.preemptions;
    }
    RC_ASSERT(preempted == 0);
    RC_ASSERT(driver.cache.free_blocks() == c.pool.blocks);
  }));
}

/// Blocks that another run of the batch would take.
std::int64_t growth(const SchedulerDriver& driver, const Batch& batch) {
  std::int64_t blocks = 0;
  for (const BatchItem& item : batch.items) {
    const Sequence& s = driver.sequences[item.sequence];
    blocks += driver.cache.blocks_for(s.computed + 1) - static_cast<std::int64_t>(s.blocks.size());
  }
  return blocks;
}

TEST(VllmV1SchedulerProperties, RepeatsABatchAsOftenAsItForesees) {
  std::int64_t repeated = 0;
  EXPECT_TRUE(rc::check([&repeated] {
    const Case c = random_case();
    // With pipeline stages the decision after is another, or empty, while this one's sequences are in flight.
    RC_PRE(c.config.async_scheduling || c.in_flight == 1);
    SchedulerDriver driver(c.config, c.pool, c.in_flight);
    std::size_t arrived = 0;
    for (std::int64_t step = 0; arrived < c.arrivals.size() || !driver.idle(); ++step) {
      RC_ASSERT(step < 20'000);
      while (arrived < c.arrivals.size() && c.arrivals[arrived].step <= step) driver.add(c.arrivals[arrived++]);
      const Batch first = driver.decide();
      driver.settle();
      RC_ASSERT(first.repeat >= 1);
      if (first.repeat == 1) continue;
      for (const BatchItem& item : first.items) RC_ASSERT(item.tokens == 1 && item.emits);
      // Nothing arrives meanwhile: a foreseen run ends where blocks run out, no earlier.
      for (std::int64_t again = 1; again < first.repeat; ++again) {
        if (growth(driver, first) > driver.cache.free_blocks()) break;
        ++repeated;
        driver.decide();
        RC_ASSERT(driver.batch.preempted == 0);
        RC_ASSERT(driver.batch.items.size() == first.items.size());
        for (std::size_t i = 0; i < first.items.size(); ++i) {
          RC_ASSERT(driver.batch.items[i].sequence == first.items[i].sequence);
          RC_ASSERT(driver.batch.items[i].tokens == 1);
          RC_ASSERT(driver.batch.items[i].emits);
          RC_ASSERT(driver.batch.items[i].context == first.items[i].context + again);
        }
        driver.settle();
        ++step;
      }
    }
  }));
  EXPECT_GT(repeated, 1000);  // or nothing was tested
}

}  // namespace
}  // namespace orrery::models::testing

#endif
