// From an evaluated step to the figures of a report.
#pragma once

#include <span>
#include <vector>

#include "models/training/training.hpp"
#include "sim/plan/evaluate.hpp"

namespace orrery::models {

/// Fills every figure of `result` that follows from its plan and the evaluated step.
///
///   step_time            makespan
///   compute              union of kernel spans, mean over GPUs
///   communication        union of collective, transfer and copy spans
///   exposed              part of communication while no kernel runs on the same GPU
///   optimizer            kernels of the optimizer
///   bubble_fraction      1 − mean busy share of the pipeline phase, from 0 to the end of the last backward pass;
///                        busy: a kernel or a tensor-parallel collective runs. 0 with one stage
void summarise(const TrainingJob& job, const sim::Evaluation& step, TrainingResult& result);

/// The unions of activities that summarise() asks for.
[[nodiscard]] std::span<const sim::ActivitySet> summary_sets();

/// Model states and activations per stage. `ledger` is of the plan, whose ranks are ordered by stage.
[[nodiscard]] std::vector<StageMemory> stage_memory(const TrainingJob& job, const sim::Plan& plan,
                                                    const sim::MemoryLedger& ledger);

}  // namespace orrery::models
