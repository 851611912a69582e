// Number formats, by the names that Hugging Face, vLLM and TensorRT-LLM use.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "hardware/units.hpp"

namespace orrery {

enum class Dtype : std::uint8_t {
  fp32,
  tf32,  ///< stored as fp32, multiplied with 10-bit mantissas
  fp16,
  bf16,
  fp8,        ///< e4m3, one scale per tensor
  fp8_block,  ///< e4m3, 1x128 activation and 128x128 weight scales (DeepSeek-V3)
  int8,
  int4,   ///< weights only, group-wise scales
  nvfp4,  ///< e2m1 with one e4m3 scale per 16 values
};

/// Storage of one element, scales included (fp8_block: 1 + 4/(128*128); nvfp4: 0.5 + 1/16; int4: 4.25 bits).
[[nodiscard]] Bytes element_size(Dtype dtype);

/// The name users write: "bf16", "fp8_block", …
[[nodiscard]] std::string_view name(Dtype dtype);

/// Accepts the short names and the long ones of config.json and the measured tables ("bfloat16", "float16").
[[nodiscard]] std::optional<Dtype> parse_dtype(std::string_view text);

/// Every dtype in declaration order, for "did you mean" and tables.
[[nodiscard]] const std::vector<Dtype>& all_dtypes();

}  // namespace orrery
