// Laws of protocols on one node: their equation, how a profile holds them, and which one speaks for which call.
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/collective/fitted.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using testing::a100_cluster;
using testing::kAllKinds;
using testing::law_fit;
using testing::straight;

const CollectiveRow& row(std::string_view name) {
  for (const CollectiveRow& each : collective_algorithms()) {
    if (each.name == name) return each;
  }
  throw std::logic_error("no such row");
}

Choice of(std::string_view name, hardware::NcclProtocol protocol = hardware::NcclProtocol::simple) {
  return {&row(name), protocol, 1, 512};
}

hardware::Cluster with(std::vector<hardware::Fit> fits) {
  hardware::Cluster cluster = a100_cluster(1);
  cluster.groups[0].gpu.fits = std::move(fits);
  return cluster;
}

TEST(ProtocolLaw, IsALaunchBlocksAWireAndAPipeline) {
  const ProtocolLaw law{Seconds{10e-6}, Seconds{3e-6}, Seconds{8e-6}, Seconds{20e-6}, BytesPerSecond{150e9}};
  // 4 ranks: a slice of 4 KiB is a buffer of 16 KiB: half of the blocks' 3 us. Twice that: 4/5.
  EXPECT_DOUBLE_EQ(law.block_time(Bytes{16384.0}, 4).value(), 1.5e-6);
  EXPECT_DOUBLE_EQ(law.block_time(Bytes{32768.0}, 4).value(), 2.4e-6);
  EXPECT_DOUBLE_EQ(law.block_time(Bytes{0.0}, 4).value(), 0.0);
  // 2·3/4 of 2 MB at 150 GB/s: 20 us of wire, at which half of the pipeline's 8 us is paid.
  EXPECT_DOUBLE_EQ(law.wire_time(CollectiveKind::all_reduce, Bytes{2e6}, 4).value(), 20e-6);
  EXPECT_DOUBLE_EQ(law.ramp_time(Seconds{20e-6}).value(), 4e-6);
  EXPECT_NEAR(law.time(CollectiveKind::all_reduce, Bytes{2e6}, 4).value(), 37e-6, 1e-9) << "all but 0.2 ns of blocks";
  EXPECT_EQ(straight(1e-6, 1e9).ramp_time(Seconds{1.0}).value(), 0.0) << "no scale, no pipeline";
}

TEST(ProtocolLaw, GrowsWithTheBytesAndNeverBeatsTheWire) {
  // The most that may be hidden: just below the lesser of launch and scale.
  for (const auto& [base, scale] : {std::pair{10e-6, 40e-6}, {40e-6, 10e-6}}) {
    const ProtocolLaw law{Seconds{base}, Seconds{1e-6}, Seconds{-0.95 * std::min(base, scale)}, Seconds{scale},
                          BytesPerSecond{300e9}};
    double before = 0.0;
    for (double bytes = 1.0; bytes < 1e11; bytes *= 1.3) {
      const double now = law.time(CollectiveKind::all_gather, Bytes{bytes}, 8).value();
      EXPECT_GT(now, before) << bytes;
      EXPECT_GT(now, law.wire_time(CollectiveKind::all_gather, Bytes{bytes}, 8).value()) << bytes;
      before = now;
    }
  }
}

TEST(NodeLaw, GivesTheLawOfAnyKindAndNumberOfRanks) {
  const NodeLaw node{Seconds{5e-6}, Seconds{1e-6}, Seconds{2e-6}, Seconds{30e-6}, -0.5, BytesPerSecond{80e9}, -1.0};
  // all_reduce on 4: 6 steps, two doublings of the ranks, half the ranks of the bus: 11 us, 4 us, 160 GB/s.
  const ProtocolLaw four = node.at(CollectiveKind::all_reduce, 4);
  EXPECT_DOUBLE_EQ(four.base.value(), 11e-6);
  EXPECT_DOUBLE_EQ(four.blocks.value(), 4e-6);
  EXPECT_DOUBLE_EQ(four.ramp.value(), -5.5e-6) << "of the launch, the lesser";
  EXPECT_DOUBLE_EQ(four.bus.value(), 160e9);
  const ProtocolLaw many = node.at(CollectiveKind::all_gather, 40);
  EXPECT_DOUBLE_EQ(many.base.value(), 44e-6);
  EXPECT_DOUBLE_EQ(many.ramp.value(), -15e-6) << "of the scale, the lesser";
}

TEST(LawSteps, AreThoseOfARing) {
  EXPECT_EQ(law_steps(CollectiveKind::all_reduce, 8), 14);
  EXPECT_EQ(law_steps(CollectiveKind::all_gather, 8), 7);
  EXPECT_EQ(law_steps(CollectiveKind::all_to_all, 2), 1);
}

TEST(LawNames, SayAlgorithmAndProtocol) {
  EXPECT_EQ(law_name(of("ring", hardware::NcclProtocol::ll128)), "ring_ll128");
  EXPECT_EQ(law_name(of("nvls")), "nvls_simple");
  EXPECT_EQ(law_name(of("pairwise", hardware::NcclProtocol::ll)), "pairwise_ll");
}

TEST(Laws, ComeBackFromAProfileAsTheyWentIn) {
  hardware::Fit fit;
  const ProtocolLaw law{Seconds{1e-6}, Seconds{2e-6}, Seconds{-3e-7}, Seconds{4e-6}, BytesPerSecond{5e9}};
  const NodeLaw node{Seconds{1e-6}, Seconds{2e-6}, Seconds{3e-6}, Seconds{4e-6}, -0.5, BytesPerSecond{6e9}, 0.25};
  add_law(law, "ring_ll", fit);
  add_law(node, "ring_simple", fit);
  const auto back = protocol_law(fit, "ring_ll");
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->base, law.base);
  EXPECT_EQ(back->blocks, law.blocks);
  EXPECT_EQ(back->ramp, law.ramp);
  EXPECT_EQ(back->ramp_scale, law.ramp_scale);
  EXPECT_EQ(back->bus, law.bus);
  const auto node_back = node_law(fit, "ring_simple");
  ASSERT_TRUE(node_back.has_value());
  EXPECT_EQ(node_back->ramp_share, -0.5);
  EXPECT_EQ(node_back->bus_exponent, 0.25);
  EXPECT_EQ(node_back->hop, node.hop);
  EXPECT_FALSE(protocol_law(fit, "ring_ll128").has_value());
  EXPECT_FALSE(node_law(fit, "ring_ll").has_value()) << "a law of one group is none of the node";
}

TEST(Laws, SumBytesSlowerThanWiderElements) {
  ProtocolLaw law = straight(1e-6, 110e9);
  law.narrow = 0.1;
  // 8.8 MB reduced and scattered over 8: 7.7 MB at 110 GB/s are 70 us, at 100 GB/s 77 us.
  const auto us = [&](CollectiveKind kind, Dtype dtype) {
    return law.of(kind, dtype).time(kind, Bytes{8.8e6}, 8).value() * 1e6;
  };
  EXPECT_NEAR(us(CollectiveKind::reduce_scatter, Dtype::bf16), 71.0, 1e-9);
  EXPECT_NEAR(us(CollectiveKind::reduce_scatter, Dtype::fp32), 71.0, 1e-9);
  EXPECT_NEAR(us(CollectiveKind::reduce_scatter, Dtype::int8), 78.0, 1e-9);
  EXPECT_NEAR(us(CollectiveKind::reduce_scatter, Dtype::fp8), 78.0, 1e-9);
  EXPECT_NEAR(us(CollectiveKind::all_reduce, Dtype::int8), 155.0, 1e-9);
  EXPECT_NEAR(us(CollectiveKind::all_gather, Dtype::int8), 71.0, 1e-9) << "nothing is added up";
  EXPECT_NEAR(us(CollectiveKind::all_to_all, Dtype::int8), 71.0, 1e-9);
}

TEST(Laws, AreNoneWhereACoefficientIsMissingOrTheBandwidthIsNone) {
  const hardware::Fit whole = law_fit("nccl/all_gather/8", straight(1e-6, 1e9), {"ring_ll"});
  for (std::size_t i = 0; i < whole.coefficients.size(); ++i) {
    hardware::Fit part = whole;
    part.coefficients.erase(part.coefficients.begin() + static_cast<std::ptrdiff_t>(i));
    if (whole.coefficients[i].first == "ring_ll_narrow") {
      EXPECT_TRUE(protocol_law(part, "ring_ll").has_value()) << "a table without sums of bytes";
      continue;
    }
    EXPECT_FALSE(protocol_law(part, "ring_ll").has_value()) << whole.coefficients[i].first;
  }
  EXPECT_FALSE(protocol_law(law_fit("x", straight(1e-6, 0.0), {"ring_ll"}), "ring_ll").has_value());
}

TEST(NodeLaws, HaveAKeyForEveryKindThatIsReadBack) {
  for (const CollectiveKind kind : kAllKinds) {
    for (const int ranks : {2, 8, 72}) {
      const std::string key = collective_fit_key(kind, ranks);
      EXPECT_EQ(key, "nccl/" + std::string(name(kind)) + "/" + std::to_string(ranks));
      const hardware::Cluster cluster = with({law_fit(key, straight(1e-6, 1e9))});
      const auto known = NodeLaws(cluster.site(0)).find(of("ring"), kind, ranks);
      ASSERT_TRUE(known.has_value()) << key;
      EXPECT_EQ(known->key, key);
    }
  }
}

TEST(NodeLaws, SayNothingOfWhatNobodyMeasured) {
  const hardware::Cluster cluster = with({law_fit("nccl/all_gather/8", straight(1e-6, 1e9), {"ring_simple"})});
  const NodeLaws laws(cluster.site(0));
  EXPECT_TRUE(laws.find(of("ring"), CollectiveKind::all_gather, 8).has_value());
  EXPECT_FALSE(laws.find(of("ring"), CollectiveKind::broadcast, 8).has_value());
  EXPECT_FALSE(laws.find(of("ring"), CollectiveKind::all_gather, 4).has_value());
  EXPECT_FALSE(laws.find(of("ring", hardware::NcclProtocol::ll), CollectiveKind::all_gather, 8).has_value());
  EXPECT_FALSE(laws.find(of("tree"), CollectiveKind::all_gather, 8).has_value());
}

TEST(NodeLaws, IgnoreKeysThatAreNone) {
  for (const char* key : {"nccl/all_gather/1", "nccl/all_gather/0", "nccl/all_gather/-8", "nccl//8",
                          "nccl/all_gather/8 ", "nccl/all_gather/99999999999", "rccl/all_gather/8"}) {
    const hardware::Cluster cluster = with({law_fit(key, straight(1e-6, 1e9))});
    EXPECT_FALSE(NodeLaws(cluster.site(0)).find(of("ring"), CollectiveKind::all_gather, 8).has_value()) << key;
  }
}

TEST(NodeLaws, OfAnotherLinkOrBoardAreNotOwn) {
  hardware::Fit scaled = law_fit("nccl/all_gather/8", straight(1e-6, 1e9)), lent = scaled, own = scaled;
  scaled.coefficients.emplace_back("link_scale", 0.5);
  lent.of = "sister";
  own.coefficients.emplace_back("link_scale", 1.0);
  for (const auto& [which, expected] : {std::pair{scaled, false}, {lent, false}, {own, true}}) {
    const hardware::Cluster cluster = with({which});
    const auto known = NodeLaws(cluster.site(0)).find(of("ring"), CollectiveKind::all_gather, 8);
    ASSERT_TRUE(known.has_value());
    EXPECT_EQ(known->own, expected);
  }
}

TEST(NodeLaws, TheLargestMeasuredGroupNotAboveGivesTheBusBandwidth) {
  const hardware::Cluster cluster =
      with({law_fit("nccl/all_gather/8", straight(1, 80e9)), law_fit("nccl/all_gather/2", straight(1, 20e9)),
            law_fit("nccl/all_gather/4", straight(1, 40e9))});
  const NodeLaws laws(cluster.site(0));
  const auto ring = hardware::NcclAlgorithm::ring;
  const auto bus = [&](int ranks) { return laws.bus_bandwidth(ring, CollectiveKind::all_gather, ranks)->value(); };
  EXPECT_EQ(bus(2), 20e9);
  EXPECT_EQ(bus(3), 20e9);
  EXPECT_EQ(bus(4), 40e9);
  EXPECT_EQ(bus(7), 40e9);
  EXPECT_EQ(bus(100), 80e9);
  EXPECT_FALSE(laws.bus_bandwidth(ring, CollectiveKind::reduce_scatter, 8).has_value());
  const hardware::Cluster large = with({law_fit("nccl/all_gather/8", straight(1, 80e9))});
  EXPECT_EQ(NodeLaws(large.site(0)).bus_bandwidth(ring, CollectiveKind::all_gather, 2)->value(), 80e9)
      << "else the next";
}

}  // namespace
}  // namespace orrery::sim
