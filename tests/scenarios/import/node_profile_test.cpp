// NVLinks of a node from pairs of GPUs, and profiles with what nobody has said.
#include "scenarios/import/node_profile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/catalogue/profile_reader.hpp"
#include "scenarios/import/import.hpp"

namespace orrery::scenarios {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// `links` between each two of `n`.
LinkMatrix all_alike(std::size_t n, int links) {
  LinkMatrix cables(n, std::vector<int>(n, links));
  for (std::size_t i = 0; i < n; ++i) cables[i][i] = 0;
  return cables;
}

hardware::Node node_of(const Imported& imported) {
  return hardware::read_node(*hardware::parse_config(imported.yaml, "n.yaml"), "n.yaml", "imported");
}

MachineFacts facts() {
  MachineFacts facts;
  facts.what = "the test";
  facts.source = "t.xml";
  facts.board = "h100_sxm";
  facts.gpus = 8;
  facts.nvlink.nvswitch = true;
  facts.nvlink.links = 18;
  facts.nics = 8;
  facts.nic = BytesPerSecond{50e9};
  facts.slot = BytesPerSecond{64e9};
  return facts;
}

TEST(NvlinkShape, OfASwitchIsItsLinks) {
  const NvlinkShape shape = nvlink_shape(all_alike(8, 0), 18);
  EXPECT_TRUE(shape.nvswitch);
  EXPECT_EQ(shape.links, 18);
  EXPECT_THAT(shape.mesh, IsEmpty());
}

TEST(NvlinkShape, OfNoLinksIsNone) {
  const NvlinkShape shape = nvlink_shape(all_alike(4, 0), 0);
  EXPECT_FALSE(shape.nvswitch);
  EXPECT_EQ(shape.links, 0);
  EXPECT_THAT(shape.mesh, IsEmpty());
  EXPECT_FALSE(nvlink_shape(all_alike(1, 0), 0).nvswitch);
}

TEST(NvlinkShape, OfOneCableBetweenEachTwoGrowsWithTheGroup) {
  // A GPU of a group of n has n − 1 cables within it; four GPUs, one cable a pair.
  const NvlinkShape shape = nvlink_shape(all_alike(4, 1), 0, 12);
  EXPECT_THAT(shape.mesh, ElementsAre(1, 2, 3));
  EXPECT_EQ(shape.links, 3);
  EXPECT_TRUE(shape.nvswitch) << "what all of them share is taken as a switch";
  EXPECT_THAT(nvlink_shape(all_alike(4, 4), 0, 12).mesh, ElementsAre(4, 8, 12));
}

TEST(NvlinkShape, MoreThanABoardHasAreThoseOfASwitch) {
  // nvidia-smi shows twelve to each of seven others; the A100 has twelve in all.
  const NvlinkShape shape = nvlink_shape(all_alike(8, 12), 0, 12);
  EXPECT_TRUE(shape.nvswitch);
  EXPECT_EQ(shape.links, 12);
  EXPECT_THAT(shape.mesh, IsEmpty());
}

TEST(NvlinkShape, OfBridgedPairsIsTwoByTwo) {
  LinkMatrix cables = all_alike(4, 0);
  cables[0][1] = cables[1][0] = cables[2][3] = cables[3][2] = 4;
  const NvlinkShape shape = nvlink_shape(cables, 0);
  EXPECT_FALSE(shape.nvswitch);
  EXPECT_EQ(shape.links, 4);
  EXPECT_THAT(shape.mesh, ElementsAre(1, 0));
  EXPECT_THAT(shape.unused, IsEmpty());
}

TEST(NvlinkShape, BridgesThatTheProfileCannotSayAreNamed) {
  LinkMatrix cables = all_alike(4, 0);
  cables[0][2] = cables[2][0] = 4;
  const NvlinkShape shape = nvlink_shape(cables, 0);
  EXPECT_THAT(shape.mesh, IsEmpty()) << "GPU0 and GPU1 have none";
  EXPECT_THAT(shape.unused, ElementsAre(HasSubstr("NVLink between GPU0 and GPU2")));
}

TEST(NvlinkShape, OneBridgeIsNotTwo) {
  LinkMatrix cables = all_alike(4, 0);
  cables[0][1] = cables[1][0] = 12;
  const NvlinkShape one = nvlink_shape(cables, 0);
  EXPECT_THAT(one.mesh, IsEmpty()) << "GPU2 and GPU3 have none";
  EXPECT_THAT(one.unused, ElementsAre(HasSubstr("NVLink between GPU0 and GPU1: other neighbours have no bridge")));
  cables[2][3] = cables[3][2] = 4;
  const NvlinkShape unlike = nvlink_shape(cables, 0);
  EXPECT_THAT(unlike.mesh, ElementsAre(1, 0));
  EXPECT_EQ(unlike.links, 4) << "as the weakest";
}

TEST(BridgedBoards, AreThoseWithoutASwitchOrAMeshOfAll) {
  for (const char* board : {"a30", "a40", "h100_pcie", "h100_nvl", "a100_pcie", "l40s"})
    EXPECT_TRUE(takes_bridges(board));
  for (const char* board : {"h100_sxm", "a100_sxm", "v100_sxm_16gb", "gb200", "mine.yaml"}) {
    EXPECT_FALSE(takes_bridges(board)) << board;
  }
}

TEST(NvlinkShape, ARingNeedsTwoNeighbours) {
  // 0–1–2 in a row: no ring of three goes through it.
  LinkMatrix cables = all_alike(3, 0);
  cables[0][1] = cables[1][0] = cables[1][2] = cables[2][1] = 2;
  EXPECT_FALSE(nvlink_shape(cables, 0).nvswitch);
  cables[0][2] = cables[2][0] = 1;
  const NvlinkShape ring = nvlink_shape(cables, 0);
  EXPECT_TRUE(ring.nvswitch);
  EXPECT_THAT(ring.mesh, ElementsAre(2, 2)) << "one ring goes through the only link of 0 and 2: two links of each GPU";
}

TEST(NvlinkRate, IsThatOfTheGeneration) {
  EXPECT_EQ(nvlink_rate(hardware::load_gpu("a100_sxm")), 25e9);
  EXPECT_EQ(nvlink_rate(hardware::load_gpu("h100_sxm")), 25e9);
  EXPECT_EQ(nvlink_rate(hardware::load_gpu("b200_sxm")), 50e9);
  EXPECT_EQ(nvlinks_of(hardware::load_gpu("a100_sxm")), 12);
  EXPECT_EQ(nvlinks_of(hardware::load_gpu("h100_sxm")), 18);
  EXPECT_EQ(nvlinks_of(hardware::load_gpu("b200_sxm")), 18);
}

TEST(NodeProfile, IsTheNodeThatItDescribes) {
  const Imported imported = node_profile(facts(), "t.xml");
  const hardware::Node node = node_of(imported);
  EXPECT_EQ(node.gpus, 8);
  EXPECT_EQ(node.gpu, "h100_sxm");
  EXPECT_TRUE(node.nvswitch);
  EXPECT_TRUE(node.in_network_reduction) << "Hopper's switch adds";
  EXPECT_EQ(node.nics, 8);
  EXPECT_DOUBLE_EQ(node.nic_bandwidth.value(), 50e9);
  EXPECT_DOUBLE_EQ(node.pcie_bandwidth.value(), 64e9);
  EXPECT_THAT(imported.yaml, HasSubstr("# From t.xml, the test. Name it in a scenario by its path"));
}

TEST(NodeProfile, WhatNobodySaidIsAssumedAndSaidToBe) {
  MachineFacts bare = facts();
  bare.nic = bare.slot = BytesPerSecond{};
  const Imported imported = node_profile(bare, "t.xml");
  const hardware::Node node = node_of(imported);
  EXPECT_DOUBLE_EQ(node.nic_bandwidth.value(), 50e9) << "400 Gb/s";
  EXPECT_DOUBLE_EQ(node.pcie_bandwidth.value(), hardware::load_gpu("h100_sxm").pcie_bandwidth.value());
  EXPECT_THAT(imported.notes, AllOf(Contains(HasSubstr("nic_bandwidth: 400 Gb/s a card")),
                                    Contains(HasSubstr("pcie_bandwidth: the board's own rate")),
                                    Contains(HasSubstr("cpu: that of the default")),
                                    Contains(HasSubstr("host_memory_bandwidth and host_memory: the test has none"))));
  EXPECT_THAT(imported.yaml, HasSubstr("nic_bandwidth: \"assumed: the test has none\""));
}

TEST(NodeProfile, WithoutCardsStandsAlone) {
  MachineFacts alone = facts();
  alone.nics = 0;
  const Imported imported = node_profile(alone, "t.xml");
  EXPECT_EQ(node_of(imported).nics, 0);
  EXPECT_THAT(imported.notes, Contains(HasSubstr("no network card: the test has none, so that the node stands alone")));
  EXPECT_THAT(imported.yaml, Not(HasSubstr("nic_latency")));
}

TEST(NodeProfile, OlderSwitchesAddNothing) {
  MachineFacts ampere = facts();
  ampere.board = "a100_sxm";
  const Imported imported = node_profile(ampere, "t.xml");
  EXPECT_FALSE(node_of(imported).in_network_reduction);
  EXPECT_THAT(imported.notes, Not(Contains(HasSubstr("in_network_reduction"))));
}

TEST(NodeProfile, NamesInItAreTexts) {
  MachineFacts odd = facts();
  odd.source = "a\": b\n#\x1b[31m";
  const Imported imported = node_profile(odd, "t.xml");
  EXPECT_EQ(node_of(imported).gpus, 8);
  EXPECT_EQ(imported.yaml.find('\x1b'), std::string::npos);
}

TEST(NodeProfile, UnusedLinksAreNotTaken) {
  MachineFacts bridged = facts();
  bridged.nvlink.unused = {"NVLink between GPU0 and GPU2"};
  EXPECT_THAT(node_profile(bridged, "t.xml").ignored, ElementsAre("NVLink between GPU0 and GPU2"));
}

}  // namespace
}  // namespace orrery::scenarios
