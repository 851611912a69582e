// The keys of `training:` in one list, for the reader and for the resolved scenario of the report alike.
//
// A new field of models::TrainingConfig is a new line here. The visitor is called with the key, the field
// and the kind of value it is; `Config` is TrainingConfig or const TrainingConfig.
#pragma once

#include "models/training/training.hpp"
#include "scenarios/field_limits.hpp"

namespace orrery::scenarios {

template <class Config, class Visitor>
void visit_training(Config& config, Visitor&& visit) {
  visit.integer("sequence_length", config.sequence_length, IntegerLimits{1.0, 1e9, true});
  visit.integer("global_batch_size", config.global_batch_size, IntegerLimits{1.0, 1e9, true});
  visit.integer("micro_batch_size", config.micro_batch_size, IntegerLimits{});
  visit.integer("tensor_parallel", config.tensor_parallel, IntegerLimits{1.0, 1e6});
  visit.tensor_mode("tensor_parallel_mode", config.tensor_parallel_mode);
  visit.integer("tensor_parallel_depth", config.tensor_parallel_depth, IntegerLimits{1.0, 1e3});
  visit.integer("pipeline_parallel", config.pipeline_parallel, IntegerLimits{1.0, 1e6});
  visit.integer("virtual_pipeline", config.virtual_pipeline, IntegerLimits{1.0, 1e6});
  visit.integer("data_parallel", config.data_parallel, IntegerLimits{0.0, 1e7});
  visit.integer("expert_parallel", config.expert_parallel, IntegerLimits{1.0, 1e6});
  visit.exchange("expert_exchange", config.expert_exchange);
  visit.integer("expert_exchange_sms", config.expert_exchange_sms, IntegerLimits{0.0, 1e3});
  visit.number("expert_imbalance", config.expert_imbalance, NumberLimits{1.0, 1e3});
  visit.integer("expert_group_limit", config.expert_group_limit, IntegerLimits{0.0, 1e6});
  visit.boolean("sequence_parallel", config.sequence_parallel);
  visit.schedule("schedule", config.schedule);
  visit.integers("stage_layers", config.stage_layers);
  visit.choice("recompute", config.recompute);
  visit.integer("recompute_layers", config.recompute_layers, IntegerLimits{-1.0, 1e6});
  visit.choice("attention", config.attention);
  visit.choice("zero", config.zero);
  visit.dtype("precision", config.precision);
  visit.dtype("gradient_dtype", config.gradient_dtype);
  visit.boolean("master_weights", config.master_weights);
  visit.boolean("overlap_gradient_reduce", config.overlap_gradient_reduce);
  visit.bytes("bucket_size", config.bucket_size);
  visit.boolean("no_sync", config.no_sync);
  visit.boolean("overlap_p2p", config.overlap_p2p);
  visit.boolean("overlap_tensor_parallel", config.overlap_tensor_parallel);
  visit.ratio("dropout", config.dropout);
  visit.boolean("fused_cross_entropy", config.fused_cross_entropy);
  visit.boolean("cuda_graphs", config.cuda_graphs);
  visit.seconds("host_overhead", config.host_overhead);
  visit.integer("outer_workers", config.outer.workers, IntegerLimits{1.0, 1e6});
  visit.integer("outer_steps", config.outer.steps, IntegerLimits{1.0, 1e9});
  visit.integer("outer_fragments", config.outer.fragments, IntegerLimits{1.0, 1e6});
  visit.dtype("outer_dtype", config.outer.dtype);
  visit.boolean("outer_overlap", config.outer.overlap);
  visit.choice("outer_state", config.outer.state);
}

}  // namespace orrery::scenarios
