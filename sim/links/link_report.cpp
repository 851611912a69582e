#include "sim/links/link_report.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace orrery::sim {

namespace {

std::size_t rank_of(std::string_view link_class) {
  static constexpr std::array<std::string_view, 6> kOrder = {"nvlink", "ici", "pcie", "nic", "leaf", "spine"};
  return static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), link_class) - kOrder.begin());
}

}  // namespace

std::string operation_name(const Plan& plan, const CollectiveEntry& entry) {
  return plan.labels[entry.label.index()] + " (" + plan.groups[entry.group.index()].name + ")";
}

std::string operation_name(const Plan& plan, const TransferEntry& entry) {
  return plan.labels[entry.label.index()] + " (" + plan.ranks[entry.source.index()].name + " to " +
         plan.ranks[entry.destination.index()].name + ")";
}

std::string link_name(const LinkInfo& link) { return link.link_class + " (" + link.representative + ")"; }

std::vector<LinkReport> report_links(const std::vector<LinkInfo>& links, const std::vector<LinkUsage>& usage,
                                     std::span<const HeldUpOn> held_up) {
  using Key = std::pair<std::size_t, double>;
  const auto key_of = [](const LinkInfo& info) { return Key{rank_of(info.link_class), info.capacity.value()}; };
  std::map<Key, LinkReport> lines;
  for (std::size_t i = 0; i < usage.size(); ++i) {
    if (!(usage[i].bytes > Bytes{0.0})) continue;
    LinkReport& line = lines[key_of(links[i])];
    line.link_class = links[i].link_class;
    line.capacity = links[i].capacity;
    line.count += links[i].count;
    line.bytes += usage[i].bytes * static_cast<double>(links[i].count);
    line.mean_load += usage[i].mean_load * links[i].count;
    line.peak_load = std::max(line.peak_load, usage[i].peak_load);
  }
  for (const HeldUpOn& held : held_up) {
    const auto line = lines.find(key_of(links[held.link.index()]));
    if (line == lines.end()) continue;
    std::vector<HeldUpOperation>& list = line->second.held_up;
    const auto known = std::find_if(list.begin(), list.end(), [&](const HeldUpOperation& other) {
      return other.operation == held.operation.operation;
    });
    if (known == list.end()) {
      list.push_back(held.operation);
    } else {
      known->delay += held.operation.delay;
    }
  }
  std::vector<LinkReport> out;
  for (auto& [key, line] : lines) {
    line.mean_load /= line.count;
    std::stable_sort(line.held_up.begin(), line.held_up.end(),
                     [](const HeldUpOperation& a, const HeldUpOperation& b) { return a.delay > b.delay; });
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace orrery::sim
