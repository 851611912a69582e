// Memory in use: per rank and kind over time, with the peaks that decide whether a job fits.
//
// The ledger counts; it neither places blocks nor knows a capacity. Running over is a finding for the
// report, not a failure of the simulation.
//
// Limitations: no fragmentation and no allocator rounding. Bytes are doubles: exact up to 2^53 bytes per
// sum of whole sizes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hardware/ids.hpp"
#include "hardware/units.hpp"
#include "sim/clock.hpp"
#include "sim/plan/plan.hpp"
#include "sim/plan/timeline.hpp"

namespace orrery::sim {

inline constexpr std::size_t kMemoryKinds = 6;

/// Bytes of each kind, indexed by MemoryKind.
struct MemoryByKind {
  std::array<Bytes, kMemoryKinds> bytes{};

  [[nodiscard]] Bytes operator[](MemoryKind kind) const { return bytes[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] Bytes& operator[](MemoryKind kind) { return bytes[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] Bytes total() const;
};

/// The first moment at which a rank holds the most bytes in total, and what it holds then.
struct MemoryPeak {
  SimTime time = 0;
  Bytes total;
  MemoryByKind at_peak;
};

class MemoryLedger {
 public:
  explicit MemoryLedger(std::size_t ranks) : ranks_(ranks) {}

  void alloc(SimTime time, RankId rank, MemoryKind kind, Bytes bytes);
  void free(SimTime time, RankId rank, MemoryKind kind, Bytes bytes);

  [[nodiscard]] std::size_t ranks() const { return ranks_.size(); }
  [[nodiscard]] const MemoryByKind& in_use(RankId rank) const { return ranks_.at(rank.index()).in_use; }
  /// The moment of the largest total.
  [[nodiscard]] const MemoryPeak& peak(RankId rank) const { return ranks_.at(rank.index()).peak; }
  /// The largest of each kind on its own; these moments differ, so that their sum is no peak.
  [[nodiscard]] const MemoryByKind& peak_of_kind(RankId rank) const { return ranks_.at(rank.index()).peak_of_kind; }
  /// The rank with the largest peak, the first of equals. Throws std::out_of_range without ranks.
  [[nodiscard]] RankId fullest() const;

 private:
  struct Usage {
    MemoryByKind in_use;
    Bytes total;
    MemoryByKind peak_of_kind;
    MemoryPeak peak;
  };
  void set(SimTime time, Usage& usage, MemoryKind kind, Bytes bytes);

  friend MemoryLedger memory_ledger(std::size_t ranks, const std::vector<MemorySample>& samples);
  std::vector<Usage> ranks_;
};

/// The ledger of memory samples, and of those of a timeline.
[[nodiscard]] MemoryLedger memory_ledger(std::size_t ranks, const std::vector<MemorySample>& samples);
[[nodiscard]] MemoryLedger memory_ledger(const Timeline& timeline);

/// An alloc or free step at the time its stream reached it.
struct MemoryChange {
  SimTime time = 0;
  std::uint32_t stream = 0;
  std::uint32_t position = 0;  ///< of the step in its stream
  std::uint32_t entry = 0;     ///< into Plan::memory
  bool is_alloc = false;
};

/// Changes of memory as samples of the bytes in use, ordered by time, then stream, then step: whoever
/// finds the changes, in whatever order, gets the same samples.
[[nodiscard]] std::vector<MemorySample> memory_samples(const Plan& plan, std::vector<MemoryChange> changes);

}  // namespace orrery::sim
