// Lists of NCCL_ALGO and NCCL_PROTO, as NCCL's parseList reads them.
#include "hardware/nccl.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace orrery::hardware {
namespace {

using ::testing::HasSubstr;

constexpr auto kReduce = NcclFunction::all_reduce, kGather = NcclFunction::all_gather;

/// Names that the list leaves to a function.
std::string left(const ParsedNcclList& parsed, NcclFunction function, bool protocols = false) {
  std::string out;
  for (std::size_t i = 0; i < (protocols ? kNcclProtocols : kNcclAlgorithms); ++i) {
    if (!parsed.list.allows(function, i)) continue;
    out += (out.empty() ? "" : " ") +
           std::string(protocols ? name(static_cast<NcclProtocol>(i)) : name(static_cast<NcclAlgorithm>(i)));
  }
  return parsed.error.empty() ? out : parsed.error;
}

TEST(NcclLists, LeaveWhatTheyName) {
  EXPECT_EQ(left(parse_nccl_algorithms("tree"), kReduce), "tree");
  EXPECT_EQ(left(parse_nccl_algorithms("Tree,NVLSTree"), kGather), "tree nvls_tree");
  EXPECT_EQ(left(parse_nccl_algorithms("^ring,nvls"), kReduce), "tree collnet_direct collnet_chain nvls_tree pat");
  EXPECT_EQ(left(parse_nccl_protocols("^LL128"), kReduce, true), "LL Simple");
  EXPECT_EQ(left(parse_nccl_protocols("simple"), kReduce, true), "Simple");
}

TEST(NcclLists, SpeakOfFunctions) {
  const ParsedNcclList list = parse_nccl_algorithms("ring;allreduce:tree,nvls_tree");
  EXPECT_EQ(left(list, kReduce), "tree nvls_tree");
  EXPECT_EQ(left(list, kGather), "ring");
  const ParsedNcclList one = parse_nccl_algorithms("all_gather:^pat");
  EXPECT_EQ(left(one, kGather), "tree ring collnet_direct collnet_chain nvls nvls_tree");
  EXPECT_TRUE(one.list.allows(kReduce, static_cast<std::size_t>(NcclAlgorithm::pat)));
  EXPECT_TRUE(one.list.names(kGather));
  EXPECT_FALSE(one.list.names(kReduce));
}

TEST(NcclLists, OfNothingAreNcclsOwnChoice) {
  const ParsedNcclList none = parse_nccl_algorithms("");
  EXPECT_TRUE(none.error.empty());
  EXPECT_EQ(none.list, NcclList{});
  EXPECT_FALSE(NcclSettings{}.directs());
  NcclSettings settings;
  settings.protocols = parse_nccl_protocols("LL").list;
  EXPECT_TRUE(settings.directs());
}

TEST(NcclLists, NameWhatTheyDoNotKnowAndWhere) {
  EXPECT_THAT(parse_nccl_algorithms("ring,tre").error,
              HasSubstr("unknown algorithm 'tre' at character 6 of the list; did you mean tree"));
  EXPECT_THAT(parse_nccl_algorithms("allreduc:ring").error, HasSubstr("unknown function 'allreduc' at character 1"));
  EXPECT_THAT(parse_nccl_algorithms("ring;allreduce:^nvl").error, HasSubstr("'nvl' at character 17"));
  EXPECT_THAT(parse_nccl_algorithms("ring;tree").error, HasSubstr("only the first entry"));
  EXPECT_THAT(parse_nccl_protocols("LL129").error, HasSubstr("did you mean LL128"));
  EXPECT_THAT(parse_nccl_protocols("LL,").error, HasSubstr("unknown protocol '' at character 4"));
}

}  // namespace
}  // namespace orrery::hardware
