// Number formats of quantised weights, with their scales, by the names that quantising tools give them.
//
//   bits of a weight = bits of its value + (bits of a scale + bits of a zero point)/group
//     fp8, one scale a tensor or a row     8
//     fp8, 128 x 128 blocks                8 + 32/128²
//     mxfp8, mxfp4                         8 + 8/32, 4 + 8/32
//     nvfp4                                4 + 8/16
//     awq, gptq of b bits, group g         b + (16 + b)/g
//     compressed-tensors of b bits         b + 16/g, + b/g where it is not symmetric
//     bitsandbytes 4 bit                   4 + 8/64 + 32/(64·256) with double quantisation, else 4 + 32/64
// A scale a row, and a second scale a tensor, are not counted: less than 0.1 %.
// Sources: vLLM vllm/model_executor/layers/quantization/{fp8,awq,gptq,modelopt,mxfp4,bitsandbytes}.py and
// compressed_tensors/schemes/*.py (create_weights); OCP Microscaling Formats 1.0 (mxfp).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "models/architectures/config_keys.hpp"
#include "models/llm.hpp"

namespace orrery::models {

/// Of "fp8", "gptq", "compressed-tensors" and so on, as the object `quantized` describes it. Where its parts differ,
/// of those that most weights are in. Notes what is priced as something nearby. nullopt: unknown.
[[nodiscard]] std::optional<WeightFormat> format_of_method(ConfigKeys& keys, const std::string& quantized,
                                                           std::string_view method);

/// By the names of modelopt: "FP8", "NVFP4", "W4A16_NVFP4", "MXFP8". nullopt: unknown.
[[nodiscard]] std::optional<WeightFormat> format_of_algorithm(ConfigKeys& keys, std::string_view algorithm);

/// Of a group of compressed-tensors ("quantization_config.config_groups.group_1"). nullopt: unknown.
[[nodiscard]] std::optional<WeightFormat> format_of_group(ConfigKeys& keys, const std::string& group);

/// Four bits with a scale of eight for 32 of them.
[[nodiscard]] WeightFormat mxfp4_format(ConfigKeys& keys);

}  // namespace orrery::models
