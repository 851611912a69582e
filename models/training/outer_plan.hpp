// What an outer synchronisation does, as plans of all workers; and what a job of workers is to one of them.
#pragma once

#include <cstdint>
#include <optional>

#include "models/training/training.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::models {

/// Data-parallel ranks of one worker. REQUIRES that workers divide them; the job's degree without workers.
[[nodiscard]] int worker_data_parallel(const TrainingJob& job);
/// The first worker as a job of its own: its share of the batch and of the ranks, the outer state in its memory.
[[nodiscard]] TrainingJob worker_job(const TrainingJob& job);

/// Every rule of workers with the key that breaks it. REQUIRES sizes of at least 1 and ranks that fit the cluster.
[[nodiscard]] std::optional<JobError> check_outer(const TrainingJob& job);

/// What one after another makes an exchange of one fragment.
enum class OuterPart : std::uint8_t {
  exchange,  ///< of pseudo-gradients between workers
  update,    ///< kernels of pseudo-gradient and momentum, and host copies
  gather,    ///< of new weights within a worker
};
/// A rank for each pipeline stage, which stands for all its members in all workers: member w·G + i is the i-th of the G
/// of worker w. A part that no rank has steps for is an empty plan. REQUIRES check_outer() that found nothing.
[[nodiscard]] sim::Plan lower_outer(const TrainingJob& job, OuterPart part);

/// Pseudo-gradients of a rank of the stage that it exchanges, of all fragments.
[[nodiscard]] double outer_parameters(const TrainingJob& job, int stage);
/// Of the same ones: momentum and the weights of the last exchange, in fp32.
[[nodiscard]] Bytes outer_state(const TrainingConfig& config, std::int64_t parameters, int data_parallel);

}  // namespace orrery::models
