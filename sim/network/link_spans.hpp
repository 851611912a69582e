// What links are asked for and when, where nothing is held up.
//
// If no link is ever asked for more than its capacity, nothing is held up at all: the first moment at which something
// would be slowed does not come. The undisturbed evaluation is then the answer of a World too. What a block's
// operations put on a link counts from the first to the last of them at the highest of their shares, so that the
// verdict may be too careful, never too bold.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "hardware/units.hpp"
#include "sim/clock.hpp"
#include "sim/network/max_min.hpp"

namespace orrery::sim {

/// What a link carried.
struct LinkUsage {
  Bytes bytes;
  double mean_load = 0.0;  ///< of what it could have carried
  double peak_load = 0.0;  ///< highest rate over capacity
};

class LinkSpans {
 public:
  explicit LinkSpans(std::span<const BytesPerSecond> capacities);

  /// A rate of `share` bytes per picosecond at most, `bytes` in all.
  void add(std::uint32_t link, SimTime start, SimTime end, double share, double bytes) {
    spans_[link].push_back({start, end, share});
    bytes_[link] += bytes;
    looked_at_[link] = 0;
  }
  /// An operation that ends at `end` and loads the links during its last `work`.
  void add(std::span<const LinkUse> uses, SimTime work, SimTime end) {
    for (const LinkUse& use : uses) {
      add(use.link, end - work, end, use.share, use.share * static_cast<double>(work));
    }
  }

  /// What a link is asked for meanwhile, at most.
  struct Asked {
    SimTime start = 0, end = 0;
    double share = 0.0;
    friend bool operator==(const Asked&, const Asked&) = default;
  };
  /// What was added as `asked` ends at `now` instead, without `undone` of its bytes. What settle() has shown of it
  /// stays.
  void cut(std::uint32_t link, const Asked& asked, SimTime now, double undone);

  /// Nothing will be added that begins before `now`: forgets what has ended by then, but for what it has shown.
  void settle(SimTime now);
  /// Whether the link is asked for more than it has.
  [[nodiscard]] bool filled(std::uint32_t link);
  /// The links that are, by number.
  [[nodiscard]] std::vector<std::uint32_t> filled();
  /// In all, on a link.
  [[nodiscard]] double bytes(std::uint32_t link) const { return bytes_[link]; }
  /// Of each link, over `duration`.
  [[nodiscard]] std::vector<LinkUsage> usage(SimTime duration);

 private:
  [[nodiscard]] double peak(std::uint32_t link);
  [[nodiscard]] double find_peak(std::uint32_t link);

  std::vector<double> capacities_;  ///< bytes per picosecond
  std::vector<std::vector<Asked>> spans_;
  std::vector<double> bytes_;
  std::vector<double> settled_;  ///< by link: the peak of what was forgotten
  std::vector<double> peaks_;    ///< by link, where it was looked at since the last span came
  std::vector<std::uint8_t> looked_at_;
  std::vector<std::pair<SimTime, double>> active_;  ///< ends and shares of the spans that last, the last to end first
};

}  // namespace orrery::sim
