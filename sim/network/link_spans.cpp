#include "sim/network/link_spans.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace orrery::sim {

namespace {

constexpr double kPerPicosecond = 1e-12;
/// What rounding may add to a sum of shares that fill a link exactly.
constexpr double kSlack = 1.0 + 1e-9;

}  // namespace

LinkSpans::LinkSpans(std::span<const BytesPerSecond> capacities)
    : spans_(capacities.size()),
      bytes_(capacities.size(), 0.0),
      settled_(capacities.size(), 0.0),
      peaks_(capacities.size(), 0.0),
      looked_at_(capacities.size(), 0) {
  for (const BytesPerSecond capacity : capacities) capacities_.push_back(capacity.value() * kPerPicosecond);
}

double LinkSpans::peak(std::uint32_t link) {
  if (std::exchange(looked_at_[link], std::uint8_t{1}) == 0) peaks_[link] = find_peak(link);
  return peaks_[link];
}

double LinkSpans::find_peak(std::uint32_t link) {
  std::vector<Asked>& spans = spans_[link];
  const auto earlier = [](const Asked& a, const Asked& b) { return a.start < b.start; };
  if (!std::is_sorted(spans.begin(), spans.end(), earlier)) std::sort(spans.begin(), spans.end(), earlier);
  active_.clear();
  double sum = 0.0, most = settled_[link];
  for (const Asked& asked : spans) {
    for (; !active_.empty() && active_.back().first <= asked.start; active_.pop_back()) sum -= active_.back().second;
    if (active_.empty()) sum = 0.0;
    if (asked.end == asked.start) continue;
    sum += asked.share;
    // A link carries few at a time: a sorted list of them is shorter work than a heap.
    const std::pair<SimTime, double> until(asked.end, asked.share);
    active_.insert(std::upper_bound(active_.begin(), active_.end(), until, std::greater<>{}), until);
    most = std::max(most, sum);
  }
  return most;
}

// The latest of several alike: it is what was added last that is cut.
void LinkSpans::cut(std::uint32_t link, const Asked& asked, SimTime now, double undone) {
  std::vector<Asked>& spans = spans_[link];
  const auto found = std::find(spans.rbegin(), spans.rend(), asked);
  if (found == spans.rend() || asked.end <= now) return;
  bytes_[link] -= undone;
  looked_at_[link] = 0;
  if (asked.start < now) {
    found->end = now;
  } else {
    spans.erase(std::next(found).base());
  }
}

// What still lasts stays, so that it is counted beside what begins later.
void LinkSpans::settle(SimTime now) {
  for (std::uint32_t link = 0; link < spans_.size(); ++link) {
    if (spans_[link].empty()) continue;
    settled_[link] = peak(link);
    looked_at_[link] = 0;
    std::erase_if(spans_[link], [now](const Asked& asked) { return asked.end <= now; });
  }
}

bool LinkSpans::filled(std::uint32_t link) { return peak(link) > capacities_[link] * kSlack; }

std::vector<std::uint32_t> LinkSpans::filled() {
  std::vector<std::uint32_t> links;
  for (std::uint32_t link = 0; link < spans_.size(); ++link) {
    if (filled(link)) links.push_back(link);
  }
  return links;
}

std::vector<LinkUsage> LinkSpans::usage(SimTime duration) {
  std::vector<LinkUsage> out;
  for (std::uint32_t link = 0; link < spans_.size(); ++link) {
    LinkUsage usage;
    usage.bytes = Bytes{bytes_[link]};
    usage.peak_load = peak(link) / capacities_[link];
    if (duration > 0) usage.mean_load = bytes_[link] / (capacities_[link] * static_cast<double>(duration));
    out.push_back(usage);
  }
  return out;
}

}  // namespace orrery::sim
