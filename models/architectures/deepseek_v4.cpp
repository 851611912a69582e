// DeepSeek-V4: compressed attention over one head of keys (layer/attention_compressed.cpp), experts in every layer, and
// hyper-connections between four residual streams.
//
// compress_ratios (or layer_types) says how many tokens a compressed key stands for in each layer: 0 none, a few with
// an index that chooses among them, or many. The first num_hash_layers choose experts by the token's id: their routers
// have no correction bias.
// Source: transformers models/deepseek_v4, configuration_deepseek_v4.py and modeling_deepseek_v4.py.
#include <algorithm>

#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

constexpr std::int64_t kSparseRatio = 4, kHeavyRatio = 128;
constexpr std::string_view kNone = "full_attention", kWindow = "sliding_attention",
                           kSparse = "compressed_sparse_attention", kHeavy = "heavily_compressed_attention";

AttentionConfig read_compressed(ConfigKeys& keys) {
  AttentionConfig a;
  a.kind = AttentionKind::compressed;
  a.heads = keys.size("num_attention_heads", SizeLimits::kHeads);
  a.kv_heads = 1;
  a.head_dim = keys.size_or("head_dim", 512, SizeLimits::kHeadDim);
  a.rope_head_dim = keys.size_or("qk_rope_head_dim", 64, SizeLimits::kHeadDim);
  a.q_lora_rank = keys.size_or("q_lora_rank", 1024, SizeLimits::kHidden);
  a.out_rank = keys.size_or("o_lora_rank", 1024, SizeLimits::kHidden);
  a.out_groups = keys.size_or("o_groups", 8, SizeLimits::kHeads);
  a.window = keys.size_or("sliding_window", 128, SizeLimits::kPositions);
  a.sinks = true;
  a.index.heads = keys.size_or("index_n_heads", 64, SizeLimits::kHeads);
  a.index.dim = keys.size_or("index_head_dim", 128, SizeLimits::kHeadDim);
  a.index.topk = keys.size_or("index_topk", 512, SizeLimits::kPositions);
  if (a.heads % a.out_groups != 0) keys.error("o_groups", "the groups do not divide the heads");
  return a;
}

std::int64_t ratio_of(std::string_view type) {
  return type == kSparse ? kSparseRatio : type == kHeavy ? kHeavyRatio : 0;
}

std::vector<std::int64_t> read_ratios(ConfigKeys& keys, const Llm& llm) {
  std::vector<std::int64_t> ratios = layer_integers(keys, llm, "compress_ratios");
  const auto known = {kNone, kWindow, kSparse, kHeavy};
  for (const std::string& type : layer_names(keys, llm, "layer_types", known)) {
    if (static_cast<std::int64_t>(ratios.size()) < llm.layers) ratios.push_back(ratio_of(type));
  }
  for (const std::int64_t ratio : ratios) {
    if (ratio >= 0 && ratio <= SizeLimits::kHeadDim) continue;
    keys.error("compress_ratios", "a ratio is 0 or a number of tokens up to 65536");
    return {};
  }
  if (!ratios.empty()) return ratios;
  keys.assume("compress_ratios: 128, 128, then 128 and 4 in turns (the class's default)");
  for (std::int64_t i = 0; i < llm.layers; ++i) ratios.push_back(i < 2 || i % 2 == 0 ? kHeavyRatio : kSparseRatio);
  return ratios;
}

}  // namespace

void read_deepseek_v4(ConfigKeys& keys, Llm& llm) {
  read_sizes(keys, llm, {.positions = 1'048'576});
  llm.attention = read_compressed(keys);
  llm.streams = keys.size_or("hc_mult", 4, 64);
  llm.mlp = {.inter = 0, .gated = true, .bias = keys.flag_or("mlp_bias", false)};
  MoeConfig& moe = llm.moe;
  read_routed(keys, moe, {.experts = 256, .topk = 6, .inter = 2048});
  moe.router_bias = true;
  const std::int64_t hashed = keys.size_or("num_hash_layers", 3, SizeLimits::kLayers, 0);
  const std::vector<std::int64_t> ratios = read_ratios(keys, llm);
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < std::min(layers.size(), ratios.size()); ++i) {
    AttentionConfig& a = layers[i].attention;
    a.compress = ratios[i];
    if (ratios[i] == 0 || ratios[i] >= kHeavyRatio) a.index = {};
    layers[i].moe.router_bias = static_cast<std::int64_t>(i) >= hashed;
  }
  set_layers(llm, layers);
}

}  // namespace orrery::models
