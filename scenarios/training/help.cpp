// One sentence on every key of `training:`, and what its absence means where that is no value.

#include "scenarios/training/schema.hpp"

namespace orrery::scenarios {

const std::vector<FieldHelp>& training_help() {
  static const std::vector<FieldHelp> rows = {
      {"training.sequence_length", "Tokens per sequence; attention grows with its square, activations with it", ""},
      {"training.global_batch_size", "Sequences per optimizer step; more amortise bubbles and gradient reduction", ""},
      {"training.micro_batch_size", "Sequences per pass and rank; more fill the GPU better and keep more activations",
       ""},
      {"training.tensor_parallel", "GPUs that share each layer; more save memory and cost communication in every layer",
       ""},
      {"training.tensor_parallel_mode",
       "How these GPUs share a layer: in a line, or as a grid that shares activations too and sends blocks of both",
       ""},
      {"training.tensor_parallel_depth", "With 2.5d: layers of the grid, tokens are dealt to; weights are in each", ""},
      {"training.pipeline_parallel", "Pipeline stages; more save memory per GPU and cost idle time (bubbles)", ""},
      {"training.virtual_pipeline", "Chunks per stage; more shrink the bubble and send more often", ""},
      {"training.data_parallel", "Replicas that split the batch; more are faster and reduce gradients among more GPUs",
       "all GPUs that are left"},
      {"training.expert_parallel",
       "Data-parallel ranks that share the routed experts; more save memory and exchange tokens in every layer", ""},
      {"training.expert_exchange", "How tokens reach experts on other ranks and come back: whose kernels do it", ""},
      {"training.expert_exchange_sms",
       "SMs that the kernels of deepep_normal or flex take; more are faster up to the links' rate",
       "what the library takes"},
      {"training.expert_imbalance",
       "Tokens of the most loaded rank over the mean, which all wait for; 1 is perfect balance", ""},
      {"training.expert_group_limit",
       "Nodes that a token's experts may lie on; fewer save network traffic where a token goes once to each", "all"},
      {"training.sequence_parallel", "Norms and dropout sharded over tensor-parallel ranks: saves activations for free",
       ""},
      {"training.schedule", "Order of the pipeline's passes: decides bubbles and how many activations are kept", ""},
      {"training.stage_layers", "Layers of each virtual stage in pipeline order; fewer unburden a stage with the head",
       "an even split"},
      {"training.recompute", "What runs again in the backward pass instead of being kept: time for memory", ""},
      {"training.recompute_layers", "With full recomputation: how many layers of each virtual stage; -1 is all of them",
       "all of them"},
      {"training.attention", "Attention kernels: fused ones are faster and keep no scores", ""},
      {"training.zero", "Whether the optimizer's state is sharded over replicas: saves memory, gathers weights", ""},
      {"training.precision",
       "Number format of matrix multiplications; smaller is faster where the GPU has units for it", ""},
      {"training.gradient_dtype", "Number format of accumulated gradients; smaller saves memory and communication", ""},
      {"training.master_weights", "An fp32 copy of the weights beside 16-bit ones: 4 bytes a parameter", ""},
      {"training.overlap_gradient_reduce", "Reduce gradients while the last backward pass still runs", ""},
      {"training.bucket_size",
       "Gradients reduced at once, whole weights; small buckets start earlier, large ones are efficient",
       "25 MiB with data parallelism alone, else 40 M gradients or 1 M a replica"},
      {"training.no_sync", "Reduce gradients after the last microbatch only, not after each", ""},
      {"training.overlap_p2p", "Sends and receives between stages beside computing instead of between", ""},
      {"training.overlap_tensor_parallel", "Collectives of input gradients beside the weight gradients", ""},
      {"training.dropout", "Dropout probability; above 0 masks are stored: more activations and kernels", ""},
      {"training.fused_cross_entropy",
       "One kernel for the loss that keeps 16-bit logits: saves memory on the last stage", ""},
      {"training.cuda_graphs", "Launch graphs: the host's cost per kernel vanishes", ""},
      {"training.host_overhead", "Host cost per kernel of an eager framework; bounds short kernels",
       "the GPU profile's launch cost"},
      {"training.steps", "How many steps are played one after another; more show what changes between them", ""},
      {"training.flop_convention", "How FLOPs are counted for MFU; changes no time", ""},
      {"training.total_tokens", "Tokens of the whole run: cost is then that of all of its steps", "one optimizer step"},
  };
  return rows;
}

}  // namespace orrery::scenarios
