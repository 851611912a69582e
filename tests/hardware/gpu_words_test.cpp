// GPUs by the names that nvidia-smi, torch and people give them.
#include "hardware/catalogue/gpu_words.hpp"

#include <gmock/gmock.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"

namespace orrery::hardware {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refusal(const std::string& name) {
  try {
    (void)load_gpu(name);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "none";
}

// As the driver names them (nvidia-smi -L, torch.cuda.get_device_name()).
TEST(GpusCalled, AsTheDriverPrintsThem) {
  const std::vector<std::pair<const char*, const char*>> names = {
      {"NVIDIA A100-SXM4-40GB", "a100_sxm_40gb"},
      {"NVIDIA A100-SXM4-80GB", "a100_sxm"},
      {"NVIDIA A100 80GB PCIe", "a100_pcie"},
      {"NVIDIA A800-SXM4-80GB", "a800_sxm"},
      {"NVIDIA A10", "a10"},
      {"NVIDIA A30", "a30"},
      {"NVIDIA A40", "a40"},
      {"NVIDIA H100 PCIe", "h100_pcie"},
      {"NVIDIA H100 NVL", "h100_nvl"},
      {"NVIDIA H200", "h200_sxm"},
      {"NVIDIA H800", "h800_sxm"},
      {"NVIDIA H20", "h20_sxm"},
      {"NVIDIA GH200 144G HBM3e", "gh200_144gb"},
      {"NVIDIA B200", "b200_sxm"},
      {"NVIDIA B300 SXM6 AC", "b300_sxm"},
      {"NVIDIA GB200", "gb200"},
      {"NVIDIA GB300", "gb300"},
      {"NVIDIA L4", "l4"},
      {"NVIDIA L40", "l40"},
      {"NVIDIA L40S", "l40s"},
      {"Tesla T4", "t4"},
      {"Tesla V100-SXM2-16GB", "v100_sxm_16gb"},
      {"Tesla V100-SXM2-32GB", "v100_sxm_32gb"},
      {"Tesla V100-PCIE-32GB", "v100_pcie"},
      {"NVIDIA RTX A6000", "rtx_a6000"},
      {"NVIDIA GeForce RTX 3060", "rtx_3060"},
      {"NVIDIA GeForce RTX 3090", "rtx_3090"},
      {"NVIDIA GeForce RTX 4090", "rtx_4090"},
      {"NVIDIA GeForce RTX 5090", "rtx_5090"},
      {"NVIDIA RTX 6000 Ada Generation", "rtx_6000_ada"},
      {"NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtx_pro_6000_server"},
  };
  for (const auto& [printed, name] : names) EXPECT_THAT(gpus_called(printed), ElementsAre(name)) << printed;
  // The SXM board's name has no socket, and the PCIe board is one of 80 GB too.
  EXPECT_THAT(gpus_called("NVIDIA H100 80GB HBM3"), ElementsAre("h100_pcie", "h100_sxm"));
}

TEST(GpusCalled, AsPeopleWriteThem) {
  const std::vector<std::pair<const char*, const char*>> names = {
      {"a6000", "rtx_a6000"},
      {"5090", "rtx_5090"},
      {"pro6000", "rtx_pro_6000_server"},
      {"rtx-pro-6000", "rtx_pro_6000_server"},
      {"h100sxm", "h100_sxm"},
      {"H100SXM5", "h100_sxm"},
      {"H100-SXM5-80GB", "h100_sxm"},
      {"h100 sxm 80 GB", "h100_sxm"},
      {"H100-SXM-96GB", "h100_sxm_96gb"},
      {"A100-SXM4-40GB", "a100_sxm_40gb"},
      {"RTX4090", "rtx_4090"},
      {"TPU v5p", "tpu_v5p"},
  };
  for (const auto& [written, name] : names) {
    const std::vector<std::string> called = gpus_called(written);
    ASSERT_FALSE(called.empty()) << written;
    EXPECT_THAT(called, ::testing::Contains(name)) << written;
  }
  EXPECT_THAT(gpus_called("H100-SXM5-80GB"), ElementsAre("h100_sxm"));
  EXPECT_THAT(gpus_called("a100_sxm"), ElementsAre("a100_sxm")) << "itself, and not that of 40 GB";
}

TEST(GpusCalled, OfAnotherKindAreNone) {
  for (const char* other : {"NVIDIA A10G", "NVIDIA GeForce RTX 4090 D", "NVIDIA GeForce RTX 3090 Ti", "NVIDIA H200 NVL",
                            "NVIDIA A100-PCIE-40GB", "NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "NVIDIA",
                            "SXM", "80GB", "a1", "1000", "", "AMD Instinct MI300X", "h100 h200"}) {
    EXPECT_THAT(gpus_called(other), IsEmpty()) << other;
  }
}

TEST(GpusCalled, AreWhatItsNameIsEverywhere) {
  for (const std::string& name : gpu_names()) EXPECT_THAT(gpus_called(name), ElementsAre(name));
}

TEST(GpusCalled, AreOfferedWhereAContractNameIsAskedFor) {
  EXPECT_THAT(refusal("NVIDIA H100 80GB HBM3"), HasSubstr("any of h100_pcie"));
  EXPECT_THAT(refusal("A100-SXM4-40GB"), HasSubstr("did you mean 'a100_sxm_40gb'?"));
  EXPECT_THAT(refusal("H100-SXM5-80GB"), HasSubstr("did you mean 'h100_sxm'?"));
  EXPECT_THAT(refusal("a6000"), HasSubstr("did you mean 'rtx_a6000'?"));
  EXPECT_THAT(refusal("h100_sxn"), HasSubstr("'h100_sxm'"));
  EXPECT_THAT(refusal("warp9"), HasSubstr("known: "));
}

}  // namespace
}  // namespace orrery::hardware
