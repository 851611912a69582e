#include "scenarios/events.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hardware/topology/topology.hpp"
#include "models/world_job.hpp"
#include "scenarios/sections.hpp"

namespace orrery::scenarios {

namespace {

using hardware::ConfigNode;
using hardware::Diagnostics;
using hardware::MapReader;
using hardware::Range;

/// More than a tenfold of a profile's figure is a slip of the keyboard.
constexpr double kMostScale = 10.0;

/// Less is as good as nothing: the clock of what runs so slowly would end first.
constexpr double kLeastScale = 1e-4;

/// What an event is about, and what becomes of it.
void check_event(const ConfigNode& node, const MapReader& reader, Diagnostics& diagnostics) {
  if (reader.has("gpu") == reader.has("link")) {
    diagnostics.error(node.span, reader.has("gpu") ? "an event is about a gpu or a link, not both"
                                                   : "an event needs a gpu: or a link: that it is about");
  }
  if (reader.has("scale") == reader.has("down")) {
    diagnostics.error(node.span, reader.has("scale") ? "an event has a scale or is down, not both"
                                                     : "an event needs scale: (a factor) or down: true");
  }
}

Event read_event(const ConfigNode& node, int gpus, Diagnostics& diagnostics) {
  MapReader reader(&node, "event", diagnostics);
  Event event;
  event.span = node.span;
  const std::size_t before = diagnostics.items().size();
  event.at = reader.has("at") ? read_moment(reader, "at", event.at) : reader.duration("at");
  if (reader.has("until")) {
    event.until = read_moment(reader, "until", Seconds{0.0});
    if (*event.until <= event.at && diagnostics.items().size() == before) {
      diagnostics.error(reader.span("until"),
                        fmt::format("'until' is not after 'at': the event would end at {:g} s and "
                                    "start at {:g} s",
                                    event.until->value(), event.at.value()));
    }
  }
  check_event(node, reader, diagnostics);
  event.link = reader.text_or("link", "");
  if (reader.has("gpu")) event.gpu = static_cast<int>(reader.integer("gpu", Range::between(0, gpus - 1.0)));
  event.scale = reader.number_or("scale", 1.0, Range::between(0.0, kMostScale));
  if (event.scale > 0.0 && event.scale < kLeastScale) {
    diagnostics.error(reader.span("scale"),
                      fmt::format("'scale': {:g} is less than {:g}: write down: true for what stands still",
                                  event.scale, kLeastScale));
  }
  event.down = reader.boolean_or("down", false);
  if (reader.has("down") && !event.down) {
    diagnostics.error(reader.span("down"), "'down' is only ever true: leave the event out for a link that is up");
  }
  if (event.down) event.scale = 0.0;
  reader.finish();
  return event;
}

/// Everything but where they stand.
bool is_same(const Event& a, const Event& b) {
  return a.at == b.at && a.until == b.until && a.link == b.link && a.gpu == b.gpu && a.scale == b.scale &&
         a.down == b.down;
}

/// What an event asks of a link that can't be; empty: nothing. Throws ConfigError if there is no such link.
std::string link_error(const Event& event, const hardware::Topology& topology) {
  switch (models::reach_of(topology, topology.find_link(event.link))) {
    case models::Reach::nothing:
      return fmt::format("nothing that is modelled passes '{}': no job would notice", event.link);
    case models::Reach::own_links:
      if (event.scale <= 1.0) return {};
      return fmt::format(
          "'{}' can't have more than its bandwidth: how long operations take alone was found with it; "
          "cluster.nic_bandwidth and cluster.nvlink_bandwidth change it from the beginning",
          event.link);
    case models::Reach::fabric:
      return {};
  }
  return {};
}

}  // namespace

void check_event_links(const std::vector<Event>& events, const hardware::Cluster& cluster, Diagnostics& diagnostics) {
  const auto is_of_link = [](const Event& event) { return !event.gpu && !event.link.empty(); };
  if (std::none_of(events.begin(), events.end(), is_of_link)) return;
  if (cluster.fabric.kind == hardware::FabricKind::torus) {
    for (const Event& event : events) {
      if (!is_of_link(event)) continue;
      diagnostics.error(
          event.span, fmt::format("'{}': collectives on a torus load all links of their chips alike, so that none can "
                                  "be disturbed alone; an event of a gpu: slows what a chip computes",
                                  event.link));
    }
    return;
  }
  const hardware::Topology topology(cluster);
  for (const Event& event : events) {
    if (!is_of_link(event)) continue;
    try {
      std::string error = link_error(event, topology);
      if (!error.empty()) diagnostics.error(event.span, std::move(error));
    } catch (const hardware::ConfigError& error) {
      diagnostics.error(event.span, error.what());
    }
  }
}

std::vector<Event> read_events(const ConfigNode* node, int gpus, Diagnostics& diagnostics) {
  std::vector<Event> events;
  if (node == nullptr) return events;
  if (node->kind != hardware::NodeKind::sequence) {
    diagnostics.error(node->span, "events must be a list of {at, until, gpu|link, scale|down}");
    return events;
  }
  for (const hardware::NodePtr& item : node->items) {
    const std::size_t before = diagnostics.items().size();
    Event event = read_event(*item, gpus, diagnostics);
    const bool is_right = diagnostics.items().size() == before;
    const auto same = [&event](const Event& other) { return is_same(other, event); };
    if (is_right && std::any_of(events.begin(), events.end(), same)) {
      diagnostics.error(item->span, "the event is there twice; for twice its effect write the product of the scales");
    }
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace orrery::scenarios
