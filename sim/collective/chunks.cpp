#include "sim/collective/chunks.hpp"

#include <algorithm>
#include <cmath>

namespace orrery::sim {

namespace {

constexpr double kKibi = 1024.0;

/// Payload of a chunk, and messages that a connection buffers, eight steps of its buffer in all.
struct Cut {
  double chunk = 0.0;
  std::uint32_t most_slices = 1, steps_of_chunk = 1;
};

Cut cut_of(hardware::NcclProtocol protocol) {
  switch (protocol) {
    case hardware::NcclProtocol::ll:
      return {32.0 * kKibi, 1, 1};
    case hardware::NcclProtocol::ll128:
      return {562.5 * kKibi, 1, 1};
    case hardware::NcclProtocol::simple:
      break;
  }
  return {2048.0 * kKibi, 2, 4};
}

}  // namespace

std::optional<RingChunks> ring_chunks(const Choice& choice, const CollectiveCall& call) {
  const bool sums = call.kind == CollectiveKind::all_reduce;
  const bool parts = call.kind == CollectiveKind::all_gather || call.kind == CollectiveKind::reduce_scatter;
  if (choice.row->nccl != hardware::NcclAlgorithm::ring || (!sums && !parts)) return std::nullopt;
  constexpr std::uint32_t kBufferedSteps = 8;
  const Cut cut = cut_of(choice.protocol);
  const double of_rank = call.bytes.value() / (static_cast<double>(choice.channels) * call.ranks);
  RingChunks out;
  out.steps = static_cast<std::uint32_t>(sums ? 2 * (call.ranks - 1) : call.ranks - 1);
  out.rounds = static_cast<std::uint64_t>(std::max(1.0, std::ceil(of_rank / cut.chunk)));
  const double chunk = of_rank / static_cast<double>(out.rounds);
  const double least_slice = cut.chunk / cut.most_slices / 32.0;
  out.slices = chunk > least_slice ? cut.most_slices : 1;
  out.window = kBufferedSteps / cut.steps_of_chunk * out.slices;
  out.slice = Bytes{chunk / out.slices};
  return out;
}

}  // namespace orrery::sim
