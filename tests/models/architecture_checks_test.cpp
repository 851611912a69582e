// What readers of architectures refuse, at the key that says it; and which layers are sparse, dense or borrowing.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/architectures/architectures.hpp"
#include "models/architectures/decoder.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/layer/cache.hpp"
#include "tests/models/family_configs.hpp"
#include "tests/models/tiny_config.hpp"

namespace orrery::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// Numbers of the layers that `has` tells, from 0.
template <class Has>
std::vector<std::int64_t> layers_with(const Llm& llm, const Has& has) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < llm.layers; ++i) {
    if (has(llm.layer(i))) numbers.push_back(i);
  }
  return numbers;
}

std::vector<std::int64_t> sparse_layers(const Llm& llm) {
  return layers_with(llm, [](const LayerConfig& layer) { return layer.feed_forward == FeedForward::experts; });
}

Llm read(std::string_view type, const std::string& more) { return read_hf_config(decoder(type, more), "m.json"); }

struct TooMany {
  const char* type;
  const char* experts;
  const char* key;
};

class ExpertsPerToken : public ::testing::TestWithParam<TooMany> {};

TEST_P(ExpertsPerToken, AreNoMoreThanThereAreAtTheKeyThatSaysThem) {
  const TooMany& row = GetParam();
  const std::string more = std::string(row.experts) + ", \"moe_intermediate_size\": 32, \"" + row.key + "\": ";
  EXPECT_EQ(complaint(decoder(row.type, more + "4")), "") << "as many as there are";
  const std::string text = complaint(decoder(row.type, more + "5"));
  EXPECT_THAT(text, HasSubstr(": " + std::string(row.key) + ": 5 experts per token of only 4"));
  EXPECT_THAT(text, HasSubstr("tiny.json:1:")) << "with its place";
}

INSTANTIATE_TEST_SUITE_P(
    Keys, ExpertsPerToken,
    ::testing::Values(TooMany{"step3", "\"moe_num_experts\": 4, \"head_dim\": 16", "moe_top_k"},
                      TooMany{"step3p5", "\"moe_num_experts\": 4, \"num_attention_groups\": 2", "moe_top_k"},
                      TooMany{"step3p5", "\"num_experts\": 4, \"num_attention_groups\": 2", "num_experts_per_tok"},
                      TooMany{"kimi_linear", "\"num_experts\": 4", "num_experts_per_token"},
                      TooMany{"kimi_linear", "\"num_experts\": 4", "num_experts_per_tok"},
                      TooMany{"gpt_oss", "\"num_experts\": 4, \"num_key_value_heads\": 4", "experts_per_token"},
                      TooMany{"gemma4", "\"enable_moe_block\": true, \"num_experts\": 4", "top_k_experts"},
                      TooMany{"grok_1", "\"num_experts\": 4, \"num_key_value_heads\": 4", "num_selected_experts"},
                      TooMany{"ernie4_5_moe", "\"moe_num_experts\": 4", "moe_k"},
                      TooMany{"olmoe", "\"num_experts\": 4", "num_experts_per_tok"},
                      TooMany{"jamba", "\"num_experts\": 4, \"num_key_value_heads\": 4", "num_experts_per_tok"},
                      TooMany{"minimax_m2", "\"num_local_experts\": 4, \"num_key_value_heads\": 4",
                              "num_experts_per_tok"}),
    [](const auto& of) { return std::string(of.param.type) + "_" + of.param.key; });

TEST(KeyValueHeads, DivideTheHeadsUnderAnyName) {
  // Four heads: three of keys are an error where the file says it.
  EXPECT_THAT(complaint(decoder("exaone", R"("num_layers": 2, "num_key_value_heads": 3)")),
              HasSubstr("num_key_value_heads: 3 key-value heads do not divide 4 heads"));
  EXPECT_THAT(
      complaint(decoder("mpt", R"("d_model": 64, "n_layers": 2, "n_heads": 4, "attn_config": {"kv_n_heads": 3})")),
      HasSubstr("attn_config.kv_n_heads: 3 key-value heads do not divide 4 heads"));
  EXPECT_THAT(
      complaint(decoder("dbrx", R"("d_model": 64, "n_layers": 2, "n_heads": 4, "attn_config": {"kv_n_heads": 3})")),
      HasSubstr("attn_config.kv_n_heads: 3 key-value heads do not divide 4 heads"));
  EXPECT_THAT(complaint(decoder("chatglm", R"("num_layers": 2, "padded_vocab_size": 100, "multi_query_attention": true,
                                              "multi_query_group_num": 3)")),
              HasSubstr("multi_query_group_num: 3 key-value heads do not divide 4 heads"));
  EXPECT_THAT(complaint(decoder("falcon", R"("new_decoder_architecture": true, "n_head_kv": 3)")),
              HasSubstr("n_head_kv: 3 key-value heads do not divide 4 heads"));
  EXPECT_THAT(complaint(decoder("gemma4", R"("attention_k_eq_v": true, "num_global_key_value_heads": 3)")),
              HasSubstr("num_global_key_value_heads: 3 key-value heads do not divide 4 heads"));
  EXPECT_THAT(complaint(decoder("step3", R"("num_attention_groups": 3, "moe_top_k": 3)")),
              HasSubstr("num_attention_groups: the groups do not divide the heads"));
  EXPECT_THAT(complaint(decoder("deepseek_v4", R"("o_groups": 3, "compress_ratios": [0, 0])")),
              HasSubstr("o_groups: the groups do not divide the heads"));
}

TEST(StateSpaces, HaveGroupsThatDivideTheirHeads) {
  EXPECT_THAT(complaint(decoder("mamba2", R"("num_heads": 8, "head_dim": 16, "n_groups": 3)")),
              HasSubstr("n_groups: 3 groups do not divide 8 heads"));
  EXPECT_THAT(complaint(decoder("bamba", R"("mamba_n_heads": 8, "mamba_n_groups": 3, "num_key_value_heads": 4)")),
              HasSubstr("mamba_n_groups: 3 groups do not divide 8 heads"));
  EXPECT_THAT(complaint(decoder("nemotron_h", R"("hybrid_override_pattern": "M*", "mamba_num_heads": 8, "n_groups": 3,
                                                 "num_key_value_heads": 4)")),
              HasSubstr("n_groups: 3 groups do not divide 8 heads"));
  EXPECT_THAT(complaint(decoder("bamba", R"("mamba_n_heads": 7, "num_key_value_heads": 4)")),
              HasSubstr("mamba_n_heads: the heads do not divide mamba_expand · hidden_size"));
  EXPECT_THAT(complaint(decoder("mamba2", R"("head_dim": 256)")),
              HasSubstr("head_dim: the heads are wider than the layer"));
}

TEST(Jamba, ItsOffsetsLieWithinTheirPeriods) {
  const std::string text =
      complaint(decoder("jamba", R"("num_key_value_heads": 4, "attn_layer_period": 2, "attn_layer_offset": 2)"));
  EXPECT_THAT(text, HasSubstr("attn_layer_offset: the offset must be smaller than the period"));
  EXPECT_THAT(text, Not(HasSubstr("expert_layer_offset")));
  // Attention in 4, 12 of 16; experts in every odd layer: the class's defaults.
  const Llm llm = read("jamba", R"("num_key_value_heads": 4, "num_hidden_layers": 16)");
  const auto attends = [](const LayerConfig& layer) { return layer.mixer == Mixer::attention; };
  EXPECT_THAT(layers_with(llm, attends), ElementsAre(4, 12));
  EXPECT_THAT(sparse_layers(llm), ElementsAre(1, 3, 5, 7, 9, 11, 13, 15));
}

TEST(FirstMultiple, IsTheLeastFromAStartOn) {
  for (std::int64_t first = 0; first < 20; ++first) {
    for (std::int64_t every = 1; every < 8; ++every) {
      for (std::int64_t ahead = 0; ahead < 3; ++ahead) {
        std::int64_t expected = first;
        while ((expected + ahead) % every != 0) ++expected;
        EXPECT_EQ(first_multiple(first, every, ahead), expected) << first << ' ' << every << ' ' << ahead;
      }
    }
  }
}

TEST(SparseLayers, OfDeepSeekAreMultiplesOfTheFrequencyFromTheFirstOn) {
  // modeling_deepseek.py: layer_idx >= first_k_dense_replace and layer_idx % moe_layer_freq == 0.
  const std::string frequency = R"("num_hidden_layers": 9, "num_key_value_heads": 4, "n_routed_experts": 8,
      "num_experts_per_tok": 2, "moe_intermediate_size": 32, "first_k_dense_replace": 1, "moe_layer_freq": 2)";
  for (const char* type : {"deepseek", "deepseek_v2", "deepseek_v3", "dots1"}) {
    EXPECT_THAT(sparse_layers(read(type, frequency + R"(, "n_group": 1, "topk_group": 1)")), ElementsAre(2, 4, 6, 8))
        << type;
  }
}

TEST(SparseLayers, OfErnieAreCountedFromOne) {
  // modeling_ernie4_5_moe.py: (layer_idx + 1) % moe_layer_interval == 0 from start to end.
  const auto sparse = [](const std::string& more) {
    return sparse_layers(read("ernie4_5_moe", R"("num_hidden_layers": 9, "num_key_value_heads": 4, "moe_num_experts": 8,
        "moe_k": 2, "moe_intermediate_size": 32, )" +
                                                  more));
  };
  EXPECT_THAT(sparse(R"("moe_layer_start_index": 1, "moe_layer_interval": 2)"), ElementsAre(1, 3, 5, 7));
  EXPECT_THAT(sparse(R"("moe_layer_start_index": 2, "moe_layer_interval": 2)"), ElementsAre(3, 5, 7));
  EXPECT_THAT(sparse(R"("moe_layer_start_index": 2, "moe_layer_interval": 3)"), ElementsAre(2, 5, 8));
  EXPECT_THAT(sparse(R"("moe_layer_start_index": 2, "moe_layer_end_index": 4)"), ElementsAre(2, 3, 4));
  EXPECT_THAT(sparse(R"("moe_layer_start_index": [6, 6])"), ElementsAre(6, 7, 8));
}

TEST(SparseLayers, OfQwenAreEachStepthButTheListedOnes) {
  const auto sparse = [](const std::string& more) {
    return sparse_layers(read("qwen3_moe", R"("num_hidden_layers": 6, "num_key_value_heads": 4, "num_experts": 8,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32)" +
                                               more));
  };
  EXPECT_THAT(sparse(""), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(sparse(R"(, "decoder_sparse_step": 3)"), ElementsAre(2, 5));
  EXPECT_THAT(sparse(R"(, "mlp_only_layers": [0, 1])"), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(sparse(R"(, "mlp_only_layers": [1, 4])"), ElementsAre(0, 2, 3, 5));
  EXPECT_THAT(sparse(R"(, "decoder_sparse_step": 2, "mlp_only_layers": [3])"), ElementsAre(1, 5));
}

TEST(SparseLayers, OfStepAreThoseThatAListOrATextNames) {
  const auto sparse = [](const std::string& more) {
    return sparse_layers(
        read("step3", R"("num_hidden_layers": 6, "moe_num_experts": 8, "moe_intermediate_size": 32)" + more));
  };
  EXPECT_THAT(sparse(R"(, "moe_layers_enum": "1,3, 5")"), ElementsAre(1, 3, 5));
  EXPECT_THAT(sparse(R"(, "moe_layers_enum": [0, 2])"), ElementsAre(0, 2));
  EXPECT_THAT(sparse(""), ElementsAre(1, 2, 3, 4, 5)) << "the first is dense where nothing is said";
  EXPECT_THAT(sparse(R"(, "first_k_dense_replace": 4)"), ElementsAre(4, 5));
}

TEST(BorrowedKeys, AreOfTheLastLayersAndNeverOfAll) {
  const auto borrowing = [](const char* type, int layers) {
    const Llm llm = read(type, R"("num_hidden_layers": 4, "num_key_value_heads": 2, "head_dim": 16,
        "hidden_size_per_layer_input": 8, "num_kv_shared_layers": )" +
                                   std::to_string(layers));
    return layers_with(llm, [](const LayerConfig& layer) { return layer.attention.borrows_keys; });
  };
  for (const char* type : {"gemma3n", "gemma4"}) {
    EXPECT_THAT(borrowing(type, 0), ElementsAre()) << type;
    EXPECT_THAT(borrowing(type, 1), ElementsAre(3)) << type;
    EXPECT_THAT(borrowing(type, 3), ElementsAre(1, 2, 3)) << type;
    // transformers: a layer borrows from first_kv_shared_layer_idx on, where that is above 0.
    EXPECT_THAT(borrowing(type, 4), ElementsAre()) << type;
    EXPECT_THAT(borrowing(type, 9), ElementsAre()) << type;
  }
}

TEST(BorrowedKeys, LeaveACacheToTheLayersBefore) {
  const Llm llm = read("gemma4", R"("num_hidden_layers": 4, "num_key_value_heads": 2, "head_dim": 16,
      "hidden_size_per_layer_input": 0, "num_kv_shared_layers": 4, "sliding_window": 8)");
  for (std::int64_t layer = 0; layer < 4; ++layer) {
    const LayerCache cache = layer_cache(layer_elements(llm, layer), 1);
    EXPECT_GT(cache.values + cache.recent_values, 0) << layer;
  }
}

TEST(NemotronNas, NamesTheBlockThatIsWrong) {
  const auto with = [](const std::string& blocks) {
    return complaint(decoder("nemotron_nas", "\"block_configs\": [" + blocks + "]"));
  };
  const std::string good = R"({"attention": {"n_heads_in_group": 2}, "ffn": {"ffn_mult": 3.0}})";
  EXPECT_EQ(with(good + ", " + good), "");
  EXPECT_THAT(with(good + R"(, {"attention": {"n_heads_in_group": 2}, "ffn": {}})"),
              HasSubstr("block_configs.1.ffn.ffn_mult: the block has an MLP without a width"));
  EXPECT_THAT(with(good + R"(, {"attention": {"n_heads_in_group": 3}, "ffn": {"ffn_mult": 3.0}})"),
              HasSubstr("block_configs.1.attention: 4 heads can't be shared evenly"));
  EXPECT_THAT(with(good + R"(, {"attention": {"num_key_value_heads": 3}, "ffn": {"ffn_mult": 3.0}})"),
              HasSubstr("block_configs.1.attention: 4 heads can't be shared evenly"));
}

TEST(Classes, NameARowAsTransformersDoes) {
  EXPECT_EQ(find_architecture_of_class("DeepseekV3ForCausalLM"), find_architecture("deepseek_v3"));
  EXPECT_EQ(find_architecture_of_class("Qwen3MoeForCausalLM"), find_architecture("qwen3_moe"));
  EXPECT_EQ(find_architecture_of_class("ForCausalLM"), nullptr);
  EXPECT_EQ(find_architecture_of_class("NothingForCausalLM"), nullptr);
  EXPECT_EQ(find_architecture_of_class(""), nullptr);
  EXPECT_EQ(find_architecture("qwen3-vl-text"), find_architecture("qwen3_vl"));
}

TEST(Refusals, OfWhatIsNoDecoderOrHasOddNorms) {
  EXPECT_THAT(complaint(decoder("gpt2", R"("n_embd": 64, "n_layer": 2, "n_head": 4, "add_cross_attention": true)")),
              HasSubstr("add_cross_attention: cross-attention is not supported"));
  EXPECT_THAT(complaint(decoder("opt", R"("ffn_dim": 128, "layer_norm_elementwise_affine": false)")),
              HasSubstr("layer_norm_elementwise_affine: norms without weights are not supported"));
  EXPECT_THAT(complaint(decoder("nemotron_h", R"("num_key_value_heads": 4)")),
              HasSubstr("layers_block_type: the key is missing, and hybrid_override_pattern too"));
  EXPECT_THAT(complaint(decoder("hunyuan_v1_moe", R"("num_experts": [8, 4])")),
              HasSubstr("num_experts: a list of one number for each of 2 layers, the same for all, is understood"));
  EXPECT_THAT(complaint(decoder("ernie4_5_moe", R"("num_key_value_heads": 4, "moe_num_experts": [0])")),
              HasSubstr("moe_num_experts: the list begins with a number out of range"));
}

}  // namespace
}  // namespace orrery::models
