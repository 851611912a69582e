// Which fit of a profile prices a kernel: against a search of all of them, and what is said of it.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/family.hpp"
#include "kernels/table/fit_table.hpp"
#include "tests/kernels/random_kernels.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::kernels {
namespace {

std::unique_ptr<KernelTimer> fitted() { return timers()[1].make(); }

template <class Call>
std::string refusal(Call call) {
  try {
    (void)call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

hardware::Fit fit_of(const FamilyRow& row, const hardware::Gpu& gpu, std::string key) {
  hardware::Fit fit;
  fit.key = std::move(key), fit.source = "a table", fit.date = "2026-01-01";
  const std::vector<double> values = row.model.defaults(gpu);
  for (std::size_t i = 0; i < values.size(); ++i) fit.coefficients.emplace_back(row.model.names[i], values[i]);
  return fit;
}

/// A GPU with exactly these fits, at the default coefficients.
hardware::Gpu gpu_with(const std::vector<std::string>& keys) {
  hardware::Gpu gpu = tests::hopper_gpu();
  gpu.peak[Dtype::int8] = gpu.peak[Dtype::fp8];
  for (const std::string& key : keys) {
    gpu.fits.push_back(fit_of(*find_family(key.substr(0, key.find('/'))), gpu, key));
  }
  return gpu;
}

GemmShape gemm(Dtype dtype, Implementation by = Implementation::automatic) {
  GemmShape s;
  s.m = s.n = s.k = 512, s.dtype = dtype, s.implementation = by;
  return s;
}

AttentionPrefillShape prompt(Dtype dtype, Dtype cache, Implementation by = Implementation::automatic) {
  AttentionPrefillShape s;
  s.batch = 1, s.q_len = s.kv_len = 512, s.q_heads = s.kv_heads = 8, s.head_dim = 128;
  s.dtype = dtype, s.kv_dtype = cache, s.implementation = by;
  return s;
}

AttentionDecodeShape step(Dtype cache, Implementation by = Implementation::automatic) {
  AttentionDecodeShape s;
  s.batch = 4, s.kv_tokens = 4096, s.q_heads = s.kv_heads = 8, s.head_dim = 128;
  s.kv_dtype = cache, s.implementation = by;
  return s;
}

TEST(ImplementationOrder, BeginsWithTheOneAskedForAndLeavesNoneOut) {
  const std::set<Implementation> measured{Implementation::trtllm, Implementation::vllm, Implementation::sglang,
                                          Implementation::cudnn, Implementation::cublaslt};
  for (const Implementation wanted : measured) {
    const std::vector<Implementation>& order = implementation_order(wanted);
    EXPECT_EQ(order.front(), wanted);
    EXPECT_EQ(std::set<Implementation>(order.begin(), order.end()), measured) << name(wanted);
    EXPECT_EQ(order.size(), measured.size()) << name(wanted);
  }
  // The rest by how well its measurements repeat; SGLang's kernels are nearer to vLLM's than to TensorRT-LLM's.
  using I = Implementation;
  EXPECT_EQ(implementation_order(I::cublaslt), (std::vector{I::cublaslt, I::trtllm, I::vllm, I::sglang, I::cudnn}));
  EXPECT_EQ(implementation_order(I::cudnn), (std::vector{I::cudnn, I::trtllm, I::vllm, I::sglang, I::cublaslt}));
  EXPECT_EQ(implementation_order(I::vllm), (std::vector{I::vllm, I::trtllm, I::sglang, I::cudnn, I::cublaslt}));
  EXPECT_EQ(implementation_order(I::sglang), (std::vector{I::sglang, I::vllm, I::trtllm, I::cudnn, I::cublaslt}));
  EXPECT_EQ(implementation_order(Implementation::automatic), implementation_order(Implementation::trtllm));
  EXPECT_EQ(implementation_order(Implementation::unfused), std::vector{Implementation::unfused});
}

TEST(FitChoice, OfGemmsIsByFormatAndOnlyAsDocumented) {
  const hardware::Gpu gpu = gpu_with({"gemm/vllm/bf16", "gemm/vllm/fp8", "gemm/vllm/fp8_block"});
  EXPECT_EQ(fit_key(gemm(Dtype::fp16), gpu), "gemm/vllm/bf16");
  EXPECT_EQ(fit_key(gemm(Dtype::int8), gpu), "gemm/vllm/fp8");
  EXPECT_EQ(fit_key(gemm(Dtype::fp8_block), gpu), "gemm/vllm/fp8_block");
  for (const Dtype dtype : {Dtype::fp32, Dtype::tf32, Dtype::int4, Dtype::nvfp4}) {
    EXPECT_EQ(fit_key(gemm(dtype), gpu), "") << orrery::name(dtype);
  }
  // Its own fit goes before the one that may stand in for it, even another library's.
  const hardware::Gpu both = gpu_with({"gemm/trtllm/bf16", "gemm/vllm/fp16", "gemm/trtllm/int8", "gemm/trtllm/fp8"});
  EXPECT_EQ(fit_key(gemm(Dtype::fp16, Implementation::vllm), both), "gemm/vllm/fp16");
  EXPECT_EQ(fit_key(gemm(Dtype::int8), both), "gemm/trtllm/int8");
}

TEST(FitChoice, OfPromptsTakesTheNearestMixtureOfMatricesAndCache) {
  const hardware::Gpu gpu = gpu_with({"attention_prefill/vllm/bf16", "attention_prefill/vllm/fp8"});
  const auto key = [&](const AttentionPrefillShape& s) { return fit_key(s, gpu); };
  EXPECT_EQ(key(prompt(Dtype::bf16, Dtype::bf16)), "attention_prefill/vllm/bf16");
  EXPECT_EQ(key(prompt(Dtype::fp16, Dtype::fp16)), "attention_prefill/vllm/bf16");
  EXPECT_EQ(key(prompt(Dtype::fp8, Dtype::fp8)), "attention_prefill/vllm/fp8");
  EXPECT_EQ(key(prompt(Dtype::bf16, Dtype::fp8)), "attention_prefill/vllm/fp8") << "no mixture was measured";
  EXPECT_EQ(key(prompt(Dtype::fp32, Dtype::fp32)), "");
  EXPECT_EQ(key(prompt(Dtype::bf16, Dtype::bf16, Implementation::unfused)), "");
  const hardware::Gpu mixed = gpu_with({"attention_prefill/vllm/bf16_kv_fp8", "attention_prefill/vllm/fp8"});
  EXPECT_EQ(fit_key(prompt(Dtype::bf16, Dtype::fp8), mixed), "attention_prefill/vllm/bf16_kv_fp8");
}

TEST(FitChoice, OfCudnnsAttentionIsFlashAttention3s) {
  const hardware::Gpu gpu = gpu_with({"attention_prefill/trtllm/bf16", "attention_prefill/vllm/bf16"});
  EXPECT_EQ(fit_key(prompt(Dtype::bf16, Dtype::bf16, Implementation::cudnn), gpu), "attention_prefill/vllm/bf16");
  EXPECT_EQ(fit_key(prompt(Dtype::bf16, Dtype::bf16), gpu), "attention_prefill/trtllm/bf16");
}

TEST(FitChoice, OfLatentAttentionIsItsOwn) {
  const hardware::Gpu gpu = gpu_with({"attention_prefill/trtllm/bf16", "attention_prefill/trtllm/mla",
                                      "attention_decode/trtllm/bf16", "attention_decode/trtllm/mla_fp8"});
  AttentionPrefillShape expanded = prompt(Dtype::bf16, Dtype::bf16);
  expanded.head_dim = 192, expanded.v_head_dim = 128;
  EXPECT_EQ(fit_key(expanded, gpu), "attention_prefill/trtllm/mla");
  expanded.v_head_dim = 192;
  EXPECT_EQ(fit_key(expanded, gpu), "attention_prefill/trtllm/bf16") << "as wide as the keys: no latent";
  AttentionDecodeShape absorbed = step(Dtype::bf16);
  absorbed.latent_dim = 576;
  EXPECT_EQ(fit_key(absorbed, gpu), "attention_decode/trtllm/mla_fp8") << "the other cache format is nearer than GQA";
  EXPECT_EQ(fit_key(step(Dtype::bf16), gpu), "attention_decode/trtllm/bf16");
  EXPECT_EQ(fit_key(step(Dtype::fp8), gpu), "attention_decode/trtllm/bf16");
}

TEST(FitChoice, OfWhatWasNeverMeasuredIsNone) {
  const hardware::Gpu gpu = gpu_with({"gemm/vllm/bf16"});
  EXPECT_EQ(fit_key(MemoryShape{}, gpu), "");
  EXPECT_EQ(fit_key(HostCopyShape{}, gpu), "");
}

TEST(FitChoice, IsTheFirstOfAllKeysInTheirOrder) {
  // Random profiles: the first key, implementation by implementation and format by format, that a fit has.
  std::mt19937 random(20261122);
  tests::RandomKernels kernels(9);
  std::vector<std::string> every;
  for (const FamilyRow& row : families()) {
    std::set<std::string_view> formats;
    for (const auto& list : row.fit_dtypes) formats.insert(list.begin(), list.end());
    for (const std::string_view format : formats) {
      for (const Implementation by : implementation_order(Implementation::automatic)) {
        every.push_back(fmt::format("{}/{}/{}", row.name, name(by), format));
      }
    }
  }
  int found = 0;
  for (int i = 0; i < 40; ++i) {
    std::shuffle(every.begin(), every.end(), random);
    const hardware::Gpu gpu = gpu_with({every.begin(), every.begin() + static_cast<std::ptrdiff_t>(random() % 40)});
    for (int j = 0; j < 100; ++j) {
      const Kernel kernel = kernels.next();
      const FamilyRow& row = family_of(kernel);
      std::string expected;
      if (!row.fit_dtypes.empty()) {
        const FitChoice choice = row.fit_choice(kernel);
        for (const Implementation by : implementation_order(choice.implementation)) {
          for (const std::string_view format : row.fit_dtypes.at(choice.dtypes)) {
            const std::string key = fmt::format("{}/{}/{}", row.name, name(by), format);
            if (expected.empty() && gpu.find_fit(key) != nullptr) expected = key;
          }
        }
      }
      ASSERT_EQ(fit_key(kernel, gpu), expected) << describe(kernel);
      found += expected.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(found, 500);
}

TEST(FitTable, ReadsCoefficientsOfTheModelAndIgnoresOthers) {
  const hardware::Gpu gpu = tests::hopper_gpu();
  const FamilyRow& row = *find_family("memory");
  hardware::Fit fit = fit_of(row, gpu, "memory/vllm/bf16");
  const std::vector<double> values = coefficients_of(fit, row.model);
  fit.coefficients.insert(fit.coefficients.begin(), {"of_another_model", 17.0});
  EXPECT_EQ(coefficients_of(fit, row.model), values);
  std::reverse(fit.coefficients.begin(), fit.coefficients.end());
  EXPECT_EQ(coefficients_of(fit, row.model), values);
  fit.coefficients.erase(fit.coefficients.begin());
  EXPECT_EQ(refusal([&] { return coefficients_of(fit, row.model); }),
            fmt::format("fit memory/vllm/bf16 has no coefficient {}: fit its table again", row.model.names.back()));
}

TEST(FitTable, KeysThatNoFamilyKnowsAreLeftAlone) {
  hardware::Gpu gpu = tests::hopper_gpu();
  for (const char* key :
       {"gemm", "gemm/", "gemm/vllm", "gemms/vllm/bf16", "gemm/torch/bf16", "nccl/all_reduce/8", ""}) {
    hardware::Fit fit;
    fit.key = key;
    gpu.fits.push_back(fit);
  }
  const FitTable table(gpu);
  EXPECT_EQ(table.values(gemm(Dtype::bf16)).coefficients, find_family("gemm")->model.defaults(gpu));
}

TEST(Defaults, OfAGenerationAreNamedWhereTheyAreMissing) {
  hardware::Gpu gpu = tests::hopper_gpu();
  auto& gemm_defaults = gpu.generation.coefficients.at("gemm");
  gemm_defaults.erase(std::find_if(gemm_defaults.begin(), gemm_defaults.end(),
                                   [](const auto& entry) { return entry.first == "overlap"; }));
  EXPECT_EQ(refusal([&] { return find_family("gemm")->model.defaults(gpu); }),
            "hopper is of the generation 'hopper', which has no coefficient overlap of gemm");
  const std::vector<std::string_view> none;
  EXPECT_TRUE(defaults_of(gpu, "gemm", none).empty());
  EXPECT_EQ(refusal([&] { return defaults_of(gpu, "conv", find_family("gemm")->model.names); }),
            "hopper is of the generation 'hopper', which has no coefficient floor_us of conv");
}

TEST(Explanations, SayWhoseFitItIs) {
  hardware::Gpu gpu = gpu_with({"gemm/vllm/bf16"});
  const Estimate own = fitted()->explain(gemm(Dtype::bf16), gpu);
  EXPECT_EQ(own.provenance, Provenance::measured);
  EXPECT_EQ(own.terms.back().source, "a table, fitted 2026-01-01");
  gpu.fits[0].of = "sister";
  const Estimate lent = fitted()->explain(gemm(Dtype::bf16), gpu);
  EXPECT_EQ(lent.provenance, Provenance::published);
  EXPECT_EQ(lent.fit_key, "gemm/vllm/bf16");
  EXPECT_EQ(lent.terms.back().source, "sister's fit at this board's rates: a table, fitted 2026-01-01");
  EXPECT_EQ(lent.time, own.time);
  gpu.fits.clear();
  const Estimate none = fitted()->explain(gemm(Dtype::bf16), gpu);
  EXPECT_EQ(none.provenance, Provenance::datasheet);
  EXPECT_EQ(none.terms.back().source,
            std::string(find_family("gemm")->model.source) + "; default efficiencies, no measurements of this GPU");
}

TEST(Explanations, NameTheSourceOfEveryRoof) {
  hardware::Gpu gpu = tests::round_gpu();
  gpu.sources = {{"memory_bandwidth", "page 7"}};
  const std::vector<Term> terms = timers()[0].make()->explain(gemm(Dtype::bf16), gpu).terms;
  ASSERT_EQ(terms.size(), 3u);
  EXPECT_EQ(terms[0].source, "profile round");
  EXPECT_EQ(terms[1].source, "page 7");
  // 2 x 512³ FLOP; A, B and C of 512² x 2 B.
  EXPECT_EQ(terms[0].equation, "2.684e+08 FLOP / peak");
  EXPECT_EQ(terms[2].equation, "1.573e+06 B / L2 bandwidth");
  const std::vector<Term> copy = timers()[0].make()->explain(HostCopyShape{Bytes{1e6}, true, true}, gpu).terms;
  ASSERT_EQ(copy.size(), 1u) << "a copy has one roof";
  EXPECT_EQ(copy[0].equation, "1e+06 B / PCIe bandwidth");
}

}  // namespace
}  // namespace orrery::kernels
