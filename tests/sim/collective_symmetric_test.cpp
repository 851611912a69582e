// NCCL's kernels over symmetric memory. The figures are those of src/sym_kernels.cc (2.30.7), reckoned by hand in
// double precision from its constants: base, 9 n B or the bytes of a direct kernel, softmin and softplus.
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/collective/model.hpp"
#include "sim/collective/symmetric.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using testing::h100_cluster;

constexpr double kKibi = 1024.0, kMebi = 1048576.0;
constexpr CollectiveKind kSum = CollectiveKind::all_reduce, kGather = CollectiveKind::all_gather,
                         kScatter = CollectiveKind::reduce_scatter;

/// Eight GPUs of a generation, 900 GB/s where it is Blackwell.
hardware::Cluster windows(const char* generation = "hopper") {
  hardware::Cluster cluster = h100_cluster(1);
  cluster.groups[0].gpu.generation = hardware::load_generation(generation);
  if (std::string(generation) == "blackwell") cluster.groups[0].gpu.nvlink_bandwidth = BytesPerSecond{900e9};
  cluster.nccl.symmetric = true;
  return cluster;
}

struct Expected {
  CollectiveKind kind;
  int ranks;
  double part;  ///< bytes of a rank's part, all of an all_reduce
  const char* row;
  int blocks;
  double time_us;  ///< that NCCL reckons on so many blocks
};

void expect_choices(const hardware::Cluster& cluster, const std::vector<Expected>& all) {
  for (const Expected& e : all) {
    const CollectiveCall call{e.kind, Bytes{e.kind == kSum ? e.part : e.part * e.ranks}, e.ranks, 1};
    const auto kernel = symmetric_kernel(call, cluster.site(0));
    ASSERT_TRUE(kernel.has_value());
    EXPECT_EQ(kernel->row->name, e.row) << e.ranks << " ranks, " << e.part;
    EXPECT_EQ(kernel->blocks, e.blocks) << e.row << " " << e.ranks << " ranks, " << e.part;
    EXPECT_NEAR(kernel->time.value() * 1e6, e.time_us, 1e-6 * e.time_us) << e.row << " " << e.ranks << ", " << e.part;
  }
}

TEST(SymmetricKernel, IsWhatNcclReckonsLeastOnHopper) {
  // 8 KiB among 8: 9·8·8 KiB through the switch, 4.5 + ln(1 + e^(x − 1)); 32 KiB: B + B/8 in the switch from 7.8 us on.
  expect_choices(windows(), {{kSum, 2, 8 * kKibi, "symmetric_ll", 3, 5.069904936461593},
                             {kSum, 2, 128 * kKibi, "symmetric", 3, 8.33518986672338},
                             {kSum, 8, 8 * kKibi, "symmetric_ll", 5, 5.731504632542919},
                             {kSum, 8, 32 * kKibi, "symmetric_multicast", 1, 8.134266588654416},
                             {kSum, 4, 16 * kMebi, "symmetric_multicast", 3, 47.54441609406661},
                             {kGather, 8, 8 * kKibi, "symmetric_ll", 7, 5.701565415836418},
                             {kGather, 8, 512 * kKibi, "symmetric_multicast", 2, 17.777601355004677},
                             {kScatter, 4, 8 * kKibi, "symmetric_ll", 6, 5.2365086406838195},
                             {kScatter, 2, 1 * kMebi, "symmetric", 8, 10.129019127856122}});
}

TEST(SymmetricKernel, IsWhatNcclReckonsLeastOnBlackwell) {
  expect_choices(windows("blackwell"), {{kSum, 2, 128 * kKibi, "symmetric_ll", 11, 13.947542889614068},
                                        {kSum, 8, 128 * kKibi, "symmetric_multicast", 1, 19.907221601465057},
                                        {kSum, 4, 4 * kMebi, "symmetric_multicast", 5, 23.44312305879348},
                                        {kGather, 4, 32 * kKibi, "symmetric_ll", 9, 9.874675238178584},
                                        {kGather, 8, 4 * kMebi, "symmetric_multicast", 3, 57.97911597080339},
                                        {kScatter, 8, 8 * kKibi, "symmetric_multicast", 1, 13.377582616084998},
                                        {kScatter, 8, 1 * kKibi, "symmetric_ll", 2, 11.522821766454811}});
}

TEST(SymmetricKernel, TakesItsTimeButNoLessThanTheWire) {
  const hardware::Cluster cluster = windows();
  const CollectiveModel model(cluster.site(0));
  // Small: all 64 blocks of LL by multicast, 5.6143 us.
  const CollectiveCall small{kSum, Bytes{8 * kKibi}, 8, 1};
  EXPECT_NEAR(model.time(small).value() * 1e6, 5.614317707604083, 1e-9);
  // 256 MiB: NCCL's 592.75 us would be 509 GB/s on a link of 450: B + B/8 at what NVLink's protocol leaves of it.
  const CollectiveCall large{kSum, Bytes{256 * kMebi}, 8, 1};
  const hardware::Gpu& gpu = cluster.groups[0].gpu;
  const double link = gpu.nvlink_bandwidth.value() * gpu.generation.link_efficiency;
  EXPECT_NEAR(model.time(large).value(), 7.8e-6 + 256 * kMebi * 1.125 / link, 1e-12);
  EXPECT_GT(256 * kMebi * 1.125 / model.time(large).value(), 0.0);
  EXPECT_LT(256 * kMebi * 1.125 / model.time(large).value(), 450e9);
}

TEST(SymmetricKernel, ComesOnlyWhereBuffersAreWindowsOfOneDomain) {
  hardware::Cluster cluster = windows();
  const CollectiveCall call{kSum, Bytes{8 * kKibi}, 8, 1};
  const CollectiveEstimate estimate = explain_collective(call, cluster.site(0));
  EXPECT_EQ(estimate.algorithm, "symmetric_ll");
  EXPECT_EQ(estimate.protocol, "LL");
  EXPECT_EQ(estimate.channels, 5) << "SMs";
  EXPECT_EQ(estimate.threads, 512);
  EXPECT_EQ(estimate.extrapolated, "no fit saw symmetric_ll");
  EXPECT_EQ(estimate.time, collective_time(call, cluster.site(0)));
  cluster.nccl.symmetric = false;
  EXPECT_EQ(explain_collective(call, cluster.site(0)).algorithm, "ring");
  cluster.nccl.symmetric = true;
  // No kernel of NCCL's: an exchange, a broadcast, several nodes, PCIe, whole numbers, 64 GiB.
  const auto taken = [](const CollectiveCall& other, const hardware::Cluster& of) {
    return symmetric_kernel(other, of.site(0)).has_value();
  };
  EXPECT_FALSE(taken({CollectiveKind::all_to_all, Bytes{8 * kKibi}, 8, 1}, cluster));
  EXPECT_FALSE(taken({CollectiveKind::broadcast, Bytes{8 * kKibi}, 8, 1}, cluster));
  CollectiveCall whole = call;
  whole.dtype = Dtype::int8;
  EXPECT_FALSE(taken(whole, cluster));
  whole.kind = kGather;
  EXPECT_TRUE(taken(whole, cluster)) << "bytes are moved whatever they mean";
  EXPECT_FALSE(taken({kSum, Bytes{64 * 1024 * kMebi}, 8, 1}, cluster));
  hardware::Cluster two = h100_cluster(2);
  two.nccl.symmetric = true;
  EXPECT_FALSE(taken({kSum, Bytes{8 * kKibi}, 16, 2}, two));
  hardware::Cluster pcie = windows();
  pcie.groups[0].gpu.nvlink_bandwidth = BytesPerSecond{};
  EXPECT_FALSE(taken(call, pcie));
}

TEST(SymmetricKernel, LeavesTheSwitchOutWhereItDoesNotAdd) {
  hardware::Cluster cluster = windows();
  cluster.groups[0].node.in_network_reduction = false;
  expect_choices(cluster, {{kSum, 2, 128 * kKibi, "symmetric", 3, 8.33518986672338}});
  const CollectiveCall call{kSum, Bytes{16 * kMebi}, 8, 1};
  EXPECT_EQ(symmetric_kernel(call, cluster.site(0))->row->name, "symmetric");
  cluster = windows();
  cluster.nccl.nvls = false;
  EXPECT_EQ(symmetric_kernel(call, cluster.site(0))->row->name, "symmetric");
  // fp8 is added in the switch from Blackwell on.
  CollectiveCall fp8 = call;
  fp8.dtype = Dtype::fp8;
  EXPECT_EQ(symmetric_kernel(fp8, windows().site(0))->row->name, "symmetric");
  EXPECT_EQ(symmetric_kernel(fp8, windows("blackwell").site(0))->row->name, "symmetric_multicast");
}

TEST(SymmetricKernel, TakesAsManyBlocksAsItIsToldTo) {
  hardware::Cluster cluster = windows();
  cluster.nccl.max_ctas = 2;
  const CollectiveCall call{kSum, Bytes{8 * kKibi}, 8, 1};
  EXPECT_EQ(symmetric_kernel(call, cluster.site(0))->blocks, 2);
  cluster.nccl.max_ctas = 0;
  cluster.nccl.min_ctas = 9;
  EXPECT_EQ(symmetric_kernel(call, cluster.site(0))->blocks, 9);
}

TEST(SymmetricKernel, GroupsHaveNoLl) {
  CollectiveCall call{kSum, Bytes{8 * kKibi}, 8, 1};
  call.operations = 2;
  EXPECT_EQ(symmetric_kernel(call, windows().site(0))->row->name, "symmetric_multicast");
}

// Prices look laws up by a row's place in the table.
TEST(SymmetricKernel, IsARowOfTheTable) {
  const std::span<const CollectiveRow> rows = collective_algorithms();
  for (const double bytes : {1 * kKibi, 32 * kKibi, 16 * kMebi}) {
    for (const int ranks : {2, 8}) {
      const CollectiveRow* row = symmetric_kernel({kSum, Bytes{bytes}, ranks, 1}, windows().site(0))->row;
      EXPECT_TRUE(row >= rows.data() && row < rows.data() + rows.size()) << row->name;
    }
  }
}

// vLLM's thresholds: NCCL up to 16 KiB and from 128 KiB on among 8, its own kernel between.
TEST(SymmetricKernel, ComesBeforeAnEnginesOwnWhereTheEnginePrefersIt) {
  hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "single_node", 1);
  const auto algorithm = [&](double bytes, int ranks) {
    CollectiveCall call{kSum, Bytes{bytes}, ranks, 1};
    call.library = CollectiveLibrary::custom_graph;
    return std::string(explain_collective(call, cluster.site(0)).algorithm);
  };
  EXPECT_EQ(algorithm(8 * kKibi, 8), "custom one-shot");
  cluster.nccl.symmetric = true;
  EXPECT_EQ(algorithm(8 * kKibi, 8), "symmetric_ll");
  EXPECT_EQ(algorithm(32 * kKibi, 8), "custom one-shot");
  EXPECT_EQ(algorithm(128 * kKibi, 8), "symmetric_multicast");
  EXPECT_EQ(algorithm(8 * kKibi, 2), "custom one-shot") << "four ranks and more";
}

}  // namespace
}  // namespace orrery::sim
