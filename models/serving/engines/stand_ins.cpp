// Engines whose own rules are not modelled yet. They run by those of vLLM V1, with their own kernels' times where these
// have been measured; a report says so.
//
// TensorRT-LLM gives a share of what is free behind the weights to its cache, which is modelled (kv_pool.hpp).
// Limitations: loop, scheduler, cache, the memory of SGLang and TGI, and host are vLLM's. Medians of what that is worth
// for SGLang and TensorRT-LLM stand in the README, by `orrery validate serving`.
#include "models/serving/engine_row.hpp"
#include "models/serving/kv_pool.hpp"

namespace orrery::models {
namespace {

template <kernels::Implementation own>
void resolve_under_vllm(const ServingJob& job, ServingConfig& config) {
  if (config.kernels == kernels::Implementation::automatic) config.kernels = own;
  find_engine("vllm_v1")->resolve(job, config);
}

EngineRow under_vllm(std::string_view name, std::string_view equation, std::string_view source) {
  EngineRow row = vllm_v1_engine();
  row.name = name;
  row.equation = equation;
  row.source = source;
  row.runs_under = "vllm_v1";
  return row;
}

}  // namespace

EngineRow sglang_engine() {
  EngineRow row = under_vllm("sglang", "not modelled yet: vLLM V1's rules with SGLang's kernels",
                             "sgl-project/sglang python/sglang/srt/server_args.py; models/serving/engines/vllm_v1.cpp");
  row.resolve = resolve_under_vllm<kernels::Implementation::sglang>;
  return row;
}

EngineRow trtllm_engine() {
  EngineRow row = under_vllm("trtllm", "not modelled yet: vLLM V1's rules with TensorRT-LLM's kernels",
                             "NVIDIA/TensorRT-LLM tensorrt_llm/commands/serve.py; models/serving/engines/vllm_v1.cpp");
  row.resolve = resolve_under_vllm<kernels::Implementation::trtllm>;
  row.memory = free_share_kv_pool;
  row.memory_sources.cache = "fraction x what the terms above leave (TensorRT-LLM, free_gpu_memory_fraction)";
  row.memory_sources.budget = "of what is free behind the weights";
  return row;
}

EngineRow tgi_engine() {
  return under_vllm("tgi", "not modelled yet: vLLM V1's rules and kernels",
                    "huggingface/text-generation-inference launcher/src/main.rs; models/serving/engines/vllm_v1.cpp");
}

}  // namespace orrery::models
