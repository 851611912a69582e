// Qwen3-Next, Qwen3.5 and 3.6: three layers of the gated delta rule for one of full attention, whose output is gated.
//
// layer_types says which layer is which; where it is absent every full_attention_interval-th attends. num_experts makes
// the MLP a mixture of experts with one shared expert, times a sigmoid of the input.
// Defaults: transformers models/qwen3_next and qwen3_5(_moe), configuration_*.py and modeling_*.py.
#include <algorithm>

#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

struct HybridDefaults {
  std::int64_t kv_heads, experts, topk, inter, value_heads;
};

RecurrentConfig read_delta(ConfigKeys& keys, std::int64_t value_heads) {
  RecurrentConfig r;
  r.kind = RecurrentKind::gated_delta;
  r.key_heads = keys.size_or("linear_num_key_heads", 16, SizeLimits::kHeads);
  r.value_heads = keys.size_or("linear_num_value_heads", value_heads, SizeLimits::kHeads);
  r.key_dim = keys.size_or("linear_key_head_dim", 128, SizeLimits::kHeadDim);
  r.value_dim = keys.size_or("linear_value_head_dim", 128, SizeLimits::kHeadDim);
  r.conv = keys.size_or("linear_conv_kernel_dim", 4, SizeLimits::kHeadDim);
  if (r.value_heads % r.key_heads != 0) {
    keys.error("linear_num_value_heads", "value heads share key heads, whose number does not divide theirs");
  }
  return r;
}

void read_experts(ConfigKeys& keys, Llm& llm, const HybridDefaults& defaults) {
  llm.moe.experts = keys.size_or("num_experts", defaults.experts, SizeLimits::kExperts);
  llm.moe.topk = keys.size_or("num_experts_per_tok", defaults.topk, SizeLimits::kExperts);
  llm.moe.inter = keys.size_or("moe_intermediate_size", defaults.inter, SizeLimits::kInter);
  llm.moe.shared_experts = 1;
  llm.moe.shared_inter = keys.size_or("shared_expert_intermediate_size", defaults.inter, SizeLimits::kInter);
  llm.moe.shared_gate = true;
  check_topk(keys, llm.moe);
}

void read_hybrid(ConfigKeys& keys, Llm& llm, const HybridDefaults& defaults, bool sparse) {
  const DecoderDefaults decoder{.kv_heads = defaults.kv_heads, .head_dim = 256, .positions = 32'768};
  read_sizes(keys, llm, decoder);
  read_heads(keys, llm, decoder);
  read_attention_bias(keys, llm, false);
  llm.attention.qk_norm = true;
  if (keys.flag_or("attn_output_gate", true)) llm.attention.gate = OutputGate::per_value;
  llm.mlp.gated = true;
  if (!sparse || !keys.absent("intermediate_size")) {
    llm.mlp.inter = keys.size("intermediate_size", SizeLimits::kInter);
  }
  if (sparse) read_experts(keys, llm, defaults);
  const std::vector<std::string> types = layer_names(keys, llm, "layer_types", {"linear_attention", "full_attention"});
  const std::int64_t interval = types.empty() ? keys.size_or("full_attention_interval", 4, SizeLimits::kLayers) : 1;
  const bool stepped = sparse && !keys.absent("decoder_sparse_step");
  const std::int64_t step = stepped ? keys.size("decoder_sparse_step", SizeLimits::kLayers) : 1;
  const std::vector<std::int64_t> dense = keys.integers("mlp_only_layers");
  const RecurrentConfig delta = read_delta(keys, defaults.value_heads);
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    const bool attends = types.empty() ? (number + 1) % interval == 0 : types[i] != "linear_attention";
    layers[i].mixer = attends ? Mixer::attention : Mixer::recurrent;
    if (!attends) layers[i].recurrent = delta;
    const bool listed = std::find(dense.begin(), dense.end(), number) != dense.end();
    const bool experts = sparse && !listed && (number + 1) % step == 0;
    layers[i].feed_forward = experts ? FeedForward::experts : FeedForward::dense;
    if (!experts && llm.mlp.inter == 0) keys.error("intermediate_size", "the key is missing: some layers are dense");
  }
  set_layers(llm, layers);
}

}  // namespace

void read_qwen3_next(ConfigKeys& keys, Llm& llm) {
  read_hybrid(keys, llm, {.kv_heads = 2, .experts = 512, .topk = 10, .inter = 512, .value_heads = 32}, true);
}

void read_qwen3_5(ConfigKeys& keys, Llm& llm) {
  const bool sparse = !keys.absent("num_experts") && !keys.is_null("num_experts");
  read_hybrid(keys, llm, {.kv_heads = sparse ? 2 : 4, .experts = 256, .topk = 8, .inter = 512, .value_heads = 32},
              sparse || keys.text_or("model_type", "").find("moe") != std::string::npos);
}

}  // namespace orrery::models
