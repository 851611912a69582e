// Timelines for the tests and the benchmark of the timeline view.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gui/run/run.hpp"
#include "models/parallel/lanes.hpp"
#include "sim/plan/timeline.hpp"

namespace orrery::gui {

/// Adds a stream; its spans follow by add_span() before the next stream's.
inline void add_stream(sim::Timeline& timeline, std::uint32_t rank, sim::Lane lane) {
  std::string name(lane == models::lanes::kTensorParallel ? "tensor_parallel" : sim::name(lane.kind));
  timeline.streams.push_back({RankId(rank), lane, std::move(name)});
}

inline void add_span(sim::Timeline& timeline, sim::SimTime start, sim::SimTime end, std::uint32_t label,
                     sim::Activity activity) {
  timeline.spans.push_back({start, end, StreamId(timeline.streams.size() - 1), sim::LabelId(label), activity});
  timeline.makespan = std::max(timeline.makespan, end);
}

/// A training step as it looks on each rank: kernels of forward and backward passes on the compute stream with pauses
/// for the tensor-parallel collectives, which have a lane of their own, transfers on two more lanes, an optimizer at
/// the end. About `spans` spans on four lanes of each rank, one fifth of them outside the compute stream.
inline sim::Timeline training_like(std::size_t spans, std::uint32_t ranks) {
  sim::Timeline timeline;
  timeline.labels = {"attention QKV",     "attention core", "MLP up",  "MLP down",
                     "tensor all-reduce", "send",           "receive", "optimizer"};
  timeline.spans.reserve(spans + 64 * ranks);
  const std::size_t kernels = spans / ranks * 4 / 5;
  constexpr std::array<sim::Lane, 3> kOthers = {models::lanes::kTensorParallel, models::lanes::kSendNext,
                                                models::lanes::kRecvPrev};
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    timeline.ranks.push_back({"stage " + std::to_string(rank), std::vector<std::uint32_t>(8), 0});
    add_stream(timeline, rank, models::lanes::kCompute);
    std::uint64_t state = 0x9e3779b97f4a7c15u * (rank + 1);
    const auto next = [&state] { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 33; };
    sim::SimTime now = 1'000'000'000ull * rank;
    for (std::size_t k = 0; k < kernels; ++k) {
      const bool backward = k / 256 % 3 != 0;  // a pass of 256 kernels forward, two backward
      if (k % 256 == 0) now += 200'000'000;    // bubble
      if (k % 4 == 0) now += 30'000'000;       // an all-reduce that nothing hides
      const sim::SimTime length = 20'000'000 + next() % 60'000'000;
      const bool last = k + kernels / 50 >= kernels;
      const auto activity = last       ? sim::Activity::optimizer
                            : backward ? sim::Activity::backward
                                       : sim::Activity::forward;
      add_span(timeline, now, now + length, last ? 7 : static_cast<std::uint32_t>(k % 4), activity);
      now += length + 1'000'000;
    }
    const sim::SimTime end = now;
    for (std::size_t lane = 0; lane < kOthers.size(); ++lane) {
      add_stream(timeline, rank, kOthers.at(lane));
      const std::size_t count = std::max<std::size_t>(kernels / 12, 1);
      const sim::SimTime slot = end / count;
      for (std::size_t i = 0; i < count; ++i) {
        const sim::SimTime start = slot * i + next() % (slot / 2 + 1);
        add_span(timeline, start, start + slot / 4, static_cast<std::uint32_t>(4 + lane),
                 lane == 0 ? sim::Activity::tensor_parallel : sim::Activity::pipeline);
      }
    }
  }
  return timeline;
}

/// A run that holds a timeline and nothing else.
inline RunPtr run_of(sim::Timeline timeline) {
  auto run = std::make_shared<Run>();
  run->timeline = std::move(timeline);
  run->index = TimelineIndex(run->timeline);
  return run;
}

constexpr sim::SimTime kSecond = sim::kPicosecondsPerSecond;

/// Two ranks over one second: "warm" [0, 0.25 s) and "cold" [0.5, 1 s) on each compute stream, a collective between.
inline sim::Timeline two_ranks(sim::SimTime second = kSecond) {
  sim::Timeline timeline;
  timeline.labels = {"warm", "cold", "all-reduce"};
  for (std::uint32_t rank = 0; rank < 2; ++rank) {
    timeline.ranks.push_back({"stage " + std::to_string(rank), std::vector<std::uint32_t>(8), 0});
    add_stream(timeline, rank, models::lanes::kCompute);
    add_span(timeline, 0, second / 4, 0, sim::Activity::forward);
    add_span(timeline, second / 2, second, 1, sim::Activity::backward);
    add_stream(timeline, rank, models::lanes::kTensorParallel);
    add_span(timeline, second / 4, second / 2, 2, sim::Activity::tensor_parallel);
  }
  return timeline;
}

}  // namespace orrery::gui
