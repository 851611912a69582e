// How a checkpoint stores its weights: its quantization_config, or the hf_quant_config.json beside its config.json.
//
// A quantised checkpoint has one format for most of its linear layers. Some it keeps in 16 bit: the embedding and the
// head unless it says otherwise, others by patterns of their names ("ignore", "modules_to_not_convert",
// "exclude_modules"). Some it may have in a second format: compressed-tensors by the targets of its config_groups,
// modelopt's mixed precision by quantized_layers, DeepSeek-V4 by expert_dtype. Four modules are told apart in each
// layer (module_patterns.hpp); one is what a pattern says of one of its projections.
// Sources: vLLM vllm/model_executor/layers/quantization/{fp8,modelopt,compressed_tensors}; transformers
// utils/quantization_config.py.
#pragma once

#include "models/architectures/config_keys.hpp"
#include "models/llm.hpp"

namespace orrery::models {

/// Sets dtype, weight_size, kv_dtype and what layers store otherwise by the object "quantization_config", the same
/// inside "text_config", or "quantization"; what the config says of itself stays where there is none. Notes what is
/// stored otherwise. REQUIRES that the layers are read and `keys` reads from outside all objects.
void read_quantization(ConfigKeys& keys, Llm& llm);

}  // namespace orrery::models
