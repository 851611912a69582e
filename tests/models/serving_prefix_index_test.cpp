#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "models/serving/sequences/prefix_index.hpp"
#include "sim/random.hpp"

namespace orrery::models {
namespace {

TEST(PrefixIndex, FindsWhatWasInserted) {
  PrefixIndex index;
  EXPECT_EQ(index.find(7), PrefixIndex::kNone);
  EXPECT_TRUE(index.insert(7, 3));
  EXPECT_EQ(index.find(7), 3u);
  EXPECT_EQ(index.size(), 1u);
}

TEST(PrefixIndex, KeepsTheFirstBlockOfAName) {
  PrefixIndex index;
  EXPECT_TRUE(index.insert(7, 3));
  EXPECT_FALSE(index.insert(7, 4));
  EXPECT_EQ(index.find(7), 3u);
  EXPECT_EQ(index.size(), 1u);
}

TEST(PrefixIndex, ForgetsWhatIsErased) {
  PrefixIndex index;
  index.insert(7, 3);
  index.insert(8, 4);
  index.erase(7);
  index.erase(9);  // was never there
  EXPECT_EQ(index.find(7), PrefixIndex::kNone);
  EXPECT_EQ(index.find(8), 4u);
  EXPECT_EQ(index.size(), 1u);
  EXPECT_TRUE(index.insert(7, 5));
  EXPECT_EQ(index.find(7), 5u);
}

/// Names from `universe`, inserted and erased at random, against a std::map.
void compare_with_map(const std::vector<std::uint64_t>& universe, std::uint64_t seed, int operations) {
  PrefixIndex index;
  std::map<std::uint64_t, std::uint32_t> map;
  sim::Random random(seed, 0, 0);
  for (int i = 0; i < operations; ++i) {
    const std::uint64_t name = universe[random.below(universe.size())];
    const auto block = static_cast<std::uint32_t>(i);
    if (random.below(2) == 0) {
      ASSERT_EQ(index.insert(name, block), map.emplace(name, block).second);
    } else {
      index.erase(name);
      map.erase(name);
    }
    const std::uint64_t probe = universe[random.below(universe.size())];
    const auto found = map.find(probe);
    ASSERT_EQ(index.find(probe), found == map.end() ? PrefixIndex::kNone : found->second);
    ASSERT_EQ(index.size(), map.size());
  }
  for (const std::uint64_t name : universe) {
    const auto found = map.find(name);
    ASSERT_EQ(index.find(name), found == map.end() ? PrefixIndex::kNone : found->second);
  }
}

TEST(PrefixIndex, AgreesWithAMapOverRandomNames) {
  sim::Random random(1, 0, 1);
  for (const std::size_t names : {3u, 40u, 5000u}) {
    std::vector<std::uint64_t> universe(names);
    for (std::uint64_t& name : universe) name = random.bits() | 1;
    compare_with_map(universe, names, 30'000);
  }
}

TEST(PrefixIndex, AgreesWithAMapOverCountsAndLargePowers) {
  std::vector<std::uint64_t> counts, powers;
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    counts.push_back(i);
    powers.push_back(i << 40);
  }
  compare_with_map(counts, 2, 30'000);
  compare_with_map(powers, 3, 30'000);
}

/// Names that share a home slot for tables of up to 2^20 slots if names are spread by name·2^64/φ: the inverse of that
/// odd constant turns small numbers into such names. Long runs of one home test the shift after an erasure.
TEST(PrefixIndex, AgreesWithAMapOverNamesThatCollide) {
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15u;  // ⌊2^64/φ⌋, odd (Knuth, TAOCP 3 §6.4)
  std::uint64_t inverse = kGolden;                        // Newton: each round doubles the correct low bits
  for (int i = 0; i < 6; ++i) inverse *= 2 - kGolden * inverse;
  ASSERT_EQ(kGolden * inverse, 1u);
  std::vector<std::uint64_t> universe;
  for (std::uint64_t home : {0ull, 1ull, 2ull, 0xfffffull}) {
    for (std::uint64_t i = 1; i <= 15; ++i) universe.push_back(inverse * ((home << 44) + i));
  }
  compare_with_map(universe, 4, 50'000);
}

}  // namespace
}  // namespace orrery::models
