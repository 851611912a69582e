// The CUDA streams of a training rank: what its plan's lanes are for.
#pragma once

#include "sim/plan/builder.hpp"

namespace orrery::models::lanes {

inline constexpr sim::Lane kCompute{};
/// Collectives that run beside a weight gradient.
inline constexpr sim::Lane kTensorParallel{sim::LaneKind::communication, 0};
/// The same along the columns of a grid, beside those along its rows.
inline constexpr sim::Lane kTensorColumn{sim::LaneKind::communication, 6};
/// Gradient buckets.
inline constexpr sim::Lane kDataParallel{sim::LaneKind::communication, 1};
// Pipeline messages: one stream per direction and peer.
inline constexpr sim::Lane kSendNext{sim::LaneKind::communication, 2};
inline constexpr sim::Lane kRecvPrev{sim::LaneKind::communication, 3};
inline constexpr sim::Lane kSendPrev{sim::LaneKind::communication, 4};
inline constexpr sim::Lane kRecvNext{sim::LaneKind::communication, 5};

inline void name_lanes(sim::PlanBuilder& builder) {
  builder.name_lane(kTensorParallel, "tensor_parallel");
  builder.name_lane(kTensorColumn, "tensor_parallel_column");
  builder.name_lane(kDataParallel, "data_parallel");
  builder.name_lane(kSendNext, "send_next");
  builder.name_lane(kRecvPrev, "recv_prev");
  builder.name_lane(kSendPrev, "send_prev");
  builder.name_lane(kRecvNext, "recv_next");
}

}  // namespace orrery::models::lanes
