// Cells and the choice among them. See tuner.hpp.
#include "sim/collective/nccl/tuner.hpp"

#include <algorithm>
#include <cmath>

namespace orrery::sim::nccl {
namespace {

using A = NcclAlgorithm;
using F = NcclFunction;
using P = NcclProtocol;

constexpr std::size_t at(A a) { return static_cast<std::size_t>(a); }
constexpr std::size_t at(P p) { return static_cast<std::size_t>(p); }

bool gathers(F f) { return f == F::all_gather || f == F::reduce_scatter; }
bool is_collnet(A a) { return a == A::collnet_direct || a == A::collnet_chain; }
bool is_nvls(A a) { return a == A::nvls || a == A::nvls_tree; }

/// Steps of a ring, as NCCL counts them.
int steps(F f, int ranks) {
  if (f == F::broadcast || f == F::reduce) return ranks;
  return f == F::all_reduce ? 2 * (ranks - 1) : ranks - 1;
}

/// −1 below 1.
int floor_log2(double x) { return x < 1.0 ? -1 : std::ilogb(x); }

/// Index of the node count in tables.
std::size_t scale(int nodes) { return static_cast<std::size_t>(std::clamp(nodes - 1, 0, 2)); }

}  // namespace

bool has(A a, F f) {
  switch (a) {
    case A::ring:
      return true;
    case A::tree:
    case A::collnet_chain:
    case A::nvls_tree:
      return f == F::all_reduce;
    case A::collnet_direct:
    case A::nvls:
      return f == F::all_reduce || gathers(f);
    case A::pat:
      return gathers(f);
  }
  return false;
}

int latency_rounds(A a, int operations, int channels) {
  constexpr int kBatch = 6;
  const int rounds = (operations + channels - 1) / std::max(1, channels);
  return a == A::ring ? rounds : (rounds + kBatch - 1) / kBatch;
}

Tuner::Tuner(const Box& box, const Graphs& graphs)
    : box_(box), graphs_(graphs), k_(&constants(box.settings->version)) {}

const Graph& Tuner::graph(A a) const {
  switch (a) {
    case A::tree:
      return graphs_.tree;
    case A::collnet_direct:
      return graphs_.collnet_direct;
    case A::collnet_chain:
      return graphs_.collnet_chain;
    case A::nvls:
    case A::nvls_tree:
      return graphs_.nvls;
    case A::ring:
    case A::pat:
      break;
  }
  return graphs_.ring;
}

bool Tuner::exists(F f, A a, P p) const {
  if (!has(a, f) || graph(a).channels == 0) return false;
  if (a != A::ring && a != A::tree && p != P::simple) return false;
  if (is_nvls(a) && graphs_.nvls.channels < 2) return false;
  if (a == A::nvls) return box_.nodes == 1 || box_.settings->collnet;
  if (a == A::nvls_tree) return box_.nodes > 1;
  return a != A::pat || (box_.settings->pat && box_.local == 1 && box_.capability >= 60);
}

// Up to the card (or through NVLink to another's), all GPUs of one generation.
bool Tuner::ll128_is_safe(A a) const {
  const Graph& g = graph(a);
  const bool pxn = box_.capability >= 90 && box_.settings->ll128_c2c;
  if (g.type_inter > (pxn ? Path::pxn : Path::pxb)) return false;
  if (box_.unlike && !(k_->ll128_of_unlike && box_.capability >= 90)) return false;
  return g.type_intra <= Path::nvb && box_.capability >= 70;
}

bool Tuner::allowed(F f, A a, P p) const {
  const hardware::NcclSettings& set = *box_.settings;
  return set.algorithms.allows(f, at(a)) && set.protocols.allows(f, at(p));
}

double Tuner::capped(double bus, F f, A a, P p) const {
  const std::size_t generation = generation_index(box_.capability), nodes = scale(box_.nodes);
  const std::size_t host = box_.nodes == 1 ? generation : (box_.cpu == hardware::HostCpu::amd ? 1 : 0);
  const double ll_bus = k_->ll_bus[host][nodes];
  const double channels = graph(a).channels;
  if (a == A::ring && p == P::ll) bus = std::min(ll_bus, bus * 0.5);
  if (a == A::ring && p == P::ll128) bus = std::min(bus * 0.92, channels * k_->ring_ll128_channel[generation][nodes]);
  if (a == A::tree) {
    if (f == F::all_reduce) bus = std::min(bus * 0.92, channels * k_->tree_channel[generation][nodes]);
    if (p == P::ll) bus = std::min(bus / 3.8, ll_bus);
    if (p == P::ll128) {
      bus = std::min(bus * (box_.nodes == 1 ? 7.0 / 9.0 : 120.0 / 128.0),
                     channels * k_->tree_ll128_channel[generation][nodes]);
    }
    if (graphs_.tree.pattern == Pattern::tree) bus *= 0.85;
  }
  if (a == A::pat) bus *= 0.75;
  if (a == A::collnet_direct && !gathers(f)) {
    double share = box_.local / channels;  // GPUs per card
    share -= (share - 1.0) / 2.0;
    bus /= share;
    if (box_.capability >= 90) bus *= 0.85;
  }
  return bus;
}

double Tuner::bandwidth(F f, A a, P p) const {
  const Graph& g = graph(a);
  const double local = box_.local;
  const std::size_t generation = generation_index(box_.capability), nodes = scale(box_.nodes);
  double channel = box_.nodes <= 2 || is_collnet(a) ? g.intra : g.inter;
  if (is_nvls(a)) {
    const double shared = f == F::all_reduce ? 2.0 : (local - 1.0) / local;
    const double intra = g.intra * k_->nvls_efficiency[generation] * (g.channels - 1.0) / g.channels * shared;
    const double inter = g.inter * (box_.nodes <= 2 && a == A::nvls_tree ? 2.0 : 1.0);
    channel = std::min(intra, inter);
    if (a == A::nvls_tree) channel = std::min(channel, k_->nvls_tree_channel[generation][nodes]);
  }
  double bus = capped(g.channels * channel, f, a, p);
  if (a == A::collnet_direct && gathers(f)) bus = local * std::min(g.intra, 0.9 * g.inter);
  if ((a == A::nvls || a == A::collnet_direct) && gathers(f) && box_.nodes > 1 &&
      box_.local > graphs_.collnet_direct.channels) {
    return 0.0;  // a card for each GPU
  }
  if (a != A::ring && gathers(f)) return bus;
  // NCCL counts in floats, on which the last printed digit depends.
  const bool by_steps = a == A::ring || is_nvls(a);
  const auto share = static_cast<float>(by_steps ? static_cast<double>(box_.ranks()) / steps(f, box_.ranks()) : 0.5);
  return static_cast<float>(bus) * share;
}

double Tuner::latency_us(F f, A a, P p) const {
  const auto hop = [&](Hop over, A of) { return k_->hop_us[static_cast<std::size_t>(over)][at(of)][at(p)]; };
  const Hop inside = graph(a).type_intra == Path::nvlink ? Hop::nvlink : Hop::pcie;
  const Hop outside = box_.nodes == 1 ? inside : Hop::network;
  const double base = k_->base_us[at(a)][at(p)];
  double intra = hop(inside, a);
  const double inter = hop(Hop::network, box_.local == 1 ? A::tree : a);
  const int all = steps(f, box_.ranks());
  const int levels = floor_log2(box_.nodes);
  switch (a) {
    case A::ring: {
      if (f == F::broadcast || f == F::reduce) {
        if (graphs_.ring.same_channels) return base + hop(outside, A::ring);
        return base + all * hop(outside, p == P::simple ? A::tree : A::ring);
      }
      const double proxy =
          box_.settings->net_overhead ? box_.settings->net_overhead->value() * 1e6 : network_overhead_us(box_.cpu);
      if (box_.nodes > 1) intra = std::max(intra, proxy * (p == P::simple ? 3.0 : 1.0));
      const int between = box_.nodes == 1 ? 0 : steps(f, box_.nodes);
      return base + (all - between) * intra + between * inter;
    }
    case A::tree:
      return base + 2.0 * ((box_.local - 1) * intra + levels * inter);
    case A::collnet_direct:
      return base + 2.0 * (std::min(1, box_.local - 1) * intra + (box_.local - 1) * 0.4) + inter;
    case A::collnet_chain:
      return base + 2.0 * (box_.local - 1) * intra + inter;
    case A::nvls:
      return intra + (box_.nodes > 1 ? inter : 0.0);
    case A::nvls_tree:
      return base + intra + 2.0 * levels * inter;
    case A::pat:
      return base + levels * inter / 3.5 + 2.8 * box_.ranks();
  }
  return base;
}

Cell Tuner::cell(F f, A a, P p) const {
  if (!exists(f, a, p)) return {};
  if (p == P::ll128 && !ll128_is_safe(a) && !box_.settings->protocols.names(f)) return {};
  return {latency_us(f, a, p), bandwidth(f, a, p)};
}

std::optional<double> Tuner::time_us(const Call& call, A a, P p) const {
  const Cell found = cell(call.function, a, p);
  if (!(found.bandwidth > 0.0)) return std::nullopt;
  if (a == A::nvls || a == A::nvls_tree) {
    // The switch adds floats; whatever it is told to hand out it hands out.
    const bool adds = call.dtype != Dtype::int8 && call.dtype != Dtype::fp8 && call.dtype != Dtype::fp8_block &&
                      call.dtype != Dtype::int4 && call.dtype != Dtype::nvfp4;
    if (!adds && call.function != F::all_gather) return std::nullopt;
  }
  auto latency = static_cast<float>(found.latency_us), bandwidth = static_cast<float>(found.bandwidth);
  const int log = call.bytes >= 64.0 ? floor_log2(call.bytes / 64.0) : -1;
  const bool corrected = (a == A::tree && call.function == F::all_reduce) ||
                         (a == A::nvls_tree && k_->corrects_blackwell_nvls_tree && box_.capability >= 100 &&
                          box_.cpu != hardware::HostCpu::arm && box_.cpu != hardware::HostCpu::power);
  if (corrected && log >= 0 && log < k_->tree_corrections) {
    bandwidth *= static_cast<float>(k_->tree_correction[at(p)][static_cast<std::size_t>(log)]);
  }
  if (a == A::ring && p == P::simple && call.function == F::all_reduce && box_.nodes > 1 &&
      std::floor(call.bytes / (static_cast<double>(graphs_.channels) * box_.ranks())) >= 64.0) {
    latency = static_cast<float>(latency * (box_.capability < 80 ? 1.9 : 1.4));
  }
  const int count = latency_rounds(a, call.operations, graphs_.channels);
  float time = latency * static_cast<float>(count) + static_cast<float>(call.bytes) / (1000.0f * bandwidth);
  if (a == A::ring && box_.ranks() > 8 && (call.dtype == Dtype::fp8 || call.dtype == Dtype::fp8_block)) time *= 1024.0f;
  return time;
}

std::optional<Selected> Tuner::least(const Call& call, bool by_lists) const {
  std::optional<Selected> best;
  for (std::size_t a = 0; a < kNcclAlgorithms; ++a) {
    for (std::size_t p = 0; p < kNcclProtocols; ++p) {
      const auto algorithm = static_cast<A>(a);
      const auto protocol = static_cast<P>(p);
      if (by_lists && !allowed(call.function, algorithm, protocol)) continue;
      const std::optional<double> time = time_us(call, algorithm, protocol);
      if (time && (!best || *time < best->time_us)) best = Selected{algorithm, protocol, 1, 0, *time, 1, 1.0};
    }
  }
  return best;
}

Selected Tuner::choose(const Call& call) const {
  std::optional<Selected> best = least(call, true);
  if (!best) best = least(call, false);
  shrink(call, *best);
  return *best;
}

int Tuner::most_threads(A a, P p) const {
  constexpr int kMost = 640;
  const auto within = [](int threads, int most, int fallback) {
    if (threads <= 0) return fallback;
    constexpr int kWarp = 32;
    return std::clamp((threads + kWarp - 1) / kWarp * kWarp, 4 * kWarp, most);
  };
  const hardware::NcclSettings& set = *box_.settings;
  if (p == P::ll128) return within(set.ll128_threads, kMost, kMost);
  if (p == P::ll && (a == A::ring || a == A::tree)) return within(set.threads, 512, 512);
  if (a == A::ring) {
    const bool slow = graphs_.ring.intra * graphs_.ring.channels <= 12.0;
    return within(set.threads, 512, slow ? 256 : 512);
  }
  return a == A::tree ? within(set.threads, 512, 512) : kMost;
}

// Small calls take fewer channels, then fewer threads; every channel has at least 32 KiB to carry.
void Tuner::shrink(const Call& call, Selected& selected) const {
  const A a = selected.algorithm;
  const P p = selected.protocol;
  int channels = is_nvls(a) ? nvls_channels(box_) : graphs_.channels;
  int threads = most_threads(a, p);
  double per_thread = p == P::simple ? (is_collnet(a) ? 512.0 : 64.0) : 8.0;
  if (a == A::ring && p == P::ll) per_thread *= box_.ranks();
  if (a == A::tree || a == A::ring) {
    const int stated = box_.settings->thread_thresholds[(a == A::ring ? 3 : 0) + at(p)];
    if (stated >= 0) per_thread = stated;
  }
  if (!is_nvls(a)) {
    while (channels > 1 && call.bytes < channels * threads * per_thread) --channels;
    if (a != A::collnet_direct) {
      while (call.bytes < channels * threads * per_thread && threads % 128 == 0) threads /= 2;
    }
    constexpr double kLeastTraffic = 32768.0;
    const double traffic = call.bytes * (call.function == F::all_reduce ? 2.0 : 1.0) * (p == P::ll ? 4.0 : 1.0);
    channels = std::clamp(static_cast<int>(std::ceil(traffic / kLeastTraffic)), 1, channels);
  }
  if (p == P::simple && a == A::ring) threads += 32;
  if (a == A::tree || a == A::pat) threads = 640;
  selected.channels = channels;
  selected.threads = std::max(threads, 96);
  selected.rounds = latency_rounds(a, call.operations, graphs_.channels);
  if (!is_nvls(a)) selected.share = std::min(1.0, static_cast<double>(graphs_.channels) / graph(a).channels);
}

}  // namespace orrery::sim::nccl
