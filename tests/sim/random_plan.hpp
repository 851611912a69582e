// Random plans that can run, for properties that hold of every plan.
//
// The plan is written in the order of one possible execution: a step is only appended when everything it
// waits for has been appended before, so that it can't deadlock however the durations fall. It has ranks of two classes
// of GPU that stand for one member or two, blocks with up to four parts, and steps of every kind.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sim/plan/builder.hpp"
#include "sim/plan/durations.hpp"
#include "tests/sim/lanes.hpp"

namespace orrery::sim::testing {

class RandomPlan {
 public:
  explicit RandomPlan(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  Plan make(std::size_t ranks, std::size_t steps) {
    ranks_.assign(ranks, {});
    groups_.clear();
    members_.clear();
    add_ranks();
    add_groups();
    for (std::size_t i = 0; i < steps; ++i) {
      const RankId rank(below(ranks));
      switch (below(8)) {
        case 0:
          add_collective();
          break;
        case 1:
          add_transfer(rank);
          break;
        case 2:
          call_block(rank);
          break;
        case 3:
          b_.mark(b_.stream(rank, lane()), {b_.label("m" + std::to_string(below(2))), number(3) - 1, number(4), 0});
          break;
        default:
          add_local(rank, b_.stream(rank, lane()), ranks_[rank.index()].events);
          break;
      }
    }
    return b_.take();
  }

  /// Durations from few values, zero among them, so that equal times are common.
  Durations durations(const Plan& plan, std::uint64_t values) {
    const auto fill = [&](std::vector<SimTime>& table, std::size_t size) {
      for (std::size_t i = 0; i < size; ++i) table.push_back(below(values));
    };
    Durations d;
    fill(d.kernels, plan.kernels.size() * gpu_classes(plan));
    fill(d.collectives, plan.collectives.size());
    fill(d.transfers, plan.transfers.size());
    fill(d.copies, plan.copies.size());
    return d;
  }

 private:
  struct Written {
    std::uint32_t number = 0;
    Lane takes_on;  ///< where its caller takes the memory that the block gives back
  };
  struct RankState {
    std::size_t multiplicity = 1;
    GroupId folded;  ///< a group of which the rank is the only member in the plan
    std::vector<EventId> events;
    std::vector<Written> blocks;
  };

  static constexpr Lane kLanes[] = {kCompute, communication(0), kCopies, communication(1)};
  static constexpr Bytes kGivenBack = Bytes{2.0};

  Lane lane() { return kLanes[below(4)]; }
  std::int32_t number(std::uint64_t n) { return static_cast<std::int32_t>(below(n)); }
  std::string text(const char* prefix, std::uint64_t n) { return prefix + std::to_string(below(n)); }

  void add_ranks() {
    std::uint32_t member = 0;
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
      Rank rank;
      rank.name = "rank " + std::to_string(r);
      rank.gpu_class = static_cast<std::uint32_t>(below(2));
      ranks_[r].multiplicity = 1 + below(2);
      for (std::size_t i = 0; i < ranks_[r].multiplicity; ++i) rank.stands_for.push_back(member++);
      const RankId id = b_.add_rank(rank);
      ranks_[r].folded = b_.add_group(Group::of("folded" + std::to_string(r), {id}, 4, rank.stands_for[0]));
    }
  }

  void add_groups() {
    for (std::size_t g = 0; g < 4; ++g) {
      std::vector<RankId> chosen;
      for (std::size_t r = 0; r < ranks_.size(); ++r) {
        if (below(2) == 0) chosen.push_back(RankId(r));
      }
      if (chosen.empty()) chosen.push_back(RankId(below(ranks_.size())));
      groups_.push_back(b_.add_group(Group::of("g" + std::to_string(g), chosen, static_cast<int>(chosen.size()))));
      members_.push_back(chosen);
    }
  }

  void add_collective() {
    const std::size_t g = below(groups_.size());
    const Lane on = kLanes[below(2)];
    const std::string label = text("c", 2);
    for (const RankId member : members_[g]) {
      b_.collective(b_.stream(member, on), CollectiveKind::all_reduce, 1_MiB, groups_[g], label,
                    Activity::data_parallel);
    }
  }

  void add_transfer(RankId from) {
    const RankId to(below(ranks_.size()));
    if (to == from || ranks_[to.index()].multiplicity != ranks_[from.index()].multiplicity) return;
    const auto t = b_.transfer({from, to, 1_MiB, b_.label("p2p"), Activity::pipeline});
    b_.send(b_.stream(from, communication(2)), t);
    b_.recv(b_.stream(to, communication(3)), t);
  }

  /// A step that meets no other rank, on a stream or on a part of the open block.
  void add_local(RankId rank, StreamId stream, std::vector<EventId>& events) {
    switch (below(7)) {
      case 0:
        b_.copy(stream, {Bytes{1024.0 * static_cast<double>(1 + below(3))}, true, true}, "h2d");
        break;
      case 1:
        events.push_back(b_.record(stream));
        break;
      case 2:
        if (!events.empty()) b_.wait(stream, events[below(events.size())]);
        break;
      case 3:
        b_.alloc(stream, Bytes{static_cast<double>(1 + below(3))}, MemoryKind::weights);
        break;
      case 4:
        b_.collective(stream, CollectiveKind::all_gather, 1_MiB, ranks_[rank.index()].folded, text("f", 2),
                      Activity::tensor_parallel);
        break;
      default:
        b_.launch(stream, gemm(), text("k", 3), below(3) == 0 ? Activity::backward : Activity::forward,
                  static_cast<std::uint32_t>(1 + below(2)));
        break;
    }
  }

  void call_block(RankId rank) {
    std::vector<Written>& known = ranks_[rank.index()].blocks;
    if (known.empty() || (known.size() < 3 && below(3) == 0)) known.push_back(write_block(rank));
    const Written& block = known[below(known.size())];
    b_.alloc(b_.stream(rank, block.takes_on), kGivenBack, MemoryKind::activations);
    b_.call(rank, block.number);
  }

  Written write_block(RankId rank) {
    b_.begin_block(rank, text("block ", 3));
    const std::size_t lanes = 1 + below(4), first = below(4);
    const auto part = [&](std::size_t i) { return b_.stream(rank, kLanes[(first + i) % 4]); };
    std::vector<EventId> events;
    const std::size_t steps = 1 + below(12);
    const std::size_t holder = below(lanes);
    if (below(2) == 0) {  // lanes that wait for the first one, as in a pass
      events.push_back(b_.record(part(0)));
      for (std::size_t i = 1; i < lanes; ++i) b_.wait(part(i), events[0]);
    }
    b_.alloc(part(holder), 3_B, MemoryKind::workspace);
    for (std::size_t i = 0; i < steps; ++i) add_local(rank, part(below(lanes)), events);
    b_.free(part(holder), 3_B, MemoryKind::workspace);
    b_.free(part(holder), kGivenBack, MemoryKind::activations);
    return {b_.end_block(), kLanes[(first + holder) % 4]};
  }

  kernels::Kernel gemm() {
    kernels::GemmShape shape;
    shape.m = static_cast<std::int64_t>(1 + below(8));
    shape.n = shape.k = 128;
    return shape;
  }

  std::mt19937_64 random_;  // the engine is fixed by the standard, the distributions are not
  PlanBuilder b_;
  std::vector<RankState> ranks_;
  std::vector<GroupId> groups_;
  std::vector<std::vector<RankId>> members_;
};

}  // namespace orrery::sim::testing
