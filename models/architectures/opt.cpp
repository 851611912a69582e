// OPT. Learned positions start at row 2 (the fairseq heritage), so the table has max_position_embeddings + 2 rows.
// word_embed_proj_dim other than hidden_size (OPT-350M) brings a projection after the embedding and one before the
// head. Defaults: transformers models/opt/configuration_opt.py and modeling_opt.py.
#include "models/architectures/architectures.hpp"

namespace orrery::models {

void read_opt(ConfigKeys& keys, Llm& llm) {
  llm.hidden = keys.size("hidden_size", SizeLimits::kHidden);
  llm.layers = keys.size("num_hidden_layers", SizeLimits::kLayers);
  llm.vocab = keys.size("vocab_size", SizeLimits::kVocab);
  llm.max_positions = keys.size_or("max_position_embeddings", 2048, SizeLimits::kPositions);
  llm.position = PositionKind::learned;
  llm.position_offset = 2;
  llm.tied_embeddings = keys.flag_or("tie_word_embeddings", true);
  const std::int64_t width = keys.size_or("word_embed_proj_dim", llm.hidden, SizeLimits::kHidden);
  llm.embedding_dim = width == llm.hidden ? 0 : width;

  llm.norm = NormKind::layer_norm;
  llm.norm_bias = true;
  if (!keys.flag_or("layer_norm_elementwise_affine", true)) {
    keys.error("layer_norm_elementwise_affine", "norms without weights are not supported");
  }
  llm.final_norm = keys.flag_or("do_layer_norm_before", true) && !keys.flag_or("_remove_final_layer_norm", false);

  const bool bias = keys.flag_or("enable_bias", true);
  llm.mlp = {.inter = keys.size("ffn_dim", SizeLimits::kInter), .gated = false, .bias = bias};
  AttentionConfig& a = llm.attention;
  a.heads = a.kv_heads = keys.size("num_attention_heads", SizeLimits::kHeads);
  a.head_dim = even_head_dim(keys, llm.hidden, a.heads, "num_attention_heads");
  a.qkv_bias = a.out_bias = bias;
}

}  // namespace orrery::models
