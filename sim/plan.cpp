// Names of the plan's vocabularies, and the builder that interns equal table entries.
//
// Interning keeps a plan small (96 equal layers share one kernel entry) and makes pricing cheap: each
// entry is priced once. Buckets hold the entries of one hash in the order they were added, so that the
// tables depend on the calls only and never on the iteration order of a hash map.
#include "sim/plan.hpp"

#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace orrery::sim {

namespace {

template <class Enum, std::size_t N>
std::string_view lookup(const std::array<std::string_view, N>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : std::string_view("?");
}

std::size_t mix(std::size_t seed, std::uint64_t value) {
  // The finaliser of SplitMix64 (Steele, Lea, Flood 2014): neighbouring sizes must not share a bucket.
  std::uint64_t z = static_cast<std::uint64_t>(seed) + value + 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return static_cast<std::size_t>(z ^ (z >> 31));
}

std::uint64_t bits(Bytes bytes) {
  const double value = bytes.value() == 0.0 ? 0.0 : bytes.value();  // −0 and 0 are equal
  std::uint64_t result = 0;
  std::memcpy(&result, &value, sizeof result);
  return result;
}

template <class Entry, class Equal>
std::uint32_t intern(std::vector<Entry>& table, std::vector<std::uint32_t>& bucket, const Entry& entry, Equal equal) {
  for (const std::uint32_t index : bucket) {
    if (equal(table[index], entry)) return index;
  }
  const auto index = static_cast<std::uint32_t>(table.size());
  table.push_back(entry);
  bucket.push_back(index);
  return index;
}

}  // namespace

std::string_view name(StepKind kind) {
  static constexpr std::array<std::string_view, 10> kNames{"launch", "collective", "send",  "recv", "copy",
                                                           "record", "wait",       "alloc", "free", "mark"};
  return lookup(kNames, kind);
}

std::string_view name(Activity activity) {
  static constexpr std::array<std::string_view, 14> kNames{
      "forward",  "recompute",       "backward",  "weight_gradient", "optimizer", "tensor_parallel", "data_parallel",
      "pipeline", "expert_parallel", "host_copy", "prefill",         "decode",    "mixed",           "other"};
  return lookup(kNames, activity);
}

bool is_communication(Activity activity) {
  return activity == Activity::tensor_parallel || activity == Activity::data_parallel ||
         activity == Activity::pipeline || activity == Activity::expert_parallel;
}

std::string_view name(CollectiveKind kind) {
  static constexpr std::array<std::string_view, 5> kNames{"all_reduce", "all_gather", "reduce_scatter", "all_to_all",
                                                          "broadcast"};
  return lookup(kNames, kind);
}

std::string_view name(Lane lane) {
  static constexpr std::array<std::string_view, 9> kNames{"compute",   "tensor_parallel", "data_parallel",
                                                          "send_next", "recv_prev",       "send_prev",
                                                          "recv_next", "expert_parallel", "copy"};
  return lookup(kNames, lane);
}

std::string_view name(MemoryKind kind) {
  static constexpr std::array<std::string_view, 6> kNames{"weights",     "gradients", "optimizer",
                                                          "activations", "kv_cache",  "workspace"};
  return lookup(kNames, kind);
}

std::size_t Plan::step_count() const {
  std::size_t count = 0;
  for (const Stream& stream : streams) {
    for (const Step step : stream.steps) count += step.kind != StepKind::mark ? 1 : 0;
  }
  return count;
}

RankId PlanBuilder::add_rank(std::string name, int multiplicity, int node) {
  plan_.ranks.push_back({std::move(name), multiplicity, node});
  return RankId(plan_.ranks.size() - 1);
}

GroupId PlanBuilder::add_group(Group group) {
  plan_.groups.push_back(std::move(group));
  return GroupId(plan_.groups.size() - 1);
}

StreamId PlanBuilder::stream(RankId rank, Lane lane) {
  const std::uint64_t key = (std::uint64_t{rank.value} << 8) | static_cast<std::uint64_t>(lane);
  const auto [position, is_new] = streams_.try_emplace(key, static_cast<std::uint32_t>(plan_.streams.size()));
  if (is_new) plan_.streams.push_back({rank, lane, {}});
  return StreamId(position->second);
}

LabelId PlanBuilder::label(std::string_view text) {
  const auto [position, is_new] =
      labels_.try_emplace(std::string(text), static_cast<std::uint32_t>(plan_.labels.size()));
  if (is_new) plan_.labels.emplace_back(text);
  return LabelId(position->second);
}

Step& PlanBuilder::push(StreamId stream, StepKind kind, std::uint32_t index) {
  if (stream.index() >= plan_.streams.size()) {
    throw std::out_of_range(
        fmt::format("PlanBuilder: no stream {} (the plan has {})", stream.value, plan_.streams.size()));
  }
  return plan_.streams[stream.index()].steps.emplace_back(Step{kind, index});
}

void PlanBuilder::launch(StreamId stream, const kernels::Kernel& kernel, std::string_view text, Activity activity,
                         std::uint32_t repeat) {
  const KernelEntry entry{kernel, label(text), activity, repeat};
  std::size_t key = mix(kernels::hash(kernel), entry.label.value);
  key = mix(mix(key, repeat), static_cast<std::uint64_t>(activity));
  push(stream, StepKind::launch,
       intern(plan_.kernels, kernels_[key], entry, [](const KernelEntry& a, const KernelEntry& b) {
         return a.kernel == b.kernel && a.label == b.label && a.activity == b.activity && a.repeat == b.repeat;
       }));
}

void PlanBuilder::collective(StreamId stream, CollectiveKind kind, Bytes bytes, GroupId group, std::string_view text,
                             Activity activity) {
  const CollectiveEntry entry{kind, bytes, group, label(text), activity};
  std::size_t key = mix(bits(bytes), group.value);
  key = mix(mix(key, entry.label.value), static_cast<std::uint64_t>(kind) * 256 + static_cast<std::uint64_t>(activity));
  push(stream, StepKind::collective,
       intern(plan_.collectives, collectives_[key], entry, [](const CollectiveEntry& a, const CollectiveEntry& b) {
         return a.kind == b.kind && a.bytes == b.bytes && a.group == b.group && a.label == b.label &&
                a.activity == b.activity;
       }));
}

std::uint32_t PlanBuilder::transfer(const TransferEntry& entry) {
  std::size_t key = mix(bits(entry.bytes), (std::uint64_t{entry.source.value} << 32) | entry.destination.value);
  key = mix(mix(key, entry.label.value), static_cast<std::uint64_t>(entry.activity) * 2 + (entry.same_node ? 1 : 0));
  return intern(plan_.transfers, transfers_[key], entry, [](const TransferEntry& a, const TransferEntry& b) {
    return a.source == b.source && a.destination == b.destination && a.bytes == b.bytes && a.same_node == b.same_node &&
           a.label == b.label && a.activity == b.activity;
  });
}

void PlanBuilder::send(StreamId stream, std::uint32_t transfer) { push(stream, StepKind::send, transfer); }

void PlanBuilder::recv(StreamId stream, std::uint32_t transfer) { push(stream, StepKind::recv, transfer); }

void PlanBuilder::copy(StreamId stream, const kernels::HostCopyShape& copy, std::string_view text) {
  const CopyEntry entry{copy, label(text)};
  const std::size_t key =
      mix(bits(copy.bytes), entry.label.value * 4ull + (copy.to_device ? 2u : 0u) + (copy.pinned ? 1u : 0u));
  push(stream, StepKind::copy, intern(plan_.copies, copies_[key], entry, [](const CopyEntry& a, const CopyEntry& b) {
         return a.copy.bytes == b.copy.bytes && a.copy.to_device == b.copy.to_device &&
                a.copy.pinned == b.copy.pinned && a.label == b.label;
       }));
}

EventId PlanBuilder::record(StreamId stream) {
  push(stream, StepKind::record, plan_.events);
  return EventId(plan_.events++);
}

void PlanBuilder::wait(StreamId stream, EventId event) { push(stream, StepKind::wait, event.value); }

std::uint32_t PlanBuilder::memory_entry(Bytes bytes, MemoryKind kind) {
  const std::size_t key = mix(bits(bytes), static_cast<std::uint64_t>(kind));
  return intern(plan_.memory, memory_[key], MemoryEntry{bytes, kind},
                [](const MemoryEntry& a, const MemoryEntry& b) { return a.bytes == b.bytes && a.kind == b.kind; });
}

void PlanBuilder::alloc(StreamId stream, Bytes bytes, MemoryKind kind) {
  push(stream, StepKind::alloc, memory_entry(bytes, kind));
}

void PlanBuilder::free(StreamId stream, Bytes bytes, MemoryKind kind) {
  push(stream, StepKind::free, memory_entry(bytes, kind));
}

void PlanBuilder::mark(StreamId stream, std::string_view text) { push(stream, StepKind::mark, label(text).value); }

Plan PlanBuilder::take() {
  Plan plan = std::exchange(plan_, Plan{});
  *this = PlanBuilder{};
  return plan;
}

}  // namespace orrery::sim
