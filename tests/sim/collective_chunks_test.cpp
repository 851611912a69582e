// How collectives are cut into messages: by hand from NCCL's sizes of chunks, slices and buffers.
#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "sim/collective/chunks.hpp"

namespace orrery::sim {
namespace {

constexpr double kKibi = 1024.0, kMebi = 1024.0 * 1024.0;

Choice choice(std::string_view algorithm, hardware::NcclProtocol protocol, int channels) {
  Choice out;
  for (const CollectiveRow& row : collective_algorithms()) {
    if (row.name == algorithm) out.row = &row;
  }
  out.protocol = protocol;
  out.channels = channels;
  return out;
}

Chunks chunks(CollectiveKind kind, double bytes, int ranks, hardware::NcclProtocol protocol, int channels) {
  const auto found = chunks_of(choice("ring", protocol, channels), {kind, Bytes{bytes}, ranks, 1});
  EXPECT_TRUE(found.has_value());
  return found.value_or(Chunks{});
}

TEST(RingChunks, AreTwoMebibytesInTwoSlicesForSimple) {
  // 1 GiB over 16 channels and 8 ranks: 8 MiB each, four rounds of 2 MiB in slices of 1 MiB; 14 steps.
  const Chunks of = chunks(CollectiveKind::all_reduce, 1024 * kMebi, 8, hardware::NcclProtocol::simple, 16);
  EXPECT_EQ(of.steps, 14u);
  EXPECT_EQ(of.rounds, 4u);
  EXPECT_EQ(of.slices, 2u);
  EXPECT_EQ(of.window, 4u) << "8 steps of the buffer, two a slice";
  EXPECT_DOUBLE_EQ(of.slice.value(), kMebi);
  EXPECT_EQ(of.messages(), 112u);
}

TEST(RingChunks, OfFewBytesARankAreOneMessageAStep) {
  // 1 GB over 16 channels and 4,096 ranks: 15,259 bytes, below the least slice of 32 KiB.
  const Chunks of = chunks(CollectiveKind::all_reduce, 1e9, 4096, hardware::NcclProtocol::simple, 16);
  EXPECT_EQ(of.steps, 8190u);
  EXPECT_EQ(of.rounds, 1u);
  EXPECT_EQ(of.slices, 1u);
  EXPECT_EQ(of.window, 2u) << "a chunk takes four steps of the buffer however little it carries";
  EXPECT_EQ(of.messages(), 8190u);
}

TEST(RingChunks, HaveTheStepsAndPayloadOfTheProtocol) {
  const Chunks ll128 = chunks(CollectiveKind::all_gather, 64 * kMebi, 8, hardware::NcclProtocol::ll128, 16);
  EXPECT_EQ(ll128.steps, 7u);
  EXPECT_EQ(ll128.rounds, 1u) << "512 KiB of 562.5";
  EXPECT_EQ(ll128.slices, 1u);
  EXPECT_EQ(ll128.window, 8u);
  const Chunks ll = chunks(CollectiveKind::reduce_scatter, 2 * kMebi, 8, hardware::NcclProtocol::ll, 2);
  EXPECT_EQ(ll.rounds, 4u) << "128 KiB in chunks of 32";
  EXPECT_DOUBLE_EQ(ll.slice.value(), 32 * kKibi);
}

TEST(RingChunks, AddUpToWhatARankSends) {
  for (const double bytes : {1e3, 1e6, 3.3e8, 1e10}) {
    for (const int ranks : {2, 3, 8, 100}) {
      const Chunks of = chunks(CollectiveKind::all_reduce, bytes, ranks, hardware::NcclProtocol::simple, 8);
      const double sent = of.slice.value() * static_cast<double>(of.messages()) * 8;
      EXPECT_NEAR(sent, bytes * bus_factor(CollectiveKind::all_reduce, ranks), 1e-9 * bytes);
      EXPECT_LE(of.slice.value(), kMebi * (1 + 1e-12));
    }
  }
}

Chunks tree_chunks(std::string_view algorithm, double bytes, int nodes, hardware::NcclProtocol protocol) {
  const auto found =
      chunks_of(choice(algorithm, protocol, 16), {CollectiveKind::all_reduce, Bytes{bytes}, 8 * nodes, nodes});
  EXPECT_TRUE(found.has_value());
  return found.value_or(Chunks{});
}

TEST(TreeChunks, AreAStepOfTheBuffer) {
  // 1 GiB over 16 channels: 64 MiB each, in steps of 512 KiB.
  const Chunks of = tree_chunks("tree", 1024 * kMebi, 8, hardware::NcclProtocol::simple);
  EXPECT_EQ(of.messages(), 128u);
  EXPECT_EQ(of.window, 8u);
  EXPECT_DOUBLE_EQ(of.slice.value(), 512 * kKibi);
  EXPECT_EQ(tree_chunks("tree", kMebi, 8, hardware::NcclProtocol::ll).messages(), 2u) << "64 KiB in steps of 32";
}

TEST(TreeChunks, OfLl128AreHalvedWhereTheyAreFew) {
  // 8 nodes of 8: 1 + 3 + 0.8 steps, so that fewer than 38.4 chunks are halved: 4 MiB are 7 of 576,000 bytes, 14, 29
  // and 58 of 72,000.
  EXPECT_EQ(tree_chunks("tree", 64 * kMebi, 8, hardware::NcclProtocol::ll128).messages(), 59u);
  // 64 MiB of a channel are 116 whole ones.
  EXPECT_EQ(tree_chunks("tree", 1024 * kMebi, 8, hardware::NcclProtocol::ll128).messages(), 117u);
}

TEST(TreeChunks, BelowASwitchAreOfOneHead) {
  // 1 GiB over 16 channels and 8 heads: 8 MiB each, in 128 KiB, or from four nodes on in 64.
  const auto messages = [](double bytes, int nodes) {
    return tree_chunks("nvls_tree", bytes, nodes, hardware::NcclProtocol::simple).messages();
  };
  EXPECT_EQ(messages(1024 * kMebi, 2), 64u);
  EXPECT_EQ(messages(1024 * kMebi, 4), 128u);
  EXPECT_EQ(messages(16 * kMebi, 2), 2u) << "128 KiB, less than four chunks: in 64 KiB";
  EXPECT_EQ(messages(4 * kMebi, 2), 1u) << "32 KiB";
}

TEST(RingChunks, AreOfRingsAndTheirThreeCollectivesAndOfTreesOverNodes) {
  const CollectiveCall reduce{CollectiveKind::all_reduce, Bytes{1e6}, 8, 1};
  EXPECT_FALSE(chunks_of(choice("tree", hardware::NcclProtocol::simple, 8), reduce).has_value());
  EXPECT_FALSE(chunks_of(choice("nvls", hardware::NcclProtocol::simple, 8), reduce).has_value());
  const CollectiveCall broadcast{CollectiveKind::broadcast, Bytes{1e6}, 8, 1};
  EXPECT_FALSE(chunks_of(choice("ring", hardware::NcclProtocol::simple, 8), broadcast).has_value());
}

}  // namespace
}  // namespace orrery::sim
