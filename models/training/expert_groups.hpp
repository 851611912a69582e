// The groups of ranks that share a layer's experts, where their members sit, and what they exchange.
//
// One shape per group serves the check, the bytes that the plan puts on links and the price. Where the copies of a
// group cover unlike numbers of nodes, the one that covers most decides: its ranks send the most over the network, and
// all wait for it where gradients are reduced.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "models/experts/exchange.hpp"
#include "models/training/training.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::models {

/// All of the job's groups, each beginning at a base: neighbours along the axis of data, of every stage.
[[nodiscard]] sim::Group expert_groups(const TrainingJob& job);

/// What the ranks of `group` exchange per microbatch and layer, in 16 bits.
[[nodiscard]] ExchangeShape exchange_shape(const TrainingJob& job, const sim::Group& group);
/// The same of all groups.
[[nodiscard]] ExchangeShape exchange_shape(const TrainingJob& job);

/// A rule of expert parallelism that the job breaks, with its key: one is enough, they build on each other. REQUIRES
/// sizes, tensor_parallel and data_parallel that were checked.
[[nodiscard]] std::optional<JobError> check_experts(const TrainingJob& job);

/// Empty, or why the library that exchanges tokens recommends fewer a rank. REQUIRES a checked job.
[[nodiscard]] std::string too_many_tokens(const TrainingJob& job);

}  // namespace orrery::models
