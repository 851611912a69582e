// From a Timeline to the figures of a report.
#pragma once

#include "models/training/training.hpp"

namespace orrery::models {

/// Fills every figure of `result` that follows from its plan and timeline.
///
///   step_time            makespan
///   compute              union of kernel spans, mean over GPUs
///   communication        union of collective, transfer and copy spans
///   exposed              part of communication while no kernel runs on the same GPU
///   optimizer            kernels of the optimizer
///   bubble_fraction      1 − mean busy share of the pipeline phase, from 0 to the end of the last backward pass;
///                        busy: a kernel or a tensor-parallel collective runs. 0 with one stage
void summarise(const TrainingJob& job, TrainingResult& result, const sim::RunControl& control = {});

/// Model states and activations per stage from the timeline's memory samples.
[[nodiscard]] std::vector<StageMemory> stage_memory(const TrainingJob& job, const sim::Timeline& timeline);

}  // namespace orrery::models
