// Routes by rule: which card, spine and core a pair of GPUs takes, and what it takes instead when links are down.
// See topology.hpp.
#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "hardware/topology/topology_parts.hpp"

namespace orrery::hardware {
namespace {

/// splitmix64 (Steele et al., OOPSLA 2014): spreads neighbouring pairs over the spines.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// The same for both directions, so that an answer takes the way of its question.
std::uint64_t pair_hash(std::uint32_t a, std::uint32_t b, std::uint64_t seed) {
  const auto [low, high] = std::minmax(a, b);
  const std::uint64_t pair = static_cast<std::uint64_t>(low) << 32 | high;
  return mix(seed == 0 ? pair : pair ^ mix(seed));
}

/// A number below `count`, evenly, without a division.
int spread(std::uint64_t hash, int count) {
  return static_cast<int>((hash & 0xffffffffu) * static_cast<std::uint64_t>(count) >> 32);
}

/// Deals numbers out to `count` in turn, neighbours far apart: by steps of the golden section (Knuth, The Art of
/// Computer Programming 3, §6.4), of which none meets another before all are taken.
int dealt(int number, int count) {
  constexpr double kGolden = 0.6180339887498949;
  int step = std::max(1, static_cast<int>(kGolden * count));
  while (std::gcd(step, count) != 1) ++step;
  return static_cast<int>(std::int64_t{number} * step % count);
}

/// So that what a card sends, what it gets, and pairs at one distance from each other all go round the cables in turn.
int dealt_to_pair(int from, int to, int count) {
  int step = 2;
  while (std::gcd(step + 1, count) != 1) step += 2;
  return dealt(from + step * to, count);
}

}  // namespace

const Topology::Shape& Topology::shape_of_node(int node) const {
  std::size_t group = shapes_.size() - 1;
  while (shapes_[group].first_node > node) --group;
  return shapes_[group];
}

const Topology::Shape& Topology::shape_of_gpu(int gpu) const {
  std::size_t group = shapes_.size() - 1;
  while (shapes_[group].first_gpu > gpu) --group;
  return shapes_[group];
}

int Topology::first_gpu_of(int node) const {
  const Shape& shape = shape_of_node(node);
  return shape.first_gpu + (node - shape.first_node) * shape.gpus;
}

VertexId Topology::node_vertex(int node, int offset) const {
  const Shape& shape = shape_of_node(node);
  return VertexId(shape.first_vertex + (node - shape.first_node) * shape.vertices + offset);
}

VertexId Topology::gpu(RankId rank) const {
  const Shape& shape = shape_of_gpu(static_cast<int>(rank.value));
  const int index = static_cast<int>(rank.value) - shape.first_gpu;
  return VertexId(shape.first_vertex + index / shape.gpus * shape.vertices + index % shape.gpus);
}

NodeId Topology::node_of(RankId rank) const {
  const Shape& shape = shape_of_gpu(static_cast<int>(rank.value));
  return NodeId(shape.first_node + (static_cast<int>(rank.value) - shape.first_gpu) / shape.gpus);
}

VertexId Topology::nic(RankId rank) const {
  const Shape& shape = shape_of_gpu(static_cast<int>(rank.value));
  assert(shape.nics > 0 && "a node without NICs has no NIC for a GPU");
  const int index = static_cast<int>(rank.value) - shape.first_gpu;
  const int nic = at(shape.gpu_links, index % shape.gpus).nic;
  return VertexId(shape.first_vertex + index / shape.gpus * shape.vertices + shape.nic + nic);
}

int Topology::leaf_of(int node, int nic) const { return leaf_of_group(node / nodes_per_leaf_, nic); }

/// Which of its leaf's links leads to a NIC.
int Topology::leaf_port(int group, int node, int nic) const {
  const int first = group * nodes_per_leaf_;
  if (rails_ > 0) return node - first;
  const auto nics_before = [this](int n) {
    const Shape& shape = shape_of_node(n);
    return shape.first_nic + (n - shape.first_node) * shape.nics;
  };
  return nics_before(node) - nics_before(first) + nic;
}

Topology::Ends Topology::ends_of(RankId a, RankId b) const {
  assert(static_cast<int>(a.value) < gpus_ && static_cast<int>(b.value) < gpus_ && "a rank beyond the cluster");
  const auto end = [this](RankId rank) {
    Ends::End out;
    out.shape = &shape_of_gpu(static_cast<int>(rank.value));
    const int index = static_cast<int>(rank.value) - out.shape->first_gpu, node = index / out.shape->gpus;
    out.node = out.shape->first_node + node;
    out.gpu = index - node * out.shape->gpus;
    out.first_link = out.shape->first_link + node * out.shape->links;
    return out;
  };
  return {end(a), end(b)};
}

// With PXN the message leaves from the GPU that sits on the receiver's rail: the one with the receiver's number
// where the nodes are alike.
Topology::Choice Topology::usual_cards(const Ends& ends) const {
  Choice choice;
  choice.exit = ends.from.gpu;
  choice.entry = ends.to.gpu;
  if (ends.from.node == ends.to.node) return choice;
  const Shape &from = *ends.from.shape, &to = *ends.to.shape;
  if (planes_ > 1) {
    const auto number = [](const Ends::End& end) {
      const int before = (end.node - end.shape->first_node) * end.shape->gpus;
      return static_cast<std::uint32_t>(end.shape->first_gpu + before + end.gpu);
    };
    choice.port = spread(pair_hash(number(ends.from), number(ends.to), hash_seed_), planes_);
  }
  const int to_nic = at(to.gpu_links, choice.entry).nic;
  if (pxn_ && from.is_switched() && at(from.gpu_links, choice.exit).nic != to_nic) {
    const int exit = &from == &to ? choice.entry : (to_nic * from.gpus + from.nics - 1) / from.nics;
    // Of a node with fewer GPUs than cards none may sit on that rail.
    if (exit < from.gpus && at(from.gpu_links, exit).nic == to_nic) choice.exit = exit;
  }
  return choice;
}

Topology::Choice Topology::usual_choice(const Ends& ends) const {
  Choice choice = usual_cards(ends);
  if (ends.from.node != ends.to.node) choose_switches(ends, choice);
  return choice;
}

Topology::Leaves Topology::leaves_between(RankId a, RankId b) const {
  const Ends ends = ends_of(a, b);
  assert(is_whole() && ends.from.node != ends.to.node && "only usual routes, and those that leave a node");
  const Choice choice = usual_cards(ends);
  return {leaf_of(ends.from.node, at(ends.from.shape->gpu_links, choice.exit).nic + choice.port),
          leaf_of(ends.to.node, at(ends.to.shape->gpu_links, choice.entry).nic + choice.port)};
}

void Topology::choose_switches(const Ends& ends, Choice& choice) const {
  if (pods_ == 0 || (direct_ && cables_ == 1)) return;
  const Shape &from = *ends.from.shape, &to = *ends.to.shape;
  const VertexId first(from.first_vertex + (ends.from.node - from.first_node) * from.vertices + from.nic +
                       at(from.gpu_links, choice.exit).nic + choice.port);
  const VertexId last(to.first_vertex + (ends.to.node - to.first_node) * to.vertices + to.nic +
                      at(to.gpu_links, choice.entry).nic + choice.port);
  const std::uint64_t hash = pair_hash(first.value, last.value, hash_seed_);
  if (direct_) {
    const auto card = [&](const Ends::End& end, int gpu) {
      const Shape& shape = *end.shape;
      return shape.first_nic + (end.node - shape.first_node) * shape.nics + at(shape.gpu_links, gpu).nic + choice.port;
    };
    choice.cable = by_hash_ ? spread(hash, cables_)
                            : dealt_to_pair(card(ends.from, choice.exit), card(ends.to, choice.entry), cables_);
    return;
  }
  choice.plane = spread(hash, spines_per_pod_);
  choice.core = spread(hash >> 32, cores_per_plane_);
}

// The links of a leaf lead to its NICs, then to the spines of its pod; those of a spine to the leaves, then to the
// cores of its plane; those of a core to its plane's spine in each pod.
void Topology::walk_switches(int from_leaf, int to_leaf, const Choice& choice, Walk& way) const {
  if (from_leaf == to_leaf) return;
  if (direct_) return walk_direct(from_leaf, to_leaf, choice, way);
  const int from_pod = from_leaf / pod_leaves_, to_pod = to_leaf / pod_leaves_;
  const auto up = [](std::uint32_t past, int count, int i) { return past - static_cast<std::uint32_t>(count - i); };
  way.by(up(first_link(leaf_offset_ + from_leaf + 1), spines_per_pod_, choice.plane));
  if (from_pod != to_pod) {
    const int spine = spine_offset_ + from_pod * spines_per_pod_ + choice.plane;
    way.by(up(first_link(spine + 1), cores_per_plane_, choice.core));
    const int core = core_offset_ + choice.plane * cores_per_plane_ + choice.core;
    way.by(first_link(core) + static_cast<std::uint32_t>(to_pod));
  }
  const int spine = spine_offset_ + to_pod * spines_per_pod_ + choice.plane;
  way.by(first_link(spine) + static_cast<std::uint32_t>(to_leaf - to_pod * pod_leaves_));
}

void Topology::walk(const Ends& ends, const Choice& choice, std::vector<LinkId>& links) const {
  Walk way;
  if (ends.from.node == ends.to.node) {
    if (ends.from.gpu == ends.to.gpu) {
      // Nothing to do.
    } else if (choice.nvlink && ends.from.shape->by_nvlink(ends.from.gpu, ends.to.gpu)) {
      way.by_nvlink(ends.from, ends.from.gpu, ends.to.gpu);
    } else {
      way.by_pcie(ends.from, ends.from.gpu, ends.to.gpu);
    }
    way.give(links);
    return;
  }
  const int from_nic = at(ends.from.shape->gpu_links, choice.exit).nic + choice.port;
  const int to_nic = at(ends.to.shape->gpu_links, choice.entry).nic + choice.port;
  const int to_group = ends.to.node / nodes_per_leaf_;
  const int from_leaf = leaf_of(ends.from.node, from_nic), to_leaf = leaf_of_group(to_group, to_nic);
  if (choice.exit != ends.from.gpu) way.by_nvlink(ends.from, ends.from.gpu, choice.exit);
  way.out(ends.from, choice.exit, from_nic);
  walk_switches(from_leaf, to_leaf, choice, way);
  way.by(first_link(leaf_offset_ + to_leaf) + static_cast<std::uint32_t>(leaf_port(to_group, ends.to.node, to_nic)));
  way.in(ends.to, choice.entry, to_nic);
  if (choice.entry != ends.to.gpu) way.by_nvlink(ends.to, choice.entry, ends.to.gpu);
  way.give(links);
}

std::vector<LinkId> Topology::route(RankId a, RankId b) const {
  std::vector<LinkId> links;
  route(a, b, links);
  return links;
}

void Topology::route(RankId a, RankId b, std::vector<LinkId>& links) const {
  if (is_torus()) return route_torus(static_cast<int>(a.value), static_cast<int>(b.value), links);
  const Ends ends = ends_of(a, b);
  walk(ends, usual_choice(ends), links);
  if (!down_.empty() && first_down(links).valid()) detour(ends, links);
}

LinkId Topology::first_down(const std::vector<LinkId>& links) const {
  for (const LinkId id : links) {
    if (std::binary_search(down_.begin(), down_.end(), id)) return id;
  }
  return LinkId();
}

/// `links` is the usual way, which is broken. Other switches first: they cost nothing.
void Topology::detour(const Ends& ends, std::vector<LinkId>& links) const {
  const LinkId broken = first_down(links);
  Choice choice = usual_choice(ends);
  if (ends.from.node == ends.to.node) {
    choice.nvlink = false;
    walk(ends, choice, links);
    if (!first_down(links).valid()) return;
  } else if (detour_by_switches(ends, choice, links) || detour_by_cards(ends, links)) {
    return;
  }
  const auto gpu_name = [&](const Ends::End& end) { return fmt::format("node{}.gpu{}", end.node, end.gpu); };
  // The cable is broken; say which of its two directions is down.
  const LinkId down = is_up(broken) ? reverse(broken) : broken;
  links.clear();
  throw NoRoute(
      fmt::format("no way is left from {} to {}: {} is down", gpu_name(ends.from), gpu_name(ends.to), name(down)),
      down);
}

// From the usual choice on, a way around the other spines and cores, beginning where another hash says: what a dead
// spine carried spreads over all that live.
bool Topology::detour_by_switches(const Ends& ends, Choice choice, std::vector<LinkId>& links) const {
  walk(ends, choice, links);
  const LinkId broken = first_down(links);
  if (!broken.valid()) return true;
  const LinkClass kind = link(broken).link_class;
  if (kind != LinkClass::leaf && kind != LinkClass::spine) return false;
  if (direct_) return detour_direct(ends, choice, links);
  const auto [low, high] = std::minmax({ends.from.node, ends.to.node});
  const std::uint64_t hash = mix(mix(static_cast<std::uint64_t>(low) << 32 | static_cast<std::uint64_t>(high)) +
                                 static_cast<std::uint64_t>(choice.plane));
  const int cores = std::max(1, cores_per_plane_), ways = spines_per_pod_ * cores, first = spread(hash, ways);
  for (int i = 0; i < ways; ++i) {
    const int other = (first + i) % ways;
    choice.plane = other / cores;
    choice.core = other % cores;
    walk(ends, choice, links);
    if (!first_down(links).valid()) return true;
  }
  return false;
}

// Through another GPU of each node, where NVLink leads there: first one rail for both, then any two.
bool Topology::detour_by_cards(const Ends& ends, std::vector<LinkId>& links) const {
  const int from_gpus = pxn_ && ends.from.shape->is_switched() ? ends.from.shape->gpus : 0;
  const int to_gpus = pxn_ && ends.to.shape->is_switched() ? ends.to.shape->gpus : 0;
  const Choice usual = usual_cards(ends);
  const auto try_cards = [&](int exit, int entry) {
    for (int plane = 0; plane < planes_; ++plane) {
      Choice choice;
      choice.exit = exit;
      choice.entry = entry;
      choice.port = (usual.port + plane) % planes_;
      choose_switches(ends, choice);
      if (detour_by_switches(ends, choice, links)) return true;
    }
    return false;
  };
  if (planes_ > 1 && try_cards(usual.exit, usual.entry)) return true;
  for (int i = 1; i < std::min(from_gpus, to_gpus); ++i) {
    if (try_cards((ends.to.gpu + i) % from_gpus, (ends.to.gpu + i) % to_gpus)) return true;
  }
  for (int exit = 0; exit < std::max(1, from_gpus); ++exit) {
    for (int entry = 0; entry < std::max(1, to_gpus); ++entry) {
      if (try_cards(from_gpus > 0 ? exit : ends.from.gpu, to_gpus > 0 ? entry : ends.to.gpu)) return true;
    }
  }
  return false;
}

}  // namespace orrery::hardware
