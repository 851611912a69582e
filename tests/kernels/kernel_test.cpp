#include "kernels/kernel.hpp"

#include <set>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/family.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::kernels {
namespace {

GemmShape gemm(std::int64_t m, std::int64_t n, std::int64_t k, Dtype dtype = Dtype::bf16) {
  GemmShape shape;
  shape.dtype = dtype, shape.m = m, shape.n = n, shape.k = k;
  return shape;
}

MemoryShape norm(std::int64_t elements) {
  MemoryShape shape;
  shape.op = MemoryOp::norm, shape.elements = elements;
  shape.read = Bytes{2.0 * static_cast<double>(elements)}, shape.written = shape.read;
  return shape;
}

TEST(Implementation, NamesReadBackAsThemselves) {
  for (const Implementation one :
       {Implementation::automatic, Implementation::cublaslt, Implementation::trtllm, Implementation::vllm,
        Implementation::sglang, Implementation::cudnn, Implementation::unfused}) {
    EXPECT_EQ(parse_implementation(name(one)), one);
  }
  EXPECT_FALSE(parse_implementation("tensorrt").has_value());
}

TEST(MemoryOp, NamesAreUnique) {
  std::set<std::string_view> names;
  for (int op = 0; op <= static_cast<int>(MemoryOp::memset); ++op) names.insert(name(static_cast<MemoryOp>(op)));
  EXPECT_EQ(names.size(), 17u);
  EXPECT_EQ(name(MemoryOp::adam), "adam");
  EXPECT_EQ(name(MemoryOp::memset), "memset");
}

TEST(Provenance, HasThreeNames) {
  EXPECT_EQ(name(Provenance::datasheet), "datasheet");
  EXPECT_EQ(name(Provenance::published), "published");
  EXPECT_EQ(name(Provenance::measured), "measured");
}

TEST(Kernel, FamilyFollowsTheAlternative) {
  EXPECT_EQ(family(GemmShape{}), "gemm");
  EXPECT_EQ(family(AttentionPrefillShape{}), "attention_prefill");
  EXPECT_EQ(family(AttentionDecodeShape{}), "attention_decode");
  EXPECT_EQ(family(MoeShape{}), "moe");
  EXPECT_EQ(family(MemoryShape{}), "memory");
  EXPECT_EQ(family(HostCopyShape{}), "host_copy");
}

TEST(Kernel, EqualShapesAreEqualAndHashAlike) {
  EXPECT_TRUE(Kernel{gemm(1, 2, 3)} == Kernel{gemm(1, 2, 3)});
  EXPECT_EQ(hash(gemm(1, 2, 3)), hash(gemm(1, 2, 3)));
  EXPECT_FALSE(Kernel{GemmShape{}} == Kernel{MoeShape{}});
}

TEST(Kernel, EveryGemmFieldTellsShapesApart) {
  const GemmShape base = gemm(64, 128, 256);
  std::vector<Kernel> others;
  const auto add = [&](auto change) {
    GemmShape other = base;
    change(other);
    others.emplace_back(other);
  };
  add([](GemmShape& s) { s.dtype = Dtype::fp8; });
  add([](GemmShape& s) { s.m = 65; });
  add([](GemmShape& s) { s.n = 129; });
  add([](GemmShape& s) { s.k = 257; });
  add([](GemmShape& s) { s.batch = 2; });
  add([](GemmShape& s) { s.weights = CacheState::warm; });
  add([](GemmShape& s) { s.implementation = Implementation::vllm; });
  add([](GemmShape& s) { s.accumulate = true; });
  std::set<std::string> descriptions{describe(base)};
  std::set<std::size_t> hashes{hash(base)};
  for (const Kernel& other : others) {
    EXPECT_FALSE(Kernel{base} == other) << describe(other);
    descriptions.insert(describe(other));
    hashes.insert(hash(other));
  }
  EXPECT_EQ(descriptions.size(), others.size() + 1);
  EXPECT_EQ(hashes.size(), others.size() + 1);
}

TEST(Kernel, HashSpreadsNeighbouringShapes) {
  std::set<std::size_t> buckets;
  for (std::int64_t m = 1; m <= 1000; ++m) buckets.insert(hash(gemm(m, 4096, 4096)) % 65536);
  EXPECT_GT(buckets.size(), 950u);  // 1000 balls in 65536 buckets collide about 8 times
}

TEST(Kernel, DescriptionIsStable) {
  EXPECT_EQ(describe(gemm(4096, 5120, 1024)), "gemm bf16 4096x5120x1024");
  GemmShape shape = gemm(16, 32, 64, Dtype::fp8);
  shape.batch = 4, shape.weights = CacheState::warm, shape.accumulate = true;
  shape.implementation = Implementation::trtllm;
  EXPECT_EQ(describe(shape), "gemm fp8 16x32x64 batch 4 accumulate warm (trtllm)");
  EXPECT_EQ(describe(norm(10)), "norm bf16 10 elements, 20 B read, 20 B written");
  EXPECT_EQ(describe(HostCopyShape{Bytes{1e6}, false, true}), "host copy to host 1000000 B pinned");
}

TEST(Kernel, CheckSaysWhatIsWrong) {
  EXPECT_EQ(check(gemm(1, 1, 1)), "");
  EXPECT_EQ(check(gemm(0, 4, 5)), "gemm needs m, n, k > 0, has 0x4x5");
  GemmShape shape = gemm(1, 1, 1);
  shape.batch = -1;
  EXPECT_EQ(check(shape), "gemm needs batch > 0, has -1");
  EXPECT_NE(check(gemm(std::int64_t{1} << 50, 1, 1)), "");
  EXPECT_EQ(check(norm(10)), "");
  MemoryShape bad = norm(10);
  bad.read = Bytes{-1.0};
  EXPECT_NE(check(bad), "");
  bad = norm(-1);
  EXPECT_NE(check(bad), "");
  bad = norm(1);
  bad.flops_per_element = std::nan("");
  EXPECT_NE(check(bad), "");
  EXPECT_EQ(check(HostCopyShape{Bytes{0.0}, true, true}), "");
  EXPECT_NE(check(HostCopyShape{Bytes{std::nan("")}, true, true}), "");
}

TEST(Families, EveryRowIsCompleteAndFindable) {
  std::set<std::string_view> names;
  for (const FamilyRow& row : families()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.equation.empty()) << row.name;
    EXPECT_FALSE(row.source.empty()) << row.name;
    EXPECT_FALSE(row.model.equation.empty()) << row.name;
    EXPECT_FALSE(row.model.source.empty()) << row.name;
    EXPECT_TRUE(row.holds && row.check && row.work && row.describe) << row.name;
    EXPECT_EQ(row.fit_dtypes.empty(), row.fit_choice == nullptr) << row.name;
    EXPECT_EQ(find_family(row.name), &row);
  }
  EXPECT_EQ(find_family("convolution"), nullptr);
}

TEST(Families, RowsHoldTheirOwnAlternative) {
  const std::vector<Kernel> one_each = {GemmShape{}, AttentionPrefillShape{}, AttentionDecodeShape{},
                                        MoeShape{},  MemoryShape{},           HostCopyShape{}};
  for (const Kernel& kernel : one_each) {
    for (const FamilyRow& row : families()) EXPECT_EQ(row.holds(kernel), &row == &family_of(kernel)) << row.name;
  }
}

TEST(Families, DefaultCoefficientsLieInTheirBounds) {
  for (const std::string& generation : hardware::generation_names()) {
    hardware::Gpu gpu = tests::hopper_gpu();
    gpu.generation = hardware::load_generation(generation);
    for (const FamilyRow& row : families()) {
      const std::vector<double> defaults = row.model.defaults(gpu);
      ASSERT_EQ(defaults.size(), row.model.names.size()) << row.name;
      ASSERT_EQ(row.model.bounds.size(), row.model.names.size()) << row.name;
      for (std::size_t i = 0; i < defaults.size(); ++i) {
        EXPECT_GE(defaults[i], row.model.bounds[i].first) << row.name << ' ' << row.model.names[i];
        EXPECT_LE(defaults[i], row.model.bounds[i].second) << row.name << ' ' << row.model.names[i];
      }
    }
  }
}

TEST(Families, EfficienciesAreBoundedByOne) {
  for (const FamilyRow& row : families()) {
    for (std::size_t i = 0; i < row.model.names.size(); ++i) {
      EXPECT_GT(row.model.bounds[i].first, 0.0) << row.name << ' ' << row.model.names[i];
      if (row.model.names[i].substr(0, 2) == "e_") {
        EXPECT_LE(row.model.bounds[i].second, 1.0) << row.name << ' ' << row.model.names[i];
      }
    }
  }
}

TEST(FirstFit, TakesTheImplementationAskedForThenTheOthersInOrder) {
  hardware::Gpu gpu = tests::round_gpu();
  gpu.fits.resize(2);
  gpu.fits[0].key = "gemm/sglang/bf16", gpu.fits[1].key = "gemm/vllm/bf16";
  const auto pick = [&](Implementation wanted) {
    return first_fit(gpu, "gemm", implementation_order(wanted), {"bf16"});
  };
  EXPECT_EQ(pick(Implementation::automatic), "gemm/vllm/bf16");
  EXPECT_EQ(pick(Implementation::sglang), "gemm/sglang/bf16");
  EXPECT_EQ(pick(Implementation::trtllm), "gemm/vllm/bf16");
  EXPECT_EQ(pick(Implementation::unfused), "");
  EXPECT_EQ(first_fit(gpu, "gemm", implementation_order(Implementation::automatic), {"fp8"}), "");
}

TEST(RequiredPeak, NamesGpuAndDtypeWhereThereIsNone) {
  hardware::Gpu gpu = tests::round_gpu();
  EXPECT_EQ(required_peak(gpu, Dtype::nvfp4), gpu.peak[Dtype::bf16]) << "widened";
  gpu.peak = {};
  try {
    static_cast<void>(required_peak(gpu, Dtype::nvfp4));
    FAIL() << "nvfp4 has no peak";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "round has no matrix units for nvfp4");
  }
}

}  // namespace
}  // namespace orrery::kernels
