// What practitioners saw in their logs: caches, refusals and weights of real deployments.

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::HasSubstr;
using json = nlohmann::json;

class MemoryCases : public FolderTest {
 protected:
  /// A public config of the measured data; null without it.
  static json config(const std::string& model) {
    const char* data = std::getenv("ORRERY_DATA");
    const std::filesystem::path file =
        std::filesystem::path(data == nullptr ? "" : data) / "models" / model / "config.json";
    return data != nullptr && std::filesystem::exists(file) ? json::parse(read_file(file)) : json();
  }

  Outcome run(const std::string& model, const std::string& node, const std::string& keys) {
    const std::string file =
        write("s.yaml", "scenario: s\nmodel: " + model + "\ncluster: {node: " + node + "}\nserving:\n" + keys +
                            "  load: {arrivals: closed_loop, concurrency: 1, requests: 1, input: "
                            "100, output: 10}\n");
    return orrery({"run", file, "--json", path("r.json")});
  }
  json report() { return json::parse(read_file(path("r.json"))); }
};

// Half of the bytes of a parameter, half of the weights; twice the speed, because one sequence waits for memory. Nobody
// measured fp32 on the board: it reads at the default 64 % of the bandwidth, fp16 at the 68 % that its fit found.
TEST_F(MemoryCases, SixteenBitsAreHalfOfThirtyTwo) {
  const auto with = [&](const std::string& dtype) {
    EXPECT_EQ(
        run("opt-13b", "dgx_a100", "  dtype: " + dtype + "\n  weight_dtype: " + dtype + "\n  kv_cache_dtype: fp16\n")
            .code,
        kExitWell);
    return report();
  };
  const json wide = with("fp32"), narrow = with("fp16");
  EXPECT_NEAR(wide["memory"]["weights_bytes"].get<double>(), 51.4e9, 0.05e9);
  EXPECT_NEAR(narrow["memory"]["weights_bytes"].get<double>(), 25.7e9, 0.05e9);
  EXPECT_NEAR(wide["serving"]["tpot_s"]["mean"].get<double>() / narrow["serving"]["tpot_s"]["mean"].get<double>(),
              2.0 * 0.68 / 0.64, 0.1);
}

// A 31B Gemma 4 on one H200 logged 64.68 GiB for 626,949 tokens (configiq#112; the batch limit is not told: 256 here).
TEST_F(MemoryCases, WindowsBoundTheCacheOfGemma4) {
  json gemma = config("nvidia--Gemma-4-31B-IT-NVFP4");
  if (gemma.is_null()) GTEST_SKIP() << "needs the configs of ORRERY_DATA";
  gemma.erase("quantization_config");
  write("gemma.json", gemma.dump());
  const Outcome outcome = run("./gemma.json", "hgx_h200", "  max_num_seqs: 256\n  max_model_len: 262144\n");
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_NEAR(report()["memory"]["kv_cache_bytes"].get<double>() / 1073741824.0, 64.68, 0.05 * 64.68);
  EXPECT_NEAR(report()["serving"]["kv_cache_tokens"].get<double>(), 626949.0, 0.05 * 626949.0);
}

// gpt-oss-120b on 80 GB at 0.95 with 1,024 tokens a step: 1.71 GiB are left, too little for 131,072 tokens
// (vllm#27508). Its layers are gpt-oss-20b's, more of them with more experts.
TEST_F(MemoryCases, PaddedExpertsLeaveGptOss120bNoRoomForItsFullLength) {
  json oss = config("openai--gpt-oss-20b");
  if (oss.is_null()) GTEST_SKIP() << "needs the configs of ORRERY_DATA";
  oss["num_hidden_layers"] = 36;
  oss["num_local_experts"] = 128;
  oss["layer_types"] = json::array();
  for (int i = 0; i < 36; ++i) oss["layer_types"].push_back(i % 2 == 0 ? "sliding_attention" : "full_attention");
  write("oss.json", oss.dump());
  const Outcome outcome = run("./oss.json", "dgx_h100",
                              "  gpu_memory_utilization: 0.95\n  max_model_len: 131072\n"
                              "  max_num_batched_tokens: 1024\n");
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
  EXPECT_EQ(report()["memory"]["verdict"], "does_not_fit");
  EXPECT_NEAR(report()["memory"]["kv_cache_bytes"].get<double>() / 1073741824.0, 1.71, 0.35);
}

// Llama 3.1 405B with FBGEMM's fp8 on 8 H100, by the config that it had in July 2024, with 16 heads of keys: attention
// and the first and last layer's MLP stay in 16 bit. vLLM 0.5.3 loaded 57.75 GiB a GPU and refused 131,072 tokens
// (vllm#6746). Its cache of 79,392 tokens is that of another engine, V0, which counts the CUDA context and all of NCCL.
TEST_F(MemoryCases, FbgemmKeepsAttentionInSixteenBits) {
  json llama = {{"model_type", "llama"},     {"hidden_size", 16384},
                {"num_hidden_layers", 126},  {"num_attention_heads", 128},
                {"num_key_value_heads", 16}, {"intermediate_size", 53248},
                {"vocab_size", 128256},      {"max_position_embeddings", 131072}};
  llama["quantization_config"] = {{"quant_method", "fbgemm_fp8"}, {"activation_scale_ub", 1200.0}};
  json kept = json::array();
  for (int i = 0; i < 126; ++i) {
    const std::string layer = "model.layers." + std::to_string(i);
    for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"}) kept.push_back(layer + ".self_attn." + name);
    if (i > 0 && i < 125) continue;
    for (const char* name : {"gate_proj", "up_proj", "down_proj"}) kept.push_back(layer + ".mlp." + name);
  }
  llama["quantization_config"]["modules_to_not_convert"] = kept;
  write("405b.json", llama.dump());
  const Outcome outcome = run("./405b.json", "dgx_h100", "  tensor_parallel: 8\n  max_num_seqs: 256\n");
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
  EXPECT_NEAR(report()["memory"]["weights_bytes"].get<double>() / 1073741824.0, 57.75, 0.1);
  EXPECT_EQ(report()["memory"]["verdict"], "does_not_fit");
}

// A distilled R1 of 14 B on two RTX 4090 at 0.98 has room for 81,536 tokens and refuses 131,072 (vllm#13061).
TEST_F(MemoryCases, TwoCardsRefuseTheFullLengthOfA14B) {
  const Outcome outcome = run("deepseek-r1-distill-qwen-14b", "rtx_4090_box",
                              "  tensor_parallel: 2\n  gpu_memory_utilization: 0.98\n  max_model_len: 131072\n");
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
  EXPECT_EQ(report()["memory"]["verdict"], "does_not_fit");
  EXPECT_NEAR(report()["serving"]["kv_cache_tokens"].get<double>(), 81536.0, 0.05 * 81536.0);
}

// 512 values in fp8 with a scale for 128 of them, and 64 of the rotary key in 16 bits (deepseek-ai/FlashMLA).
TEST_F(MemoryCases, ALatentInFp8Takes656Bytes) {
  const Outcome outcome =
      run("deepseek-v3", "hgx_h200", "  tensor_parallel: 8\n  weight_dtype: fp8_block\n  kv_cache_dtype: fp8\n");
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_EQ(report()["memory"]["kv_block_bytes"].get<double>(), 16.0 * 61.0 * 656.0);
}

// YaRN stretches what the model was trained for: 4 x 32,768 positions.
TEST_F(MemoryCases, RopeScalingSetsTheLength) {
  json llama = {{"model_type", "llama"},           {"hidden_size", 256},       {"num_hidden_layers", 2},
                {"num_attention_heads", 4},        {"intermediate_size", 512}, {"vocab_size", 1000},
                {"max_position_embeddings", 40960}};
  llama["rope_scaling"] = {{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 32768}};
  write("yarn.json", llama.dump());
  ASSERT_EQ(run("./yarn.json", "dgx_h100", "  tensor_parallel: 1\n").code, kExitWell);
  EXPECT_EQ(report()["scenario"]["serving"]["max_model_len"], 131072);
  llama["rope_scaling"] = {{"rope_type", "llama3"}, {"factor", 8.0}, {"original_max_position_embeddings", 8192}};
  write("yarn.json", llama.dump());
  ASSERT_EQ(run("./yarn.json", "dgx_h100", "  tensor_parallel: 1\n").code, kExitWell);
  EXPECT_EQ(report()["scenario"]["serving"]["max_model_len"], 40960) << "states the result already";
}

// A billion requests at a rate far beyond what is served: the load ends, with a finding, and little memory.
TEST_F(MemoryCases, ALoadFarBeyondCapacityIsCutOff) {
  const std::string file =
      write("s.yaml",
            "scenario: s\nmodel: gpt2-124m\ncluster: {node: dgx_a100}\nserving:\n  max_num_seqs: 1\n"
            "  load: {arrivals: constant, rate: 100000000, requests: 1000000000, input: 1, "
            "output: 1}\n");
  const Outcome outcome = orrery({"run", file});
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("saturated: the load was cut off"));
}

// Little's law: 8 requests a second of a second and more each are not served four at a time.
TEST_F(MemoryCases, AMaxNumSeqsBelowWhatIsInServiceIsAFinding) {
  const auto with = [&](int sequences) {
    const std::string file =
        write("s.yaml", "scenario: s\nmodel: llama-3-8b\ncluster: {node: dgx_h100}\nserving:\n  max_num_seqs: " +
                            std::to_string(sequences) +
                            "\n  load: {arrivals: poisson, rate: 8, requests: 400, input: 1000, output: 200}\n");
    return orrery({"run", file});
  };
  const Outcome few = with(4);
  EXPECT_EQ(few.code, kExitFinding);
  EXPECT_THAT(few.out, HasSubstr("max_num_seqs 4 x 1 replica is less than"));
  EXPECT_EQ(with(64).code, kExitWell);
}

}  // namespace
}  // namespace orrery::scenarios::testing
