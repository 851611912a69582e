#include "sim/network/link_spans.hpp"

#include <algorithm>
#include <functional>

namespace orrery::sim {

namespace {

constexpr double kPerPicosecond = 1e-12;
/// What rounding may add to a sum of shares that fill a link exactly.
constexpr double kSlack = 1.0 + 1e-9;

}  // namespace

LinkSpans::LinkSpans(std::span<const BytesPerSecond> capacities)
    : spans_(capacities.size()), bytes_(capacities.size(), 0.0), settled_(capacities.size(), 0.0) {
  for (const BytesPerSecond capacity : capacities) capacities_.push_back(capacity.value() * kPerPicosecond);
}

double LinkSpans::peak(std::uint32_t link) {
  std::vector<Asked>& spans = spans_[link];
  std::sort(spans.begin(), spans.end(), [](const Asked& a, const Asked& b) { return a.start < b.start; });
  std::vector<std::pair<SimTime, double>> active;  // min-heap by end
  double sum = 0.0, most = settled_[link];
  for (const Asked& asked : spans) {
    while (!active.empty() && active.front().first <= asked.start) {
      sum -= active.front().second;
      std::pop_heap(active.begin(), active.end(), std::greater<>{});
      active.pop_back();
    }
    if (active.empty()) sum = 0.0;
    if (asked.end == asked.start) continue;
    sum += asked.share;
    active.emplace_back(asked.end, asked.share);
    std::push_heap(active.begin(), active.end(), std::greater<>{});
    most = std::max(most, sum);
  }
  return most;
}

// What still lasts stays, so that it is counted beside what begins later.
void LinkSpans::settle(SimTime now) {
  for (std::uint32_t link = 0; link < spans_.size(); ++link) {
    if (spans_[link].empty()) continue;
    settled_[link] = peak(link);
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
