// Pipeline schedules: in which order a stage runs the passes of its microbatches.
//
// A schedule is a pure function of (stage, stages, microbatches, chunks): no clock, no hardware. A chunk is
// a virtual pipeline stage: chunk c of stage s holds the layers of virtual stage c·stages + s.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::models {

enum class PipelinePass : std::uint8_t { forward, backward };

struct PipelineSlot {
  PipelinePass pass = PipelinePass::forward;
  int microbatch = 0;
  int chunk = 0;

  friend bool operator==(const PipelineSlot& a, const PipelineSlot& b) {
    return a.pass == b.pass && a.microbatch == b.microbatch && a.chunk == b.chunk;
  }
};

struct PipelineShape {
  int stages = 1;
  int microbatches = 1;
  int chunks = 1;  ///< virtual stages per stage (Megatron's virtual pipeline size)
};

/// A row of the schedules' table.
struct ScheduleRow {
  std::string_view name;      ///< "1f1b"
  std::string_view equation;  ///< of the bubble fraction
  std::string_view source;
  /// Empty, or a sentence why the schedule can't take this shape.
  std::string (*check)(const PipelineShape& shape);
  /// Order of the passes of one stage. REQUIRES check(shape).empty().
  std::vector<PipelineSlot> (*order)(int stage, const PipelineShape& shape);
};

/// gpipe, 1f1b, interleaved_1f1b.
[[nodiscard]] const std::vector<ScheduleRow>& schedules();
[[nodiscard]] const ScheduleRow* find_schedule(std::string_view name);

/// Largest number of forward passes whose backward has not run yet, at any moment of `order`: each holds the
/// activations of one microbatch through one chunk.
[[nodiscard]] int most_in_flight(const std::vector<PipelineSlot>& order);

// The rows' functions, one file each.
[[nodiscard]] std::string check_gpipe(const PipelineShape& shape);
[[nodiscard]] std::vector<PipelineSlot> order_gpipe(int stage, const PipelineShape& shape);
[[nodiscard]] std::string check_one_f_one_b(const PipelineShape& shape);
[[nodiscard]] std::vector<PipelineSlot> order_one_f_one_b(int stage, const PipelineShape& shape);
[[nodiscard]] std::string check_interleaved(const PipelineShape& shape);
[[nodiscard]] std::vector<PipelineSlot> order_interleaved(int stage, const PipelineShape& shape);

}  // namespace orrery::models
