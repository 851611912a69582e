// Flags of `trtllm-serve`. Source: NVIDIA/TensorRT-LLM tensorrt_llm/commands/serve.py.
// Limitation: its share of free memory is one of what the weights leave, and is not taken.
#include "scenarios/import/launch.hpp"

namespace orrery::scenarios {

const std::vector<FlagRow>& trtllm_flags() {
  constexpr auto value = FlagTakes::value;
  constexpr auto nothing = FlagTakes::nothing;
  static const std::vector<FlagRow> rows = {
      {"--model", "", value, "", "the model", take_model},
      {"--tp-size", "", value, "tensor_parallel", "GPUs of a layer", take_count},
      {"--pp-size", "", value, "pipeline_parallel", "stages", take_count},
      {"--max-seq-len", "", value, "max_model_len", "longest request", take_count},
      {"--max-batch-size", "", value, "max_num_seqs", "sequences at once", take_count},
      {"--max-num-tokens", "", value, "max_num_batched_tokens", "tokens of a step", take_count},
      {"--kv-cache-dtype", "", value, "kv_cache_dtype", "number format of the KV cache", take_dtype},
      {"--kv-cache-free-gpu-memory-fraction", "--free-gpu-memory-fraction", value, "",
       "a share of what the weights leave, not of the GPU: set gpu_memory_utilization"},
      {"--host", "", value, "", kServer},
      {"--port", "", value, "", kServer},
      {"--backend", "", value, "", kServer},
      {"--log-level", "", value, "", kServer},
      {"--tokenizer", "", value, "", kText},
      {"--trust-remote-code", "", nothing, "", kText},
      {"--reasoning-parser", "", value, "", kText},
      {"--num-postprocess-workers", "", value, "", kServer},
      {"--gpus-per-node", "", value, "", "the number of nodes follows from the GPUs"},
      {"--extra-llm-api-options", "--config", value, "", "a file of settings, which is not read"},
      {"--ep-size", "", value, "", kUnmodelled},
      {"--cluster-size", "", value, "", kUnmodelled},
      {"--max-beam-width", "", value, "", kUnmodelled},
  };
  return rows;
}

}  // namespace orrery::scenarios
