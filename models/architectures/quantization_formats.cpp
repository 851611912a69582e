#include "models/architectures/quantization_formats.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace orrery::models {
namespace {

Bytes bits(double count) { return Bytes{count / 8.0}; }

WeightFormat usual(Dtype dtype) { return {dtype, element_size(dtype)}; }

/// Whole numbers with a 16-bit scale, and where `zeros` a zero point, for `group` of them; 0: for a row.
std::optional<WeightFormat> integers(ConfigKeys& keys, std::int64_t width, std::int64_t group, bool zeros,
                                     bool weights_alone) {
  if (width != 4 && width != 8) return std::nullopt;
  const double value = static_cast<double>(width);
  const double beside = group > 0 ? (16.0 + (zeros ? value : 0.0)) / static_cast<double>(group) : 0.0;
  if (width == 8 && weights_alone) {
    keys.assume("quantization_config: 8-bit weights with 16-bit activations, priced as if both had 8");
  }
  return WeightFormat{width == 4 ? Dtype::int4 : Dtype::int8, bits(value + beside)};
}

/// nvfp4 whose activations stay in 16 bit multiplies as any other 4-bit weight does.
WeightFormat nvfp4(bool weights_alone) {
  return {weights_alone ? Dtype::int4 : Dtype::nvfp4, element_size(Dtype::nvfp4)};
}

std::optional<WeightFormat> floats(ConfigKeys& keys, std::int64_t width, std::int64_t group, bool weights_alone) {
  if (width == 8) return group == 32 ? format_of_algorithm(keys, "MXFP8") : usual(Dtype::fp8);
  if (width != 4) return std::nullopt;
  return group == 32 ? mxfp4_format(keys) : nvfp4(weights_alone);
}

std::optional<WeightFormat> bitsandbytes(ConfigKeys& keys, const std::string& quantized) {
  if (!keys.flag_or(quantized + ".load_in_4bit", false)) {
    if (!keys.flag_or(quantized + ".load_in_8bit", false)) {
      keys.assume("quantization_config: neither load_in_4bit nor load_in_8bit is on: read as 8 bit");
    }
    return usual(Dtype::int8);
  }
  const bool twice = keys.flag_or(quantized + ".bnb_4bit_use_double_quant", false);
  constexpr double kBlock = 64.0, kBlocks = 256.0;
  const double scale = twice ? 8.0 + 32.0 / kBlocks : 32.0;
  return WeightFormat{Dtype::int4, bits(4.0 + scale / kBlock)};
}

/// Weights that share a scale; 0: those of a row, which a file says by -1, by null or not at all.
std::int64_t group_of(ConfigKeys& keys, const std::string& path) {
  const std::int64_t group = keys.size_or(path, -1, SizeLimits::kHidden, -1);
  if (group == 0) keys.error(path, "a group has one weight at least; -1 is a scale for a row");
  return std::max<std::int64_t>(0, group);
}

/// fp8 with an fp32 scale for each block of rows and columns.
WeightFormat fp8_blocks(ConfigKeys& keys, const std::string& path) {
  const std::vector<std::int64_t> block = keys.integers(path);
  const auto fits = [](std::int64_t side) { return side >= 1 && side <= SizeLimits::kInter; };
  if (block.size() == 2 && std::all_of(block.begin(), block.end(), fits)) {
    return {Dtype::fp8_block, bits(8.0 + 32.0 / (static_cast<double>(block[0]) * static_cast<double>(block[1])))};
  }
  if (keys.well()) keys.error(path, "expected a block's rows and columns, two numbers from 1, as [128, 128]");
  return usual(Dtype::fp8_block);
}

std::optional<WeightFormat> packed(ConfigKeys& keys, const std::string& quantized) {
  const bool old = keys.absent(quantized + ".bits");  // AWQ's first files
  const std::int64_t group = group_of(keys, quantized + (old ? ".q_group_size" : ".group_size"));
  const std::int64_t width = keys.nested_integer(quantized, old ? "w_bit" : "bits");
  return integers(keys, width, group, true, true);
}

/// Of the group with the most targets, "Linear" before all.
std::optional<WeightFormat> compressed(ConfigKeys& keys, const std::string& quantized) {
  std::string best;
  std::int64_t most = -1;
  for (const std::string& name : keys.members(quantized + ".config_groups")) {
    const std::string group = quantized + ".config_groups." + name;
    const std::vector<std::string> targets =
        keys.is_list(group + ".targets") ? keys.texts(group + ".targets") : std::vector<std::string>{};
    const bool all = std::find(targets.begin(), targets.end(), "Linear") != targets.end();
    const std::int64_t weight = all ? INT64_MAX : static_cast<std::int64_t>(targets.size());
    if (weight <= most) continue;
    most = weight;
    best = group;
  }
  return best.empty() ? std::nullopt : format_of_group(keys, best);
}

/// Of what most of the listed modules are in: experts before all, which hold most weights where there are any.
std::string most_listed(ConfigKeys& keys, const std::string& quantized) {
  std::string algorithm;
  for (const std::string& module : keys.members(quantized + ".quantized_layers")) {
    const std::string listed = keys.nested_text(quantized + ".quantized_layers." + module, "quant_algo");
    const bool routed = module.find(".experts") != std::string::npos;
    if (routed) return listed;
    algorithm = listed;
  }
  return algorithm;
}

}  // namespace

WeightFormat mxfp4_format(ConfigKeys& keys) {
  keys.assume("quantization_config: mxfp4 multiplies as int4 does, its weights widened in the kernels");
  return {Dtype::int4, bits(4.0 + 8.0 / 32.0)};
}

std::optional<WeightFormat> format_of_algorithm(ConfigKeys& keys, std::string_view algorithm) {
  if (algorithm.rfind("MXFP8", 0) == 0) {
    keys.assume("quantization_config: mxfp8 multiplies as fp8 with block scales does");
    return WeightFormat{Dtype::fp8_block, bits(8.0 + 8.0 / 32.0)};
  }
  if (algorithm == "FP8_PB_WO" || algorithm == "FP8_BLOCK_SCALES") return usual(Dtype::fp8_block);
  if (algorithm.rfind("FP8", 0) == 0) return usual(Dtype::fp8);
  if (algorithm.find("NVFP4") != std::string_view::npos) return nvfp4(algorithm.rfind("W4A16", 0) == 0);
  if (algorithm.rfind("W4A8_MXFP4", 0) == 0 || algorithm == "MXFP4") return mxfp4_format(keys);
  if (algorithm == "W4A16_AWQ") return integers(keys, 4, 128, false, true);
  if (algorithm.rfind("INT8", 0) == 0 || algorithm.rfind("W8A8", 0) == 0) return usual(Dtype::int8);
  return std::nullopt;
}

std::optional<WeightFormat> format_of_group(ConfigKeys& keys, const std::string& group) {
  const std::string weights = group + ".weights";
  const std::int64_t width = keys.nested_integer(weights, "num_bits");
  const std::int64_t size = group_of(keys, weights + ".group_size");
  const bool weights_alone = !keys.is_object(group + ".input_activations");
  if (keys.nested_text(weights, "type") == "float") {
    if (keys.nested_text(weights, "strategy") == "block" && width == 8) return usual(Dtype::fp8_block);
    return floats(keys, width, size, weights_alone);
  }
  const bool zeros = !keys.flag_or(weights + ".symmetric", true);
  return integers(keys, width, size, zeros, weights_alone);
}

std::optional<WeightFormat> format_of_method(ConfigKeys& keys, const std::string& quantized, std::string_view method) {
  if (method == "fp8" || method == "fbgemm_fp8") {
    const bool blocks = keys.nested_present(quantized, "weight_block_size");
    return blocks ? fp8_blocks(keys, quantized + ".weight_block_size") : usual(Dtype::fp8);
  }
  if (method == "gptq" || method == "awq" || method == "auto-round") return packed(keys, quantized);
  if (method == "mxfp4") return mxfp4_format(keys);
  if (method == "bitsandbytes") return bitsandbytes(keys, quantized);
  if (method == "compressed-tensors") return compressed(keys, quantized);
  if (method.rfind("modelopt", 0) != 0) return std::nullopt;
  const std::string algorithm = keys.nested_text(quantized, "quant_algo");
  return format_of_algorithm(keys, algorithm == "MIXED_PRECISION" ? most_listed(keys, quantized) : algorithm);
}

}  // namespace orrery::models
