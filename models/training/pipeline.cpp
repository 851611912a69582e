#include "models/training/pipeline.hpp"

#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace orrery::models {
namespace {

using sim::Lane;

class StageLowering {
 public:
  StageLowering(sim::PlanBuilder& builder, const PipelineColumn& column, const PipelineShape& shape, int stage,
                bool overlap)
      : builder_(builder),
        column_(column),
        shape_(shape),
        stage_(stage),
        overlap_(overlap),
        rank_(column.ranks[static_cast<std::size_t>(stage)]),
        compute_(builder.stream(rank_, Lane::compute)) {}

  void run(const std::vector<PipelineSlot>& order, PassEmitter& emitter) {
    for (const PipelineSlot& slot : order) {
      receive(slot);
      builder_.mark(compute_, pass_label(slot));
      emitter.emit(builder_, rank_, stage_, slot);
      send(slot);
    }
    builder_.mark(compute_, kEndOfPasses);
    if (pending_send_) builder_.wait(compute_, *pending_send_);
  }

 private:
  [[nodiscard]] int virtual_stage(const PipelineSlot& slot) const { return slot.chunk * shape_.stages + stage_; }
  [[nodiscard]] int last_virtual_stage() const { return shape_.stages * shape_.chunks - 1; }
  [[nodiscard]] bool has_producer(const PipelineSlot& slot) const {
    return slot.pass == PipelinePass::forward ? virtual_stage(slot) > 0 : virtual_stage(slot) < last_virtual_stage();
  }
  [[nodiscard]] bool has_consumer(const PipelineSlot& slot) const {
    return slot.pass == PipelinePass::forward ? virtual_stage(slot) < last_virtual_stage() : virtual_stage(slot) > 0;
  }

  // Forward messages go to the next stage, backward ones to the previous; the ring closes for chunks.
  std::uint32_t transfer(int from, bool forward) {
    const int stages = shape_.stages;
    const int to = forward ? (from + 1) % stages : (from + stages - 1) % stages;
    sim::TransferEntry entry;
    entry.source = column_.ranks[static_cast<std::size_t>(from)];
    entry.destination = column_.ranks[static_cast<std::size_t>(to)];
    entry.bytes = column_.message;
    entry.same_node = column_.same_node[static_cast<std::size_t>(forward ? from : to)];
    entry.label = builder_.label(forward ? "activations" : "gradients");
    return builder_.transfer(entry);
  }

  void receive(const PipelineSlot& slot) {
    std::optional<EventId> arrived;
    if (has_producer(slot)) {
      const bool forward = slot.pass == PipelinePass::forward;
      const int stages = shape_.stages;
      const int from = forward ? (stage_ + stages - 1) % stages : (stage_ + 1) % stages;
      const StreamId lane = builder_.stream(rank_, forward ? Lane::recv_prev : Lane::recv_next);
      builder_.recv(lane, transfer(from, forward));
      arrived = builder_.record(lane);
    }
    if (pending_send_) builder_.wait(compute_, *pending_send_);
    pending_send_.reset();
    if (arrived) builder_.wait(compute_, *arrived);
  }

  void send(const PipelineSlot& slot) {
    if (!has_consumer(slot)) return;
    const bool forward = slot.pass == PipelinePass::forward;
    const StreamId lane = builder_.stream(rank_, forward ? Lane::send_next : Lane::send_prev);
    builder_.wait(lane, builder_.record(compute_));
    builder_.send(lane, transfer(stage_, forward));
    if (!overlap_) pending_send_ = builder_.record(lane);
  }

  sim::PlanBuilder& builder_;
  const PipelineColumn& column_;
  const PipelineShape& shape_;
  int stage_;
  bool overlap_;
  RankId rank_;
  StreamId compute_;
  std::optional<EventId> pending_send_;
};

constexpr std::array<std::pair<PipelinePass, std::string_view>, 2> kPassNames{
    {{PipelinePass::forward, "forward "}, {PipelinePass::backward, "backward "}}};
constexpr std::string_view kChunk = " chunk ";

/// A number as pass_label() writes it: digits without a leading zero.
std::optional<int> parse_count(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  if (text.front() == '0' && text.size() > 1) return std::nullopt;
  return text.front() == '-' ? std::nullopt : std::optional<int>(value);
}

}  // namespace

std::string pass_label(const PipelineSlot& slot) {
  std::string label(kPassNames[slot.pass == PipelinePass::forward ? 0 : 1].second);
  label += fmt::format_int(slot.microbatch).c_str();
  if (slot.chunk > 0) label.append(kChunk).append(fmt::format_int(slot.chunk).c_str());
  return label;
}

std::optional<PipelineSlot> pass_of_label(std::string_view label) {
  for (const auto& [pass, text] : kPassNames) {
    if (label.substr(0, text.size()) != text) continue;
    label.remove_prefix(text.size());
    const std::size_t chunk_at = label.find(kChunk);
    const std::optional<int> microbatch = parse_count(label.substr(0, chunk_at));
    std::optional<int> chunk = 0;
    if (chunk_at != std::string_view::npos) {
      chunk = parse_count(label.substr(chunk_at + kChunk.size()));
      if (chunk == 0) return std::nullopt;  // chunk 0 is not named
    }
    if (!microbatch || !chunk) return std::nullopt;
    return PipelineSlot{pass, *microbatch, *chunk};
  }
  return std::nullopt;
}

void lower_pipeline(sim::PlanBuilder& builder, const PipelineColumn& column, const ScheduleRow& schedule,
                    const PipelineShape& shape, bool overlap_p2p, PassEmitter& emitter) {
  for (int stage = 0; stage < shape.stages; ++stage) {
    StageLowering lowering(builder, column, shape, stage, overlap_p2p);
    lowering.run(schedule.order(stage, shape), emitter);
  }
}

}  // namespace orrery::models
