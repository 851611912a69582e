// Number formats of the weights that are served, and which of them an engine does not take on a GPU.
#pragma once

#include <string>
#include <vector>

#include "hardware/gpu.hpp"
#include "models/llm.hpp"

namespace orrery::scenarios {

/// Most weights', and those that the checkpoint has beside it. `most` other than the model's own: of that alone.
[[nodiscard]] std::vector<Dtype> weight_formats(const models::Llm& llm, Dtype most);

/// The GPU has no units for the format: weights are widened in the kernels. Those of 4-bit integers always are.
[[nodiscard]] bool is_widened(const hardware::Gpu& gpu, Dtype weights);

/// vLLM does not start with such weights on the GPU: what its units lack Marlin widens from compute capability 8.0 on.
/// Source: vllm-project/vllm docs/features/quantization/README.md, Supported Hardware.
[[nodiscard]] bool is_refused(const hardware::Gpu& gpu, Dtype weights);

/// Empty, or why vLLM does not start with the model's weights, most of them in `most`, on the GPU. What is not
/// quantised is never refused: it is served in fp16 where bf16 is not there. The one verdict of `ask` and `run`.
[[nodiscard]] std::string weights_refusal(const models::Llm& llm, Dtype most, const hardware::Gpu& gpu);

}  // namespace orrery::scenarios
