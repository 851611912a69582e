#include "scenarios/link_loads.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "models/link_loads.hpp"
#include "scenarios/report.hpp"
#include "scenarios/shared_jobs.hpp"

namespace orrery::scenarios {

namespace {

/// Of 16 bytes each.
constexpr std::size_t kMostChanges = std::size_t{1} << 23;
constexpr double kPerPicosecond = 1e-12;

/// The load of one link by parts of the time: what it carried, in bytes, and its highest rate in bytes per picosecond.
struct Parts {
  std::vector<double> bytes = std::vector<double>(kLoadParts, 0.0);
  std::vector<double> most = std::vector<double>(kLoadParts, 0.0);
  double sum = 0.0;
};

/// A constant `rate` from `begin` to `end`, in picoseconds.
void add(Parts& parts, double begin, double end, double rate, double size) {
  if (!(end > begin) || !(rate > 0.0)) return;
  parts.sum += rate * (end - begin);
  auto part = std::min(static_cast<std::size_t>(begin / size), kLoadParts - 1);
  for (; part < kLoadParts && static_cast<double>(part) * size < end; ++part) {
    const double from = std::max(begin, static_cast<double>(part) * size);
    const double to = part + 1 == kLoadParts ? end : std::min(end, static_cast<double>(part + 1) * size);
    if (!(to > from)) continue;
    parts.bytes[part] += rate * (to - from);
    parts.most[part] = std::max(parts.most[part], rate);
  }
}

Parts parts_of(const std::vector<sim::LoadChange>& changes, sim::SimTime end) {
  Parts parts;
  const auto whole = static_cast<double>(end);
  const double size = whole / static_cast<double>(kLoadParts);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const double until = i + 1 < changes.size() ? static_cast<double>(changes[i + 1].time) : whole;
    add(parts, static_cast<double>(changes[i].time), std::min(until, whole), changes[i].rate.value() * kPerPicosecond,
        size);
  }
  return parts;
}

LinkLoads by_class(const models::RecordedLoads& recorded) {
  LinkLoads out{sim::to_seconds(recorded.end), recorded.whole, {}};
  if (recorded.end == 0) return out;
  std::vector<int> counts;  // of links in each of the series
  const double size = static_cast<double>(recorded.end) / static_cast<double>(kLoadParts);
  for (std::size_t link = 0; link < recorded.links.size(); ++link) {
    const sim::LinkInfo& info = recorded.links[link];
    const Parts parts = parts_of(recorded.changes[link], recorded.end);
    if (!(parts.sum > 0.0)) continue;
    auto found = std::find_if(out.series.begin(), out.series.end(), [&](const LoadSeries& series) {
      return series.link_class == info.link_class && series.capacity == info.capacity;
    });
    if (found == out.series.end()) {
      const std::vector<double> nothing(kLoadParts, 0.0);
      out.series.push_back({info.link_class, info.capacity, nothing, nothing});
      counts.push_back(0);
      found = out.series.end() - 1;
    }
    counts[static_cast<std::size_t>(found - out.series.begin())] += info.count;
    const double capacity = info.capacity.value() * kPerPicosecond;
    for (std::size_t part = 0; part < kLoadParts; ++part) {
      found->mean[part] += parts.bytes[part] / (capacity * size) * info.count;
      found->most[part] = std::max(found->most[part], parts.most[part] / capacity);
    }
  }
  for (std::size_t i = 0; i < out.series.size(); ++i) {
    for (double& mean : out.series[i].mean) mean /= counts[i];
  }
  return out;
}

}  // namespace

const LoadSeries* LinkLoads::find(std::string_view link_class, BytesPerSecond capacity) const {
  for (const LoadSeries& one : series) {
    if (one.link_class == link_class && one.capacity == capacity) return &one;
  }
  return nullptr;
}

LinkLoads link_loads(const Scenario& scenario, const sim::RunControl& control) {
  const std::unique_ptr<kernels::KernelTimer> timer = make_timer(scenario.timer);
  const Keep keep;
  hardware::Cluster cluster = scenario.cluster;
  cluster.network.reading = hardware::NetworkReading::flows;
  try {
    const SharedJobs jobs(scenario, *timer, keep, control);
    return by_class(
        models::record_loads(cluster, jobs.topology(), jobs.slots(), jobs.disturbances(), control, kMostChanges));
  } catch (const std::invalid_argument& error) {
    throw hardware::ConfigError(fmt::format("{}: {}", hardware::quoted_path(scenario.file), error.what()));
  } catch (const sim::TimeOverflow& error) {
    throw hardware::ConfigError(fmt::format("{}: {}", hardware::quoted_path(scenario.file), error.what()));
  }
}

}  // namespace orrery::scenarios
