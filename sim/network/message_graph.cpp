#include "sim/network/message_graph.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

namespace orrery::sim {

namespace {

using Key = std::vector<std::uint64_t>;

/// Numbers keys in the order in which they come.
std::vector<std::uint32_t> numbered(std::vector<Key> keys, std::size_t& count) {
  std::map<Key, std::uint32_t> known;
  std::vector<std::uint32_t> out;
  for (Key& key : keys) {
    out.push_back(known.try_emplace(std::move(key), static_cast<std::uint32_t>(known.size())).first->second);
  }
  count = known.size();
  return out;
}

void append_colours(Key& key, const std::vector<std::uint32_t>& hops, const std::vector<std::uint32_t>& colours) {
  Key met;
  for (const std::uint32_t hop : hops) met.push_back(colours[hop]);
  std::sort(met.begin(), met.end());
  met.erase(std::unique(met.begin(), met.end()), met.end());
  key.push_back(met.size());
  key.insert(key.end(), met.begin(), met.end());
}

/// The colour of each hop, in the order in which they come.
std::vector<std::uint32_t> refined(const MessageGraph& graph, std::size_t& count) {
  std::vector<std::vector<std::uint32_t>> then(graph.hops.size());
  std::vector<Key> keys;
  for (std::uint32_t h = 0; h < graph.hops.size(); ++h) {
    for (const std::uint32_t before : graph.hops[h].after) then[before].push_back(h);
    Key& key = keys.emplace_back();
    for (const LinkUse& use : graph.hops[h].uses) {
      key.push_back(use.link);
      key.push_back(std::bit_cast<std::uint64_t>(use.share));
    }
  }
  std::vector<std::uint32_t> colours = numbered(std::move(keys), count);
  for (std::size_t before = 0; before != count;) {
    before = count;
    keys.clear();
    for (std::size_t h = 0; h < graph.hops.size(); ++h) {
      Key& key = keys.emplace_back(1, colours[h]);
      append_colours(key, graph.hops[h].after, colours);
      append_colours(key, then[h], colours);
    }
    colours = numbered(std::move(keys), count);
  }
  return colours;
}

}  // namespace

MessageGraph folded(const MessageGraph& graph) {
  std::size_t count = 0;
  const std::vector<std::uint32_t> colours = refined(graph, count);
  MessageGraph out = graph;
  out.hops.assign(count, {});
  std::vector<double> alike(count, 0.0);
  for (const std::uint32_t colour : colours) alike[colour] += 1.0;
  std::vector<std::uint8_t> known(count, 0);
  for (std::size_t h = 0; h < graph.hops.size(); ++h) {
    if (std::exchange(known[colours[h]], 1) != 0) continue;
    MessageGraph::Hop& hop = out.hops[colours[h]];
    for (const LinkUse& use : graph.hops[h].uses) hop.uses.push_back({use.link, use.share * alike[colours[h]]});
    for (const std::uint32_t before : graph.hops[h].after) hop.after.push_back(colours[before]);
    std::sort(hop.after.begin(), hop.after.end());
    hop.after.erase(std::unique(hop.after.begin(), hop.after.end()), hop.after.end());
  }
  return out;
}

}  // namespace orrery::sim
