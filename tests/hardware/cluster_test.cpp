// Clusters of unlike nodes: how nodes and GPUs are numbered through the groups, and what a group's GPUs see.
#include "hardware/cluster.hpp"

#include <random>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"

namespace orrery::hardware {
namespace {

Cluster mixed() { return make_cluster({{"dgx_h100", 3, ""}, {"dgx_a100", 2, "a100_sxm_40gb"}}, "rail_fat_tree_ndr"); }

TEST(Groups, AreNumberedOneAfterTheOther) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 200; ++i) {
    Cluster cluster;
    std::vector<std::size_t> node_groups, gpu_groups;
    for (std::size_t g = 0; g < 1 + random() % 4; ++g) {
      NodeGroup group;
      group.count = static_cast<int>(1 + random() % 3);
      group.node.gpus = static_cast<int>(1 + random() % 9);
      node_groups.insert(node_groups.end(), static_cast<std::size_t>(group.count), g);
      gpu_groups.insert(gpu_groups.end(), static_cast<std::size_t>(group.gpu_count()), g);
      cluster.groups.push_back(std::move(group));
    }
    ASSERT_EQ(cluster.node_count(), static_cast<int>(node_groups.size()));
    ASSERT_EQ(cluster.gpu_count(), static_cast<int>(gpu_groups.size()));
    for (std::size_t n = 0; n < node_groups.size(); ++n) {
      EXPECT_EQ(cluster.group_of_node(static_cast<int>(n)), node_groups[n]);
    }
    for (std::size_t n = 0; n < gpu_groups.size(); ++n) {
      EXPECT_EQ(cluster.group_of_gpu(static_cast<std::uint32_t>(n)), gpu_groups[n]);
    }
  }
}

TEST(Groups, EachSeesTheClusterAsIfItWereOfItsKind) {
  const Cluster cluster = mixed();
  EXPECT_EQ(cluster.site(0).gpu.name, "h100_sxm");
  EXPECT_EQ(cluster.site(1).gpu.name, "a100_sxm_40gb");
  EXPECT_EQ(cluster.site(1).node.name, "dgx_a100");
  for (const std::size_t group : {std::size_t{0}, std::size_t{1}}) {
    const Cluster alone =
        make_cluster(cluster.groups[group].node.name, "rail_fat_tree_ndr", 5, cluster.groups[group].gpu.name);
    const Site site = cluster.site(group), same = alone.site(0);
    EXPECT_EQ(site.nodes, same.nodes);
    EXPECT_EQ(site.network_bandwidth_per_gpu(), same.network_bandwidth_per_gpu());
    EXPECT_EQ(site.node_bandwidth_per_gpu(), same.node_bandwidth_per_gpu());
    EXPECT_EQ(site.nodes_per_leaf(), same.nodes_per_leaf());
  }
  EXPECT_THROW((void)cluster.site(2), std::out_of_range);
}

TEST(Groups, NameEachKindOfGpuOnce) {
  EXPECT_EQ(mixed().gpu_names(), "h100_sxm + a100_sxm_40gb");
  EXPECT_EQ(make_cluster({{"dgx_h100", 1, ""}, {"dgx_h100", 2, ""}}, "rail_fat_tree_ndr").gpu_names(), "h100_sxm");
}

TEST(Groups, TogetherFitTheFabric) {
  EXPECT_THROW((void)make_cluster({{"dgx_h100", 1, ""}, {"dgx_a100", 1, ""}}, "single_node"), ConfigError);
  EXPECT_THROW((void)make_cluster({}, "single_node"), ConfigError);
  EXPECT_THROW((void)make_cluster({{"dgx_h100", 1, ""}, {"a100_pcie_box", 1, ""}}, "rail_fat_tree_ndr"), ConfigError)
      << "one card against eight: no rails";
  EXPECT_NO_THROW((void)make_cluster({{"dgx_h100", 1, ""}, {"a100_pcie_box", 1, ""}}, "fat_tree_ndr"));
  EXPECT_THROW((void)make_cluster({{"dgx_h100", 1, ""}, {"dgx_h101", 1, ""}}, "rail_fat_tree_ndr"), ConfigError);
}

TEST(Groups, ARateIsChangedOfOneAlone) {
  Cluster cluster = mixed();
  const Gpu before = cluster.groups[0].gpu;
  set_nvlink_bandwidth(cluster.groups[1].gpu, BytesPerSecond{1e11});
  EXPECT_EQ(cluster.site(1).node_bandwidth_per_gpu(), BytesPerSecond{1e11});
  EXPECT_EQ(cluster.site(0).node_bandwidth_per_gpu(), before.nvlink_bandwidth);
}

}  // namespace
}  // namespace orrery::hardware
