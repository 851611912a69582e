// Dense decoders that differ from Llama or GPT-2 in a few keys or in the names of their keys: Seed-OSS, MiniCPM,
// SmolLM3, Arcee, Apertus, EXAONE, OLMo and OLMo 3, StableLM, MPT, Baichuan, Qwen (the first), ChatGLM, GLM-130B,
// GPT-Neo, PaLM. Defaults: transformers
// models/{seed_oss,smollm3,arcee,apertus,exaone4,olmo,olmo3,stablelm,mpt,gpt_neo}, configuration_*.py and
// modeling_*.py; LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct, openbmb/MiniCPM-2B-sft-bf16, baichuan-inc/Baichuan2-7B-Base,
// Qwen/Qwen-7B and zai-org/chatglm3-6b, configuration_*.py; GLM-130B, arXiv:2210.02414, table 11; PaLM,
// arXiv:2204.02311, section 2.
#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

/// Every layer but each `pattern`-th and the last slides; a pattern may also be letters, L local and G global.
void slide_by_pattern(ConfigKeys& keys, Llm& llm, std::int64_t window) {
  if (window == 0 || slide_by_types(keys, llm, window)) return;
  const bool counts = keys.absent("sliding_window_pattern") || keys.is_integer("sliding_window_pattern");
  const std::string letters = counts ? "" : keys.text_or("sliding_window_pattern", "");
  if (letters.find_first_not_of("LG") != std::string::npos) {
    keys.error("sliding_window_pattern", "the letters of a pattern are L (local) and G (global)");
  }
  const auto pattern = counts ? static_cast<std::size_t>(keys.size_or("sliding_window_pattern", 4, 1024, 0)) : 0;
  if (letters.empty() && pattern == 0) return;
  const auto last = static_cast<std::size_t>(llm.layers - 1);
  slide_windows(llm, window, [&](std::size_t layer) {
    if (layer == last) return false;
    return letters.empty() ? (layer + 1) % pattern != 0 : letters[layer % letters.size()] == 'L';
  });
}

}  // namespace

void read_seed_oss(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .head_dim = 128, .positions = 524'288});
  llm.attention.qkv_bias = keys.flag_or("attention_bias", true);
  llm.attention.out_bias = keys.flag_or("attention_out_bias", false);
  llm.mlp.bias = keys.flag_or("mlp_bias", false);
}

void read_minicpm(ConfigKeys& keys, Llm& llm) { read_gated_decoder(keys, llm, {.positions = 4096, .tied = true}); }

void read_smollm3(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 4, .positions = 32'768, .tied = true});
  read_attention_bias(keys, llm, false);
}

void read_arcee(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 4096});
  read_attention_bias(keys, llm, false);
  llm.mlp.gated = false;
  llm.mlp.bias = keys.flag_or("mlp_bias", false);
}

void read_apertus(ConfigKeys& keys, Llm& llm) {
  read_arcee(keys, llm);
  llm.attention.qk_norm = true;
}

void read_exaone(ConfigKeys& keys, Llm& llm) {
  const std::string_view layers = keys.first_of({"num_layers", "num_hidden_layers"});
  read_named(keys, llm, {.layers = layers}, 2048, false);
  llm.attention.kv_heads = keys.size_or("num_key_value_heads", llm.attention.heads, SizeLimits::kHeads);
  check_kv_heads(keys, llm.attention, "num_key_value_heads");
  llm.mlp = {.inter = keys.size_or("intermediate_size", 4 * llm.hidden, SizeLimits::kInter), .gated = true};
}

void read_exaone4(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 2048});
  llm.norms = NormPlacement::after;
  llm.attention.qk_norm = true;
  const bool slides = keys.absent("sliding_window") || !keys.is_null("sliding_window");
  if (slides) slide_by_pattern(keys, llm, keys.size_or("sliding_window", 4096, SizeLimits::kPositions));
}

// Its norms have no weights: they are counted as if they had.
void read_olmo(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 2048});
  read_attention_bias(keys, llm, false);
  use_layer_norm(llm, false);
  keys.assume("norms: counted with weights, of which OLMo's have none");
}

void read_olmo3(ConfigKeys& keys, Llm& llm) {
  read_olmo2(keys, llm);
  slide_by_pattern(keys, llm, keys.size_or("sliding_window", 4096, SizeLimits::kPositions));
}

void read_stablelm(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 4096});
  use_layer_norm(llm, true);
  llm.attention.qkv_bias = keys.flag_or("use_qkv_bias", false);
  llm.parallel = keys.flag_or("use_parallel_residual", false);
}

void read_mpt(ConfigKeys& keys, Llm& llm) {
  read_named(keys, llm, {.hidden = "d_model", .layers = "n_layers", .heads = "n_heads", .positions = "max_seq_len"},
             2048, true);
  llm.attention.kv_heads = keys.size_or("attn_config.kv_n_heads", llm.attention.heads, SizeLimits::kHeads);
  check_kv_heads(keys, llm.attention, "attn_config.kv_n_heads");
  llm.position = PositionKind::none;  // biases of the scores, or learned ones
  if (!keys.flag_or("attn_config.alibi", true)) llm.position = PositionKind::learned;
  const bool bias = !keys.flag_or("no_bias", true);
  use_layer_norm(llm, bias);
  llm.attention.qkv_bias = llm.attention.out_bias = bias;
  llm.mlp = {.inter = keys.size_or("expansion_ratio", 4, 64) * llm.hidden, .gated = false, .bias = bias};
}

// The 13B model has biases of the scores in place of rotary positions, which its config does not say: the vocabulary
// and the width do.
void read_baichuan(ConfigKeys& keys, Llm& llm) {
  const std::string_view positions = keys.first_of({"max_position_embeddings", "model_max_length"});
  read_named(keys, llm, {.positions = positions}, 4096, false);
  llm.mlp = {.inter = keys.size("intermediate_size", SizeLimits::kInter), .gated = true};
  constexpr std::int64_t kWidthOf13B = 5120;
  if (llm.hidden >= kWidthOf13B) llm.position = PositionKind::none;
}

// intermediate_size counts the gate and the up projection together.
void read_qwen(ConfigKeys& keys, Llm& llm) {
  const std::string_view positions = keys.first_of({"seq_length", "max_position_embeddings"});
  read_named(keys, llm, {.positions = positions}, 8192, false);
  llm.attention.head_dim = keys.size_or("kv_channels", llm.attention.head_dim, SizeLimits::kHeadDim);
  llm.attention.qkv_bias = true;
  llm.mlp = {.inter = keys.size("intermediate_size", SizeLimits::kInter) / 2, .gated = true};
}

void read_chatglm(ConfigKeys& keys, Llm& llm) {
  read_named(keys, llm, {.layers = "num_layers", .vocab = "padded_vocab_size", .positions = "seq_length"}, 2048, false);
  AttentionConfig& a = llm.attention;
  a.head_dim = keys.size_or("kv_channels", a.head_dim, SizeLimits::kHeadDim);
  if (keys.flag_or("multi_query_attention", false)) a.kv_heads = keys.size_or("multi_query_group_num", 1, a.heads);
  check_kv_heads(keys, a, "multi_query_group_num");
  a.qkv_bias = keys.flag_or("add_qkv_bias", false) || keys.flag_or("add_bias_linear", false);
  a.out_bias = keys.flag_or("add_bias_linear", false);
  llm.mlp = {.inter = keys.size_or("ffn_hidden_size", 13'696, SizeLimits::kInter), .gated = true, .bias = a.out_bias};
  if (!keys.flag_or("rmsnorm", true)) use_layer_norm(llm, true);
}

void read_glm_130b(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 2048, .tied = true});
  use_layer_norm(llm, true);
  llm.norms = NormPlacement::after;
  llm.attention.qkv_bias = llm.attention.out_bias = llm.mlp.bias = true;
}

// Local attention in every other layer; biases but on queries, keys and values.
void read_gpt_neo(ConfigKeys& keys, Llm& llm) {
  read_named(keys, llm, {.layers = "num_layers", .heads = "num_heads"}, 2048, true);
  use_layer_norm(llm, true);
  llm.position = PositionKind::learned;
  llm.attention.out_bias = true;
  llm.mlp = {
      .inter = keys.size_or("intermediate_size", 4 * llm.hidden, SizeLimits::kInter), .gated = false, .bias = true};
  const std::int64_t window = keys.size_or("window_size", 256, SizeLimits::kPositions);
  const std::vector<std::string> types = layer_names(keys, llm, "attention_layers", {"global", "local"});
  slide_windows(llm, window,
                [&](std::size_t layer) { return types.empty() ? layer % 2 == 1 : types[layer] == "local"; });
}

// Attention and MLP side by side, one head of keys, gated MLP, nothing has a bias, embeddings are shared.
void read_palm(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 1, .head_dim = 256, .positions = 2048, .tied = true});
  use_layer_norm(llm, false);
  llm.parallel = true;
}

}  // namespace orrery::models
