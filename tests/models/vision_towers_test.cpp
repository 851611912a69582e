// Towers for images and sound: their parameters are the sum of the tensors that the classes of transformers and of the
// models' own repositories have, listed one by one for towers so small that every tensor can be seen.
#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/layer/parameters.hpp"
#include "tests/models/tiny_config.hpp"

namespace orrery::models {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

using Shape = std::vector<std::int64_t>;

std::int64_t count(const std::vector<Shape>& tensors) {
  std::int64_t sum = 0;
  for (const Shape& shape : tensors) {
    std::int64_t product = 1;
    for (const std::int64_t side : shape) product *= side;
    sum += product;
  }
  return sum;
}

/// Attention of four projections with biases, an MLP of two, and two LayerNorms: 32 wide, the MLP 48.
std::vector<Shape> plain_block() {
  std::vector<Shape> block = {{48, 32}, {48}, {32, 48}, {32}, {32}, {32}, {32}, {32}};
  for (int i = 0; i < 4; ++i) block.insert(block.end(), {{32, 32}, {32}});
  return block;
}

std::int64_t with_blocks(std::vector<Shape> tensors, int blocks) {
  return count(tensors) + blocks * count(plain_block());
}

/// A language model 64 wide beside the tower.
Llm read(const std::string& type, const std::string& tower, const std::string& text_type = "llama",
         const std::string& more = "") {
  return read_hf_config(
      "{\"model_type\": \"" + type + "\", \"text_config\": " + tiny(more, text_type) + ", " + tower + "}", "m.json");
}

const std::string kTwo = R"("vision_config": {"hidden_size": 32, "intermediate_size": 48, "patch_size": 2, )";

TEST(VisionTowers, OfQwen2_5HaveGatedBlocksAndRmsNorms) {
  const Llm llm =
      read("qwen2_5_vl", kTwo + R"("depth": 2, "out_hidden_size": 64})", "qwen2", R"("num_key_value_heads": 4)");
  const std::vector<Shape> block = {{96, 32}, {96}, {32, 32}, {32},   // qkv, proj
                                    {48, 32}, {48}, {48, 32}, {48},   // gate, up
                                    {32, 48}, {32}, {32},     {32}};  // down, two norms
  const std::vector<Shape> rest = {{32, 3, 2, 2, 2},                  // patches of two frames
                                   {32},
                                   {128, 128},
                                   {128},
                                   {64, 128},
                                   {64}};  // norm, merger of 2 x 2
  EXPECT_EQ(llm.vision_parameters, count(rest) + 2 * count(block));
  EXPECT_FALSE(llm.vision_apart);
}

TEST(VisionTowers, OfQwen3MergeDeeperStatesToo) {
  const std::string sizes = kTwo + R"("depth": 3, "out_hidden_size": 64, "num_position_embeddings": 16)";
  const std::vector<Shape> rest = {{32, 3, 2, 2, 2}, {32}, {16, 32}, {32}, {32}};
  const std::vector<Shape> merger = {{128, 128}, {128}, {64, 128}, {64}};
  const auto vision = [&](const std::string& more) {
    return read("qwen3_vl", sizes + more + "}", "qwen3", R"("num_key_value_heads": 4)").vision_parameters;
  };
  EXPECT_EQ(vision(""), with_blocks(rest, 3) + count(merger));
  // Each has a norm of its own, of the four merged patches.
  EXPECT_EQ(vision(R"(, "deepstack_visual_indexes": [0, 1])"),
            with_blocks(rest, 3) + 3 * count(merger) + 2 * count({{128}, {128}}));
}

TEST(VisionTowers, OfGemma3ProjectWithoutBias) {
  const Llm llm = read("gemma3", kTwo + R"("num_hidden_layers": 2, "image_size": 9})", "gemma3_text",
                       R"("num_key_value_heads": 4, "head_dim": 16)");
  // 9 pixels hold four whole patches a side.
  EXPECT_EQ(llm.vision_parameters, with_blocks({{32, 3, 2, 2}, {32}, {16, 32}, {32}, {32}, {32, 64}, {32}}, 2));
}

TEST(VisionTowers, OfGemma4HaveNormsOfQueriesAndKeysAndTwoTablesOfPositions) {
  const Llm llm = read("gemma4", kTwo + R"("num_hidden_layers": 2, "num_attention_heads": 2, "head_dim": 8,
                       "position_embedding_size": 10})",
                       "gemma4_text", R"("num_key_value_heads": 4, "head_dim": 16)");
  const std::vector<Shape> block = {{16, 32}, {16, 32}, {16, 32}, {32, 16}, {48, 32}, {48, 32}, {32, 48},
                                    {32},     {32},     {32},     {32},     {8},      {8}};
  EXPECT_EQ(llm.vision_parameters, count({{32, 3, 2, 2}, {2, 10, 32}, {64, 32}}) + 2 * count(block));
}

TEST(VisionTowers, OfKimiMergeFourPatches) {
  const Llm llm = read("kimi_k25", R"("vision_config": {"vt_hidden_size": 32, "vt_intermediate_size": 48,
      "patch_size": 2, "vt_num_hidden_layers": 2, "init_pos_emb_height": 3, "init_pos_emb_width": 5})",
                       "deepseek_v3", R"("moe_intermediate_size": 8, "num_experts_per_tok": 2)");
  const std::vector<Shape> rest = {{32, 3, 2, 2}, {32}, {3, 5, 32}, {32}, {32}};
  const std::vector<Shape> projector = {{32}, {32}, {128, 128}, {128}, {64, 128}, {64}};
  EXPECT_EQ(llm.vision_parameters, with_blocks(rest, 2) + count(projector));
}

TEST(VisionTowers, OfPixtralHaveNoBiases) {
  const std::vector<Shape> block = {{32, 32}, {32, 32}, {32, 32}, {32, 32}, {48, 32}, {48, 32}, {32, 48}, {32}, {32}};
  const std::int64_t tower = count({{32, 3, 2, 2}, {32}}) + 2 * count(block);
  const std::string sizes = R"("model_type": "pixtral", "num_hidden_layers": 2})";
  const std::string mistral = R"("num_key_value_heads": 4, "sliding_window": null)";
  // LLaVA's projector has biases; Mistral 3's has a norm, merges 2 x 2 patches and has biases only where it says so.
  EXPECT_EQ(read("llava", kTwo + sizes, "mistral", mistral).vision_parameters,
            tower + count({{64, 32}, {64}, {64, 64}, {64}}));
  EXPECT_EQ(read("mistral3", kTwo + sizes, "mistral", mistral).vision_parameters,
            tower + count({{32}, {32, 4, 32}, {64, 32}, {64, 64}}));
  EXPECT_EQ(read("mistral3", kTwo + sizes + R"(, "multimodal_projector_bias": true, "spatial_merge_size": 3)",
                 "mistral", mistral)
                .vision_parameters,
            tower + count({{32}, {32, 9, 32}, {64, 32}, {64, 64}, {64}, {64}}));
}

TEST(VisionTowers, OfLlavaThatAreNoPixtralAreSaidNotToBeCounted) {
  const Llm llm = read("llava", kTwo + R"("model_type": "clip_vision_model"})");
  EXPECT_EQ(llm.vision_parameters, 0);
  EXPECT_THAT(llm.assumed, Contains(HasSubstr("vision tower: neither counted nor priced")));
}

TEST(VisionTowers, OfLlama4StandApart) {
  const Llm llm = read("llama4", kTwo + R"("num_hidden_layers": 2, "image_size": 8, "projector_input_dim": 24,
                       "projector_output_dim": 40, "vision_output_dim": 40})",
                       "llama4_text", R"("num_key_value_heads": 4, "head_dim": 16)");
  // Patches, a class embedding, 16 + 1 positions, two LayerNorms; an adapter of two matrices; the projector.
  const std::vector<Shape> rest = {{32, 3, 2, 2}, {32}, {17, 32}, {32}, {32}, {32}, {32}, {24, 48}, {40, 24}, {64, 40}};
  EXPECT_EQ(llm.vision_parameters, with_blocks(rest, 2));
  EXPECT_TRUE(llm.vision_apart);
  Llm together = llm;
  together.vision_apart = false;
  EXPECT_EQ(parameters(together) - parameters(llm), llm.vision_parameters);
}

TEST(VisionTowers, OfStep3HaveTwoConvolutionsBehindThem) {
  const Llm llm = read("step3_vl", kTwo + R"("num_hidden_layers": 2, "image_size": 8, "output_hidden_size": 40})",
                       "step3_text", R"("head_dim": 16)");
  const std::vector<Shape> rest = {{32, 3, 2, 2},  {32}, {32},           {17, 32},  // patches, class, positions
                                   {40, 32, 2, 2}, {40}, {80, 40, 3, 3}, {80},      // downsampling
                                   {64, 80}};                                       // projector
  EXPECT_EQ(llm.vision_parameters, with_blocks(rest, 2));
}

TEST(VisionTowers, OfMiniMaxM3ProjectTwice) {
  const Llm llm = read("minimax_m3_vl", kTwo + R"("num_hidden_layers": 2, "projection_dim": 64})", "minimax_m3",
                       R"("num_key_value_heads": 4)");
  const std::vector<Shape> rest = {{32, 3, 2, 2, 2}, {32}, {32},     {64, 32}, {64}, {64, 64}, {64},
                                   {64, 256},        {64}, {64, 64}, {64}};
  EXPECT_EQ(llm.vision_parameters, with_blocks(rest, 2));
}

TEST(Towers, SizesOutOfRangeAreErrorsInsideTheirObject) {
  const auto said = [](const std::string& tower) {
    return complaint(R"({"model_type": "gemma3", "text_config": )" +
                     tiny(R"("num_key_value_heads": 4)", "gemma3_text") + ", " + tower + "}");
  };
  EXPECT_EQ(said(kTwo + "\"num_hidden_layers\": 0}"), "") << "a tower of no layers is one";
  EXPECT_THAT(said(R"("vision_config": {"patch_size": 0})"),
              HasSubstr("vision_config.patch_size: expected a number from 1 to 4096, not 0"));
  EXPECT_THAT(said(R"("vision_config": {"hidden_size": 131073})"), HasSubstr("from 1 to 131072, not 131073"));
  EXPECT_THAT(said(R"("vision_config": {"num_hidden_layers": -1})"), HasSubstr("vision_config.num_hidden_layers"));
}

TEST(Towers, ThatAreNotThereCountNothing) {
  for (const char* type : {"gemma3", "qwen2_5_vl", "qwen3_vl", "mistral3", "llava"}) {
    const Llm llm =
        read_hf_config(std::string(R"({"model_type": ")") + type + R"(", "text_config": )" + tiny("") + "}", "m.json");
    EXPECT_EQ(llm.vision_parameters, 0) << type;
    EXPECT_FALSE(llm.vision_apart) << type;
  }
}

TEST(AudioTowers, GrowByOneBlockALayer) {
  const auto sound = [](int layers) {
    return read("gemma3n",
                R"("audio_config": {"hidden_size": 16, "conf_num_attention_heads": 4, "vocab_size": 8,
        "input_feat_size": 16, "conf_conv_kernel_size": 5, "conf_num_hidden_layers": )" +
                    std::to_string(layers) + "}",
                "gemma3n_text", R"("num_key_value_heads": 2, "head_dim": 16)")
        .vision_parameters;
  };
  // Two halves of 16 -> 64 -> 16 with norms before and behind; four projections and one of relative positions, norms
  // before and behind, a scale for each of a head's 4 values; a convolution of 16 -> 32 -> 16 of five taps with its
  // norms; a norm.
  const std::vector<Shape> half = {{64, 16}, {16, 64}, {16}, {16}};
  const std::vector<Shape> attention = {{16, 16}, {16, 16}, {16, 16}, {16, 16}, {16, 16}, {16}, {16}, {4}};
  const std::vector<Shape> light = {{32, 16}, {16, 16}, {16, 5}, {16}, {16}};
  EXPECT_EQ(sound(3) - sound(2), 2 * count(half) + count(attention) + count(light) + 16);
}

TEST(VisionTowers, OfGemma3nAreTheNetworkThatTheConfigNames) {
  const auto images = [](const std::string& name) {
    return read("gemma3n",
                R"("vision_config": {"hidden_size": 2048, "vocab_size": 128, "architecture": ")" + name + "\"}",
                "gemma3n_text", R"("num_key_value_heads": 2, "head_dim": 16)");
  };
  const Llm known = images("mobilenetv5_300m_enc"), other = images("resnet50");
  // By timm's table of blocks: stem 1,792; stages 1,492,608, 2,439,168, 63,407,744, 211,540,480; fusion 15,245,056.
  EXPECT_EQ(known.vision_parameters - other.vision_parameters, 294'126'848);
  const auto says = [](const Llm& llm, const std::string& what) {
    return std::any_of(llm.assumed.begin(), llm.assumed.end(),
                       [&](const std::string& line) { return line.find(what) != std::string::npos; });
  };
  EXPECT_TRUE(says(known, "0.294 B parameters, timm's mobilenetv5_300m_enc"));
  EXPECT_TRUE(says(other, "a network of timm that is not known here"));
  EXPECT_FALSE(says(known, "neither counted"));
}

TEST(VisionTowers, OfGemma4ForSoundAreAConformerAndTwoProjections) {
  const auto sound = [](int layers) {
    return read("gemma4",
                R"("audio_config": {"hidden_size": 16, "num_attention_heads": 4, "conv_kernel_size": 5,
        "output_proj_dims": 24, "num_hidden_layers": )" +
                    std::to_string(layers) + "}",
                "gemma4_text", R"("num_key_value_heads": 4, "head_dim": 16)");
  };
  const std::vector<Shape> half = {{64, 16}, {16, 64}, {16}, {16}};
  const std::vector<Shape> attention = {{16, 16}, {16, 16}, {16, 16}, {16, 16}, {16, 16}, {16}, {16}, {4}};
  const std::vector<Shape> light = {{32, 16}, {16, 16}, {16, 5}, {16}, {16}};
  const Llm two = sound(2);
  EXPECT_EQ(sound(3).vision_parameters - two.vision_parameters, 2 * count(half) + count(attention) + count(light) + 16);
  // Convolutions of 1 -> 128 -> 32 channels with norms, 32 bands of 32 channels into 16; 16 -> 24 with a bias, then the
  // language model's width.
  const std::vector<Shape> ends = {{3, 3, 128}, {128}, {3, 3, 128, 32}, {32}, {1024, 16}, {24, 16}, {24}};
  EXPECT_EQ(two.vision_parameters,
            2 * (2 * count(half) + count(attention) + count(light) + 16) + count(ends) + 24 * two.hidden);
  // google/gemma-4-E2B-it, the class's defaults: 0.3 B, as its card says of the encoder.
  const Llm whole = read("gemma4", R"("audio_config": {"model_type": "gemma4_audio"})", "gemma4_text",
                         R"("num_key_value_heads": 4, "head_dim": 16)");
  EXPECT_NEAR(static_cast<double>(whole.vision_parameters) / 1e9, 0.305, 0.003);
}

}  // namespace
}  // namespace orrery::models
