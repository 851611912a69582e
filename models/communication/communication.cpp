#include "models/communication/communication.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "sim/collective/collective.hpp"
#include "sim/plan/builder.hpp"

namespace orrery::models {

namespace {

using sim::CollectiveKind;

double of_collective(CollectiveKind kind, int members, int) { return sim::bus_factor(kind, members); }

OperationRow collective(CollectiveKind kind, std::string_view equation) {
  return {sim::name(kind), equation, "NVIDIA/nccl-tests doc/PERFORMANCE.md", kind, nullptr, of_collective};
}

// Round robin, so that neighbours send to unlike receivers.
std::vector<Message> incast(int members, int receivers) {
  std::vector<Message> all;
  for (int i = receivers; i < members; ++i) {
    all.emplace_back(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>((i - receivers) % receivers));
  }
  return all;
}

std::vector<Message> halfway(int members, int) {
  std::vector<Message> all;
  for (int i = 0; i < members; ++i) {
    all.emplace_back(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>((i + members / 2) % members));
  }
  return all;
}

}  // namespace

const std::vector<OperationRow>& operations() {
  static const std::vector<OperationRow> rows = {
      collective(CollectiveKind::all_reduce, "the sum of everybody's buffer, for everybody"),
      collective(CollectiveKind::all_gather, "everybody's part of the buffer, for everybody"),
      collective(CollectiveKind::reduce_scatter, "the sum of everybody's buffer, a part for each"),
      collective(CollectiveKind::all_to_all, "a part of everybody's buffer to each"),
      collective(CollectiveKind::broadcast, "the first one's buffer, for everybody"),
      collective(CollectiveKind::reduce, "the sum of everybody's buffer, for the first one"),
      {"incast", "n - r senders to r receivers at once: a receiver takes (n - r)/r messages through its card",
       "Phanishayee et al., FAST 2008; Chen et al., WREN 2009", std::nullopt, incast,
       [](CollectiveKind, int members, int receivers) { return static_cast<double>(members - receivers) / receivers; },
       true},
      {"halfway", "GPU i to GPU i + n/2: all messages cross the middle of the machine",
       "Hoefler et al., CLUSTER 2008 (effective bisection bandwidth)", std::nullopt, halfway,
       [](CollectiveKind, int, int) { return 1.0; }},
  };
  return rows;
}

const OperationRow* find_operation(std::string_view name) {
  for (const OperationRow& row : operations()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

int members_of(const CommunicationJob& job) {
  if (job.gpus > 0) return job.gpus;
  int members = 0, node = 0, next = job.first_node;
  for (const hardware::NodeGroup& group : job.cluster.groups) {
    for (int i = 0; i < group.count; ++i, ++node) {
      if (node != next) continue;
      members += job.gpus_per_node > 0 ? std::min(job.gpus_per_node, group.node.gpus) : group.node.gpus;
      next += job.spread;
    }
  }
  return members;
}

sim::Placement make_placement(const CommunicationJob& job) {
  return sim::place(job.cluster, job.first_node, job.spread, job.gpus_per_node, members_of(job));
}

std::vector<std::size_t> groups_of(const CommunicationJob& job) {
  return sim::groups_of(job.cluster, make_placement(job), members_of(job));
}

std::vector<JobError> check(const CommunicationJob& job) {
  std::vector<JobError> errors;
  const auto error = [&](const char* key, std::string message) { errors.push_back({key, std::move(message)}); };
  const OperationRow* row = find_operation(job.operation);
  if (row == nullptr) error("collective.operation", fmt::format("there is no operation '{}'", job.operation));
  for (const hardware::NodeGroup& group : job.cluster.groups) {
    if (job.gpus_per_node <= group.node.gpus) continue;
    error("collective.gpus_per_node",
          fmt::format("{} GPUs of a node '{}' that has {}", job.gpus_per_node, group.node.name, group.node.gpus));
  }
  const int members = members_of(job);
  if (members < 2) error("collective.gpus", fmt::format("an operation needs two GPUs, not {}", members));
  if (members > job.cluster.gpu_count()) {
    error("collective.gpus", fmt::format("{} GPUs of a cluster of {}", members, job.cluster.gpu_count()));
  }
  if (!errors.empty()) return errors;
  const double messages = row->collective ? 1.0 : std::max(1.0, row->bus_factor({}, members, job.receivers));
  for (const std::size_t group : groups_of(job)) {
    const hardware::Gpu& gpu = job.cluster.groups[group].gpu;
    if (job.bytes * messages <= gpu.memory) continue;
    error("collective.bytes", fmt::format("a buffer of {:.4g} GB is more than the memory of {}, {:.4g} GB",
                                          job.bytes.value() * messages / 1e9, gpu.name, gpu.memory.value() / 1e9));
  }
  if (row->collective) return errors;
  if (members > kMostMessages) {
    error("collective.gpus", fmt::format("messages of {} GPUs, of {} at most", members, kMostMessages));
  }
  if (!row->has_receivers) return errors;
  const int senders = members - job.receivers;
  if (senders < 1 || senders % job.receivers != 0) {
    error("collective.receivers", fmt::format("{} of {} GPUs receive: the other {} can't be dealt out to them evenly",
                                              job.receivers, members, std::max(0, senders)));
  } else if (senders / job.receivers > kMostSenders) {
    error("collective.receivers",
          fmt::format("{} senders to one receiver, of {} at most", senders / job.receivers, kMostSenders));
  }
  return errors;
}

namespace {

constexpr sim::Lane lane(std::uint32_t number) {
  return {sim::LaneKind::communication, static_cast<std::uint8_t>(number)};
}

/// The place of the member's node group among groups_of().
std::uint32_t class_of(const CommunicationJob& job, const std::vector<std::size_t>& groups,
                       const sim::Placement& placement, std::uint32_t member) {
  const std::size_t group = job.cluster.group_of_gpu(placement.gpu(member));
  return static_cast<std::uint32_t>(std::find(groups.begin(), groups.end(), group) - groups.begin());
}

void add_collective(sim::PlanBuilder& builder, const CommunicationJob& job, sim::CollectiveKind kind) {
  const std::vector<std::size_t> groups = groups_of(job);
  const sim::Placement placement = make_placement(job);
  const int members = members_of(job);
  std::vector<sim::Rank> ranks(groups.size());
  for (std::uint32_t member = 0; member < static_cast<std::uint32_t>(members); ++member) {
    const std::uint32_t gpu_class = class_of(job, groups, placement, member);
    ranks[gpu_class].gpu_class = gpu_class;
    ranks[gpu_class].stands_for.push_back(member);
  }
  std::vector<RankId> ids;
  for (sim::Rank& rank : ranks) {
    rank.name = groups.size() == 1 ? "every GPU" : job.cluster.groups[groups[rank.gpu_class]].gpu.name;
    ids.push_back(builder.add_rank(std::move(rank)));
  }
  sim::CollectiveEntry entry;
  entry.kind = kind;
  entry.bytes = job.bytes;
  entry.group = builder.add_group(sim::Group::of("all", ids, members));
  entry.label = builder.label(job.operation);
  entry.dtype = job.dtype;
  const std::uint32_t number = builder.add(entry);
  for (const RankId id : ids) builder.collective(builder.stream(id, lane(0)), number);
}

void add_messages(sim::PlanBuilder& builder, const CommunicationJob& job, const OperationRow& row) {
  const std::vector<std::size_t> groups = groups_of(job);
  const sim::Placement placement = make_placement(job);
  const int members = members_of(job);
  std::vector<RankId> ids;
  for (std::uint32_t member = 0; member < static_cast<std::uint32_t>(members); ++member) {
    sim::Rank rank;
    rank.name = fmt::format("GPU {}", placement.gpu(member));
    rank.stands_for = {member};
    rank.gpu_class = class_of(job, groups, placement, member);
    ids.push_back(builder.add_rank(std::move(rank)));
  }
  // Messages of one GPU go at once: each on a lane of its own, sends before what is received.
  std::map<std::uint32_t, std::uint32_t> next_lane;
  for (const auto& [from, to] : row.messages(members, job.receivers)) {
    sim::TransferEntry entry;
    entry.source = ids[from];
    entry.destination = ids[to];
    entry.bytes = job.bytes;
    entry.label = builder.label(job.operation);
    entry.activity = sim::Activity::other;
    const std::uint32_t number = builder.transfer(entry);
    builder.send(builder.stream(ids[from], lane(next_lane[from]++)), number);
    builder.recv(builder.stream(ids[to], lane(next_lane[to]++)), number);
  }
}

}  // namespace

sim::Plan lower(const CommunicationJob& job) {
  sim::PlanBuilder builder;
  const OperationRow& row = *find_operation(job.operation);
  if (row.collective) {
    add_collective(builder, job, *row.collective);
  } else {
    add_messages(builder, job, row);
  }
  builder.name_lane(lane(0), job.operation);
  return builder.take();
}

sim::ClusterPrices communication_prices(const CommunicationJob& job, const kernels::KernelTimer& timer) {
  std::vector<sim::GpuClass> classes;
  for (const std::size_t group : groups_of(job)) classes.push_back({group, {}});
  return {job.cluster, timer, classes, make_placement(job)};
}

}  // namespace orrery::models
