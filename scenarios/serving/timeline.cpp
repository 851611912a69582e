#include "scenarios/serving/timeline.hpp"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include <fmt/format.h>

namespace orrery::scenarios {

namespace {

using models::ServingResult;
using models::StepRecord;
using sim::Activity;

/// What the label of a span is made of.
struct LabelKey {
  std::int64_t prefill_sequences = 0, prefill_tokens = 0, decode_sequences = 0, repeats = 0;
  bool operator==(const LabelKey&) const = default;
};

struct LabelHash {
  std::size_t operator()(const LabelKey& key) const {
    std::uint64_t hash = 0;
    for (const std::int64_t part : {key.prefill_sequences, key.prefill_tokens, key.decode_sequences, key.repeats}) {
      hash = (hash ^ static_cast<std::uint64_t>(part)) * 0x9E3779B97F4A7C15ull;
      hash ^= hash >> 29;
    }
    return static_cast<std::size_t>(hash);
  }
};

Activity activity_of(const StepRecord& step) {
  if (step.prefill_sequences > 0) return step.decode_sequences > 0 ? Activity::mixed : Activity::prefill;
  return step.decode_sequences > 0 ? Activity::decode : Activity::other;
}

/// Equal texts share one label. The map is only looked up, never walked.
class Labels {
 public:
  explicit Labels(std::vector<std::string>& texts) : texts_(texts) {}

  sim::LabelId of(const StepRecord& step) {
    const LabelKey key{step.prefill_sequences > 0 ? 1 : 0, step.prefill_sequences > 0 ? step.prefill_tokens : 0,
                       step.decode_sequences, step.repeats};
    const auto [place, is_new] = ids_.try_emplace(key, static_cast<std::uint32_t>(texts_.size()));
    if (is_new) texts_.push_back(iteration_label(step));
    return sim::LabelId{place->second};
  }

 private:
  std::vector<std::string>& texts_;
  std::unordered_map<LabelKey, std::uint32_t, LabelHash> ids_;
};

void add_tracks(const ServingResult& result, std::size_t replicas, std::size_t stages, sim::Timeline& timeline) {
  for (std::size_t replica = 0; replica < replicas; ++replica) {
    sim::Rank rank;
    rank.name = fmt::format("replica {}", replica);
    rank.stands_for.resize(static_cast<std::size_t>(result.config.tensor_parallel * result.config.pipeline_parallel));
    timeline.ranks.push_back(rank);
    for (std::size_t stage = 0; stage < stages; ++stage) {
      timeline.streams.push_back({RankId{static_cast<std::uint32_t>(replica)}, {}, "compute"});
    }
  }
}

/// Only where it changes. A run of equal iterations shows from its start on what it holds at its end.
void add_memory(const ServingResult& result, std::size_t replicas, sim::Timeline& timeline) {
  std::vector<std::int64_t> last(replicas, -1);
  for (const StepRecord& step : result.timeline) {
    if (step.stage != 0 || last[step.replica] == step.used_blocks) continue;
    last[step.replica] = step.used_blocks;
    timeline.memory.push_back({step.start, RankId{step.replica}, sim::MemoryKind::kv_cache,
                               static_cast<double>(step.used_blocks) * result.pool.block_bytes.value()});
  }
  // Samples stand in the order of time, as the simulator leaves them.
  if (replicas > 1) {
    std::stable_sort(timeline.memory.begin(), timeline.memory.end(),
                     [](const sim::MemorySample& a, const sim::MemorySample& b) { return a.time < b.time; });
  }
}

}  // namespace

std::string iteration_label(const StepRecord& step) {
  std::string text;
  if (step.prefill_sequences > 0) text = fmt::format("prefill {}", step.prefill_tokens);
  if (step.decode_sequences > 0) text += fmt::format("{}decode {}", text.empty() ? "" : " + ", step.decode_sequences);
  if (step.repeats > 1) text += fmt::format(" (x {})", step.repeats);
  return text;
}

sim::Timeline timeline_of(const ServingResult& result) {
  sim::Timeline timeline;
  std::size_t replicas = static_cast<std::size_t>(std::max(1, result.config.replicas));
  std::size_t stages = static_cast<std::size_t>(std::max(1, result.config.pipeline_parallel));
  for (const StepRecord& step : result.timeline) {
    replicas = std::max(replicas, std::size_t{step.replica} + 1);
    stages = std::max(stages, std::size_t{step.stage} + 1);
  }
  add_tracks(result, replicas, stages, timeline);

  // Records are ordered by replica and start: dealing them out to their streams keeps the order of starts.
  std::vector<std::size_t> place(replicas * stages + 1, 0);
  for (const StepRecord& step : result.timeline) ++place[step.replica * stages + step.stage + 1];
  for (std::size_t i = 1; i < place.size(); ++i) place[i] += place[i - 1];
  timeline.spans.resize(result.timeline.size());
  Labels labels(timeline.labels);
  for (const StepRecord& step : result.timeline) {
    const std::size_t stream = step.replica * stages + step.stage;
    timeline.spans[place[stream]++] = {step.start, step.end, StreamId{static_cast<std::uint32_t>(stream)},
                                       labels.of(step), activity_of(step)};
    timeline.makespan = std::max(timeline.makespan, step.end);
  }
  add_memory(result, replicas, timeline);
  return timeline;
}

}  // namespace orrery::scenarios
