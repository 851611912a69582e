// The table of architectures.
#include "models/architectures/architectures.hpp"

#include <algorithm>
#include <cctype>
#include <string>

namespace orrery::models {

const std::vector<ArchitectureRow>& architectures() {
  static const std::vector<ArchitectureRow> rows = {
      {"apertus", "Llama with norms of each head's queries and keys and an ungated MLP",
       "Apertus, arXiv:2509.14233; transformers models/apertus", read_apertus},
      {"arcee", "Llama with a squared ReLU MLP", "AFM-4.5B; transformers models/arcee", read_arcee},
      {"baichuan", "Llama without groups of queries; the 13B model has biases of the scores",
       "Baichuan 2, arXiv:2309.10305; baichuan-inc/Baichuan2-7B-Base configuration_baichuan.py", read_baichuan},
      {"bailing_moe", "grouped queries, many small experts with shared ones",
       "Ling, arXiv:2503.05139; inclusionAI/Ling-lite configuration_bailing_moe.py", read_bailing_moe},
      {"bailing_moe_v2", "Ling with norms of queries and keys and a correction bias per expert",
       "Ling 2.0, arXiv:2510.22115; inclusionAI/Ling-flash-2.0 configuration_bailing_moe_v2.py", read_bailing_moe},
      {"bamba", "Mamba-2 in most layers, attention in the listed ones, an MLP in each",
       "Bamba; transformers models/bamba", read_bamba},
      {"bloom", "sequential LayerNorm blocks with biases, positions as biases of the scores, a norm on the embedding",
       "BigScience 2022, arXiv:2211.05100; transformers models/bloom", read_bloom},
      {"chatglm", "Llama under other names, a few heads of keys, biases on queries, keys and values",
       "GLM-4, arXiv:2406.12793; zai-org/chatglm3-6b configuration_chatglm.py", read_chatglm},
      {"codegen", "GPT-J trained on code", "CodeGen, arXiv:2203.13474; transformers models/codegen", read_gptj},
      {"cohere", "attention and MLP side by side behind one LayerNorm without biases, tied embeddings",
       "Command R; transformers models/cohere", read_cohere},
      {"cohere2", "Command R that slides a window in three of four layers",
       "Command R7B and A; transformers models/cohere2", read_cohere2},
      {"dbrx", "sixteen gated experts in every layer, LayerNorm without biases", "DBRX; transformers models/dbrx",
       read_dbrx},
      {"deepseek", "small routed experts beside shared ones after a dense layer",
       "DeepSeekMoE, arXiv:2401.06066; deepseek-ai/deepseek-moe-16b-base configuration_deepseek.py", read_deepseek},
      {"deepseek_ref", "DeepSeek-V4 as its own repository names it",
       "sgl-project/DeepSeek-V4-Pro-FP8 config.json; transformers models/deepseek_v4", read_deepseek_v4},
      {"deepseek_v2", "latent attention, shared and routed experts after a few dense layers",
       "DeepSeek-V2, arXiv:2405.04434; transformers models/deepseek_v2", read_deepseek_v2},
      {"deepseek_v3", "DeepSeek-V2 with a correction bias per expert instead of a balancing loss",
       "DeepSeek-V3, arXiv:2412.19437; transformers models/deepseek_v3", read_deepseek_v3},
      {"deepseek_v32", "DeepSeek-V3 whose queries attend to the keys that an index chooses",
       "DeepSeek-V3.2, arXiv:2512.02556; transformers models/deepseek_v32", read_deepseek_v32},
      {"deepseek_v4",
       "one head of keys, of a window and of compressed tokens before it; hyper-connections; experts everywhere",
       "transformers models/deepseek_v4", read_deepseek_v4},
      {"dots1", "DeepSeekMoE with norms of queries and keys and a correction bias per expert",
       "dots.llm1, arXiv:2506.05767; transformers models/dots1", read_dots1},
      {"ernie4_5", "Llama with a width of heads of its own and tied embeddings",
       "ERNIE 4.5; transformers models/ernie4_5", read_ernie4_5},
      {"ernie4_5_moe", "dense layers first, then routed and shared experts with a correction bias",
       "ERNIE 4.5; transformers models/ernie4_5_moe", read_ernie4_5_moe},
      {"exaone", "Llama under other names",
       "EXAONE 3.5, arXiv:2412.04862; LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct configuration_exaone.py", read_exaone},
      {"exaone4", "norms behind the blocks, norms of queries and keys, a window in three of four layers",
       "EXAONE 4.0, arXiv:2507.11407; transformers models/exaone4", read_exaone4},
      {"falcon", "attention and MLP side by side, one head of keys or groups of them, GELU MLP of 4·hidden",
       "Falcon, arXiv:2311.16867; transformers models/falcon", read_falcon},
      {"falcon_mamba", "Mamba with a norm of its selection, which has no weights",
       "Falcon Mamba, arXiv:2410.05355; transformers models/falcon_mamba", read_mamba},
      {"gemma", "wide heads, gated GELU, tied embeddings of a large vocabulary",
       "Gemma, arXiv:2403.08295; transformers models/gemma", read_gemma},
      {"gemma2", "Gemma with norms behind the blocks, a window in every other layer",
       "Gemma 2, arXiv:2408.00118; transformers models/gemma2", read_gemma2},
      {"gemma3", "Gemma 2 with norms of queries and keys, a window in five of six layers",
       "Gemma 3, arXiv:2503.19786; transformers models/gemma3", read_gemma3, gemma3_vision},
      {"gemma3n",
       "Gemma 3 in small: streams that layers predict and correct, an embedding per layer, keys that its last layers "
       "borrow",
       "transformers models/gemma3n", read_gemma3n, gemma3n_vision, false, gemma3n_audio},
      {"gemma4",
       "Gemma 3 whose full layers have heads of their own, keys that may be values, and experts beside the MLP",
       "transformers models/gemma4", read_gemma4, gemma4_vision, false, gemma4_audio},
      {"git", "Grok-2: Grok-1 with a dense MLP beside the experts",
       "xai-org/grok-2 config.json; vllm vllm/model_executor/models/grok1.py", read_grok},
      {"glm", "Llama with biases on queries, keys and values", "GLM-4, arXiv:2406.12793; transformers models/glm",
       read_glm},
      {"glm4", "GLM with norms behind the blocks", "GLM-4-0414; transformers models/glm4", read_glm4},
      {"glm4_moe", "GLM-4.5: grouped queries, dense layers first, then experts with a shared one",
       "GLM-4.5, arXiv:2508.06471; transformers models/glm4_moe", read_glm4_moe},
      {"glm4_moe_lite", "GLM-4.7-Flash: DeepSeek-V3's layers in small", "transformers models/glm4_moe_lite",
       read_deepseek_v3},
      {"glm4v_moe", "GLM-4.5 with a tower for images", "GLM-4.5V, arXiv:2507.01006; transformers models/glm4v_moe",
       read_glm4_moe},
      {"glm_130b", "LayerNorm behind the blocks, a gated MLP, biases everywhere",
       "GLM-130B, arXiv:2210.02414, table 11", read_glm_130b},
      {"glm_moe_dsa", "GLM-5: DeepSeek-V3.2's layers, most of which share an index's choice since 5.2",
       "transformers models/glm_moe_dsa", read_glm_moe_dsa},
      {"gpt2", "learned positions, LayerNorm, GELU MLP of 4·hidden, biases, tied embeddings",
       "Radford et al. 2019; transformers models/gpt2", read_gpt2},
      {"gpt_bigcode", "GPT-2 whose heads share one head of keys and values",
       "StarCoder, arXiv:2305.06161; transformers models/gpt_bigcode", read_gpt_bigcode},
      {"gpt_neo", "GPT-2 that attends to a window in every other layer", "GPT-Neo; transformers models/gpt_neo",
       read_gpt_neo},
      {"gpt_neox", "attention and MLP side by side behind a LayerNorm each, biases",
       "GPT-NeoX, arXiv:2204.06745; transformers models/gpt_neox", read_gpt_neox},
      {"gpt_oss", "sinks, a window in every other layer, biases everywhere, experts in every layer",
       "gpt-oss, arXiv:2508.10925; transformers models/gpt_oss", read_gpt_oss},
      {"gptj", "attention and MLP side by side behind one LayerNorm, no biases in attention",
       "GPT-J; transformers models/gptj", read_gptj},
      {"granite", "Llama whose embeddings, scores and residuals are scaled", "Granite 3; transformers models/granite",
       read_llama},
      {"granitemoe", "Granite with experts in every layer", "Granite 3 MoE; transformers models/granitemoe",
       read_granitemoe},
      {"granitemoehybrid", "Mamba-2 in most layers, attention in a few, experts beside a shared one or an MLP",
       "Granite 4; transformers models/granitemoehybrid", read_granitemoehybrid},
      {"granitemoeshared", "Granite's experts beside a shared one",
       "Granite 3 MoE; transformers models/granitemoeshared", read_granitemoe},
      {"grok_1", "eight wide experts, norms before and behind the blocks", "xai-org/grok-1 model.py", read_grok},
      {"hunyuan", "Hunyuan-Large under its first name",
       "Hunyuan-Large, arXiv:2411.02265; tencent/Tencent-Hunyuan-Large configuration_hunyuan.py", read_hunyuan_moe},
      {"hunyuan_v1_dense", "Llama with norms of each head's queries and keys",
       "Hunyuan; transformers models/hunyuan_v1_dense", read_hunyuan_dense},
      {"hunyuan_v1_moe", "Hunyuan with experts beside a shared one in every layer",
       "Hunyuan-A13B; transformers models/hunyuan_v1_moe", read_hunyuan_moe},
      {"internlm", "Llama with biases in attention", "internlm/internlm-7b configuration_internlm.py", read_internlm},
      {"internlm2", "Llama under other names",
       "InternLM2, arXiv:2403.17297; internlm/internlm2-7b configuration_internlm2.py", read_internlm2},
      {"internlm3", "Llama with a width of heads of its own",
       "internlm/internlm3-8b-instruct configuration_internlm3.py", read_internlm3},
      {"jamba", "Mamba in seven of eight layers, experts in every other",
       "Jamba, arXiv:2403.19887; transformers models/jamba", read_jamba},
      {"kimi_k2", "DeepSeek-V3 with more experts and fewer heads",
       "Kimi K2, arXiv:2507.20534; moonshotai/Kimi-K2-Instruct config.json", read_deepseek_v3},
      {"kimi_k25", "Kimi K2 with a tower for images", "Kimi K2.5; transformers models/kimi_k25", read_deepseek_v3,
       kimi_vision},
      {"kimi_linear", "Kimi's delta rule in three of four layers, latent attention without positions, experts",
       "Kimi Linear, arXiv:2510.26692; vllm vllm/model_executor/models/kimi_linear.py", read_kimi_linear},
      {"llama", "rotary positions, RMSNorm, SwiGLU MLP, grouped queries, no biases",
       "Touvron et al. 2023, arXiv:2307.09288; transformers models/llama", read_llama},
      {"llama4", "chunks in three of four layers, one routed expert beside a shared one",
       "Llama 4; transformers models/llama4", read_llama4, llama4_vision, true},
      {"llava", "a decoder with Pixtral's tower for images", "transformers models/llava and models/pixtral", read_llama,
       pixtral_vision},
      {"mamba", "one selective state space per layer, nothing cached per token",
       "Mamba, arXiv:2312.00752; transformers models/mamba", read_mamba},
      {"mamba2", "Mamba with heads that share a decay, in chunks of matrix products",
       "Mamba-2, arXiv:2405.21060; transformers models/mamba2", read_mamba2},
      {"mimo", "Qwen2's layers with a speculative head",
       "MiMo, arXiv:2505.07608; XiaomiMiMo/MiMo-7B-RL configuration_mimo.py", read_mimo},
      {"mimo_v2_flash", "a short window with sinks in five of six layers, values narrower than keys, experts",
       "XiaomiMiMo/MiMo-V2-Flash configuration_mimo_v2_flash.py", read_mimo_v2},
      {"minicpm", "Llama whose embeddings and residuals are scaled",
       "MiniCPM, arXiv:2404.06395; openbmb/MiniCPM-2B-sft-bf16 configuration_minicpm.py", read_minicpm},
      {"minimax", "lightning attention in most layers, full attention in the others, wide experts",
       "MiniMax-01, arXiv:2501.08313; transformers models/minimax", read_minimax_01},
      {"minimax_m1", "MiniMax-01 under another name", "MiniMax-M1, arXiv:2506.13585; its config.json", read_minimax_01},
      {"minimax_m2", "grouped queries, norms over all heads, experts in every layer chosen with a correction bias",
       "MiniMax-M2; transformers models/minimax_m2", read_minimax_m2},
      {"minimax_m3", "dense layers first, experts with a shared one, an index that chooses blocks of keys",
       "MiniMax-M3; transformers models/minimax_m3_vl", read_minimax_m3, minimax_vision},
      {"minimax_m3_vl", "MiniMax-M3 with a tower for images", "MiniMax-M3; transformers models/minimax_m3_vl",
       read_minimax_m3, minimax_vision},
      {"minimax_text_01", "MiniMax-01 as its own repository names it",
       "MiniMaxAI/MiniMax-Text-01 config.json; vllm vllm/model_executor/models/minimax_text_01.py", read_minimax_01},
      {"ministral3", "Llama with a width of heads of its own", "Ministral 3; transformers models/ministral3",
       read_llama},
      {"mistral", "Llama with a sliding attention window",
       "Jiang et al. 2023, arXiv:2310.06825; transformers models/mistral", read_mistral},
      {"mistral3", "Mistral with Pixtral's tower for images and a merger of its patches",
       "Mistral Small 3.1; transformers models/mistral3", read_mistral, mistral3_vision},
      {"mixtral", "Mistral with 8 routed experts in every layer",
       "Jiang et al. 2024, arXiv:2401.04088; transformers models/mixtral", read_mixtral},
      {"mpt", "sequential LayerNorm blocks without biases, positions as biases of the scores",
       "MPT; transformers models/mpt", read_mpt},
      {"nemotron", "Llama with LayerNorm and a squared ReLU MLP",
       "Nemotron-4, arXiv:2402.16819; transformers models/nemotron", read_nemotron},
      {"nemotron_h", "one block per layer: Mamba-2, attention, MLP or experts",
       "Nemotron-H, arXiv:2504.03624; transformers models/nemotron_h", read_nemotron_h},
      {"nemotron_nas", "Llama whose layers were searched one by one: heads of keys, MLP width, blocks left away",
       "Puzzle, arXiv:2411.19146; nvidia/Llama-3_3-Nemotron-Super-49B-v1 modeling_decilm.py", read_nemotron_nas},
      {"olmo", "Llama whose LayerNorm has no weights", "OLMo, arXiv:2402.00838; transformers models/olmo", read_olmo},
      {"olmo2", "Llama with norms behind the blocks alone, and over all heads' queries and keys",
       "OLMo 2, arXiv:2501.00656; transformers models/olmo2", read_olmo2},
      {"olmo3", "OLMo 2 with a window in three of four layers", "OLMo 3; transformers models/olmo3", read_olmo3},
      {"olmoe", "64 small experts in every layer, norms over all heads' queries and keys",
       "OLMoE, arXiv:2409.02060; transformers models/olmoe", read_olmoe},
      {"opt", "learned positions with an offset of 2, LayerNorm, ReLU MLP, biases, tied embeddings",
       "Zhang et al. 2022, arXiv:2205.01068; transformers models/opt", read_opt},
      {"palm", "attention and gated MLP side by side, one head of keys, no biases", "PaLM, arXiv:2204.02311, section 2",
       read_palm},
      {"phi", "attention and MLP side by side behind one LayerNorm, biases everywhere",
       "Phi-2; transformers models/phi", read_phi},
      {"phi3", "Llama with a sliding attention window and no key-value groups unless told",
       "Phi-3, arXiv:2404.14219; transformers models/phi3", read_phi3},
      {"phimoe", "16 experts in every layer, LayerNorm, biases in attention", "Phi-3.5-MoE; transformers models/phimoe",
       read_phimoe},
      {"qwen", "Llama with biases on queries, keys and values",
       "Qwen, arXiv:2309.16609; Qwen/Qwen-7B configuration_qwen.py", read_qwen},
      {"qwen2", "Llama with biases on queries, keys and values", "Qwen2.5, arXiv:2412.15115; transformers models/qwen2",
       read_qwen2},
      {"qwen2_5_vl", "Qwen2.5 with a tower for images", "Qwen2.5-VL, arXiv:2502.13923; transformers models/qwen2_5_vl",
       read_qwen2, qwen2_5_vision},
      {"qwen2_moe", "Qwen2 with small routed experts and a gated shared one",
       "Qwen2, arXiv:2407.10671; transformers models/qwen2_moe", read_qwen2_moe},
      {"qwen2_vl", "Qwen2 with a tower for images", "Qwen2-VL, arXiv:2409.12191; transformers models/qwen2_vl",
       read_qwen2},
      {"qwen3", "Llama with RMSNorm on each head's queries and keys",
       "Qwen3, arXiv:2505.09388; transformers models/qwen3", read_qwen3},
      {"qwen3_5", "the gated delta rule in three of four layers, gated attention in the fourth",
       "Qwen3.5; transformers models/qwen3_5", read_qwen3_5, qwen3_vision, true},
      {"qwen3_5_moe", "Qwen3.5 with small routed experts and a gated shared one",
       "Qwen3.5; transformers models/qwen3_5_moe", read_qwen3_5, qwen3_vision, true},
      {"qwen3_moe", "Qwen3 with many small routed experts, none shared",
       "Qwen3, arXiv:2505.09388; transformers models/qwen3_moe", read_qwen3_moe},
      {"qwen3_next", "the gated delta rule in three of four layers, many experts with a gated shared one",
       "Qwen3-Next; transformers models/qwen3_next", read_qwen3_next},
      {"qwen3_vl", "Qwen3 with a tower for images", "Qwen3-VL, arXiv:2511.21631; transformers models/qwen3_vl",
       read_qwen3, qwen3_vision},
      {"qwen3_vl_moe", "Qwen3's experts with a tower for images",
       "Qwen3-VL, arXiv:2511.21631; transformers models/qwen3_vl_moe", read_qwen3_moe, qwen3_vision},
      {"recurrent_gemma", "gated linear recurrences in two of three layers, a short window in the third",
       "RecurrentGemma, arXiv:2404.07839; transformers models/recurrent_gemma", read_recurrent_gemma},
      {"seed_oss", "Llama with biases on queries, keys and values and a width of heads of its own",
       "Seed-OSS; transformers models/seed_oss", read_seed_oss},
      {"smollm3", "Llama without positions in every fourth layer", "SmolLM3; transformers models/smollm3",
       read_smollm3},
      {"stablelm", "Llama with LayerNorm", "StableLM 2, arXiv:2402.17834; transformers models/stablelm", read_stablelm},
      {"starcoder2", "LayerNorm, biases, ungated GELU MLP, grouped queries, tied embeddings",
       "StarCoder 2, arXiv:2402.19173; transformers models/starcoder2", read_starcoder2},
      {"step3", "queries from a narrow projection, one head of wide keys, few wide experts with a shared one",
       "Step-3, arXiv:2507.19427; vllm vllm/model_executor/models/step3_text.py", read_step3},
      {"step3_vl", "Step-3 with a tower for images", "Step-3; vllm vllm/model_executor/models/step3_vl.py", read_step3,
       step3_vision},
      {"step3p5", "a window in three of four layers with more heads, gated heads, experts with a shared one",
       "Step-3.5-Flash; transformers models/step3p7", read_step},
      {"step3p7", "Step-3.5 with a tower for images", "Step-3.7-Flash; transformers models/step3p7", read_step,
       step_vision},
      {"t5", "an encoder, and a decoder that attends to it; biases of relative positions",
       "T5, arXiv:1910.10683; transformers models/t5", read_t5},
  };
  return rows;
}

namespace {

constexpr std::string_view kInner = "_text";

/// Letters and digits alone, small: "DeepseekV3" and "deepseek_v3" are one.
std::string letters(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return result;
}

template <class Matches>
const ArchitectureRow* find_row(const Matches& matches) {
  const auto& rows = architectures();
  const auto found = std::find_if(rows.begin(), rows.end(), matches);
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace

const ArchitectureRow* find_architecture(std::string_view model_type) {
  std::string name(model_type);
  std::replace(name.begin(), name.end(), '-', '_');
  if (name.size() > kInner.size() && name.compare(name.size() - kInner.size(), kInner.size(), kInner) == 0) {
    name.resize(name.size() - kInner.size());
  }
  return find_row([&](const ArchitectureRow& row) { return row.model_type == name; });
}

const ArchitectureRow* find_architecture_of_class(std::string_view class_name) {
  const std::size_t end = class_name.find("For");
  if (end == std::string_view::npos || end == 0) return nullptr;
  const std::string name = letters(class_name.substr(0, end));
  return find_row([&](const ArchitectureRow& row) { return letters(row.model_type) == name; });
}

}  // namespace orrery::models
