// Strong integer ids: an index into one table can't be used for another.
//
// An id is 32 bits, so that plans and frozen topologies stay compact. `Id{}` is "none" (all ones).
#pragma once

#include <cstdint>
#include <functional>

namespace orrery {

template <class Tag>
struct Id {
  static constexpr std::uint32_t kNone = 0xffffffffu;

  std::uint32_t value = kNone;

  constexpr Id() = default;
  constexpr explicit Id(std::uint32_t v) : value(v) {}
  constexpr explicit Id(std::size_t v) : value(static_cast<std::uint32_t>(v)) {}
  constexpr explicit Id(int v) : value(static_cast<std::uint32_t>(v)) {}

  [[nodiscard]] constexpr bool valid() const { return value != kNone; }
  [[nodiscard]] constexpr std::size_t index() const { return value; }

  friend constexpr bool operator==(Id a, Id b) { return a.value == b.value; }
  friend constexpr bool operator!=(Id a, Id b) { return a.value != b.value; }
  friend constexpr bool operator<(Id a, Id b) { return a.value < b.value; }
};

using RankId = Id<struct RankTag>;      ///< one process of the job; one GPU
using NodeId = Id<struct NodeTag>;      ///< one host: the NVLink or PCIe domain
using VertexId = Id<struct VertexTag>;  ///< a device of the topology: GPU, NIC or switch
using LinkId = Id<struct LinkTag>;      ///< one direction of a cable
using StreamId = Id<struct StreamTag>;  ///< an ordered lane of steps on one rank, as a CUDA stream
using EventId = Id<struct EventTag>;    ///< a record/wait pair, as a CUDA event
using GroupId = Id<struct GroupTag>;    ///< a communicator

}  // namespace orrery

template <class Tag>
struct std::hash<orrery::Id<Tag>> {
  std::size_t operator()(orrery::Id<Tag> id) const noexcept { return id.value; }
};
