// Interning: buckets hold the entries of one hash in the order they were added, so that the tables depend on the calls
// only and never on the iteration order of a hash map.
#include "sim/plan/builder.hpp"

#include <cstring>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace orrery::sim {

namespace {

/// Marks a StreamId as a part of the open block.
constexpr std::uint32_t kPartBit = 0x80000000u;

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

bool equal(const KernelEntry& a, const KernelEntry& b) {
  const auto same_beside = [&] {
    if (a.beside.has_value() != b.beside.has_value()) return false;
    return !a.beside || kernels::Kernel(*a.beside) == kernels::Kernel(*b.beside);
  };
  return a.kernel == b.kernel && a.label == b.label && a.activity == b.activity && a.repeat == b.repeat &&
         a.launch == b.launch && same_beside();
}

}  // namespace

RankId PlanBuilder::add_rank(std::string name, int multiplicity, std::uint32_t first) {
  Rank rank;
  rank.name = std::move(name);
  for (int i = 0; i < multiplicity; ++i) rank.stands_for.push_back(first + static_cast<std::uint32_t>(i));
  return add_rank(std::move(rank));
}

RankId PlanBuilder::add_rank(Rank rank) {
  plan_.ranks.push_back(std::move(rank));
  return RankId(plan_.ranks.size() - 1);
}

GroupId PlanBuilder::add_group(Group group) {
  plan_.groups.push_back(std::move(group));
  return GroupId(plan_.groups.size() - 1);
}

void PlanBuilder::name_lane(Lane lane, std::string_view name) { plan_.lane_names.push_back({lane, std::string(name)}); }

StreamId PlanBuilder::stream(RankId rank, Lane lane) {
  if (open_rank_.valid()) {
    if (rank != open_rank_) throw std::logic_error("PlanBuilder: a block is of one rank");
    std::uint32_t part = 0;
    while (part < open_.parts.size() && open_.parts[part].lane != lane) ++part;
    if (part == open_.parts.size()) open_.parts.push_back({lane, {}});
    return StreamId(part | kPartBit);
  }
  if (!rank.valid()) throw std::out_of_range("PlanBuilder: a stream is of a rank");
  if (rank.index() >= streams_.size()) streams_.resize(rank.index() + 1);
  std::vector<std::uint32_t>& of_rank = streams_[rank.index()];  // a few
  for (const std::uint32_t number : of_rank) {
    if (plan_.streams[number].lane == lane) return StreamId(number);
  }
  of_rank.push_back(static_cast<std::uint32_t>(plan_.streams.size()));
  plan_.streams.push_back({rank, lane, {}});
  return StreamId(of_rank.back());
}

LabelId PlanBuilder::label(std::string_view text) {
  const auto [position, is_new] =
      labels_.try_emplace(std::string(text), static_cast<std::uint32_t>(plan_.labels.size()));
  if (is_new) plan_.labels.emplace_back(text);
  return LabelId(position->second);
}

void PlanBuilder::push(StreamId stream, StepKind kind, std::uint32_t index) {
  const bool in_block = (stream.value & kPartBit) != 0 && stream.valid();
  const std::size_t number = in_block ? stream.value & ~kPartBit : stream.value;
  const std::size_t count = in_block ? open_.parts.size() : plan_.streams.size();
  if (number >= count)
    throw std::out_of_range(fmt::format("PlanBuilder: no stream {} (the plan has {})", number, count));
  (in_block ? open_.parts[number].steps : plan_.streams[number].steps).push_back(Step{kind, index});
}

std::uint32_t PlanBuilder::add(const KernelEntry& entry) {
  std::size_t key = mix(kernels::hash(entry.kernel), entry.label.value);
  key = mix(mix(key, entry.repeat),
            static_cast<std::uint64_t>(entry.activity) * 4 + static_cast<std::uint64_t>(entry.launch));
  return intern(plan_.kernels, kernels_[key], entry, equal);
}

std::uint32_t PlanBuilder::add(const CollectiveEntry& entry) {
  std::size_t key = mix(bits(entry.bytes), entry.group.value);
  key = mix(mix(key, entry.label.value),
            static_cast<std::uint64_t>(entry.kind) * 256 + static_cast<std::uint64_t>(entry.activity));
  key = mix(key, static_cast<std::uint64_t>(entry.library) * 65536 + static_cast<std::uint64_t>(entry.dtype) * 256 +
                     static_cast<std::uint64_t>(entry.implementation));
  return intern(plan_.collectives, collectives_[key], entry, std::equal_to<>{});
}

void PlanBuilder::launch(StreamId stream, const kernels::Kernel& kernel, std::string_view text, Activity activity,
                         std::uint32_t repeat) {
  KernelEntry entry;
  entry.kernel = kernel;
  entry.label = label(text);
  entry.activity = activity;
  entry.repeat = repeat;
  launch(stream, add(entry));
}

void PlanBuilder::collective(StreamId stream, CollectiveKind kind, Bytes bytes, GroupId group, std::string_view text,
                             Activity activity) {
  CollectiveEntry entry;
  entry.kind = kind;
  entry.bytes = bytes;
  entry.group = group;
  entry.label = label(text);
  entry.activity = activity;
  collective(stream, add(entry));
}

std::uint32_t PlanBuilder::transfer(const TransferEntry& entry) {
  std::size_t key = mix(bits(entry.bytes), (std::uint64_t{entry.source.value} << 32) | entry.destination.value);
  key = mix(mix(key, entry.label.value), static_cast<std::uint64_t>(entry.activity));
  return intern(plan_.transfers, transfers_[key], entry, std::equal_to<>{});
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
  std::uint32_t& events = open_rank_.valid() ? open_.events : plan_.events;
  push(stream, StepKind::record, events);
  return EventId(events++);
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

std::uint32_t PlanBuilder::add(const MarkEntry& entry) {
  const std::size_t key = mix(
      mix(entry.label.value, static_cast<std::uint32_t>(entry.pass)),
      (std::uint64_t{static_cast<std::uint32_t>(entry.microbatch)} << 32) | static_cast<std::uint32_t>(entry.chunk));
  return intern(plan_.marks, marks_[key], entry, std::equal_to<>{});
}

void PlanBuilder::begin_block(RankId rank, std::string name) {
  if (open_rank_.valid()) throw std::logic_error("PlanBuilder: blocks don't nest");
  open_rank_ = rank;
  open_ = Block{std::move(name), {}, 0};
}

std::uint32_t PlanBuilder::end_block() {
  if (!open_rank_.valid()) throw std::logic_error("PlanBuilder: no block is open");
  open_rank_ = RankId{};
  plan_.blocks.push_back(std::exchange(open_, Block{}));
  return static_cast<std::uint32_t>(plan_.blocks.size() - 1);
}

void PlanBuilder::call(RankId rank, std::uint32_t block) {
  const auto number = static_cast<std::uint32_t>(plan_.calls.size());
  plan_.calls.push_back({block, plan_.events});
  plan_.events += plan_.blocks.at(block).events;
  for (std::size_t part = 0; part < plan_.blocks[block].parts.size(); ++part) {
    push(stream(rank, plan_.blocks[block].parts[part].lane), StepKind::call, number);
  }
}

Plan PlanBuilder::take() {
  Plan plan = std::exchange(plan_, Plan{});
  *this = PlanBuilder{};
  return plan;
}

}  // namespace orrery::sim
