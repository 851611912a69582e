// How a checkpoint stores its weights: its quantization_config, or the hf_quant_config.json beside its config.json.
//
// A quantised checkpoint has one format for its linear layers and keeps some of them in 16 bit: the embedding and the
// head always, others by patterns of their names ("ignore", "modules_to_not_convert", "exclude_modules"). Three kinds
// of module are told apart in each layer: the mixer (attention or recurrence), the dense MLP, the shared experts; one
// is kept where a pattern fits one of its projections. Routed experts are taken for quantised.
// Sources: vLLM vllm/model_executor/layers/quantization/{fp8,modelopt,compressed_tensors}; transformers
// utils/quantization_config.py.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/architectures/config_keys.hpp"
#include "models/llm.hpp"

namespace orrery::models {

/// Sets dtype, kv_dtype and what layers keep by the object "quantization_config", the same inside "text_config", or
/// "quantization"; what the config says of itself stays where there is none. Patterns are of `keys`; notes what is
/// kept. REQUIRES that the layers are read and `keys` reads from outside all objects.
void read_quantization(ConfigKeys& keys, Llm& llm);

/// Whether a pattern of names that stay in 16 bit fits the module: a name, a part of one between dots, all below it,
/// "*" for any text, or after "re:" the same with ".*".
[[nodiscard]] bool keeps(std::string_view pattern, std::string_view module);

}  // namespace orrery::models
