// Every public config.json in the folder of measured data reads, with the parameters that transformers counts.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/layer/parameters.hpp"

namespace orrery::models {
namespace {

namespace fs = std::filesystem;

/// A row of sizes.csv.
struct Sizes {
  std::int64_t parameters = 0, experts = 0, vision = 0;
};

fs::path models_folder() {
  const char* data = std::getenv("ORRERY_DATA");
  return data == nullptr ? fs::path() : fs::path(data) / "models";
}

std::vector<std::string> folders() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(models_folder(), error)) {
    if (fs::exists(entry.path() / "config.json")) names.push_back(entry.path().filename().string());
  }
  return names;
}

std::map<std::string, Sizes> known_sizes() {
  std::map<std::string, Sizes> sizes;
  std::ifstream file(models_folder() / "sizes.csv");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::stringstream row(line);
    std::string name, type, cell;
    std::getline(row, name, ',');
    std::getline(row, type, ',');
    Sizes& of = sizes[name];
    for (std::int64_t* value : {&of.parameters, &of.experts, &of.vision}) {
      std::getline(row, cell, ',');
      *value = std::stoll(cell);
    }
  }
  return sizes;
}

/// Billions in a model's name: 49 of "Llama-3_3-Nemotron-Super-49B-v1"; 0 where it has none.
double billions_in(const std::string& name) {
  for (std::size_t end = name.find('B'); end != std::string::npos; end = name.find('B', end + 1)) {
    std::size_t begin = end;
    while (begin > 0 && (std::isdigit(static_cast<unsigned char>(name[begin - 1])) != 0 || name[begin - 1] == '.')) {
      --begin;
    }
    if (begin < end && begin > 0 && name[begin - 1] == '-') return std::stod(name.substr(begin, end - begin));
  }
  return 0.0;
}

TEST(PublicConfigs, AllReadWithTheParametersThatTransformersCounts) {
  if (folders().empty()) GTEST_SKIP() << "ORRERY_DATA is not set, or has no models";
  const std::map<std::string, Sizes> known = known_sizes();
  for (const std::string& name : folders()) {
    SCOPED_TRACE(name);
    Llm llm;
    ASSERT_NO_THROW(llm = load_model((models_folder() / name).string()));
    const auto sizes = known.find(name);
    if (sizes == known.end()) {
      const double billions = billions_in(name);
      if (billions > 0.0) {
        EXPECT_NEAR(static_cast<double>(parameters(llm)) / 1e9 / billions, 1.0, 0.03);
      }
      continue;
    }
    // transformers keeps correction biases as buffers.
    const std::int64_t counted = parameters(llm) - correction_biases(llm);
    // Step-3.7's table row was counted with the class's vocabulary of 128,815, its config says 128,896.
    const std::int64_t vocabulary = llm.architecture == "step3p7" ? 2 * (llm.vocab - 128'815) * llm.hidden : 0;
    EXPECT_EQ(counted - vocabulary, sizes->second.parameters);
    EXPECT_EQ(routed_parameters(llm), sizes->second.experts);
    EXPECT_EQ(llm.vision_apart, sizes->second.vision == 0 && llm.vision_parameters > 0);
    // The table counts a projector with the language model where its name has no "vision" in it.
    EXPECT_GE(llm.vision_parameters, sizes->second.vision);
  }
}

constexpr double kBlocks = 8.0 + 32.0 / 16384.0;  // a scale for 128 x 128 weights

/// Bits of a quantised weight with its scales: of most of them, and of routed experts and attention where theirs are
/// told apart (16: kept; 0: as most, or as told in no one way for all layers).
struct DeclaredBits {
  const char* model;
  double most, experts, attention;
};

constexpr DeclaredBits kDeclared[] = {
    {"MiniMaxAI--MiniMax-M2.5", kBlocks, 0, 0},
    {"MiniMaxAI--MiniMax-M2.7", kBlocks, 0, 0},
    {"Qwen--Qwen3-235B-A22B-FP8", kBlocks, 0, 0},
    {"Qwen--Qwen3-30B-A3B-FP8", kBlocks, 0, 0},
    {"Qwen--Qwen3-32B-FP8", kBlocks, 0, 0},
    {"deepseek-ai--DeepSeek-V3", kBlocks, 0, 0},
    {"deepseek-ai--DeepSeek-V3.2", kBlocks, 0, 0},
    {"deepseek-ai--DeepSeek-V4-Pro", kBlocks, 4.25, 0},
    {"moonshotai--Kimi-K2.5", 4.5, 0, 16},
    {"nvidia--DeepSeek-V3.1-NVFP4", 4.5, 0, 0},
    {"nvidia--DeepSeek-V4-Flash-NVFP4", kBlocks, 4.5, 0},
    {"nvidia--DeepSeek-V4-Pro-NVFP4", kBlocks, 4.5, 0},
    {"nvidia--GLM-5.1-NVFP4", 4.5, 0, 16},
    {"nvidia--Gemma-4-31B-IT-NVFP4", 4.5, 0, 16},
    {"nvidia--Kimi-K2.6-NVFP4", 4.5, 0, 16},
    {"nvidia--Llama-3.1-70B-Instruct-FP8", 8.0, 0, 0},
    {"nvidia--MiniMax-M2.5-NVFP4", 4.5, 0, 16},
    {"nvidia--MiniMax-M2.7-NVFP4", 4.5, 0, 16},
    {"nvidia--MiniMax-M3-NVFP4", 4.5, 0, 8.25},
    {"nvidia--NVIDIA-Nemotron-3-Ultra-550B-A55B-FP8", 8.0, 0, 0},
    {"nvidia--Qwen3.5-122B-A10B-NVFP4", 4.5, 0, 0},
    {"nvidia--Qwen3.5-397B-A17B-NVFP4", 4.5, 0, 0},
    {"nvidia--Qwen3.6-35B-A3B-NVFP4", 4.5, 0, 8.0},
    {"openai--gpt-oss-20b", 4.25, 0, 16},
    {"sgl-project--DeepSeek-V4-Pro-FP8", kBlocks, 0, 0},
    {"zai-org--GLM-5.2-FP8", kBlocks, 0, 0},
};

double bits_of(const std::optional<WeightFormat>& format) { return format ? 8.0 * format->size.value() : 0.0; }

TEST(PublicConfigs, WeightsTakeTheBitsThatTheirQuantisationDeclares) {
  if (folders().empty()) GTEST_SKIP() << "ORRERY_DATA is not set, or has no models";
  std::size_t quantised = 0;
  for (const std::string& name : folders()) {
    SCOPED_TRACE(name);
    const Llm llm = load_model((models_folder() / name).string());
    const auto* declared = std::find_if(std::begin(kDeclared), std::end(kDeclared),
                                        [&](const DeclaredBits& row) { return name == row.model; });
    EXPECT_EQ(is_quantised(llm.dtype), declared != std::end(kDeclared));
    if (declared == std::end(kDeclared)) continue;
    ++quantised;
    EXPECT_DOUBLE_EQ(8.0 * llm.weights().size.value(), declared->most);
    const StoredModules& last = llm.layer(llm.layers - 1).stored;
    if (declared->experts > 0.0) {
      EXPECT_DOUBLE_EQ(bits_of(last.experts), declared->experts);
    }
    if (declared->attention > 0.0) {
      EXPECT_DOUBLE_EQ(bits_of(last.mixer), declared->attention);
    }
  }
  EXPECT_EQ(quantised, std::size(kDeclared));
}

// Weights that a pattern of a speculative head names are none of the model's layers.
TEST(PublicConfigs, LayersOfSpeculativeHeadsKeepNothing) {
  if (folders().empty()) GTEST_SKIP() << "ORRERY_DATA is not set, or has no models";
  const Llm llm = load_model((models_folder() / "nvidia--Qwen3.6-35B-A3B-NVFP4").string());
  EXPECT_EQ(llm.layer(0).stored, llm.layer(1).stored);
}

}  // namespace
}  // namespace orrery::models
