// Generations of GPUs: their files, and how boards name them.
#include "hardware/generation.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/catalogue/profile_reader.hpp"
#include "hardware/config/config.hpp"
#include "tests/hardware/profile_texts.hpp"

namespace orrery::hardware {
namespace {

using testing::edited_profile;
using testing::message_of;
using testing::parse_gpu;

TEST(Generations, CarryASourceForEveryFactAndBelongToABoard) {
  std::set<std::string> used;
  for (const std::string& gpu : gpu_names()) used.insert(load_gpu(gpu).generation.name);
  ASSERT_GE(generation_names().size(), 5u);
  for (const std::string& name : generation_names()) {
    const Generation generation = load_generation(name);
    EXPECT_EQ(generation.name, name);
    EXPECT_EQ(used.count(name), 1u) << name << " has no board";
    for (const char* fact :
         {"gemm_tiles", "attention", "latent_decode_splits", "gemm.floor_us", "memory.e_memory", "compute_capability",
          "link_efficiency", "nvls_sustained", "nvls_limit", "latency_scale"}) {
      ASSERT_EQ(generation.sources.count(fact), 1u) << name << " " << fact;
      EXPECT_GE(generation.sources.at(fact).size(), 10u) << name << " " << fact;
    }
  }
}

TEST(Generations, HoldTheFiguresOfTheirSources) {
  const Generation hopper = load_generation("hopper");
  EXPECT_EQ(hopper.attention, AttentionInstructions::warpgroups);
  EXPECT_EQ(hopper.gemm_tiles, GemmTiles::fine);
  EXPECT_EQ(hopper.compute_capability, 90);
  EXPECT_EQ(hopper.coefficients.at("memory").at(1), (std::pair<std::string, double>("e_memory", 0.88)));
  // A workstation board has Blackwell's figures and older attention.
  EXPECT_EQ(load_generation("blackwell").attention, AttentionInstructions::tensor_memory);
  EXPECT_EQ(load_gpu("rtx_pro_6000_server").generation.attention, AttentionInstructions::plain);
  EXPECT_EQ(load_gpu("a100_sxm").generation.nvls_limit, 0.0) << "no reduction in Ampere's switch";
}

TEST(Generations, AnUnknownOneIsAnErrorWithItsPlaceAndTheNearestName) {
  const std::string text = edited_profile("h100_sxm", "architecture: hopper", "architecture: hoper");
  EXPECT_EQ(message_of([&] { return parse_gpu(text); }).substr(0, 71),
            "g.yaml:3:15: 'architecture': 'hoper' is not valid; did you mean 'hopper");
  const std::string rubin = edited_profile("h100_sxm", "architecture: hopper", "architecture: rubin");
  const std::string message = message_of([&] { return parse_gpu(rubin); });
  EXPECT_NE(message.find("g.yaml:3:15: 'architecture': 'rubin' is not valid"), std::string::npos) << message;
  EXPECT_NE(message.find("blackwell"), std::string::npos) << "lists those that are there: " << message;
  EXPECT_NE(message_of([] { return load_generation("blackwel"); }).find("unknown GPU generation 'blackwel'; did you"),
            std::string::npos);
}

TEST(Generations, AreReadAsStrictlyAsBoards) {
  const std::string file = (data_root() / "hardware/profiles/generations/hopper.yaml").string();
  const std::string text = read_text_file(file);
  const auto complaint = [&](const std::string& from, const std::string& to) {
    std::string edited = text;
    edited.replace(edited.find(from), from.size(), to);
    return message_of([&] { return read_generation(*parse_config(edited, "g.yaml"), "g.yaml", "g"); });
  };
  EXPECT_NE(complaint("gemm_tiles: fine", "gemm_tiles: fein").find("g.yaml:5:15: 'gemm_tiles': 'fein' is not valid"),
            std::string::npos);
  EXPECT_NE(complaint("  compute_capability: 90\n", "").find("the key 'compute_capability' is missing"),
            std::string::npos);
  EXPECT_NE(complaint("  latency_scale: 1.0\n", "  latency_scale: 1.0\n  speed: 2\n").find("unknown key 'speed'"),
            std::string::npos);
  EXPECT_NE(complaint("  compute_capability: \"", "  compute_capabilities: \"")
                .find("the fact 'compute_capability' has no source"),
            std::string::npos);
}

TEST(GpuProfile, SaysWhatProgramsDoOnTheBoard) {
  EXPECT_EQ(load_gpu("h100_sxm").software.gemm_table, "trtllm");
  EXPECT_FALSE(load_gpu("a800_sxm").software.vllm_small_batches) << "its name is not excepted";
  const Gpu a100 = load_gpu("a100_sxm");
  EXPECT_EQ(a100.software.gemm_table, "sglang");
  EXPECT_TRUE(a100.software.vllm_small_batches);
  EXPECT_GE(a100.software.source.size(), 10u);
  const std::string text = edited_profile("a100_sxm", "gemm_table: sglang", "gemm_table: sglong");
  EXPECT_NE(message_of([&] { return parse_gpu(text); }).find("'gemm_table': 'sglong' is not valid; did you mean 'sgl"),
            std::string::npos);
}

}  // namespace
}  // namespace orrery::hardware
