// The messages of collectives on rings, and the links that they load. See links.hpp.
#include <algorithm>
#include <memory>
#include <utility>

#include "sim/links/links.hpp"

namespace orrery::sim {

void LinkClasses::add_messages(LinkLoadEntry& out, const Job& job, const Group& group, const RingChunks& chunks,
                               const LinkLoad& bytes) const {
  const std::size_t members = group.members.size();
  std::vector<LinkUse> fabric;  // of one member
  for (const LinkUse& use : out.uses) {
    if (is_fabric(LinkId(use.link))) fabric.push_back({use.link, use.share / static_cast<double>(members)});
  }
  RingMessages ring;
  ring.steps = chunks.steps;
  ring.rounds = chunks.rounds;
  ring.slices = chunks.slices;
  ring.window = chunks.window;
  for (std::size_t m = 0; m < members; ++m) {
    LinkLoadEntry hop;
    hop.work = out.work;
    const RankId from = group.members[m], to = group.members[m + 1 < members ? m + 1 : 0];
    add_use(hop, own_link(job, from, Port::node_out), bytes.node.value(), bytes.node.value(), true);
    add_use(hop, own_link(job, to, Port::node_in), bytes.node.value(), bytes.node.value(), true);
    add_use(hop, own_link(job, from, Port::network_out), bytes.network.value(), bytes.network.value(), true);
    add_use(hop, own_link(job, to, Port::network_in), bytes.network.value(), bytes.network.value(), true);
    hop.uses.insert(hop.uses.end(), fabric.begin(), fabric.end());
    ring.hops.push_back(std::move(hop.uses));
  }
  out.ring = std::make_shared<const RingMessages>(std::move(ring));
}

}  // namespace orrery::sim
