// Communication alone: one operation, called again and again by GPUs that do nothing else.
//
// What a fabric does with a pattern of messages, and what other jobs meet on its links: gradients of a job that nobody
// describes, a checkpoint on its way to storage, answers of many that reach one at a time.
//
// What is called is a row of operations(): a collective among all GPUs of the job, priced and carried out as any
// plan's, or messages from GPU to GPU, each of `bytes`, all sent at once. Members are numbered as they are placed:
// neighbours on a node first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hardware/cluster.hpp"
#include "models/job.hpp"
#include "sim/plan/placement.hpp"
#include "sim/plan/plan.hpp"
#include "sim/prices/prices.hpp"

namespace orrery::models {

struct CommunicationJob {
  hardware::Cluster cluster;
  std::string operation = "all_reduce";  ///< a row of operations()
  Bytes bytes;                           ///< of a collective's buffer, as CollectiveEntry; of each message
  Dtype dtype = Dtype::bf16;
  int gpus = 0;           ///< members; 0: all that stand from the first node on
  int gpus_per_node = 0;  ///< that are taken of a node; 0: all
  int receivers = 1;      ///< of an incast: the first members, where messages go
  int first_node = 0, spread = 1;
};

/// From one member to another.
using Message = std::pair<std::uint32_t, std::uint32_t>;

/// Who sends to whom, and what all wait for.
struct OperationRow {
  std::string_view name;
  std::string_view equation;  ///< in one line
  std::string_view source;
  std::optional<sim::CollectiveKind> collective;  ///< none: messages
  /// REQUIRES a checked job. nullptr where it is a collective.
  std::vector<Message> (*messages)(int members, int receivers) = nullptr;
  /// Bytes that the busiest GPU sends or receives, over `bytes`: nccl-tests' factor of "busbw".
  double (*bus_factor)(sim::CollectiveKind kind, int members, int receivers);
  bool has_receivers = false;  ///< to whom the other members' messages are dealt out
};
[[nodiscard]] const std::vector<OperationRow>& operations();
/// nullptr: there is none of that name.
[[nodiscard]] const OperationRow* find_operation(std::string_view name);

/// GPUs that the job occupies.
[[nodiscard]] int members_of(const CommunicationJob& job);
[[nodiscard]] sim::Placement make_placement(const CommunicationJob& job);
/// The node groups of the cluster that hold members, in ascending order. A rank's gpu_class is a place in it.
[[nodiscard]] std::vector<std::size_t> groups_of(const CommunicationJob& job);

/// Every rule that the job breaks, by the key that breaks it ("collective.receivers"): an operation that is none, fewer
/// than two members or more than the cluster has, senders that receivers don't divide, more than kMostSenders to one,
/// more than kMostMessages, a buffer that is larger than the GPUs' memory.
[[nodiscard]] std::vector<JobError> check(const CommunicationJob& job);

/// Senders to one receiver: each is received on a stream of its own.
inline constexpr int kMostSenders = 256;
/// Members that send messages, each of which is a flow.
inline constexpr int kMostMessages = 8192;

/// One call. A collective has a rank for each kind of GPU; who sends or receives messages stands for itself alone.
/// REQUIRES check(job).empty().
[[nodiscard]] sim::Plan lower(const CommunicationJob& job);
/// Prices of that plan: nothing is launched beside the operation, so that no launch shows. `timer` must outlive them.
[[nodiscard]] sim::ClusterPrices communication_prices(const CommunicationJob& job, const kernels::KernelTimer& timer);

}  // namespace orrery::models
