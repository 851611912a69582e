// Reading config.json: defaults as transformers has them, published totals, and the library's names.
#include "models/architectures/hf_config.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#include "models/architectures/architectures.hpp"
#include "models/layer/flops.hpp"
#include "models/layer/parameters.hpp"
#include "tests/models/tiny_config.hpp"

namespace orrery::models {
namespace {

using hardware::ConfigError;

TEST(HfConfig, LlamaTakesTheDefaultsOfTransformers) {
  const Llm llm = read_hf_config(tiny(""), "models/tiny.json");
  EXPECT_EQ(llm.name, "tiny");
  EXPECT_EQ(llm.architecture, "llama");
  EXPECT_EQ(llm.attention.kv_heads, 4);
  EXPECT_EQ(llm.attention.head_dim, 16);
  EXPECT_EQ(llm.max_positions, 2048);
  EXPECT_FALSE(llm.tied_embeddings);
  EXPECT_TRUE(llm.mlp.gated);
  EXPECT_EQ(llm.norm, NormKind::rms_norm);
  EXPECT_EQ(llm.position, PositionKind::rotary);
  EXPECT_EQ(llm.dtype, Dtype::bf16);
  // 2·(4·64² + 3·64·128 + 2·64) + 64 + 2·100·64
  EXPECT_EQ(parameters(llm), 2 * (16'384 + 24'576 + 128) + 64 + 12'800);
}

TEST(HfConfig, LlamaReadsBiasesTiesAndHeadWidth) {
  const Llm llm =
      read_hf_config(tiny(R"("attention_bias": true, "mlp_bias": true, "tie_word_embeddings": true, "head_dim": 32,
              "num_key_value_heads": 2, "torch_dtype": "float16")"),
                     "folder/config.json");
  EXPECT_EQ(llm.name, "folder");
  EXPECT_EQ(llm.dtype, Dtype::fp16);
  // q and o 64·128, k and v 64·64; biases 128 + 2·64 + 64; MLP biases 2·128 + 64.
  EXPECT_EQ(layer_parameters(llm, 0).attention, 2 * 8'192 + 2 * 4'096 + 320);
  EXPECT_EQ(layer_parameters(llm, 0).mlp, 24'576 + 320);
  EXPECT_EQ(head_parameters(llm), 0);
}

TEST(HfConfig, AbsentAndNullKeyValueHeadsDiffer) {
  const auto heads = [](const std::string& type, const std::string& more) {
    const std::string text = "{\"model_type\": \"" + type +
                             "\", \"hidden_size\": 64, \"intermediate_size\": 128, \"num_hidden_layers\": 2, "
                             "\"num_attention_heads\": 32, \"vocab_size\": 100" +
                             more + "}";
    return read_hf_config(text, "tiny.json").attention.kv_heads;
  };
  EXPECT_EQ(heads("llama", ""), 32);
  EXPECT_EQ(heads("mistral", ""), 8);
  EXPECT_EQ(heads("mistral", ", \"num_key_value_heads\": null"), 32);
  EXPECT_EQ(heads("qwen3_moe", ""), 4);
  EXPECT_EQ(heads("mixtral", ", \"num_key_value_heads\": 16"), 16);
}

TEST(HfConfig, MistralSlidesAWindowUnlessItIsNull) {
  EXPECT_EQ(read_hf_config(tiny("\"num_key_value_heads\": 4", "mistral"), "m.json").attention.window, 4096);
  EXPECT_EQ(read_hf_config(tiny("\"num_key_value_heads\": 4, \"sliding_window\": null", "mistral"), "m.json")
                .attention.window,
            0);
  // mistralai/Mistral-7B-v0.1: 7,241,732,096 parameters.
  const Llm llm = read_hf_config(R"({"model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336,
      "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "vocab_size": 32000})",
                                 "m.json");
  EXPECT_EQ(parameters(llm), 7'241'732'096);
}

TEST(HfConfig, Qwen2HasBiasesOnQueriesKeysAndValuesOnly) {
  const Llm llm = read_hf_config(tiny("\"num_key_value_heads\": 2", "qwen2"), "q.json");
  EXPECT_EQ(layer_parameters(llm, 0).attention, 64 * 16 * (4 + 4) + 64 * 64 + 16 * (4 + 4));
  EXPECT_FALSE(llm.attention.out_bias);
}

TEST(HfConfig, QwenUsesItsWindowOnlyWhereAskedTo) {
  const auto window = [](const std::string& more) {
    return read_hf_config(tiny("\"num_key_value_heads\": 2, \"sliding_window\": 512, " + more, "qwen2"), "q.json")
        .attention.window;
  };
  EXPECT_EQ(window("\"use_sliding_window\": false"), 0);
  EXPECT_EQ(window("\"use_sliding_window\": true, \"max_window_layers\": 0"), 512);
  EXPECT_EQ(window("\"use_sliding_window\": true, \"max_window_layers\": 2"), 0);  // every layer attends fully
  // The second layer slides, the first does not.
  const Llm mixed =
      read_hf_config(tiny("\"num_key_value_heads\": 2, \"use_sliding_window\": true, \"max_window_layers\": 1, "
                          "\"sliding_window\": 512",
                          "qwen2"),
                     "m.json");
  EXPECT_EQ(mixed.layer(0).attention.window, 0);
  EXPECT_EQ(mixed.layer(1).attention.window, 512);
}

TEST(HfConfig, Qwen3NormsEachHeadOfWidth128ByDefault) {
  const Llm llm = read_hf_config(tiny("\"num_key_value_heads\": 2", "qwen3"), "q.json");
  EXPECT_EQ(llm.attention.head_dim, 128);
  EXPECT_EQ(layer_parameters(llm, 0).attention, 64 * 128 * (4 + 4) + 64 * 128 * 4 + 2 * 128);
}

TEST(HfConfig, Qwen3MoeMakesEverySecondLayerSparse) {
  const Llm llm = read_hf_config(tiny("\"num_key_value_heads\": 2, \"decoder_sparse_step\": 2, \"num_experts\": 8, "
                                      "\"num_experts_per_tok\": 2, \"moe_intermediate_size\": 32",
                                      "qwen3_moe"),
                                 "q.json");
  EXPECT_FALSE(llm.is_moe_layer(0));  // (layer + 1) % 2 == 0
  EXPECT_TRUE(llm.is_moe_layer(1));
  EXPECT_FALSE(llm.is_moe_layer(2));
  EXPECT_EQ(layer_parameters(llm, 1).experts, 8 * 3 * 64 * 32);
  EXPECT_EQ(layer_parameters(llm, 1).router, 8 * 64);
}

TEST(HfConfig, Qwen3MoeTakesDenseLayersOut) {
  const std::string base = "\"num_key_value_heads\": 2, \"mlp_only_layers\": ";
  EXPECT_EQ(read_hf_config(tiny(base + "[0]", "qwen3_moe"), "q.json").moe.first_dense_layers, 1);
  const Llm last = read_hf_config(tiny(base + "[1]", "qwen3_moe"), "m.json");
  EXPECT_TRUE(last.is_moe_layer(0));
  EXPECT_FALSE(last.is_moe_layer(1));
  EXPECT_TRUE(
      contains(complaint(tiny(base + "\"1\"", "qwen3_moe")), "mlp_only_layers: expected a list of whole numbers"));
}

TEST(HfConfig, Gpt2WidensItsMlpFourfoldByDefault) {
  const auto read = [](const std::string& more) {
    return read_hf_config(
        "{\"model_type\": \"gpt2\", \"n_embd\": 64, \"n_layer\": 1, \"n_head\": 4, \"vocab_size\": 100" + more + "}",
        "g.json");
  };
  EXPECT_EQ(read("").mlp.inter, 256);
  EXPECT_EQ(read(", \"n_inner\": null").mlp.inter, 256);
  EXPECT_EQ(read(", \"n_inner\": 100").mlp.inter, 100);
  EXPECT_EQ(read("").max_positions, 1024);
  EXPECT_TRUE(read("").tied_embeddings);
  EXPECT_EQ(head_parameters(read(", \"tie_word_embeddings\": false")), 6'400);
  EXPECT_EQ(layer_parameters(read(""), 0).total(), 12 * 64 * 64 + 13 * 64);
  EXPECT_EQ(layer_parameters(read(", \"bias\": false"), 0).total(), 12 * 64 * 64 + 2 * 64);
}

TEST(HfConfig, OptHasTwoPositionsMoreAndMayProjectItsEmbedding) {
  // facebook/opt-350m: 331,196,416 parameters, no norm at the end.
  const Llm llm = read_hf_config(R"({"model_type": "opt", "hidden_size": 1024, "ffn_dim": 4096, "num_hidden_layers": 24,
      "num_attention_heads": 16, "vocab_size": 50272, "word_embed_proj_dim": 512, "do_layer_norm_before": false,
      "max_position_embeddings": 2048, "torch_dtype": "float16"})",
                                 "opt-350m.json");
  EXPECT_EQ(position_parameters(llm), 2050 * 1024);
  EXPECT_EQ(embedding_parameters(llm), 50272 * 512 + 512 * 1024);
  EXPECT_EQ(parameters(llm), 331'196'416);
  // The head's products: 2·(V·512 + 2·512·1024) per token.
  const double layers = 24 * layer_forward_flops_per_token(llm, 0, 2048, false).value();
  EXPECT_EQ(training_flops_per_token(llm, 2048, FlopConvention::model).value(),
            3 * (layers + 2.0 * (50272 * 512 + 2 * 512 * 1024)));
}

TEST(HfConfig, DeepSeekV2LiteDoesNotCompressItsQueries) {
  // deepseek-ai/DeepSeek-V2-Lite: 15,706,484,224 parameters.
  const Llm llm = read_hf_config(R"({"model_type": "deepseek_v2", "hidden_size": 2048, "intermediate_size": 10944,
      "moe_intermediate_size": 1408, "num_hidden_layers": 27, "num_attention_heads": 16, "num_key_value_heads": 16,
      "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1,
      "kv_lora_rank": 512, "q_lora_rank": null, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
      "n_group": 1, "topk_group": 1, "topk_method": "greedy", "vocab_size": 102400, "max_position_embeddings": 163840})",
                                 "v2-lite.json");
  EXPECT_EQ(llm.attention.q_lora_rank, 0);
  EXPECT_FALSE(llm.moe.router_bias);
  EXPECT_EQ(parameters(llm), 15'706'484'224);
  EXPECT_EQ(kv_bytes_per_token(llm, Dtype::bf16).value(), 576.0 * 27 * 2);
}

TEST(HfConfig, DeepSeekV2CompressesThem) {
  // deepseek-ai/DeepSeek-V2: 235,741,434,880 parameters ("236B").
  const Llm llm = read_hf_config(R"({"model_type": "deepseek_v2", "hidden_size": 5120, "intermediate_size": 12288,
      "moe_intermediate_size": 1536, "num_hidden_layers": 60, "num_attention_heads": 128, "n_routed_experts": 160,
      "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1, "n_group": 8, "topk_group": 3,
      "q_lora_rank": 1536, "vocab_size": 102400})",
                                 "v2.json");
  EXPECT_EQ(parameters(llm), 235'741'434'880);
  EXPECT_EQ(llm.moe.topk_groups, 3);
}

TEST(HfConfig, DeepSeekV3ReadsItsQuantisationAsStorage) {
  const Llm llm = load_model("deepseek-v3");
  EXPECT_EQ(llm.dtype, Dtype::fp8_block);
  EXPECT_TRUE(llm.moe.router_bias);
  EXPECT_EQ(llm.moe.groups, 8);
  EXPECT_EQ(llm.attention.head_dim, 192);
}

TEST(HfConfig, QuantisationThatIsNotKnownIsAnError) {
  EXPECT_EQ(read_hf_config(tiny(R"("quantization_config": {"quant_method": "awq", "bits": 4})"), "t.json").dtype,
            Dtype::int4);
  EXPECT_EQ(read_hf_config(tiny(R"("quantization_config": {"quant_method": "fp8"})"), "t.json").dtype, Dtype::fp8);
  EXPECT_TRUE(contains(complaint(tiny(R"("quantization_config": {"quant_method": "aqlm"})")),
                       "method \"aqlm\" is not supported"));
  EXPECT_TRUE(contains(complaint(tiny(R"("quantization_config": {"quant_method": "gptq", "bits": 3})")),
                       "method \"gptq\" of 3 bits is not supported"));
  EXPECT_TRUE(contains(complaint(tiny(R"("quantization_config": "fp8")")), "quantization_config: expected an object"));
  EXPECT_TRUE(contains(complaint(tiny(R"("torch_dtype": "float3")")), "torch_dtype: unknown number format \"float3\""));
}

TEST(Library, ListsItsModelsInOrder) {
  const std::vector<std::string> names = model_names();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const char* name :
       {"gpt2-124m",        "gpt2-124m-nanogpt", "gpt3-175b",     "korthikanti-22b", "korthikanti-175b",
        "korthikanti-530b", "korthikanti-1t",    "opt-13b",       "llama-2-7b",      "llama-2-70b",
        "llama-3-8b",       "llama-3-70b",       "llama-3.1-8b",  "llama-3.1-70b",   "llama-3.1-405b",
        "qwen2.5-32b",      "qwen3-32b",         "qwen3-30b-a3b", "mixtral-8x7b",    "deepseek-v3",
        "palm-540b",        "glm-130b",          "gpt2-xl"}) {
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), name)) << name;
  }
}

TEST(Library, ModelsHaveTitlesAndSources) {
  for (const std::string& name : model_names()) {
    const Llm llm = load_model(name);
    EXPECT_EQ(llm.name, name);
    EXPECT_NE(llm.title, name);
    EXPECT_FALSE(contains(llm.source, ".json") && !contains(llm.source, "config")) << name << " has no source";
    EXPECT_GT(parameters(llm), 0);
  }
}

TEST(Library, SuggestsTheNearestNames) {
  try {
    static_cast<void>(load_model("lama-3.1-405b"));
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_TRUE(contains(error.what(), "unknown model \"lama-3.1-405b\"; known, nearest first: llama-3.1-405b"))
        << error.what();
  }
  EXPECT_THROW(static_cast<void>(load_model("")), ConfigError);
}

TEST(Library, ReadsAFileAndAFolderByPath) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / "orrery_hf_config_test" / "my-model";
  fs::create_directories(folder);
  std::ofstream(folder / "config.json") << tiny("");
  EXPECT_EQ(load_model(folder.string()).name, "my-model");
  EXPECT_EQ(load_model((folder / "config.json").string()).hidden, 64);
  fs::remove_all(folder.parent_path());
  EXPECT_THROW(static_cast<void>(load_model(folder.string() + "/config.json")), ConfigError);
}

TEST(Architectures, HaveDistinctNamesSummariesAndSources) {
  std::set<std::string_view> names;
  for (const ArchitectureRow& row : architectures()) {
    EXPECT_TRUE(names.insert(row.model_type).second);
    EXPECT_FALSE(row.summary.empty());
    EXPECT_FALSE(row.source.empty());
    EXPECT_EQ(find_architecture(row.model_type), &row);
  }
  EXPECT_GE(names.size(), 60U);
}

}  // namespace
}  // namespace orrery::models
