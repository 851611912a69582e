#include "scenarios/serving/argument_names.hpp"

#include <algorithm>
#include <cmath>

#include "hardware/config/config_numbers.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::string_view kArguments = "vllm-project/vllm vllm/engine/arg_utils.py";
constexpr std::string_view kQuantization = "vllm-project/vllm vllm/model_executor/layers/quantization/__init__.py";
constexpr std::string_view kCache = "vllm-project/vllm vllm/config/cache.py, CacheDType";
constexpr std::string_view kModel = "vllm-project/vllm vllm/config/model.py, ModelDType";

}  // namespace

const std::vector<OtherName>& argument_names() {
  static const std::vector<OtherName> rows = {
      {"tensor_parallel_size", "tensor_parallel", "serving.tensor_parallel", kArguments},
      {"pipeline_parallel_size", "pipeline_parallel", "serving.pipeline_parallel", kArguments},
      {"data_parallel_size", "replicas", "serving.replicas", kArguments},
      {"quantization", "weight_dtype", "serving.weight_dtype; fp8, awq, gptq, … (auto: as the checkpoint is)",
       kArguments},
      {"num_gpu_blocks_override", "num_gpu_blocks", "serving.num_gpu_blocks", kArguments},
      {"kv_cache_memory", "kv_cache_memory_bytes", "serving.kv_cache_memory_bytes", kArguments},
  };
  return rows;
}

const std::vector<DtypeWord>& dtype_words() {
  static const std::vector<DtypeWord> rows = {
      {"dtype", "auto", std::nullopt, kModel},
      {"dtype", "half", Dtype::fp16, kModel},
      {"dtype", "float16", Dtype::fp16, kModel},
      {"dtype", "bfloat16", Dtype::bf16, kModel},
      {"dtype", "float", Dtype::fp32, kModel},
      {"dtype", "float32", Dtype::fp32, kModel},
      {"kv_cache_dtype", "auto", std::nullopt, kCache},
      {"kv_cache_dtype", "bfloat16", Dtype::bf16, kCache},
      {"kv_cache_dtype", "float16", Dtype::fp16, kCache},
      {"kv_cache_dtype", "fp8_e4m3", Dtype::fp8, kCache},
      {"kv_cache_dtype", "fp8_e5m2", Dtype::fp8, kCache},
      {"kv_cache_dtype", "fp8_inc", Dtype::fp8, kCache},
      {"kv_cache_dtype", "fp8_ds_mla", Dtype::fp8, kCache},
      {"weight_dtype", "auto", std::nullopt, kQuantization},
      {"weight_dtype", "none", std::nullopt, kQuantization},
      {"weight_dtype", "compressed-tensors", std::nullopt, kQuantization},
      {"weight_dtype", "awq", Dtype::int4, kQuantization},
      {"weight_dtype", "awq_marlin", Dtype::int4, kQuantization},
      {"weight_dtype", "gptq", Dtype::int4, kQuantization},
      {"weight_dtype", "gptq_marlin", Dtype::int4, kQuantization},
      {"weight_dtype", "bitsandbytes", Dtype::int4, kQuantization},
      {"weight_dtype", "fbgemm_fp8", Dtype::fp8, kQuantization},
      {"weight_dtype", "ptpc_fp8", Dtype::fp8, kQuantization},
      {"weight_dtype", "modelopt", Dtype::fp8, kQuantization},
      {"weight_dtype", "modelopt_fp4", Dtype::nvfp4, kQuantization},
  };
  return rows;
}

const DtypeWord* find_dtype_word(std::string_view key, std::string_view word) {
  const auto& rows = dtype_words();
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const DtypeWord& row) { return row.key == key && row.word == word; });
  return found == rows.end() ? nullptr : &*found;
}

std::optional<std::int64_t> parse_readable_count(std::string_view text) {
  constexpr std::string_view kLetters = "kmgt";
  constexpr double kMost = 9e18;  // below 2^63
  if (text.size() < 2) return std::nullopt;
  const char letter = text.back();
  const bool binary = letter >= 'A' && letter <= 'Z';
  const std::size_t power = kLetters.find(static_cast<char>(binary ? letter - 'A' + 'a' : letter));
  const std::string_view digits = text.substr(0, text.size() - 1);
  const bool plain = digits.find_first_not_of(binary ? "0123456789" : "0123456789.") == std::string_view::npos;
  if (power == std::string_view::npos || !plain) return std::nullopt;
  std::string error;
  const std::optional<double> number = hardware::parse_number(digits, error);
  if (!number) return std::nullopt;
  double value = *number;
  for (std::size_t i = 0; i <= power; ++i) value *= binary ? 1024.0 : 1000.0;
  value = std::floor(value + 1e-6);  // 25.6 thousand is 25,600
  if (!(value < kMost)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace orrery::scenarios
