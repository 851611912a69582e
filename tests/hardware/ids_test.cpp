// Ids: none of one kind passes for another, and "none" is no index.
#include "hardware/ids.hpp"

#include <map>
#include <type_traits>
#include <unordered_set>

#include <gtest/gtest.h>

namespace orrery {
namespace {

static_assert(!std::is_convertible_v<LinkId, VertexId> && !std::is_constructible_v<LinkId, VertexId>);
static_assert(!std::is_convertible_v<int, LinkId> && !std::is_convertible_v<LinkId, int>);
static_assert(sizeof(LinkId) == 4, "topologies of a million links stay compact");
static_assert(!RankId().valid() && RankId(0).valid());

TEST(Ids, TheDefaultIsNoneAndBehindEveryOther) {
  EXPECT_FALSE(LinkId().valid());
  EXPECT_EQ(LinkId().value, 0xffffffffu);
  EXPECT_EQ(LinkId(), LinkId(LinkId::kNone));
  EXPECT_LT(LinkId(0xfffffffeu), LinkId());
  EXPECT_NE(LinkId(0), LinkId());
}

TEST(Ids, AreTheSameFromEveryKindOfNumber) {
  EXPECT_EQ(NodeId(7), NodeId(7u));
  EXPECT_EQ(NodeId(7), NodeId(std::size_t{7}));
  EXPECT_EQ(NodeId(7).index(), 7u);
}

TEST(Ids, AreKeysOfMapsAndSets) {
  std::map<RankId, int> sorted;
  std::unordered_set<RankId> hashed;
  for (const int i : {5, 3, 9, 3}) {
    sorted[RankId(i)] = i;
    hashed.insert(RankId(i));
  }
  EXPECT_EQ(sorted.begin()->first, RankId(3));
  EXPECT_EQ(sorted.rbegin()->first, RankId(9));
  EXPECT_EQ(hashed.size(), 3u);
  EXPECT_EQ(hashed.count(RankId(5)), 1u);
  EXPECT_EQ(hashed.count(RankId()), 0u);
}

}  // namespace
}  // namespace orrery
