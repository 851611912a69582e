// The table of architectures that a config.json may name in "model_type".
#pragma once

#include <string_view>
#include <vector>

#include "models/architectures/config_keys.hpp"
#include "models/architectures/decoder.hpp"
#include "models/architectures/vision.hpp"
#include "models/llm.hpp"

namespace orrery::models {

/// A row of the architectures' table.
struct ArchitectureRow {
  std::string_view model_type;  ///< as config.json names it
  std::string_view summary;     ///< one line: what sets it apart
  std::string_view source;
  void (*read)(ConfigKeys& keys, Llm& llm);
  /// Parameters of towers for images and their projectors; nullptr: none are known.
  std::int64_t (*vision)(ConfigKeys& keys, const Llm& llm) = nullptr;
  bool vision_apart = false;  ///< transformers loads the language model without them (AutoModelForCausalLM)
  std::int64_t (*audio)(ConfigKeys& keys, const Llm& llm) = nullptr;  ///< the same for sound
};

[[nodiscard]] const std::vector<ArchitectureRow>& architectures();
/// The row of a model_type; "-" is "_", and a "_text" at the end, as the inner config of a model with images has, is
/// left away. nullptr: no row.
[[nodiscard]] const ArchitectureRow* find_architecture(std::string_view model_type);
/// The row that a class is named after: "DeepseekV3ForCausalLM" is deepseek_v3's. nullptr: no row.
[[nodiscard]] const ArchitectureRow* find_architecture_of_class(std::string_view class_name);

// Readers, one file per family.
void read_llama(ConfigKeys& keys, Llm& llm);
void read_mistral(ConfigKeys& keys, Llm& llm);
void read_mixtral(ConfigKeys& keys, Llm& llm);
void read_llama4(ConfigKeys& keys, Llm& llm);
void read_qwen2(ConfigKeys& keys, Llm& llm);
void read_qwen3(ConfigKeys& keys, Llm& llm);
void read_qwen3_moe(ConfigKeys& keys, Llm& llm);
void read_qwen2_moe(ConfigKeys& keys, Llm& llm);
void read_qwen3_next(ConfigKeys& keys, Llm& llm);
void read_qwen3_5(ConfigKeys& keys, Llm& llm);
void read_gpt2(ConfigKeys& keys, Llm& llm);
void read_opt(ConfigKeys& keys, Llm& llm);
void read_deepseek_v2(ConfigKeys& keys, Llm& llm);
void read_deepseek_v3(ConfigKeys& keys, Llm& llm);
void read_deepseek_v32(ConfigKeys& keys, Llm& llm);
void read_deepseek_v4(ConfigKeys& keys, Llm& llm);
void read_glm(ConfigKeys& keys, Llm& llm);
void read_glm4(ConfigKeys& keys, Llm& llm);
void read_glm4_moe(ConfigKeys& keys, Llm& llm);
void read_glm_moe_dsa(ConfigKeys& keys, Llm& llm);
void read_minimax_01(ConfigKeys& keys, Llm& llm);
void read_minimax_m2(ConfigKeys& keys, Llm& llm);
void read_minimax_m3(ConfigKeys& keys, Llm& llm);
void read_gpt_oss(ConfigKeys& keys, Llm& llm);
void read_gemma(ConfigKeys& keys, Llm& llm);
void read_gemma2(ConfigKeys& keys, Llm& llm);
void read_gemma3(ConfigKeys& keys, Llm& llm);
void read_gemma3n(ConfigKeys& keys, Llm& llm);
void read_gemma4(ConfigKeys& keys, Llm& llm);
void read_nemotron(ConfigKeys& keys, Llm& llm);
void read_nemotron_h(ConfigKeys& keys, Llm& llm);
void read_nemotron_nas(ConfigKeys& keys, Llm& llm);
void read_mimo(ConfigKeys& keys, Llm& llm);
void read_mimo_v2(ConfigKeys& keys, Llm& llm);
void read_step(ConfigKeys& keys, Llm& llm);
void read_step3(ConfigKeys& keys, Llm& llm);
void read_kimi_linear(ConfigKeys& keys, Llm& llm);
void read_phi(ConfigKeys& keys, Llm& llm);
void read_phi3(ConfigKeys& keys, Llm& llm);
void read_phimoe(ConfigKeys& keys, Llm& llm);
void read_cohere(ConfigKeys& keys, Llm& llm);
void read_cohere2(ConfigKeys& keys, Llm& llm);
void read_falcon(ConfigKeys& keys, Llm& llm);
void read_gpt_neox(ConfigKeys& keys, Llm& llm);
void read_gptj(ConfigKeys& keys, Llm& llm);
void read_bloom(ConfigKeys& keys, Llm& llm);
void read_gpt_bigcode(ConfigKeys& keys, Llm& llm);
void read_starcoder2(ConfigKeys& keys, Llm& llm);
void read_internlm(ConfigKeys& keys, Llm& llm);
void read_internlm2(ConfigKeys& keys, Llm& llm);
void read_internlm3(ConfigKeys& keys, Llm& llm);
void read_grok(ConfigKeys& keys, Llm& llm);
void read_mamba(ConfigKeys& keys, Llm& llm);
void read_mamba2(ConfigKeys& keys, Llm& llm);
void read_olmo2(ConfigKeys& keys, Llm& llm);
void read_apertus(ConfigKeys& keys, Llm& llm);
void read_arcee(ConfigKeys& keys, Llm& llm);
void read_baichuan(ConfigKeys& keys, Llm& llm);
void read_bailing_moe(ConfigKeys& keys, Llm& llm);
void read_bamba(ConfigKeys& keys, Llm& llm);
void read_chatglm(ConfigKeys& keys, Llm& llm);
void read_dbrx(ConfigKeys& keys, Llm& llm);
void read_deepseek(ConfigKeys& keys, Llm& llm);
void read_dots1(ConfigKeys& keys, Llm& llm);
void read_ernie4_5(ConfigKeys& keys, Llm& llm);
void read_ernie4_5_moe(ConfigKeys& keys, Llm& llm);
void read_exaone(ConfigKeys& keys, Llm& llm);
void read_exaone4(ConfigKeys& keys, Llm& llm);
void read_glm_130b(ConfigKeys& keys, Llm& llm);
void read_gpt_neo(ConfigKeys& keys, Llm& llm);
void read_granitemoe(ConfigKeys& keys, Llm& llm);
void read_granitemoehybrid(ConfigKeys& keys, Llm& llm);
void read_hunyuan_dense(ConfigKeys& keys, Llm& llm);
void read_hunyuan_moe(ConfigKeys& keys, Llm& llm);
void read_jamba(ConfigKeys& keys, Llm& llm);
void read_minicpm(ConfigKeys& keys, Llm& llm);
void read_mpt(ConfigKeys& keys, Llm& llm);
void read_olmo(ConfigKeys& keys, Llm& llm);
void read_olmo3(ConfigKeys& keys, Llm& llm);
void read_olmoe(ConfigKeys& keys, Llm& llm);
void read_palm(ConfigKeys& keys, Llm& llm);
void read_qwen(ConfigKeys& keys, Llm& llm);
void read_recurrent_gemma(ConfigKeys& keys, Llm& llm);
void read_seed_oss(ConfigKeys& keys, Llm& llm);
void read_smollm3(ConfigKeys& keys, Llm& llm);
void read_stablelm(ConfigKeys& keys, Llm& llm);
void read_t5(ConfigKeys& keys, Llm& llm);

}  // namespace orrery::models
