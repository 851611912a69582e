// The search in closed form. See graphs.hpp.
#include "sim/collective/nccl/graphs.hpp"

#include <algorithm>
#include <cmath>

namespace orrery::sim::nccl {
namespace {

constexpr int kMostChannels = 32;      // MAXCHANNELS / 2: the communicator has them twice
constexpr double kSlack = 1.0 + 1e-9;  // rates come from products of decimals
constexpr int kMostHeads = 32;         // NCCL_MAX_NVLS_ARITY
constexpr int kMostDirectHeads = 8;    // NCCL_MAX_DIRECT_ARITY + 1

int whole(double capacity, double speed) { return static_cast<int>(std::floor(capacity / speed * kSlack)); }

/// What one node's links carry.
class Links {
 public:
  explicit Links(const Box& box) : box_(box) {}

  [[nodiscard]] bool nvlink() const { return box_.nvlink > 0.0; }
  /// Of the way from GPU to GPU.
  [[nodiscard]] double inside() const {
    if (nvlink()) return box_.nvlink;
    const double through_cpu = is_intel(box_.cpu) ? box_.pcie * 5.0 / 6.0 : box_.pcie;
    return box_.two_sockets ? std::min(through_cpu, socket_bandwidth(box_.cpu)) : through_cpu;
  }
  [[nodiscard]] double most() const { return box_.nodes > 1 ? box_.nic : (nvlink() ? box_.nvlink : box_.pcie); }
  [[nodiscard]] double total() const { return nvlink() ? box_.nvlink : box_.pcie; }
  /// Total that the first speed of anything but a ring is held against.
  [[nodiscard]] double total_of_tree() const {
    return box_.local > 1 ? total() * box_.local / (box_.local - 1.0) : total();
  }
  /// Channels of speed s that the cards carry.
  [[nodiscard]] int of_cards(double s) const { return box_.nodes > 1 ? box_.nics * whole(box_.nic, s) : kMostChannels; }
  /// k channels of speed s fit inside the node, each ending at another GPU.
  [[nodiscard]] bool holds(int k, double s, bool ends_differ) const {
    if (box_.local < 2) return true;
    const int sends = nvlink() && ends_differ ? k - k / box_.local : k;
    return sends * s <= inside() * kSlack;
  }
  /// Each channel of a ring leaves by another GPU than it came in by: its card is that GPU's neighbour, or another.
  [[nodiscard]] bool ring_ends_differ() const {
    if (box_.nodes < 2) return false;
    const bool pairs_share = box_.capability < 90 || box_.nics < box_.local;  // two GPUs behind the switch of a card
    return pairs_share || box_.settings->cross_nic;
  }
  [[nodiscard]] int rings(double s) const {
    int k = std::min(kMostChannels, of_cards(s));
    while (k > 0 && !holds(k, s, ring_ends_differ())) --k;
    return k;
  }
  [[nodiscard]] bool holds_trees(int k, double intra, double inter) const {
    if (of_cards(inter) < k) return false;
    if (box_.nodes > 1) return holds(k, intra, true);
    if (box_.local == 2 && nvlink()) return 2 * whole(inside(), intra) >= k;  // half of the chains run the other way
    return holds(k, intra, false);
  }
  /// Stars that the switch carries at speed s.
  [[nodiscard]] int stars(double s) const {
    const int heads = std::min({kMostHeads, box_.local, of_cards(s)});
    return std::clamp(whole(box_.nvlink, s) - 1, 0, heads);
  }

 private:
  const Box& box_;
};

struct Speeds {
  std::span<const double> all;
  std::size_t at = 0;

  [[nodiscard]] double now() const { return all[at]; }
  [[nodiscard]] bool last() const { return at + 1 >= all.size(); }
  /// The first that the links carry.
  void start(double most, int channels, double total) {
    at = 0;
    while (!last() && (now() > most * kSlack || now() * channels > total * kSlack)) ++at;
  }
  /// The search goes on downwards while it has nothing, or half of the bandwidth of what it has.
  [[nodiscard]] bool next(double best) {
    if (last() || (best > 0.0 && all[at + 1] / best <= 0.49)) return false;
    ++at;
    return true;
  }
  void down_to(double speed) {
    at = 0;
    while (!last() && now() > speed) ++at;
  }
};

Speeds speeds_of(const Box& box) { return {speeds(box.settings->version, box.capability, box.nodes > 1), 0}; }

Path inside_path(const Box& box) {
  if (box.nvlink > 0.0) return Path::nvlink;
  return box.two_sockets ? Path::sys : Path::phb;
}

/// Where no speed fits NCCL lays one channel in the order of the GPUs.
Graph simple_order(Graph graph) {
  graph.channels = 1;
  graph.intra = graph.inter = 0.1;
  graph.type_intra = graph.type_inter = Path::sys;
  return graph;
}

Graph ring(const Box& box, const Links& links) {
  Graph best;
  best.type_intra = inside_path(box);
  Speeds speed = speeds_of(box);
  speed.start(links.most(), 1, links.total());
  do {
    const int k = links.rings(speed.now());
    if (k * speed.now() > best.channels * best.intra) {
      best.channels = k;
      best.intra = best.inter = speed.now();
    }
    if (best.channels == kMostChannels || best.channels * best.inter >= links.total()) break;
  } while (speed.next(best.inter));
  if (best.channels == 0) return simple_order(best);
  best.same_channels = box.nodes < 2 || best.channels == 1;
  const bool cards_apart = box.nodes > 1 && box.nics < box.local && box.nvlink == 0.0;
  if (box.nodes > 1 && (cards_apart || !(links.nvlink() || box.local == 1))) best.type_inter = best.type_intra;
  // A way back to the card of its own is taken over NVLink (PXN) where that has room, before another card is.
  if (box.nodes > 1 && links.nvlink() && box.capability >= 90 && box.nics >= box.local && box.local > 1 &&
      box.settings->pxn && links.holds(best.channels, best.intra, false)) {
    best.type_inter = Path::pxn;
  }
  const bool splits = best.intra >= 25.0 && !(box.capability > 80 && best.intra < 50.0 && best.channels > 4);
  if (splits) {
    const int twice = std::min(2 * best.channels, kMostChannels);
    const int parts = (twice + best.channels - 1) / best.channels;
    best.intra /= parts;
    best.inter /= parts;
    best.channels = twice;
  }
  speed.down_to(best.inter);
  while (speed.at > 0) {
    --speed.at;
    const int k = links.rings(speed.now());
    if (k < best.channels || k * speed.now() <= best.channels * best.intra) continue;
    best.channels = k;
    best.intra = best.inter = speed.now();
  }
  return best;
}

/// As many trees as rings.
Graph tree(const Box& box, const Links& links, const Graph& ring) {
  Graph out;
  out.type_intra = inside_path(box);
  if (!links.nvlink()) out.type_inter = ring.type_inter;
  const bool cards_apart = box.capability >= 90 && box.nics >= box.local;
  out.pattern = box.nodes > 1 && (cards_apart || box.local == 1) ? Pattern::tree : Pattern::balanced_tree;
  const int k = ring.channels;
  Speeds speed = speeds_of(box);
  speed.start(links.most(), k, links.total_of_tree());
  while (!links.holds_trees(k, speed.now(), speed.now())) {
    if (!speed.next(0.0)) return simple_order(out);
  }
  out.channels = k;
  out.intra = out.inter = speed.now();
  while (speed.at > 0 && out.intra < 2.0 * out.inter) {
    --speed.at;
    if (!links.holds_trees(k, speed.now(), out.inter)) break;
    out.intra = speed.now();
  }
  return out;
}

Graph nvls(const Box& box, const Links& links) {
  Graph best;
  best.pattern = Pattern::nvls;
  if (!box.switch_reduces || box.local < 2 || box.capability < 90) return best;
  const int most = std::min(kMostHeads, box.local);
  const int least = box.nodes > 1 ? 1 : most;  // one node pulls evenly from all GPUs
  Speeds speed = speeds_of(box);
  speed.start(links.most(), least, links.total_of_tree());
  do {
    const int k = links.stars(speed.now());
    if (k >= least && (k > best.channels || k * speed.now() > best.channels * best.inter)) {
      best.channels = k;
      best.intra = best.inter = speed.now();
    }
    if (best.channels == most) break;
  } while (speed.next(best.inter));
  if (best.channels == 0) return best;
  speed.down_to(best.inter);
  while (speed.at > 0 && best.inter < 2.0 * best.intra) {
    --speed.at;
    if (speed.now() > links.most() * kSlack || links.of_cards(speed.now()) < best.channels) break;
    best.inter = speed.now();
  }
  return best;
}

/// Every GPU sends to every head, and back.
Graph collnet_direct(const Box& box, const Links& links) {
  Graph out;
  out.pattern = Pattern::collnet;
  if (box.nodes < 2 || !links.nvlink()) return out;
  const int heads = std::min({kMostDirectHeads, box.local, box.nics});
  Speeds speed = speeds_of(box);
  speed.start(links.most(), 1, links.total_of_tree());
  do {
    const bool fits = (heads + box.local - 2) * speed.now() <= box.nvlink * kSlack;
    if (!fits || links.of_cards(speed.now()) < heads) continue;
    out.channels = heads;
    out.intra = out.inter = speed.now();
    return out;
  } while (speed.next(0.0));
  return out;
}

}  // namespace

namespace {

Box box_of(const hardware::Site& site, int ranks, int nodes, bool side_by_side) {
  // PCIe: NCCL reckons with 24 GB/s of Gen4 x16 and 48 of Gen5, three quarters of the line rate.
  constexpr double kPcie = 0.75, kGiga = 1e9;
  Box box;
  const hardware::Node& node = site.node;
  box.capability = site.gpu.generation.compute_capability;
  box.nodes = nodes;
  box.local = (ranks + nodes - 1) / std::max(1, nodes);
  box.nvlink = site.nvlink_among(box.local, side_by_side).value() * site.gpu.generation.link_efficiency / kGiga;
  const double slot = site.gpu.pcie_bandwidth.value();
  const double card = node.pcie_bandwidth.value();
  box.pcie = kPcie * (card > 0.0 && (slot <= 0.0 || card < slot) ? card : slot) / kGiga;
  box.nic = std::min(node.nic_bandwidth.value() / kGiga, kPcie * card / kGiga);
  box.nics = std::max(1, node.nics * std::min(box.local, node.gpus) / std::max(1, node.gpus));
  box.switch_reduces = node.in_network_reduction && site.nccl.nvls;
  box.cpu = node.cpu;
  box.two_sockets = node.sockets > 1 && box.local > (node.gpus + node.sockets - 1) / node.sockets;
  box.settings = &site.nccl;
  return box;
}

/// A graph of NCCL's own in place of the search's.
void replace(const hardware::NcclGraph& from, const Box& box, Graph& graph) {
  if (from.gpus != box.local) return;
  graph.channels = from.channels;
  graph.intra = from.intra;
  graph.inter = from.inter;
  graph.type_intra = from.type_intra;
  graph.type_inter = from.type_inter;
  graph.pattern = static_cast<Pattern>(std::clamp(from.pattern, 1, 6));
  graph.same_channels = from.same_channels;
}

void take_given(const Box& box, Graphs& graphs) {
  using Id = hardware::NcclGraphId;
  for (const hardware::NcclGraph& given : box.settings->graphs) {
    if (given.id == Id::ring && given.channels > 0) replace(given, box, graphs.ring);
    if (given.id == Id::tree && given.channels > 0) replace(given, box, graphs.tree);
    if (given.id == Id::nvls && box.settings->nvls) replace(given, box, graphs.nvls);
    if (!box.settings->collnet) continue;
    if (given.id == Id::collnet_chain) replace(given, box, graphs.collnet_chain);
    if (given.id == Id::collnet_direct) replace(given, box, graphs.collnet_direct);
  }
}

}  // namespace

Box box_of(const hardware::Site& site, int ranks, int nodes) { return box_of(site, ranks, nodes, true); }
Box box_apart(const hardware::Site& site, int ranks, int nodes) { return box_of(site, ranks, nodes, false); }

Graphs search(const Box& box) {
  const Links links(box);
  Graphs out;
  out.ring = ring(box, links);
  out.tree = tree(box, links, out.ring);
  out.nvls = nvls(box, links);
  if (box.settings->collnet) {
    out.collnet_direct = collnet_direct(box, links);
    if (box.nodes > 1) out.collnet_chain = out.tree;
  }
  take_given(box, out);
  out.channels = communicator_channels(box, out);
  return out;
}

int communicator_channels(const Box& box, const Graphs& graphs) {
  constexpr int kMost = 2 * kMostChannels;
  int channels = std::min(kMost, 2 * std::min(graphs.ring.channels, graphs.tree.channels));
  const Graph& chain = graphs.collnet_chain;
  if (chain.channels > 0 && chain.intra > chain.inter && box.local > 1) channels = std::min(kMost, channels * 3 / 2);
  if (box.capability >= 90 && box.nodes > 1 && graphs.ring.intra > 45.0 && channels < 16) {
    channels = std::min(kMost, 2 * channels);
  }
  const hardware::NcclSettings& set = *box.settings;
  const auto least_of = [](int a, int b) { return a > 0 && b > 0 ? std::min(a, b) : std::max(a, b); };
  if (const int most = least_of(set.max_channels, set.max_ctas); most > 0) channels = std::min(channels, most);
  return std::clamp(std::max({channels, set.min_channels, set.min_ctas}), 1, kMost);
}

int nvls_channels(const Box& box) {
  int channels = box.capability >= 100 ? (box.nodes > 1 ? 32 : 24) : 16;
  const hardware::NcclSettings& set = *box.settings;
  if (set.max_ctas > 0) channels = std::min(channels, set.max_ctas);
  return std::max({channels, set.min_ctas, 1});
}

}  // namespace orrery::sim::nccl
