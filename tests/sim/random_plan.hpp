// Random plans that can run, for properties that hold of every plan.
//
// The plan is written in the order of one possible execution: a step is only appended when everything it
// waits for has been appended before, so that it can't deadlock however the durations fall.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sim/plan/evaluate.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim::testing {

class RandomPlan {
 public:
  explicit RandomPlan(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  Plan make(std::size_t ranks, std::size_t steps) {
    PlanBuilder b;
    for (std::size_t r = 0; r < ranks; ++r) b.add_rank("rank " + std::to_string(r));
    std::vector<GroupId> groups;
    std::vector<std::vector<RankId>> members;
    for (std::size_t g = 0; g < 4; ++g) {
      std::vector<RankId> chosen;
      for (std::size_t r = 0; r < ranks; ++r) {
        if (below(2) == 0) chosen.push_back(RankId(r));
      }
      if (chosen.empty()) chosen.push_back(RankId(below(ranks)));
      groups.push_back(b.add_group({"g" + std::to_string(g), chosen, static_cast<int>(chosen.size()), 1}));
      members.push_back(chosen);
    }
    std::vector<std::vector<EventId>> events(ranks);
    std::vector<std::pair<StreamId, std::uint64_t>> held;
    const Lane lanes[] = {Lane::compute, Lane::tensor_parallel, Lane::copy};
    for (std::size_t i = 0; i < steps; ++i) {
      const RankId rank(below(ranks));
      const StreamId stream = b.stream(rank, lanes[below(3)]);
      switch (below(10)) {
        case 0:
        case 1:
        case 2:
          b.launch(stream, gemm(), "k" + std::to_string(below(3)), Activity::forward);
          break;
        case 3:
          b.copy(stream, {Bytes{1024.0 * static_cast<double>(1 + below(3))}, true, true}, "h2d");
          break;
        case 4:
          events[rank.index()].push_back(b.record(stream));
          break;
        case 5:
          if (!events[rank.index()].empty()) b.wait(stream, events[rank.index()][below(events[rank.index()].size())]);
          break;
        case 6: {
          const std::size_t g = below(groups.size());
          const Lane lane = lanes[below(2)];
          const auto label = "c" + std::to_string(below(2));
          for (const RankId member : members[g]) {
            b.collective(b.stream(member, lane), CollectiveKind::all_reduce, 1_MiB, groups[g], label,
                         Activity::data_parallel);
          }
          break;
        }
        case 7: {
          const RankId to(below(ranks));
          if (to == rank) break;
          const auto t = b.transfer({rank, to, 1_MiB, true, b.label("p2p"), Activity::pipeline});
          b.send(b.stream(rank, Lane::send_next), t);
          b.recv(b.stream(to, Lane::recv_prev), t);
          break;
        }
        case 8:
          b.alloc(stream, Bytes{static_cast<double>(1 + below(3))}, MemoryKind::weights);
          break;
        default:
          b.mark(stream, "m");
          break;
      }
    }
    return b.take();
  }

  /// Durations from few values, zero among them, so that equal times are common.
  Durations durations(const Plan& plan, std::uint64_t values) {
    const auto fill = [&](std::vector<SimTime>& table, std::size_t size) {
      for (std::size_t i = 0; i < size; ++i) table.push_back(below(values));
    };
    Durations d;
    fill(d.kernels, plan.kernels.size());
    fill(d.collectives, plan.collectives.size());
    fill(d.transfers, plan.transfers.size());
    fill(d.copies, plan.copies.size());
    return d;
  }

 private:
  kernels::Kernel gemm() {
    kernels::GemmShape shape;
    shape.m = static_cast<std::int64_t>(1 + below(8));
    shape.n = shape.k = 128;
    return shape;
  }

  std::mt19937_64 random_;  // the engine is fixed by the standard, the distributions are not
};

}  // namespace orrery::sim::testing
