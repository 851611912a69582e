#include "sim/collective/chunks.hpp"

#include <algorithm>
#include <cmath>

#include "sim/collective/counts.hpp"

namespace orrery::sim {

namespace {

constexpr double kKibi = 1024.0;
constexpr std::uint32_t kBufferedSteps = 8;

/// Payload of a step of a connection's buffer.
double step_of(hardware::NcclProtocol protocol) {
  switch (protocol) {
    case hardware::NcclProtocol::ll:
      return 32.0 * kKibi;
    case hardware::NcclProtocol::ll128:
      return 562.5 * kKibi;
    case hardware::NcclProtocol::simple:
      break;
  }
  return 512.0 * kKibi;
}

Chunks ring_chunks(const Choice& choice, const CollectiveCall& call) {
  const bool simple = choice.protocol == hardware::NcclProtocol::simple;
  const std::uint32_t steps_of_chunk = simple ? 4 : 1, most_slices = simple ? 2 : 1;
  const double most = step_of(choice.protocol) * steps_of_chunk;
  const double of_rank = call.bytes.value() / (static_cast<double>(choice.channels) * call.ranks);
  const bool sums = call.kind == CollectiveKind::all_reduce;
  Chunks out;
  out.steps = static_cast<std::uint32_t>(sums ? 2 * (call.ranks - 1) : call.ranks - 1);
  out.rounds = static_cast<std::uint64_t>(std::max(1.0, std::ceil(of_rank / most)));
  const double chunk = of_rank / static_cast<double>(out.rounds);
  const double least_slice = most / most_slices / 32.0;
  out.slices = chunk > least_slice ? most_slices : 1;
  out.window = kBufferedSteps / steps_of_chunk * out.slices;
  out.slice = Bytes{chunk / out.slices};
  return out;
}

/// Of the most that NCCL puts into a chunk.
Chunks tree_chunks(double of_channel, double most) {
  Chunks out;
  out.rounds = static_cast<std::uint64_t>(std::max(1.0, std::ceil(of_channel / most)));
  out.window = kBufferedSteps;
  out.slice = Bytes{of_channel / static_cast<double>(out.rounds)};
  return out;
}

Chunks tree_chunks(const Choice& choice, const CollectiveCall& call) {
  const double of_channel = call.bytes.value() / choice.channels;
  double most = step_of(choice.protocol);
  if (choice.protocol == hardware::NcclProtocol::ll128) {
    const double on_node = static_cast<double>(call.ranks) / call.nodes;
    const double steps = 1.0 + floor_log2(call.nodes) + 0.1 * on_node;
    while (std::floor(of_channel / most) < steps * 64.0 / on_node && most > 128.0 * kKibi) most /= 2.0;
    while (std::floor(of_channel / most) < steps * 16.0 / on_node && most > 32.0 * kKibi) most /= 2.0;
  }
  return tree_chunks(of_channel, most);
}

Chunks nvls_tree_chunks(const Choice& choice, const CollectiveCall& call) {
  const double of_head = call.bytes.value() / (static_cast<double>(choice.channels) * local_ranks(call));
  double most = (call.nodes >= 4 ? 64.0 : 128.0) * kKibi;
  if (of_head < 4.0 * most) most = std::min(most, 64.0 * kKibi);
  if (of_head < most) most = std::min(most, 32.0 * kKibi);
  return tree_chunks(of_head, most);
}

}  // namespace

std::optional<Chunks> chunks_of(const Choice& choice, const CollectiveCall& call) {
  const bool sums = call.kind == CollectiveKind::all_reduce;
  const bool parts = call.kind == CollectiveKind::all_gather || call.kind == CollectiveKind::reduce_scatter;
  if (choice.row->nccl == hardware::NcclAlgorithm::ring && (sums || parts)) return ring_chunks(choice, call);
  if (!sums || call.nodes < 2) return std::nullopt;
  if (choice.row->nccl == hardware::NcclAlgorithm::tree) return tree_chunks(choice, call);
  if (choice.row->nccl == hardware::NcclAlgorithm::nvls_tree) return nvls_tree_chunks(choice, call);
  return std::nullopt;
}

}  // namespace orrery::sim
