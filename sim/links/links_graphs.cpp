// The messages of collectives on rings and in trees, and the links that they load. See links.hpp.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "sim/collective/chunks.hpp"
#include "sim/links/links.hpp"
#include "sim/links/links_messages.hpp"

namespace orrery::sim {

namespace {

constexpr std::uint32_t kOfNode = 2;  ///< ports of the four of a rank that lead into its node

/// The nodes of the chains that go with each edge of the trees over nodes: that of the lower one, and of a root.
std::vector<std::vector<std::size_t>> chains_of(const std::vector<Transfer>& edges, std::size_t nodes) {
  std::vector<std::vector<std::size_t>> out;
  const std::size_t one_way = nodes - 1;  // edges of a tree, up before down
  for (std::size_t first = 0; first < edges.size(); first += 2 * one_way) {
    std::vector<std::uint8_t> is_lower(nodes, 0);
    for (std::size_t e = first; e < first + one_way; ++e) is_lower[static_cast<std::size_t>(edges[e].source)] = 1;
    for (std::size_t e = first; e < first + 2 * one_way; ++e) {
      auto lower = static_cast<std::size_t>(edges[e].source), upper = static_cast<std::size_t>(edges[e].destination);
      if (e >= first + one_way) std::swap(lower, upper);
      out.push_back({lower});
      if (is_lower[upper] == 0) out.back().push_back(upper);
    }
  }
  return out;
}

}  // namespace

void LinkClasses::add_messages(LinkLoadEntry& out, const Job& job, const CollectiveEntry& entry, const LinkLoad& bytes,
                               std::uint32_t state) const {
  const CollectiveCall call = job.prices->call_of(entry, *job.plan);
  const Choice choice = select(call, job.prices->site(job.prices->slowest(entry, *job.plan)));
  const std::optional<Chunks> chunks = chunks_of(choice, call);
  if (!chunks) return;
  MessageGraph graph;
  if (choice.row->nccl == hardware::NcclAlgorithm::ring) {
    graph = ring_messages(out, job, job.plan->groups[entry.group.index()], bytes, entry.kind);
    graph.lag = chunks->slices;
  } else {
    const std::vector<std::shared_ptr<const MessageGraph>>& trees = job.trees[entry.group.index()];
    if (trees.empty()) return;
    graph = tree_messages(*trees.at(state), out.work, job, bytes, static_cast<std::uint32_t>(call.nodes));
  }
  graph.steps = chunks->steps;
  graph.rounds = chunks->rounds;
  graph.slices = chunks->slices;
  graph.window = chunks->window;
  out.messages = std::make_shared<const MessageGraph>(std::move(graph));
}

MessageGraph LinkClasses::ring_messages(const LinkLoadEntry& all, const Job& job, const Group& group,
                                        const LinkLoad& bytes, CollectiveKind kind) const {
  const std::size_t members = group.members.size();
  std::vector<LinkUse> fabric;  // of one member
  for (const LinkUse& use : all.uses) {
    if (is_fabric(LinkId(use.link))) fabric.push_back({use.link, use.share / static_cast<double>(members)});
  }
  LinkLoad whole = bytes;
  if (has_root(kind)) whole.network_mean = both_ways(1.0);  // of every hop that there is
  MessageGraph ring;
  for (std::size_t m = 0; m < members; ++m) {
    LinkLoadEntry hop;
    hop.work = all.work;
    const RankId from = group.members[m], to = group.members[m + 1 < members ? m + 1 : 0];
    add_own_uses(hop, job, from, to, whole);
    hop.uses.insert(hop.uses.end(), fabric.begin(), fabric.end());
    ring.hops.push_back({std::move(hop.uses), {static_cast<std::uint32_t>(m > 0 ? m - 1 : members - 1)}});
  }
  return ring;
}

MessageGraph LinkClasses::tree_messages(const MessageGraph& tree, SimTime work, const Job& job, const LinkLoad& bytes,
                                        std::uint32_t nodes) const {
  MessageGraph out = tree;
  // A chain has a link less than ranks; that of an edge between nodes has what the busiest node sends in such parts.
  const double of_node = bytes.node.value() * bytes.node_mean.out / static_cast<double>(work);
  const double of_network = bytes.network.value() / static_cast<double>(work);
  for (MessageGraph::Hop& hop : out.hops) {
    for (LinkUse& use : hop.uses) {
      if (is_fabric(LinkId(use.link))) {
        use.share *= of_network / tree_parts(nodes);
        continue;
      }
      const bool inside = (use.link - job.first_own) % kPorts < kOfNode;
      const double capacity = links_[use.link].capacity.value() * kPerPicosecond;
      use.share *= std::min(inside ? of_node : of_network, capacity) / (inside ? 4 : tree_parts(nodes));
    }
    const auto is_none = [](const LinkUse& use) { return !(use.share > 0.0); };
    hop.uses.erase(std::remove_if(hop.uses.begin(), hop.uses.end(), is_none), hop.uses.end());
  }
  return out;
}

// In messages of the node, as many as an edge puts on a link. A link that stands for those of several nodes has each
// edge's part by which all of them add up to what the busiest of these carries.
void LinkClasses::add_tree_uses(const Job& job, Messages& messages, std::uint32_t nodes,
                                std::vector<std::map<std::uint32_t, double>>& uses) const {
  const std::vector<Transfer>& edges = messages.tree_over(nodes);
  const std::vector<std::vector<std::size_t>> chains = chains_of(edges, nodes);
  std::map<std::uint32_t, std::map<std::size_t, double>> by_node;
  const auto add = [&](std::size_t edge, std::size_t node, Port port) {
    std::set<std::uint32_t> links;
    for (const Messages::Place& place : messages.on_node(node)) {
      links.insert(own_link(job, RankId(job.rank_of[place.member]), port));
    }
    for (const std::uint32_t link : links) {
      uses[edge][link] += 1.0;
      by_node[link][node] += 1.0;
    }
  };
  for (std::size_t e = 0; e < edges.size(); ++e) {
    add(e, static_cast<std::size_t>(edges[e].source), Port::network_out);
    add(e, static_cast<std::size_t>(edges[e].destination), Port::network_in);
    for (const std::size_t node : chains[e]) {
      add(e, node, Port::node_out);
      add(e, node, Port::node_in);
    }
  }
  std::map<std::uint32_t, double> scale;
  for (const auto& [link, counts] : by_node) {
    double most = 0.0, sum = 0.0;
    for (const auto& [node, count] : counts) {
      most = std::max(most, count);
      sum += count;
    }
    scale[link] = most / sum;
  }
  for (std::map<std::uint32_t, double>& of_edge : uses) {
    for (auto& [link, share] : of_edge) share *= scale[link];
  }
}

std::shared_ptr<const MessageGraph> LinkClasses::tree_of(const Job& job, const Group& group,
                                                         std::uint32_t state) const {
  const Placement& placement = job.prices->placement();
  Messages messages;
  const std::uint32_t nodes = messages.gather(group, group.bases.front(), placement);
  if (nodes < 2) return nullptr;
  const std::vector<Transfer> edges = messages.tree_over(nodes);
  std::vector<std::map<std::uint32_t, double>> uses(edges.size());
  add_tree_uses(job, messages, nodes, uses);
  std::vector<LinkId> route;
  const auto number = static_cast<std::size_t>(&group - job.plan->groups.data());
  const std::uint32_t row = job.groups[number][static_cast<std::size_t>(Pattern::tree)] + state;
  for (const std::uint32_t base : group.bases) {
    if (topology_ == nullptr) break;
    if (messages.gather(group, base, placement) != nodes) return nullptr;
    for (std::size_t e = 0; e < edges.size(); ++e) {
      const auto cross = [&](std::uint32_t from, std::uint32_t to) {
        for_each_bundle(fabric_in(state, row), from, to, route, [&](std::uint32_t bundle) {
          const std::uint32_t link = class_of_[bundle];
          uses[e][link] += 1.0 / links_[link].count;
        });
      };
      messages.between(edges[e], cross);
    }
  }
  MessageGraph tree;
  for (std::size_t e = 0; e < edges.size(); ++e) {
    MessageGraph::Hop& hop = tree.hops.emplace_back();
    for (const auto& [link, share] : uses[e]) hop.uses.push_back({link, share});
    hop.after = edges[e].after;
  }
  // Ways of several states have the same hops (MessageRun::go_by).
  return std::make_shared<const MessageGraph>(states_.empty() ? folded(tree) : std::move(tree));
}

}  // namespace orrery::sim
