#include "sim/plan/whole_calls.hpp"

#include <algorithm>

namespace orrery::sim {

WholeCalls::WholeCalls(World& world, const RunnablePlan& plan, const Durations& durations, const Loads& loads,
                       std::span<const ActivitySet> sets)
    : world_(world),
      runnable_(plan),
      plan_(plan.plan()),
      runner_(plan, durations, sets, &loads),
      in_steps_(plan_.ranks.size(), 0),
      streams_(plan_.ranks.size()),
      by_part_(plan_.ranks.size() * plan_.blocks.size()),
      begun_(plan_.streams.size()),
      free_(plan_.streams.size(), 0) {
  const auto loads_spare_links = [&](Step step) {
    const LinkLoadEntry* load = loads.of(step);
    return load == nullptr ||
           (load->ways == nullptr &&
            std::all_of(load->uses.begin(), load->uses.end(), [&](LinkUse use) { return world.is_spare(use.link); }));
  };
  for (const Block& block : plan_.blocks) {
    bool can = true;
    for (const BlockPart& part : block.parts) {
      can = can && std::all_of(part.steps.begin(), part.steps.end(), loads_spare_links);
    }
    can_.push_back(can ? 1 : 0);
  }
  for (std::uint32_t s = 0; s < plan_.streams.size(); ++s) streams_[plan_.streams[s].rank.index()].push_back(s);
}

std::uint32_t WholeCalls::stream_of(RankId rank, orrery::sim::Lane lane) const {
  const std::vector<std::uint32_t>& streams = streams_[rank.index()];
  return *std::find_if(streams.begin(), streams.end(), [&](std::uint32_t s) { return plan_.streams[s].lane == lane; });
}

void WholeCalls::rewind() {
  arrived_.assign(plan_.calls.size(), 0);
  waits_at_.assign(plan_.streams.size(), kNowhere);
}

WholeCalls::Entry WholeCalls::arrive(std::uint32_t call, std::uint32_t stream, std::vector<std::uint32_t>& released) {
  const std::uint32_t number = plan_.calls[call].block;
  const Stream& lane = plan_.streams[stream];
  if (can_[number] == 0 || goes_in_steps(lane.rank) || arrived_[call] == kMixed) return Entry::steps;
  const Block& block = plan_.blocks[number];
  const auto part = static_cast<std::size_t>(find_part(block, lane.lane) - block.parts.data());
  free_[stream] = world_.now();
  if (part == 0 && arrived_[call] + 1 == block.parts.size()) return Entry::whole;
  if (part != 0 && runnable_.block(number).follows_first(part)) {
    ++arrived_[call];
    waits_at_[stream] = call;
    return Entry::waits;
  }
  for (const std::uint32_t other : streams_[lane.rank.index()]) {
    if (waits_at_[other] != call) continue;
    waits_at_[other] = kNowhere;
    released.push_back(other);
  }
  arrived_[call] = kMixed;
  return Entry::steps;
}

std::span<const WholeCalls::Lane> WholeCalls::begin(std::uint32_t call, RankId rank, SimTime origin,
                                                    EvaluationBuilder* out) {
  const std::uint32_t number = plan_.calls[call].block;
  const Block& block = plan_.blocks[number];
  std::vector<std::uint32_t>& by_part = by_part_[rank.index() * plan_.blocks.size() + number];
  for (std::size_t part = by_part.size(); part < block.parts.size(); ++part) {
    by_part.push_back(stream_of(rank, block.parts[part].lane));
  }
  lanes_.clear();
  inputs_.clear();
  for (const std::uint32_t stream : by_part) {
    lanes_.push_back({stream, 0});
    inputs_.push_back(free_[stream]);
    waits_at_[stream] = kNowhere;
  }
  BlockRun& run = runner_.run(number, plan_.ranks[rank.index()].gpu_class, inputs_);
  const SimTime now = world_.now();
  for (std::size_t part = 0; part < lanes_.size(); ++part) {
    lanes_[part].end = moved(now, run.outputs[part]);
    begun_[lanes_[part].stream] = {call, &run, now};
  }
  for (const BlockLinkUse& use : run.links) {
    world_.carry(use.link, moved(now, use.start), moved(now, use.end), use.share, use.bytes);
  }
  if (out != nullptr) {
    runner_.sum_up(run);
    out->call(number, run, now - origin, by_part);
  }
  return lanes_;
}

void WholeCalls::stop(std::uint32_t stream) {
  const Begun begun = begun_[stream];
  if (begun.call == kNowhere) return;
  for (const std::uint32_t lane : streams_[plan_.streams[stream].rank.index()]) {
    if (begun_[lane].call == begun.call) begun_[lane] = {};
  }
  if (begun.run->links.empty()) return;
  const std::vector<BlockLinkUse> done =
      runner_.links_until(*begun.run, static_cast<std::int64_t>(world_.now() - begun.at));
  for (std::size_t i = 0; i < done.size(); ++i) {
    const BlockLinkUse& use = begun.run->links[i];
    world_.cut(use.link, moved(begun.at, use.start), moved(begun.at, use.end), use.share, use.bytes - done[i].bytes);
  }
}

}  // namespace orrery::sim
