// The memory ledger and the samples of a timeline.
#include "sim/plan/memory.hpp"

#include <algorithm>
#include <stdexcept>
#include <tuple>

namespace orrery::sim {

Bytes MemoryByKind::total() const {
  Bytes sum;
  for (const Bytes b : bytes) sum += b;
  return sum;
}

void MemoryLedger::alloc(SimTime time, RankId rank, MemoryKind kind, Bytes bytes) {
  Usage& usage = ranks_.at(rank.index());
  set(time, usage, kind, usage.in_use[kind] + bytes);
}

void MemoryLedger::free(SimTime time, RankId rank, MemoryKind kind, Bytes bytes) {
  Usage& usage = ranks_.at(rank.index());
  set(time, usage, kind, usage.in_use[kind] - bytes);
}

void MemoryLedger::set(SimTime time, Usage& usage, MemoryKind kind, Bytes bytes) {
  usage.total += bytes - usage.in_use[kind];
  usage.in_use[kind] = bytes;
  usage.peak_of_kind[kind] = max(usage.peak_of_kind[kind], bytes);
  if (usage.total > usage.peak.total) usage.peak = {time, usage.total, usage.in_use};
}

RankId MemoryLedger::fullest() const {
  if (ranks_.empty()) throw std::out_of_range("a memory ledger without ranks has no fullest one");
  const auto largest = std::max_element(ranks_.begin(), ranks_.end(),
                                        [](const Usage& a, const Usage& b) { return a.peak.total < b.peak.total; });
  return RankId(static_cast<std::size_t>(largest - ranks_.begin()));
}

MemoryLedger memory_ledger(std::size_t ranks, const std::vector<MemorySample>& samples) {
  MemoryLedger ledger(ranks);
  for (const MemorySample& sample : samples) {
    ledger.set(sample.time, ledger.ranks_.at(sample.rank.index()), sample.kind, Bytes{sample.bytes_after});
  }
  return ledger;
}

MemoryLedger memory_ledger(const Timeline& timeline) { return memory_ledger(timeline.ranks.size(), timeline.memory); }

std::vector<MemorySample> memory_samples(const Plan& plan, std::vector<MemoryChange> changes) {
  std::sort(changes.begin(), changes.end(), [](const MemoryChange& a, const MemoryChange& b) {
    return std::tie(a.time, a.stream, a.position) < std::tie(b.time, b.stream, b.position);
  });
  std::vector<MemoryByKind> in_use(plan.ranks.size());
  std::vector<MemorySample> samples;
  samples.reserve(changes.size());
  for (const MemoryChange& change : changes) {
    const MemoryEntry& entry = plan.memory[change.entry];
    const RankId rank = plan.streams[change.stream].rank;
    Bytes& bytes = in_use[rank.index()][entry.kind];
    bytes = change.is_alloc ? bytes + entry.bytes : bytes - entry.bytes;
    samples.push_back({change.time, rank, entry.kind, bytes.value()});
  }
  return samples;
}

}  // namespace orrery::sim
