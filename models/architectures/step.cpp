// Step-3: queries come from a narrow projection (share_q_dim), all heads share one wide head of keys and of values.
// Step-3.5 and 3.7: three of four layers slide a window, with heads of their own number where attention_other_setting
// says so; the output of each head is gated; experts with a shared one in the layers that moe_layers_enum lists.
// Sources: vllm vllm/model_executor/models/step3_text.py and transformers_utils/configs/step3_vl.py; transformers
// models/step3p7, configuration_step3p7.py and modeling_step3p7.py.
#include <set>
#include <string>

#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

/// Numbers in "3,4,5"; what is none is left away.
std::set<std::int64_t> numbers_in(const std::string& text) {
  std::set<std::int64_t> numbers;
  std::int64_t number = -1;
  for (const char c : text + ",") {
    if (c >= '0' && c <= '9') {
      number = std::min<std::int64_t>(SizeLimits::kLayers, std::max<std::int64_t>(0, number) * 10 + (c - '0'));
    } else if (number >= 0) {
      numbers.insert(number);
      number = -1;
    }
  }
  return numbers;
}

std::set<std::int64_t> sparse_layers(ConfigKeys& keys, const Llm& llm, std::int64_t dense) {
  std::set<std::int64_t> sparse;
  if (keys.is_list("moe_layers_enum")) {
    for (const std::int64_t layer : keys.integers("moe_layers_enum")) sparse.insert(layer);
    return sparse;
  }
  sparse = numbers_in(keys.text_or("moe_layers_enum", ""));
  if (!sparse.empty()) return sparse;
  const std::int64_t first = keys.size_or("first_k_dense_replace", dense, SizeLimits::kLayers, 0);
  for (std::int64_t i = first; i < llm.layers; ++i) sparse.insert(i);
  return sparse;
}

AttentionConfig read_sliding(ConfigKeys& keys, const AttentionConfig& full) {
  AttentionConfig a = full;
  a.heads = keys.size_or("attention_other_setting.num_attention_heads", 0, SizeLimits::kHeads);
  if (a.heads == 0) a.heads = keys.size_or("num_sliding_attention_heads", 0, SizeLimits::kHeads);
  if (a.heads == 0) a.heads = full.heads;
  a.window = keys.size_or("sliding_window", 512, SizeLimits::kPositions);
  if (a.heads % a.kv_heads != 0) keys.error("attention_other_setting", "the key-value heads do not divide the heads");
  return a;
}

void route(ConfigKeys& keys, const Llm& llm, std::int64_t dense, std::vector<LayerConfig>& layers) {
  const std::set<std::int64_t> sparse = sparse_layers(keys, llm, dense);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const bool experts = sparse.count(static_cast<std::int64_t>(i)) > 0;
    layers[i].feed_forward = experts ? FeedForward::experts : FeedForward::dense;
  }
}

}  // namespace

void read_step3(ConfigKeys& keys, Llm& llm) {
  read_sizes(keys, llm, {.positions = 65'536});
  llm.max_positions = keys.size_or(keys.first_of({"max_position_embedding", "max_position_embeddings", "max_seq_len"}),
                                   65'536, SizeLimits::kPositions);
  llm.mlp.gated = true;
  llm.mlp.inter = keys.size("intermediate_size", SizeLimits::kInter);
  AttentionConfig& a = llm.attention;
  a.heads = keys.size("num_attention_heads", SizeLimits::kHeads);
  a.kv_heads = keys.size_or("num_attention_groups", 1, SizeLimits::kHeads);
  a.head_dim = keys.size_or("head_dim", 256, SizeLimits::kHeadDim);
  a.q_lora_rank = keys.size_or("share_q_dim", 2048, SizeLimits::kHidden);
  if (a.heads % a.kv_heads != 0) keys.error("num_attention_groups", "the groups do not divide the heads");
  MoeConfig& moe = llm.moe;
  moe.experts = keys.size_or("moe_num_experts", 48, SizeLimits::kExperts);
  moe.topk = keys.size_or("moe_top_k", 3, SizeLimits::kExperts);
  check_topk(keys, moe, "moe_top_k");
  moe.inter = keys.size_or("moe_intermediate_size", 5120, SizeLimits::kInter);
  moe.shared_experts = 1;
  moe.shared_inter = keys.size_or("share_expert_dim", 5120, SizeLimits::kInter);
  std::vector<LayerConfig> layers = equal_layers(llm);
  route(keys, llm, 1, layers);
  set_layers(llm, layers);
}

void read_step(ConfigKeys& keys, Llm& llm) {
  const DecoderDefaults defaults{.kv_heads = 8, .head_dim = 128, .positions = 128'000};
  if (keys.absent("num_key_value_heads") && !keys.absent("num_attention_groups")) {
    keys.set_default("num_key_value_heads", keys.size("num_attention_groups", SizeLimits::kHeads));
  }
  read_gated_decoder(keys, llm, defaults);
  read_attention_bias(keys, llm, false);
  llm.attention.qk_norm = true;
  llm.attention.gate = OutputGate::per_head;
  MoeConfig& moe = llm.moe;
  const auto size = [&](std::initializer_list<std::string_view> names, std::int64_t fallback, std::int64_t most) {
    return keys.size_or(keys.first_of(names), fallback, most);
  };
  moe.experts = size({"moe_num_experts", "n_routed_experts", "num_experts"}, 288, SizeLimits::kExperts);
  const std::string_view topk = keys.first_of({"moe_top_k", "num_experts_per_tok"});
  moe.topk = keys.size_or(topk, 8, SizeLimits::kExperts);
  moe.inter = keys.size_or("moe_intermediate_size", 1280, SizeLimits::kInter);
  moe.shared_experts = 1;
  moe.shared_inter = size({"share_expert_dims", "share_expert_dim"}, 1280, SizeLimits::kInter);
  moe.router_bias = true;
  check_topk(keys, moe, topk);
  const AttentionConfig sliding = read_sliding(keys, llm.attention);
  const std::vector<std::string> types = layer_names(keys, llm, "layer_types", {"sliding_attention", "full_attention"});
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (!types.empty() && types[i] == "sliding_attention") layers[i].attention = sliding;
  }
  route(keys, llm, 3, layers);
  set_layers(llm, layers);
}

}  // namespace orrery::models
