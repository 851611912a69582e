// The table of collective algorithms and the choice among them. See collectives.hpp.
#include "sim/collective/collectives.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <stdexcept>
#include <vector>

#include "sim/collective/counts.hpp"
#include "sim/collective/libraries.hpp"
#include "sim/collective/nccl/constants.hpp"
#include "sim/collective/symmetric.hpp"

namespace orrery::sim {
namespace {

using hardware::NcclFunction;
using hardware::NcclProtocol;
using hardware::NcclVersion;

NcclFunction function_of(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::all_reduce:
      return NcclFunction::all_reduce;
    case CollectiveKind::all_gather:
      return NcclFunction::all_gather;
    case CollectiveKind::reduce_scatter:
      return NcclFunction::reduce_scatter;
    case CollectiveKind::broadcast:
      return NcclFunction::broadcast;
    case CollectiveKind::reduce:
      return NcclFunction::reduce;
    case CollectiveKind::all_to_all:
      break;
  }
  throw std::logic_error("NCCL has no function for an all_to_all");
}

const CollectiveRow& row_of(std::optional<hardware::NcclAlgorithm> algorithm) {
  for (const CollectiveRow& row : collective_algorithms()) {
    if (row.nccl == algorithm && other_library(row) == nullptr) return row;
  }
  throw std::logic_error("an algorithm of NCCL has no row");
}

Choice other_choice(const CollectiveRow& row, const CollectiveCall& call, const hardware::Site& site) {
  Choice choice{&row, NcclProtocol::simple, 0, 0, 1, 1.0};
  if (is_symmetric(row)) {
    constexpr int kThreads = 512;  // 16 warps
    choice.channels = symmetric_kernel(row, call, site).blocks;
    choice.threads = kThreads;
  }
  if (site.is_torus()) choice.additions = torus_additions(call, site);
  return choice;
}

// Sends and receives: as many channels as a power of two, shared by the peers (src/graph/paths.cc, src/enqueue.cc).
Choice exchange(const CollectiveCall& call, const hardware::Site& site, const nccl::Tuner& tuner) {
  constexpr double kChannelRate = 14.0;  // GB/s of a card that one channel carries
  constexpr int kThreads = 640, kAtOnce = 8;
  const nccl::Box& box = tuner.box();
  const int all = static_cast<int>(std::bit_ceil(static_cast<unsigned>(tuner.graphs().channels)));
  int each = box.nvlink > 0.0 ? all : 2;
  if (box.nodes > 1) {
    each = static_cast<int>(std::bit_ceil(static_cast<unsigned>(std::max(1.0, std::ceil(box.nic / kChannelRate)))));
    while (each > 1 && each * ((call.ranks - 1 + kAtOnce - 1) / kAtOnce) > all) each /= 2;
  }
  each = std::min(each, all);
  // Whether a message goes by LL is asked of the fewest channels that it may have: one channel for one message.
  int fewest = each;
  while (fewest > 1 && fewest * call.ranks > all) fewest /= 2;
  const double message = call.bytes.value() / call.ranks;
  Choice out{&row_of(std::nullopt), NcclProtocol::simple, std::min(all, each * (call.ranks - 1)), kThreads, 1, 1.0};
  if (message <= fewest * site.nccl.p2p_ll_threshold.value()) out.protocol = NcclProtocol::ll;
  return out;
}

// By the newest version's figures, as all times (constants.cpp): a channel of Blackwell's was 34.6 GB/s over two nodes
// and 73.4 over more in 2.28, and is 40 over any in 2.30.
double channel_share(const nccl::Selected& best, const CollectiveCall& call, const nccl::Tuner& tuner) {
  const bool is_ring = best.algorithm == hardware::NcclAlgorithm::ring && best.protocol == NcclProtocol::ll128;
  if (call.nodes <= 1 || !is_ring) return 0.0;
  constexpr double kPayload = 0.92;
  const nccl::Graph& ring = tuner.graphs().ring;
  const auto& channel = nccl::constants(NcclVersion::v2_30).ring_ll128_channel;
  const std::size_t generation = nccl::generation_index(tuner.box().capability), over = call.nodes > 2 ? 2 : 1;
  return std::min(kPayload, channel[generation][over] / (call.nodes > 2 ? ring.inter : ring.intra));
}

}  // namespace

std::span<const CollectiveRow> collective_algorithms() {
  static const std::vector<CollectiveRow> rows = [] {
    std::vector<CollectiveRow> all{ring_row(), tree_row(),           nvls_row(),          nvls_tree_row(),
                                   pat_row(),  collnet_direct_row(), collnet_chain_row(), pairwise_row()};
    for (const LibraryRow& row : library_rows()) all.push_back(row);
    return all;
  }();
  return rows;
}

bool nccl_offers(const CollectiveRow& row, CollectiveKind kind) {
  if (other_library(row) != nullptr) return false;
  if (kind == CollectiveKind::all_to_all || !row.nccl) return kind == CollectiveKind::all_to_all && !row.nccl;
  return nccl::has(*row.nccl, function_of(kind));
}

Choice select(const CollectiveCall& call, const hardware::Site& site) {
  if (const CollectiveRow* row = in_place_of_nccl(call, site)) return other_choice(*row, call, site);
  nccl::Box box =
      call.side_by_side ? nccl::box_of(site, call.ranks, call.nodes) : nccl::box_apart(site, call.ranks, call.nodes);
  if (call.capability > 0) {
    box.unlike = true;
    box.capability = std::min(box.capability, call.capability);
  }
  return select(call, site, nccl::Tuner(box));
}

Choice select(const CollectiveCall& call, const hardware::Site& site, const nccl::Tuner& tuner) {
  if (const CollectiveRow* row = in_place_of_nccl(call, site)) return other_choice(*row, call, site);
  if (call.kind == CollectiveKind::all_to_all) return exchange(call, site, tuner);
  const nccl::Selected best = tuner.choose({function_of(call.kind), call.bytes.value(), call.dtype, call.operations});
  return {&row_of(best.algorithm),         best.protocol, best.channels, best.threads, best.rounds, best.share,
          channel_share(best, call, tuner)};
}

Choice nccl_choice(const CollectiveCall& call, const hardware::Site& site) {
  const auto plain_of = [](NcclVersion version) {
    hardware::NcclSettings settings;
    settings.version = version;
    return settings;
  };
  static const hardware::NcclSettings k228 = plain_of(NcclVersion::v2_28), k230 = plain_of(NcclVersion::v2_30);
  const hardware::NcclSettings& plain = site.nccl.version == NcclVersion::v2_28 ? k228 : k230;
  return select(call, {site.gpu, site.node, site.fabric, site.nodes, plain});
}

bool nccl_refuses(const Choice& choice, CollectiveKind kind, const hardware::NcclSettings& settings) {
  if (const CollectiveRow* told = named_beside_nccl(settings)) return choice.row != told;
  if (!choice.row->nccl) return false;
  const NcclFunction function = function_of(kind);
  return !settings.algorithms.allows(function, static_cast<std::size_t>(*choice.row->nccl)) ||
         !settings.protocols.allows(function, static_cast<std::size_t>(choice.protocol));
}

int rounding_depth(const Choice& choice, const CollectiveCall& call) {
  if (!sums(call.kind) || call.ranks < 2) return 0;
  if (choice.additions >= 0) return choice.additions;
  if (const LibraryRow* library = other_library(*choice.row)) return library->additions(call);
  if (!choice.row->nccl) return 0;
  const int local = local_ranks(call);
  switch (*choice.row->nccl) {
    case hardware::NcclAlgorithm::ring:
      return call.ranks - 1;
    case hardware::NcclAlgorithm::tree:
    case hardware::NcclAlgorithm::collnet_direct:
    case hardware::NcclAlgorithm::collnet_chain:
      return local - 1 + ceil_log2(call.nodes);
    case hardware::NcclAlgorithm::nvls:
    case hardware::NcclAlgorithm::nvls_tree:
      return ceil_log2(local) + ceil_log2(call.nodes);
    case hardware::NcclAlgorithm::pat:
      return ceil_log2(call.ranks);
  }
  return 0;
}

CollectiveCost closed_form(const Choice& choice, const CollectiveCall& call, const hardware::Site& site,
                           const CollectiveConstants& constants) {
  CollectiveConstants one = constants;
  const auto protocol = static_cast<std::size_t>(choice.protocol);
  if (protocol < one.protocols.size()) one.protocols = one.protocols.subspan(protocol, 1);
  std::array<Protocol, 1> own;
  if (choice.channel_share > 0.0 && one.protocols.size() == 1) {
    own.front() = one.protocols.front();
    own.front().ring_network_efficiency = choice.channel_share;
    one.protocols = own;
  }
  return choice.row->time(call, site, one);
}

}  // namespace orrery::sim
