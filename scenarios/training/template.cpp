#include "scenarios/training/schema.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::string_view kTemplate = R"yaml(# An Orrery scenario: one training step of a model on a cluster.
# Try it:      orrery run FILE
# What-if:     orrery run FILE --set training.tensor_parallel=2
# Why:         orrery explain FILE
scenario: "Llama-3 8B on one 8-GPU H100 node"

# A name of the library (orrery list models), a path to a Hugging Face config.json,
# or a mapping with what-if overrides: {config: llama-3-8b, layers: 16}
model: llama-3-8b

cluster:
  node: dgx_h100            # orrery list nodes
  nodes: 1                  # more than one needs a fabric (orrery list fabrics); unlike ones are a list in place of
                            # node and nodes: [{node: dgx_h100, count: 4}, {node: dgx_a100, count: 2}]
  # fabric: rail_fat_tree_ndr
  # gpu: h200_sxm           # default: the node's own GPU
  # price: 2.50 USD/h       # of one GPU hour; default: the profile's list price
  # collective_algorithm: automatic   # or ring, tree, … (orrery list collectives), as NCCL_ALGO
  # nccl: {proto: ^LL128, min_channels: 16}   # NCCL's variables: algo, proto, max_channels, nvls, symmetric, pat, …
  # network: {reading: messages, completion_batching: 0.001}   # where links are shared: flows, or rings and trees by
                            # message; ends of flows together within 0.1 % of their duration (default: exactly);
                            # gpu_shares: true — NCCL takes SMs and memory bandwidth from the kernels beside it

training:
  sequence_length: 8192     # tokens
  global_batch_size: 64     # sequences per optimizer step
  micro_batch_size: 1       # sequences per microbatch and data-parallel rank
  tensor_parallel: 2
  # tensor_parallel_mode: 2d    # in a line, or as a grid of q x q and more (orrery list tensor_parallel_modes)
  pipeline_parallel: 1
  # virtual_pipeline: 1     # chunks per stage; above 1 needs schedule: interleaved_1f1b
  # schedule: 1f1b          # orrery list schedules
  # stage_layers: [16, 16]  # layers per virtual stage; default: an even split
  # data_parallel: 4        # default: all GPUs that are left
  # outer_workers: 2        # sites or pods that train by themselves and meet every outer_steps: 500 (DiLoCo)
  # expert_parallel: 8      # data-parallel ranks that share a mixture's experts
  # expert_exchange: deepep_normal    # how tokens get there (orrery list expert_exchanges)
  sequence_parallel: true   # norms and dropout sharded over the tensor-parallel ranks
  recompute: none           # none, selective (attention scores: matters with unfused attention only), full
  attention: flash          # or unfused
  zero: optimizer           # none, or optimizer: ZeRO-1, Megatron's distributed optimizer
  precision: bf16
  flop_convention: model    # model, model_causal, palm (orrery list flop_conventions)
  # total_tokens: 1000000000000   # cost of a whole run instead of one step

# Figures to hold the prediction to; `orrery check FILE` tests them.
expect:
  - metric: memory.fits     # orrery list metrics
    value: true
    source: "the run is planned for this node"
  # - metric: training.step_time_s
  #   value: 13.75 s
  #   tolerance: 10 %
  #   source: "where the number is printed"
  #   known_miss: "why it can't be met yet"

# The same scenario with changes, reported beside it.
# variants:
#   - name: full recompute
#     set: {training.recompute: full}

# Lists to try in all combinations with `orrery sweep FILE`.
# sweep:
#   training.tensor_parallel: [1, 2, 4, 8]
#   training.micro_batch_size: [1, 2, 4]
)yaml";

}  // namespace

std::string_view training_template() { return kTemplate; }

}  // namespace orrery::scenarios
