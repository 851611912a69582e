#include <gtest/gtest.h>

#include "sim/collective/collective.hpp"
#include "sim/collective/custom.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using kernels::Implementation;
using testing::h100_cluster;

constexpr double kKiB = 1024.0, kMiB = 1048576.0;

hardware::Fit graph_fit(const char* key) {
  hardware::Fit fit;
  fit.key = key;
  fit.source = "a table";
  fit.coefficients = {{"one_shot_s", 5e-6},          {"one_shot_bandwidth", 200e9}, {"two_shot_s", 10e-6},
                      {"two_shot_bandwidth", 250e9}, {"switch_bytes", 256 * kKiB},  {"limit_bytes", 8 * kMiB}};
  return fit;
}

hardware::Fit eager_fit(const char* key) {
  hardware::Fit fit;
  fit.key = key;
  fit.source = "the same table";
  fit.coefficients = {{"host_s", 20e-6}, {"copy_s", 3e-6}, {"copy_s_per_mib", 1e-6}};
  return fit;
}

hardware::Cluster cluster_with_fits(int nodes = 1) {
  hardware::Cluster cluster = h100_cluster(nodes);
  cluster.groups[0].gpu.kernel_launch = Seconds{4e-6};
  cluster.groups[0].gpu.fits = {graph_fit("custom_allreduce/vllm_graph/8"), eager_fit("custom_allreduce/vllm_eager/8")};
  return cluster;
}

CollectiveCall call(double bytes, CollectiveLibrary library = CollectiveLibrary::custom_graph, int ranks = 8) {
  return {CollectiveKind::all_reduce, Bytes{bytes}, ranks, 1, library, Implementation::vllm};
}

CollectiveCall by_nccl(CollectiveCall other) {
  other.library = CollectiveLibrary::nccl;
  return other;
}

TEST(CustomAllReduce, ReadsEveryPeerWhereTheMessageIsSmall) {
  // 64 KiB: 5 us + 65,536 B x 7 / 200 GB/s = 5 + 2.29376 us.
  const CollectiveEstimate estimate = explain_collective(call(64 * kKiB), cluster_with_fits().site(0));
  EXPECT_NEAR(estimate.time.value(), 7.29376e-6, 1e-12);
  EXPECT_EQ(estimate.algorithm, "custom one-shot");
  EXPECT_EQ(estimate.fit_key, "custom_allreduce/vllm_graph/8");
  EXPECT_EQ(estimate.provenance, kernels::Provenance::measured);
  EXPECT_EQ(collective_time(call(64 * kKiB), cluster_with_fits().site(0)), estimate.time);
}

TEST(CustomAllReduce, TakesTwoShotsFromTheSwitchOn) {
  // 1 MiB: 10 us + 1,048,576 B x 14/8 / 250 GB/s = 10 + 7.340032 us.
  const hardware::Cluster cluster = cluster_with_fits();
  const CollectiveEstimate estimate = explain_collective(call(kMiB), cluster.site(0));
  EXPECT_NEAR(estimate.time.value(), 17.340032e-6, 1e-12);
  EXPECT_EQ(estimate.algorithm, "custom two-shot");
  EXPECT_EQ(explain_collective(call(256 * kKiB), cluster.site(0)).algorithm, "custom two-shot");
  EXPECT_EQ(explain_collective(call(256 * kKiB - 16), cluster.site(0)).algorithm, "custom one-shot");
}

TEST(CustomAllReduce, IsNcclsAboveTheLimit) {
  const hardware::Cluster cluster = cluster_with_fits();
  EXPECT_EQ(explain_collective(call(8 * kMiB), cluster.site(0)).algorithm, "custom two-shot");
  const CollectiveCall large = call(8 * kMiB + 16);
  EXPECT_EQ(collective_time(large, cluster.site(0)), collective_time(by_nccl(large), cluster.site(0)));
  EXPECT_NE(explain_collective(large, cluster.site(0)).algorithm, "custom two-shot");
}

TEST(CustomAllReduce, IsNcclsWhereTheLibrariesRefuse) {
  const hardware::Cluster cluster = cluster_with_fits(2);
  std::vector<CollectiveCall> refused(5, call(64 * kKiB));
  refused[0].nodes = 2;
  refused[1].kind = CollectiveKind::all_gather;
  refused[2].ranks = 3;
  refused[3].ranks = 4;  // no fit
  refused[4].implementation = Implementation::trtllm;
  for (const CollectiveCall& one : refused) {
    EXPECT_EQ(collective_time(one, cluster.site(0)), collective_time(by_nccl(one), cluster.site(0)))
        << one.ranks << " ranks";
  }
  hardware::Cluster pcie = cluster_with_fits();
  pcie.groups[0].node.nvswitch = false;
  EXPECT_EQ(collective_time(call(64 * kKiB), pcie.site(0)), collective_time(by_nccl(call(64 * kKiB)), pcie.site(0)));
}

TEST(CustomAllReduce, OfSixRanksFollowsThatOfEight) {
  // 64 KiB: 5 us + 65,536 B x 5 / 200 GB/s = 5 + 1.6384 us.
  const CollectiveEstimate six =
      explain_collective(call(64 * kKiB, CollectiveLibrary::custom_graph, 6), cluster_with_fits().site(0));
  EXPECT_NEAR(six.time.value(), 6.6384e-6, 1e-12);
  EXPECT_EQ(six.provenance, kernels::Provenance::published) << "nobody measured six";
}

TEST(CustomAllReduce, LaunchedOneByOneWaitsForTheHost) {
  const hardware::Cluster cluster = cluster_with_fits();
  // 64 KiB: max(20, 7.29376 + 3 + 1/16) us; 4 MiB: 10 + 29.360128 + 3 + 4 us.
  const CollectiveEstimate small =
      explain_collective(call(64 * kKiB, CollectiveLibrary::custom_eager), cluster.site(0));
  EXPECT_NEAR(small.time.value(), 20e-6, 1e-12);
  EXPECT_EQ(small.fit_key, "custom_allreduce/vllm_graph/8 + custom_allreduce/vllm_eager/8");
  const CollectiveEstimate large = explain_collective(call(4 * kMiB, CollectiveLibrary::custom_eager), cluster.site(0));
  EXPECT_NEAR(large.time.value(), 46.360128e-6, 1e-12);
  EXPECT_EQ(collective_time(call(4 * kMiB, CollectiveLibrary::custom_eager), cluster.site(0)), large.time);
  Seconds sum;
  for (const kernels::Term& term : large.terms) sum += term.time;
  EXPECT_NEAR(sum / large.time, 1.0, 1e-12);
}

TEST(CustomAllReduce, WithoutAnEagerFitAddsALaunch) {
  hardware::Cluster cluster = cluster_with_fits();
  cluster.groups[0].gpu.fits.pop_back();
  // 7.29376 us + 4 us.
  const CollectiveEstimate estimate =
      explain_collective(call(64 * kKiB, CollectiveLibrary::custom_eager), cluster.site(0));
  EXPECT_NEAR(estimate.time.value(), 11.29376e-6, 1e-12);
  EXPECT_EQ(estimate.provenance, kernels::Provenance::published);
}

TEST(CustomAllReduce, TakesAnyLibraryWhereNoneIsNamed) {
  hardware::Cluster cluster = cluster_with_fits();
  cluster.groups[0].gpu.fits = {graph_fit("custom_allreduce/sglang_graph/8")};
  CollectiveCall any = call(64 * kKiB);
  EXPECT_EQ(collective_time(any, cluster.site(0)), collective_time(by_nccl(any), cluster.site(0)));
  any.implementation = Implementation::automatic;
  EXPECT_EQ(explain_collective(any, cluster.site(0)).fit_key, "custom_allreduce/sglang_graph/8");
}

TEST(CustomAllReduce, FollowsAnotherNvlinkRateThanTheMeasuredOne) {
  hardware::Cluster cluster = cluster_with_fits();
  hardware::set_nvlink_bandwidth(cluster.groups[0].gpu, BytesPerSecond{225e9});
  // Half the link: 5 us + 2 x 2.29376 us, and 10 us + 2 x 7.340032 us; the host's 20 us stay.
  const CollectiveEstimate half = explain_collective(call(64 * kKiB), cluster.site(0));
  EXPECT_NEAR(half.time.value(), 9.58752e-6, 1e-12);
  EXPECT_EQ(half.provenance, kernels::Provenance::published);
  EXPECT_NEAR(collective_time(call(kMiB), cluster.site(0)).value(), 24.680064e-6, 1e-12);
  EXPECT_NEAR(collective_time(call(64 * kKiB, CollectiveLibrary::custom_eager), cluster.site(0)).value(), 20e-6, 1e-12);
  hardware::set_nvlink_bandwidth(cluster.groups[0].gpu, BytesPerSecond{});
  EXPECT_TRUE(cluster.groups[0].gpu.fits.empty()) << "no share of a link carries over to none";
}

TEST(CustomAllReduce, IgnoresFitsThatAreNotItsOwn) {
  for (const char* key : {"custom_allreduce/vllm_graph", "custom_allreduce/vllm/8", "custom_allreduce/vllm_graph/8x",
                          "custom_allreduce/nobody_graph/8", "custom_allreduce/vllm_graph/1", "nccl/all_reduce/8"}) {
    EXPECT_FALSE(custom_curve(graph_fit(key)).has_value()) << key;
  }
  hardware::Fit broken = graph_fit("custom_allreduce/vllm_graph/8");
  broken.coefficients[1].second = 0.0;
  EXPECT_FALSE(custom_curve(broken).has_value());
  EXPECT_FALSE(eager_launch(graph_fit("custom_allreduce/vllm_eager/8")).has_value());
  EXPECT_EQ(custom_fit_key(Implementation::vllm, true, 4), "custom_allreduce/vllm_eager/4");
}

}  // namespace
}  // namespace orrery::sim
