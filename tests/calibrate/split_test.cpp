#include "calibrate/split.hpp"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "tests/kernels/toy_gpu.hpp"

namespace orrery::calibrate {
namespace {

MeasuredRow row(std::int64_t m, std::int64_t n, std::int64_t k, double seconds = 1.0) {
  kernels::GemmShape shape;
  shape.m = m, shape.n = n, shape.k = k;
  MeasuredRow result;
  result.kernel = shape, result.measured = Seconds{seconds};
  result.family_key = "n=" + std::to_string(n) + ",k=" + std::to_string(k);
  result.fit_key = "gemm/trtllm/bf16";
  return result;
}

TEST(Fnv1a, GivesThePublishedValues) {
  // Test vectors of the FNV reference code (isthe.com/chongo/tech/comp/fnv).
  EXPECT_EQ(fnv1a(""), 0xcbf29ce484222325ull);
  EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cull);
  EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8ull);
}

TEST(FamilyHash, IsTheHighestBitsOfTheHash) {
  EXPECT_EQ(family_hash("foobar"), 0x85944171u >> 14);  // 18 bits of FNV-1a's published value
}

TEST(Split, KeepsAboutAFifthOfFamiliesAndOfPoints) {
  std::map<std::string_view, int> counts;
  std::map<std::string, std::string_view> family_group;
  for (std::int64_t n = 64; n <= 64 * 60; n += 64) {
    for (std::int64_t k = 128; k <= 128 * 20; k += 128) {
      for (std::int64_t m = 1; m <= 10; ++m) {
        const MeasuredRow one = row(m, n, k);
        const std::string_view group = group_for_fit(one);
        ++counts[group];
        const bool unseen = group == kUnseenFamily;
        const auto [found, fresh] = family_group.try_emplace(one.family_key, group);
        EXPECT_EQ(found->second == kUnseenFamily, unseen) << "a family is seen or not, whatever the row";
      }
    }
  }
  EXPECT_NEAR(counts[kUnseenFamily] / 12000.0, 0.20, 0.03);
  EXPECT_NEAR(counts[kUnseenPoint] / 12000.0, 0.16, 0.03);
}

TEST(Split, AfterAFitOnlyStoredFamiliesCountAsSeen) {
  std::vector<MeasuredRow> rows;
  for (std::int64_t n = 64; n <= 6400; n += 64) rows.push_back(row(8, n, 512));
  hardware::Fit fit;
  for (const MeasuredRow& one : rows) {
    if (group_for_fit(one) != kUnseenFamily) fit.families_seen.push_back(family_hash(one.family_key));
  }
  std::sort(fit.families_seen.begin(), fit.families_seen.end());
  for (const MeasuredRow& one : rows) EXPECT_EQ(group_after_fit(one, fit), group_for_fit(one));
  // Another table's family is unseen whatever its hash says.
  fit.families_seen.clear();
  for (const MeasuredRow& one : rows) EXPECT_EQ(group_after_fit(one, fit), kUnseenFamily);
}

TEST(Objection, NamesRowsThatBeatTheRoofline) {
  // 2·8192³ / 1 PFLOP/s = 1099.5 us.
  const auto gpu = tests::round_gpu();
  EXPECT_EQ(objection(row(8192, 8192, 8192, 1.2e-3), gpu), "");
  EXPECT_EQ(objection(row(8192, 8192, 8192, 1.0e-3), gpu),
            "beats the roofline: 1000.000 us measured, 1099.512 us at least");
  EXPECT_NE(objection(row(0, 1, 1), gpu), "");
  EXPECT_NE(objection(row(8, 8, 8, 0.0), gpu), "");
  MeasuredRow fp4 = row(8, 8, 8);
  std::get<kernels::GemmShape>(fp4.kernel).dtype = Dtype::nvfp4;
  hardware::Gpu without = gpu;
  without.peak = {};
  EXPECT_EQ(objection(fp4, without), "round has no matrix units for nvfp4");
}

}  // namespace
}  // namespace orrery::calibrate
