// Flags of Text Generation Inference. Source: huggingface/text-generation-inference launcher/src/main.rs.
#include "scenarios/import/launch.hpp"

namespace orrery::scenarios {

const std::vector<FlagRow>& tgi_flags() {
  constexpr auto value = FlagTakes::value;
  constexpr auto nothing = FlagTakes::nothing;
  static const std::vector<FlagRow> rows = {
      {"--model-id", "", value, "", "the model", take_model},
      {"--num-shard", "", value, "tensor_parallel", "GPUs of a layer", take_count},
      {"--max-total-tokens", "", value, "max_model_len", "longest request", take_count},
      {"--max-batch-prefill-tokens", "", value, "max_num_batched_tokens", "prompt tokens of a step", take_count},
      {"--max-batch-size", "", value, "max_num_seqs", "sequences at once", take_count},
      {"--cuda-memory-fraction", "", value, "gpu_memory_utilization", "share of GPU memory", take_share},
      {"--dtype", "", value, "dtype", "number format of activations", take_dtype},
      {"--quantize", "", value, "weight_dtype", "number format of weights", take_dtype},
      {"--kv-cache-dtype", "", value, "kv_cache_dtype", "number format of the KV cache", take_dtype},
      {"--port", "-p", value, "", kServer},
      {"--hostname", "", value, "", kServer},
      {"--master-port", "", value, "", kServer},
      {"--sharded", "", value, "", "num_shard says into how many"},
      {"--revision", "", value, "", kServer},
      {"--json-output", "", nothing, "", kServer},
      {"--trust-remote-code", "", nothing, "", kText},
      {"--max-input-tokens", "--max-input-length", value, "", "prompts are as long as the load says"},
      {"--max-concurrent-requests", "", value, "", "requests above it are turned away, which is not modelled"},
      {"--max-best-of", "", value, "", kText},
      {"--max-stop-sequences", "", value, "", kText},
      {"--max-batch-total-tokens", "", value, "", kUnmodelled},
      {"--waiting-served-ratio", "", value, "", kUnmodelled},
      {"--max-waiting-tokens", "", value, "", kUnmodelled},
      {"--speculate", "", value, "", kUnmodelled},
      {"--cuda-graphs", "", value, "", kUnmodelled},
      {"--lora-adapters", "", value, "", kUnmodelled},
  };
  return rows;
}

}  // namespace orrery::scenarios
