// What collectives, sends and receives take of a GPU from the kernels beside them on it.
//
//   SMs     a channel of NCCL is a thread block, which keeps its SM for as long as the collective or message lasts
//   memory  a byte on the wire is written into a buffer, read from there, and read or written where it belongs: three
//           bytes of HBM for one (NCCL src/device/prims_simple.h, genericOp)
//   a kernel that alone keeps the part s of the SMs busy and m of the memory's bandwidth goes on at
//     speed = min(1, (1 − Σ sms)/s, (1 − Σ memory)/m)
//
// They are there first, as NCCL's blocks are: on one GPU they slow kernels down, and are not slowed. What a kernel
// keeps busy is read off its roofline, so that one that waits for memory goes on with fewer SMs. Limitation: a block
// that waits for its peers keeps its SM already; here it does once all have come.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/plan/plan.hpp"

namespace orrery::sim {

/// Parts of one GPU, 0 to 1.
struct GpuShare {
  double sms = 0.0, memory = 0.0;
};

struct GpuShares {
  std::vector<GpuShare> kernels;      ///< what each keeps busy, class after class as in Durations
  std::vector<GpuShare> collectives;  ///< what each takes of every rank's GPU
  std::vector<GpuShare> transfers;    ///< what each takes of its sender's GPU and of its receiver's
};

/// The speed of a kernel beside what is taken, relative to alone; at least a twentieth, so that it ends.
[[nodiscard]] double speed_beside(const GpuShare& kernel, const GpuShare& taken);

/// How fast each rank of a plan goes: the speed that it was given, and what collectives and messages leave it.
class RankSpeeds {
 public:
  /// All at full speed. `plan` must outlive this.
  explicit RankSpeeds(const Plan& plan);

  /// `shares` must outlive this. Throws std::invalid_argument if they are not of the plan.
  void share(const GpuShares& shares);
  /// Throws std::invalid_argument unless speed > 0.
  void set(RankId rank, double speed);

  /// A timed step begins or ends there. True: it is a collective or a message, which takes a part of the GPU.
  bool begin(RankId rank, Step step);
  bool end(RankId rank, Step step);
  /// Nothing is under way any more.
  void clear();

  /// Of a kernel or copy, relative to alone at full speed.
  [[nodiscard]] double of(RankId rank, Step step) const;

 private:
  /// Of what takes; nullptr: the step takes nothing. A send and its receive are one.
  [[nodiscard]] const GpuShare* share_of(Step step) const;

  const Plan& plan_;
  const GpuShares* shares_ = nullptr;
  std::vector<double> given_;                            ///< by rank
  std::vector<std::vector<const GpuShare*>> under_way_;  ///< by rank
};

}  // namespace orrery::sim
