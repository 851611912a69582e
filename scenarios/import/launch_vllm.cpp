// Flags of `vllm serve`. Source: vllm-project/vllm vllm/engine/arg_utils.py, vllm/entrypoints/openai/cli_args.py.
#include "scenarios/import/launch.hpp"

namespace orrery::scenarios {

const std::vector<FlagRow>& vllm_flags() {
  constexpr auto value = FlagTakes::value;
  constexpr auto nothing = FlagTakes::nothing;
  constexpr auto anything = FlagTakes::anything;
  constexpr std::string_view kServer = "how the server is reached or named, which takes no time here";
  constexpr std::string_view kText = "what is said, not how long it takes";
  constexpr std::string_view kUnmodelled = "not modelled: figures are those of a run without it";
  static const std::vector<FlagRow> rows = {
      {"--model", "", value, "", "the model", take_model},
      {"--tensor-parallel-size", "-tp", value, "tensor_parallel", "GPUs of a layer", take_count},
      {"--pipeline-parallel-size", "-pp", value, "pipeline_parallel", "stages", take_count},
      {"--data-parallel-size", "-dp", value, "replicas", "engines side by side", take_count},
      {"--max-model-len", "", value, "max_model_len", "longest request", take_length},
      {"--max-num-seqs", "", value, "max_num_seqs", "sequences at once", take_count},
      {"--max-num-batched-tokens", "", value, "max_num_batched_tokens", "tokens of a step", take_count},
      {"--gpu-memory-utilization", "", value, "gpu_memory_utilization", "share of GPU memory", take_share},
      {"--dtype", "", value, "dtype", "number format of activations", take_dtype},
      {"--quantization", "-q", value, "weight_dtype", "number format of weights", take_dtype},
      {"--kv-cache-dtype", "", value, "kv_cache_dtype", "number format of the KV cache", take_dtype},
      {"--block-size", "", value, "block_size", "tokens of a block", take_count},
      {"--num-gpu-blocks-override", "", value, "num_gpu_blocks", "blocks of the KV cache", take_count},
      {"--kv-cache-memory-bytes", "--kv-cache-memory", value, "kv_cache_memory_bytes", "KV cache of a GPU", take_bytes},
      {"--enforce-eager", "", nothing, "enforce_eager", "no CUDA graphs", take_switch},
      {"--enable-prefix-caching", "", nothing, "enable_prefix_caching", "prompt heads are kept", take_switch},
      {"--enable-chunked-prefill", "", nothing, "enable_chunked_prefill", "prompts in parts", take_switch},
      {"--async-scheduling", "", nothing, "async_scheduling", "steps are prepared ahead", take_switch},
      {"--long-prefill-token-threshold", "", value, "long_prefill_token_threshold", "prompt tokens of a step",
       take_count},

      {"--host", "", value, "", kServer},
      {"--port", "", value, "", kServer},
      {"--uds", "", value, "", kServer},
      {"--api-key", "", anything, "", kServer},
      {"--served-model-name", "", anything, "", kServer},
      {"--root-path", "", value, "", kServer},
      {"--allowed-origins", "", value, "", kServer},
      {"--ssl-keyfile", "", value, "", kServer},
      {"--ssl-certfile", "", value, "", kServer},
      {"--uvicorn-log-level", "", value, "", kServer},
      {"--disable-log-requests", "", nothing, "", kServer},
      {"--enable-log-requests", "", nothing, "", kServer},
      {"--disable-log-stats", "", nothing, "", kServer},
      {"--disable-uvicorn-access-log", "", nothing, "", kServer},
      {"--max-log-len", "", value, "", kServer},
      {"--distributed-executor-backend", "", value, "", kServer},
      {"--tokenizer", "", value, "", kText},
      {"--tokenizer-mode", "", value, "", kText},
      {"--trust-remote-code", "", nothing, "", kText},
      {"--download-dir", "", value, "", kServer},
      {"--load-format", "", value, "", kServer},
      {"--revision", "", value, "", kServer},
      {"--hf-token", "", value, "", kServer},
      {"--seed", "", value, "", kText},
      {"--chat-template", "", value, "", kText},
      {"--chat-template-content-format", "", value, "", kText},
      {"--generation-config", "", value, "", kText},
      {"--override-generation-config", "", value, "", kText},
      {"--enable-auto-tool-choice", "", nothing, "", kText},
      {"--tool-call-parser", "", value, "", kText},
      {"--reasoning-parser", "", value, "", kText},
      {"--enable-reasoning", "", nothing, "", kText},
      {"--max-logprobs", "", value, "", kText},
      {"--task", "", value, "", kText},
      {"--config", "", value, "", "a file of flags, which is not read: write its flags into the line"},

      {"--enable-expert-parallel", "", nothing, "", kUnmodelled},
      {"--speculative-config", "", value, "", kUnmodelled},
      {"--enable-lora", "", nothing, "", kUnmodelled},
      {"--lora-modules", "", anything, "", kUnmodelled},
      {"--max-loras", "", value, "", kUnmodelled},
      {"--max-lora-rank", "", value, "", kUnmodelled},
      {"--cpu-offload-gb", "", value, "", kUnmodelled},
      {"--swap-space", "", value, "", kUnmodelled},
      {"--compilation-config", "-O", value, "", kUnmodelled},
      {"--cuda-graph-sizes", "", anything, "", kUnmodelled},
      {"--max-seq-len-to-capture", "", value, "", kUnmodelled},
      {"--kv-transfer-config", "", value, "", kUnmodelled},
      {"--hf-overrides", "", value, "", kUnmodelled},
      {"--rope-scaling", "", value, "", kUnmodelled},
      {"--scheduling-policy", "", value, "", kUnmodelled},
      {"--limit-mm-per-prompt", "", anything, "", kUnmodelled},
      {"--mm-processor-kwargs", "", value, "", kUnmodelled},
      {"--data-parallel-size-local", "", value, "", kUnmodelled},
      {"--api-server-count", "", value, "", kUnmodelled},
      {"--decode-context-parallel-size", "-dcp", value, "", kUnmodelled},
      {"--disable-custom-all-reduce", "", nothing, "", kUnmodelled},
      {"--enable-eplb", "", nothing, "", kUnmodelled},
      {"--enable-dbo", "", nothing, "", kUnmodelled},
      {"--attention-backend", "", value, "", kUnmodelled},
      {"--max-num-partial-prefills", "", value, "", kUnmodelled},
  };
  return rows;
}

}  // namespace orrery::scenarios
