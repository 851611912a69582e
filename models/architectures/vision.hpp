// Parameters of a multimodal model's towers for images and sound, with what leads from them to the language model.
//
// They are counted so that weights and totals are right, and never priced: requests are texts. Each function reads
// vision_config (audio_config); absent sizes are the class's defaults. Source: transformers modeling_*.py of the model
// named; Step-3: vllm vllm/model_executor/models/step3_vl.py.
// Limitation: Qwen-Omni's tower for sound is not counted.
#pragma once

#include <cstdint>

#include "models/architectures/config_keys.hpp"
#include "models/llm.hpp"

namespace orrery::models {

/// Qwen2.5-VL: windowed RMSNorm blocks with gated MLPs, a merger of 2x2 patches.
[[nodiscard]] std::int64_t qwen2_5_vision(ConfigKeys& keys, const Llm& llm);
/// Qwen3-VL and Qwen3.5: LayerNorm blocks, learned positions, a merger and one more for each deepstack layer.
[[nodiscard]] std::int64_t qwen3_vision(ConfigKeys& keys, const Llm& llm);
/// Kimi K2.5's MoonViT and its patch merger.
[[nodiscard]] std::int64_t kimi_vision(ConfigKeys& keys, const Llm& llm);
/// MiniMax-M3's tower, projector and patch merger.
[[nodiscard]] std::int64_t minimax_vision(ConfigKeys& keys, const Llm& llm);
/// Gemma 3: SigLIP and a projection.
[[nodiscard]] std::int64_t gemma3_vision(ConfigKeys& keys, const Llm& llm);
[[nodiscard]] std::int64_t gemma4_vision(ConfigKeys& keys, const Llm& llm);
/// Step-3.7: layer-scaled blocks and two downsampling convolutions; there whether the config mentions it or not.
[[nodiscard]] std::int64_t step_vision(ConfigKeys& keys, const Llm& llm);

/// Step-3: LayerNorm blocks, two downsampling convolutions and a projection.
[[nodiscard]] std::int64_t step3_vision(ConfigKeys& keys, const Llm& llm);
/// Llama 4: LayerNorm blocks, an adapter over shuffled pixels, a projection.
[[nodiscard]] std::int64_t llama4_vision(ConfigKeys& keys, const Llm& llm);
/// Pixtral: RMSNorm blocks with gated MLPs; two projections of LLaVA behind it …
[[nodiscard]] std::int64_t pixtral_vision(ConfigKeys& keys, const Llm& llm);
/// … or those of Mistral Small 3.1, behind a norm and a merger of patches.
[[nodiscard]] std::int64_t mistral3_vision(ConfigKeys& keys, const Llm& llm);
/// Gemma 3n's network of timm, by its name, and the embedder of images (mobilenet.cpp).
[[nodiscard]] std::int64_t gemma3n_vision(ConfigKeys& keys, const Llm& llm);
/// Gemma 3n's conformer, and the embedder of sound.
[[nodiscard]] std::int64_t gemma3n_audio(ConfigKeys& keys, const Llm& llm);
/// A table of `rows` hard tokens, norms, and a projection of both into the language model.
[[nodiscard]] std::int64_t gemma3n_embedder(std::int64_t rows, std::int64_t width, const Llm& llm);
/// Gemma 4's conformer, its output's projection and the one into the language model.
[[nodiscard]] std::int64_t gemma4_audio(ConfigKeys& keys, const Llm& llm);

}  // namespace orrery::models
