// Flags of SGLang's server. Source: sgl-project/sglang python/sglang/srt/server_args.py.
// Limitation: its mem_fraction_static is the share for weights and KV cache alone, vLLM's the share for all; it is
// taken as it stands, which leaves less cache here.
//
// Data parallel attention: of tp GPUs each group of tp/dp holds attention and the KV cache of its own requests, while
// experts and dense layers are split over all (server_args.py: tp_size % dp_size == 0; layers/dp_attention.py). Without
// it dp engines of tp GPUs stand side by side.
#include <fmt/format.h>

#include "scenarios/import/launch.hpp"

namespace orrery::scenarios {

const std::vector<FlagRow>& sglang_flags() {
  constexpr auto value = FlagTakes::value;
  constexpr auto nothing = FlagTakes::nothing;
  static const std::vector<FlagRow> rows = {
      {"--model-path", "--model", value, "", "the model", take_model},
      {"--tensor-parallel-size", "--tp-size", value, "tensor_parallel", "GPUs of a layer", take_count},
      {"--tp", "", value, "tensor_parallel", "GPUs of a layer", take_count},
      {"--pipeline-parallel-size", "--pp-size", value, "pipeline_parallel", "stages", take_count},
      {"--pp", "", value, "pipeline_parallel", "stages", take_count},
      {"--data-parallel-size", "--dp-size", value, "replicas", "engines side by side", take_count},
      {"--dp", "", value, "replicas", "engines side by side", take_count},
      {"--context-length", "", value, "max_model_len", "longest request", take_count},
      {"--mem-fraction-static", "", value, "gpu_memory_utilization", "share for weights and KV cache", take_share},
      {"--max-running-requests", "", value, "max_num_seqs", "sequences at once", take_count},
      {"--max-prefill-tokens", "", value, "", "chunked_prefill_size decides the size of a step"},
      {"--chunked-prefill-size", "", value, "max_num_batched_tokens", "prompt tokens of a step", take_chunk},
      {"--dtype", "", value, "dtype", "number format of activations", take_dtype},
      {"--quantization", "", value, "weight_dtype", "number format of weights", take_dtype},
      {"--kv-cache-dtype", "", value, "kv_cache_dtype", "number format of the KV cache", take_dtype},
      {"--page-size", "", value, "block_size", "tokens of a page", take_count},
      {"--disable-radix-cache", "", nothing, "enable_prefix_caching", "prompt heads are not kept", take_opposite},
      {"--disable-cuda-graph", "", nothing, "enforce_eager", "no CUDA graphs", take_switch},
      {"--host", "", value, "", kServer},
      {"--port", "", value, "", kServer},
      {"--api-key", "", value, "", kServer},
      {"--served-model-name", "", value, "", kServer},
      {"--log-level", "", value, "", kServer},
      {"--enable-metrics", "", nothing, "", kServer},
      {"--tokenizer-path", "", value, "", kText},
      {"--trust-remote-code", "", nothing, "", kText},
      {"--chat-template", "", value, "", kText},
      {"--tool-call-parser", "", value, "", kText},
      {"--reasoning-parser", "", value, "", kText},
      {"--random-seed", "", value, "", kText},
      {"--nnodes", "", value, "", "the number of nodes follows from the GPUs"},
      {"--node-rank", "", value, "", kServer},
      {"--dist-init-addr", "", value, "", kServer},
      {"--enable-dp-attention", "", nothing, "replicas", "data parallel groups inside one engine", take_dp_attention},
      {"--ep-size", "--ep", value, "", kUnmodelled},
      {"--speculative-algorithm", "", value, "", kUnmodelled},
      {"--speculative-num-steps", "", value, "", kUnmodelled},
      {"--speculative-eagle-topk", "", value, "", kUnmodelled},
      {"--speculative-num-draft-tokens", "", value, "", kUnmodelled},
      {"--attention-backend", "", value, "", kUnmodelled},
      {"--enable-torch-compile", "", nothing, "", kUnmodelled},
      {"--cuda-graph-max-bs", "", value, "", kUnmodelled},
      {"--schedule-policy", "", value, "", kUnmodelled},
      {"--schedule-conservativeness", "", value, "", kUnmodelled},
      {"--disaggregation-mode", "", value, "", kUnmodelled},
      {"--max-total-tokens", "", value, "", kUnmodelled},
  };
  return rows;
}

void take_dp_attention(const FlagUse& use, Launch& launch) {
  if (is_on(use, launch)) launch.dp_attention = use.place;
}

void finish_sglang(Launch& launch) {
  if (!launch.dp_attention) return;
  const std::int64_t groups = launch.draft->count("replicas"), gpus = launch.draft->count("tensor_parallel");
  launch.draft->erase("replicas");
  if (groups > 1 && gpus % groups != 0) {
    launch.fail(*launch.dp_attention,
                fmt::format("--enable-dp-attention: --dp {} doesn't divide --tp {}, the GPUs that its groups are of",
                            groups, gpus));
  }
  launch.ignore(
      *launch.dp_attention, "--enable-dp-attention",
      fmt::format("attention in {} data parallel group{} inside one engine of {} GPUs, each with the KV cache "
                  "of its own requests, is not modelled: figures are those of attention split over all {}",
                  groups, groups == 1 ? "" : "s", gpus, gpus));
}

}  // namespace orrery::scenarios
