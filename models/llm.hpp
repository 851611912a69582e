// The architecture of a decoder-only language model, as plain numbers.
//
// Read from a Hugging Face config.json as it is (hf_config.hpp). Tensor shapes follow that library: a
// linear layer's weight is [out, in]. models/layer/ makes the layers of it, and counts their parameters.
// Layers may differ (windows, recurrences, experts): the model then lists its kinds of layers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/dtype.hpp"

namespace orrery::models {

enum class AttentionKind : std::uint8_t {
  multi_head,  ///< MHA, MQA and GQA differ by kv_heads only
  latent,      ///< multi-head latent attention (DeepSeek-V2 §2.1)
  compressed   ///< one head of keys that are values too, of a window and of compressed tokens before it (DeepSeek-V4)
};
enum class NormKind : std::uint8_t { layer_norm, rms_norm };
enum class PositionKind : std::uint8_t { learned, rotary, none };
/// Where a block's norms stand: on its input, on its input and its output (Gemma 2), on its output (OLMo 2).
enum class NormPlacement : std::uint8_t { before, both, after };
/// What attention's output is multiplied with, made of its input: nothing, a value for each, a value per head.
enum class OutputGate : std::uint8_t { none, per_value, per_head };

/// Chooses the keys that a query attends to by scores of small heads (DeepSeek-V3.2's lightning indexer).
struct IndexConfig {
  std::int64_t heads = 0, dim = 0;
  std::int64_t topk = 0;        ///< keys that are chosen, at most; 0: no index
  bool shared = false;          ///< takes the choice of a layer before: no weights, no keys of its own
  bool normed_queries = false;  ///< RMSNorm on its queries and keys, else LayerNorm on its keys

  friend bool operator==(const IndexConfig&, const IndexConfig&) = default;
};

struct AttentionConfig {
  AttentionKind kind = AttentionKind::multi_head;
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0;
  std::int64_t window = 0;  ///< sliding window, tokens; 0: full
  std::int64_t chunk = 0;   ///< attends within blocks of so many tokens; 0: full
  bool qkv_bias = false, out_bias = false;
  bool qk_norm = false;  ///< RMSNorm over head_dim on queries and keys (Qwen3)
  // Multi-head latent attention (DeepSeek-V2 §2.1): compressed queries (0: not compressed; Step-3 has these alone) and
  // keys/values.
  std::int64_t q_lora_rank = 0, kv_lora_rank = 0;
  std::int64_t rope_head_dim = 0, nope_head_dim = 0, v_head_dim = 0;  ///< v_head_dim 0: head_dim
  bool wide_norm = false;        ///< the norms' weights are of all heads together (MiniMax-M2, OLMo 2)
  bool keys_are_values = false;  ///< no projection of values (Gemma 4)
  bool borrows_keys = false;     ///< attends to the keys and values of a layer before: none of its own …
  bool spare_keys = false;       ///< … though its projections make some (Gemma 3n)
  bool sinks = false;            ///< a learned logit per head that takes part of the softmax (gpt-oss)
  OutputGate gate = OutputGate::none;
  IndexConfig index;
  // Compressed attention: every `compress` tokens are one more key; the output is projected by groups of heads.
  std::int64_t compress = 0, out_groups = 0, out_rank = 0;

  friend bool operator==(const AttentionConfig&, const AttentionConfig&) = default;
};

enum class RecurrentKind : std::uint8_t { gated_delta, kimi_delta, lightning, mamba, mamba2, rg_lru };

/// A mixer whose memory of a sequence is a state of fixed size.
struct RecurrentConfig {
  RecurrentKind kind = RecurrentKind::gated_delta;
  std::int64_t key_heads = 0, value_heads = 0;  ///< mamba2: groups and heads; mamba: one of each
  std::int64_t key_dim = 0, value_dim = 0;      ///< of a head; its state has key_dim x value_dim values
  std::int64_t conv = 0;                        ///< taps of the causal convolution
  std::int64_t chunk = 64;                      ///< tokens that a prompt's kernel takes at once
  std::int64_t dt_rank = 0;  ///< width of a compression: mamba's of the time step, kimi_delta's of decay and gate
  bool bias = false, conv_bias = false;

  friend bool operator==(const RecurrentConfig&, const RecurrentConfig&) = default;
};

struct MlpConfig {
  std::int64_t inter = 0;
  bool gated = false;  ///< gate and up projections with SiLU (SwiGLU), else one projection with GELU/ReLU
  bool bias = false;

  friend bool operator==(const MlpConfig&, const MlpConfig&) = default;
};

struct MoeConfig {
  std::int64_t experts = 0;  ///< routed; 0: dense model
  std::int64_t topk = 0, inter = 0;
  std::int64_t shared_experts = 0;  ///< always on, each of width `shared_inter`
  std::int64_t shared_inter = 0;
  std::int64_t first_dense_layers = 0;       ///< layers before the first MoE layer
  std::int64_t layer_frequency = 1;          ///< every how many layers after that is MoE
  std::int64_t groups = 1, topk_groups = 1;  ///< device-limited routing
  bool router_bias = false;                  ///< per-expert correction bias (DeepSeek-V3); not trained by gradient
  std::int64_t router_values = 0;            ///< what the router learns beside its matrix: biases, scales
  bool shared_gate = false;                  ///< the shared expert's output times a sigmoid of the input (Qwen)
  std::int64_t latent = 0;                   ///< width that routed experts work in (Nemotron 3); 0: hidden
  bool beside_dense = false;                 ///< a dense MLP runs beside them (Gemma 4, Grok)
  std::int64_t more_norms = 0;               ///< norms over hidden around the two then

  friend bool operator==(const MoeConfig&, const MoeConfig&) = default;
};

enum class Mixer : std::uint8_t { attention, recurrent, linear, none };  ///< linear: one matrix (Nemotron-NAS)
enum class FeedForward : std::uint8_t { dense, experts, linear, none };

/// How a checkpoint stores weights: the format in which kernels take them, and the bytes of one, scales included.
struct WeightFormat {
  Dtype dtype = Dtype::bf16;
  Bytes size{2.0};

  friend bool operator==(const WeightFormat&, const WeightFormat&) = default;
};

/// Modules of a layer that a quantised checkpoint stores otherwise than most: in 16 bit, or in a second format.
struct StoredModules {
  std::optional<WeightFormat> mixer, mlp, shared, experts;  ///< attention or recurrence; dense MLP; experts

  friend bool operator==(const StoredModules&, const StoredModules&) = default;
};

/// One layer. A block that is `none` has no norm and no residual add either.
struct LayerConfig {
  Mixer mixer = Mixer::attention;
  FeedForward feed_forward = FeedForward::dense;
  AttentionConfig attention;
  RecurrentConfig recurrent;
  MlpConfig mlp;
  MoeConfig moe;
  StoredModules stored;

  friend bool operator==(const LayerConfig&, const LayerConfig&) = default;
};

/// Of fewer than 16 bits: a checkpoint in it was quantised.
[[nodiscard]] inline bool is_quantised(Dtype dtype) { return element_size(dtype) < Bytes{2.0}; }

/// How residual streams beside the first are mixed: DeepSeek-V4's hyper-connections, Gemma 3n's alternating updates.
enum class StreamKind : std::uint8_t { hyper_connections, alternating };

struct Llm {
  std::string name;  ///< library name, "llama-3.1-405b"
  std::string title;
  std::string architecture;  ///< config.json "model_type"
  std::string source;        ///< where the config is published
  std::int64_t hidden = 0, layers = 0, vocab = 0, max_positions = 0;
  std::int64_t embedding_dim = 0;  ///< width of a token's embedding where a projection leads to hidden; 0: hidden
  AttentionConfig attention;
  MlpConfig mlp;
  MoeConfig moe;
  NormKind norm = NormKind::rms_norm;
  bool norm_bias = false;
  bool final_norm = true;
  PositionKind position = PositionKind::rotary;
  std::int64_t position_offset = 0;  ///< extra learned rows (OPT: 2)
  bool tied_embeddings = false;
  bool lm_head_bias = false;
  Dtype dtype = Dtype::bf16;         ///< of the checkpoint's linear layers, as quantised
  Bytes weight_size;                 ///< of one of their weights with its scales; 0: as that format usually has
  std::optional<WeightFormat> head;  ///< of the head's, where it is quantised
  std::optional<Dtype> kv_dtype;     ///< that the checkpoint has scales for
  bool padded_experts = false;       ///< stored as mxfp4, whose kernels want sizes that experts are padded to

  NormPlacement norms = NormPlacement::before;
  bool parallel = false;        ///< attention and MLP read the same input, and one residual add takes both (GPT-J)
  bool parallel_norms = false;  ///< … behind a norm each
  bool embedding_norm = false;
  std::int64_t streams = 1;  ///< residual streams
  StreamKind stream_kind = StreamKind::hyper_connections;
  std::int64_t laurel_rank = 0;  ///< width of a low-rank map that is added beside attention (Gemma 3n); 0: none
  std::int64_t layer_input = 0;  ///< width of an embedding per layer beside the token's (Gemma 3n); 0: none
  std::int64_t layer_input_vocab = 0;
  std::int64_t vision_parameters = 0;  ///< vision and audio towers with their projectors; counted, not priced
  bool vision_apart = false;           ///< the language model's class leaves them out: parameters() does, too
  std::int64_t mtp_layers = 0;         ///< multi-token prediction heads that the checkpoint has; not counted

  /// The distinct layers of a model whose layers differ, and which of them each layer is. Empty: the fields above are
  /// every layer's, and is_moe_layer() says which have experts.
  std::vector<LayerConfig> kinds;
  std::vector<std::uint16_t> layer_kinds;

  std::vector<std::string> assumed;  ///< what its config left open, and what is priced by something nearby

  /// How most of the checkpoint's linear layers are stored.
  [[nodiscard]] WeightFormat weights() const {
    return {dtype, weight_size > Bytes{} ? weight_size : element_size(dtype)};
  }
  [[nodiscard]] bool is_moe_layer(std::int64_t layer) const;
  /// Which of the distinct layers `layer` is: an index into kinds, or whether it has experts.
  [[nodiscard]] std::size_t kind_of(std::int64_t layer) const;
  [[nodiscard]] LayerConfig layer(std::int64_t layer) const;

  friend bool operator==(const Llm&, const Llm&) = default;
};

/// How FLOPs of a training step are counted; papers differ.
enum class FlopConvention : std::uint8_t {
  model,         ///< forward + 2 × forward backward, full (non-causal) attention: Korthikanti et al. §A, llm-foundry
  model_causal,  ///< the same with causal attention halved
  palm,  ///< 6N + 12·L·heads·head_dim·seq per token, N without position embeddings: PaLM appendix B, nanoGPT
};
[[nodiscard]] std::string_view name(FlopConvention convention);

}  // namespace orrery::models
