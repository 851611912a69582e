// What reports say of links: one line for each class and capacity, added up by hand.
#include "sim/links/link_report.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace orrery::sim {
namespace {

LinkInfo link(const char* link_class, int count, double gigabytes, const char* representative = "x") {
  return {link_class, count, BytesPerSecond{gigabytes * 1e9}, representative};
}

LinkUsage usage(double bytes, double mean, double peak) { return {Bytes{bytes}, mean, peak}; }

TEST(LinkReport, AddsUpLinksOfOneClassAndCapacity) {
  // Two links of which the first stands for 3: (3·0.2 + 1·0.6)/4 = 0.3 on average; 3·10 + 20 = 50 bytes.
  const auto lines =
      report_links({link("nic", 3, 50), link("nic", 1, 50)}, {usage(10, 0.2, 0.5), usage(20, 0.6, 0.7)}, {});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].count, 4);
  EXPECT_EQ(lines[0].bytes, Bytes{50});
  EXPECT_DOUBLE_EQ(lines[0].mean_load, 0.3);
  EXPECT_DOUBLE_EQ(lines[0].peak_load, 0.7);
  EXPECT_EQ(lines[0].capacity, BytesPerSecond{50e9});
}

TEST(LinkReport, GoesFromTheGpuToTheCoreAndThenByCapacity) {
  const std::vector<LinkInfo> links{link("spine", 1, 400),  link("nic", 1, 50),  link("leaf", 1, 800),
                                    link("nvlink", 1, 370), link("pcie", 1, 64), link("nic", 1, 25)};
  const auto lines = report_links(links, std::vector<LinkUsage>(6, usage(1, 0, 0)), {});
  ASSERT_EQ(lines.size(), 6u);
  const std::vector<std::pair<std::string, double>> expected{{"nvlink", 370e9}, {"pcie", 64e9},  {"nic", 25e9},
                                                             {"nic", 50e9},     {"leaf", 800e9}, {"spine", 400e9}};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(lines[i].link_class, expected[i].first) << i;
    EXPECT_EQ(lines[i].capacity.value(), expected[i].second) << i;
  }
}

TEST(LinkReport, LeavesOutWhatCarriedNothing) {
  const auto lines = report_links({link("nic", 3, 50), link("nic", 5, 50), link("leaf", 1, 1)},
                                  {usage(10, 0.2, 0.5), usage(0, 0, 0), usage(0, 0, 0)}, {});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].count, 3) << "the five idle ones do not thin the load";
  EXPECT_DOUBLE_EQ(lines[0].mean_load, 0.2);
}

TEST(LinkReport, NamesOperationsOnceWithTheirDelaysTogetherLongestFirst) {
  const std::vector<LinkInfo> links{link("nic", 1, 50), link("nic", 1, 50), link("leaf", 1, 10)};
  const std::vector<LinkUsage> used(3, usage(1, 0.1, 0.1));
  const std::vector<HeldUpOn> held{{LinkId(0), {"a", Seconds{1.0}}},
                                   {LinkId(1), {"b", Seconds{2.5}}},
                                   {LinkId(1), {"a", Seconds{2.0}}},
                                   {LinkId(2), {"c", Seconds{9.0}}}};
  const auto lines = report_links(links, used, held);
  ASSERT_EQ(lines.size(), 2u);
  ASSERT_EQ(lines[0].held_up.size(), 2u) << "of the cards";
  EXPECT_EQ(lines[0].held_up[0].operation, "a");
  EXPECT_EQ(lines[0].held_up[0].delay, Seconds{3.0});
  EXPECT_EQ(lines[0].held_up[1].operation, "b");
  EXPECT_EQ(lines[1].held_up[0].operation, "c");
}

TEST(LinkReport, OperationsOfEqualDelayKeepTheirOrder) {
  const std::vector<HeldUpOn> held{{LinkId(0), {"z", Seconds{1.0}}}, {LinkId(0), {"a", Seconds{1.0}}}};
  const auto lines = report_links({link("nic", 1, 50)}, {usage(1, 0, 0)}, held);
  EXPECT_EQ(lines[0].held_up[0].operation, "z");
}

TEST(OperationNames, AreOfTheLabelAndWhoTakesPart) {
  Plan plan;
  plan.labels = {"gradient bucket", "activations"};
  plan.ranks = {{"stage 0", {0}, 0}, {"stage 1", {1}, 0}};
  plan.groups = {Group::of("dp stage 3", {RankId(0)}, 2)};
  CollectiveEntry collective;
  collective.group = GroupId(0), collective.label = LabelId(0);
  EXPECT_EQ(operation_name(plan, collective), "gradient bucket (dp stage 3)");
  TransferEntry transfer;
  transfer.source = RankId(0), transfer.destination = RankId(1), transfer.label = LabelId(1);
  EXPECT_EQ(operation_name(plan, transfer), "activations (stage 0 to stage 1)");
  EXPECT_EQ(link_name(link("nic", 1, 50, "stage 3")), "nic (stage 3)");
}

}  // namespace
}  // namespace orrery::sim
