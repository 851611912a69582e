// Measured curves: how they are read from a profile, their equation, and which one speaks for which group.
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/collective/collectives.hpp"
#include "sim/collective/fitted.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using testing::a100_cluster;
using testing::kAllKinds;

hardware::Fit fit(std::string key, double base, double middle, double exponent, double bus) {
  hardware::Fit out;
  out.key = std::move(key);
  out.source = "a table";
  out.coefficients = {{"base_s", base}, {"mid_s_per_mib", middle}, {"exponent", exponent}, {"bus_bandwidth", bus}};
  return out;
}

hardware::Cluster with(std::vector<hardware::Fit> fits) {
  hardware::Cluster cluster = a100_cluster(1);
  cluster.groups[0].gpu.fits = std::move(fits);
  return cluster;
}

TEST(Curves, AreALaunchAMiddleAndAWire) {
  const hardware::Cluster cluster = with({fit("nccl/all_reduce/4", 10e-6, 8e-6, 0.5, 150e9)});
  const CollectiveCurve curve = collective_curves(cluster.groups[0].gpu).at(0);
  const Bytes bytes{4.0 * 1048576.0};
  EXPECT_DOUBLE_EQ(curve.middle_time(bytes).value(), 16e-6) << "8 us · √4";
  EXPECT_DOUBLE_EQ(curve.wire_time(bytes).value(), 4.0 * 1048576.0 * 1.5 / 150e9) << "2·3/4 of the buffer";
  EXPECT_DOUBLE_EQ(curve.time(bytes).value(), 10e-6 + 16e-6 + 4.0 * 1048576.0 * 1.5 / 150e9);
  EXPECT_EQ(curve.middle_time(Bytes{0.0}).value(), 0.0);
  EXPECT_EQ(curve.time(Bytes{0.0}).value(), 10e-6);
}

TEST(Curves, HaveAKeyForEveryKindThatIsReadBack) {
  for (const CollectiveKind kind : kAllKinds) {
    for (const int ranks : {2, 8, 72}) {
      const std::string key = collective_fit_key(kind, ranks);
      EXPECT_EQ(key, "nccl/" + std::string(name(kind)) + "/" + std::to_string(ranks));
      const hardware::Cluster cluster = with({fit(key, 1e-6, 0.0, 0.5, 1e9)});
      const std::vector<CollectiveCurve> curves = collective_curves(cluster.groups[0].gpu);
      ASSERT_EQ(curves.size(), 1u) << key;
      EXPECT_EQ(curves[0].kind, kind);
      EXPECT_EQ(curves[0].ranks, ranks);
    }
  }
}

TEST(Curves, StandByKindAndRanksHoweverTheProfileListsThem) {
  const hardware::Cluster cluster = with({fit("nccl/broadcast/2", 1, 0, 1, 1), fit("nccl/all_reduce/16", 1, 0, 1, 1),
                                          fit("nccl/all_reduce/2", 1, 0, 1, 1), fit("nccl/all_gather/4", 1, 0, 1, 1)});
  const std::vector<CollectiveCurve> curves = collective_curves(cluster.groups[0].gpu);
  std::vector<std::string> keys;
  for (const CollectiveCurve& curve : curves) keys.emplace_back(curve.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"nccl/all_reduce/2", "nccl/all_reduce/16", "nccl/all_gather/4",
                                            "nccl/broadcast/2"}));
}

TEST(Curves, AFitThatLacksACoefficientIsNone) {
  for (const char* missing : {"base_s", "mid_s_per_mib", "exponent", "bus_bandwidth"}) {
    hardware::Fit incomplete = fit("nccl/all_gather/8", 1e-6, 1e-6, 0.5, 1e9);
    for (auto& [name, value] : incomplete.coefficients) {
      if (name == missing) name = "another";
    }
    const hardware::Cluster cluster = with({incomplete});
    EXPECT_TRUE(collective_curves(cluster.groups[0].gpu).empty()) << missing;
  }
  for (const char* key : {"nccl/all_gather/1", "nccl/all_gather/0", "nccl/all_gather/-8", "nccl//8",
                          "nccl/all_gather/8 ", "nccl/all_gather/99999999999", "rccl/all_gather/8"}) {
    EXPECT_TRUE(collective_curves(with({fit(key, 1, 1, 1, 1)}).groups[0].gpu).empty()) << key;
  }
}

TEST(Curves, OfAnotherLinkOrBoardAreNotOwn) {
  hardware::Fit scaled = fit("nccl/all_gather/8", 1e-6, 0, 0.5, 1e9), lent = scaled, own = scaled;
  scaled.coefficients.emplace_back("link_scale", 0.5);
  lent.of = "sister";
  own.coefficients.emplace_back("link_scale", 1.0);
  for (const auto& [which, expected] : {std::pair{scaled, false}, {lent, false}, {own, true}}) {
    const hardware::Cluster cluster = with({which});
    const auto result = NodeCurves(cluster.site(0)).time({CollectiveKind::all_gather, Bytes{1e6}, 8, 1});
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->own, expected);
    EXPECT_EQ(result->ratio, 1.0);
  }
}

TEST(NodeCurves, SayNothingOfAKindThatNobodyMeasured) {
  const hardware::Cluster cluster = with({fit("nccl/all_gather/8", 1e-6, 0, 0.5, 1e9)});
  const NodeCurves curves(cluster.site(0));
  EXPECT_FALSE(curves.time({CollectiveKind::broadcast, Bytes{1e6}, 8, 1}).has_value());
  EXPECT_FALSE(curves.time({CollectiveKind::all_to_all, Bytes{1e6}, 8, 1}).has_value());
  EXPECT_EQ(curves.find(CollectiveKind::all_gather, 4), nullptr);
  EXPECT_NE(curves.find(CollectiveKind::all_gather, 8), nullptr);
  EXPECT_FALSE(curves.bus_bandwidth(CollectiveKind::reduce_scatter, 8).has_value());
}

TEST(NodeCurves, TheLargestMeasuredGroupNotAboveGivesTheBusBandwidth) {
  const hardware::Cluster cluster =
      with({fit("nccl/all_gather/2", 1, 0, 1, 20e9), fit("nccl/all_gather/4", 1, 0, 1, 40e9),
            fit("nccl/all_gather/8", 1, 0, 1, 80e9)});
  const NodeCurves curves(cluster.site(0));
  const auto bus = [&](int ranks) { return curves.bus_bandwidth(CollectiveKind::all_gather, ranks)->value(); };
  EXPECT_EQ(bus(2), 20e9);
  EXPECT_EQ(bus(3), 20e9);
  EXPECT_EQ(bus(4), 40e9);
  EXPECT_EQ(bus(7), 40e9);
  EXPECT_EQ(bus(100), 80e9);
  const hardware::Cluster large = with({fit("nccl/all_gather/8", 1, 0, 1, 80e9)});
  EXPECT_EQ(NodeCurves(large.site(0)).bus_bandwidth(CollectiveKind::all_gather, 2)->value(), 80e9) << "else the next";
}

/// A curve of n ranks that is `ratio` times the model at `bytes`.
hardware::Fit times_the_model(CollectiveKind kind, int ranks, Bytes bytes, double ratio) {
  const hardware::Cluster plain = a100_cluster(1);
  const double model = collective_time({kind, bytes, ranks, 1}, plain.site(0)).value();
  return fit(collective_fit_key(kind, ranks), 0.0, 0.0, 0.5, bytes.value() * bus_factor(kind, ranks) / (ratio * model));
}

TEST(NodeCurves, BetweenTwoGroupsTheRatioIsInterpolatedInTheLogarithm) {
  // 2 ranks at 1.0 of the model, 8 at 3.0: 4 ranks are half-way in the logarithm: 2.0.
  const Bytes bytes{1e9};
  const hardware::Cluster cluster = with({times_the_model(CollectiveKind::all_to_all, 2, bytes, 1.0),
                                          times_the_model(CollectiveKind::all_to_all, 8, bytes, 3.0)});
  const NodeCurves curves(cluster.site(0));
  const auto at = [&](int ranks) { return *curves.time({CollectiveKind::all_to_all, bytes, ranks, 1}); };
  EXPECT_NEAR(at(4).ratio, 2.0, 1e-9);
  EXPECT_NEAR(at(3).ratio, 1.0 + 2.0 * std::log(1.5) / std::log(4.0), 1e-9);
  EXPECT_NEAR(at(16).ratio, 3.0, 1e-9) << "beyond the last the last";
  EXPECT_FALSE(at(4).own);
  EXPECT_EQ(at(4).first->ranks, 2);
  EXPECT_EQ(at(4).second->ranks, 8);
  EXPECT_EQ(at(8).ratio, 1.0) << "a curve of its own is no ratio";
}

TEST(NodeCurves, TheNearestNeighboursCountNotTheFirst) {
  const Bytes bytes{1e9};
  const CollectiveKind kind = CollectiveKind::all_to_all;
  const hardware::Cluster cluster = with({times_the_model(kind, 2, bytes, 9.0), times_the_model(kind, 4, bytes, 1.5),
                                          times_the_model(kind, 8, bytes, 1.5), times_the_model(kind, 16, bytes, 9.0)});
  EXPECT_NEAR(NodeCurves(cluster.site(0)).time({kind, bytes, 6, 1})->ratio, 1.5, 1e-9);
}

TEST(NodeCurves, AnAllReduceOfHalvesIsOneLaunchCheaperAtMostByHalf) {
  // Launches of 2 µs each: taking 6.6 off would leave nothing; half of the sum stays.
  const hardware::Cluster cluster =
      with({fit("nccl/all_gather/8", 2e-6, 0, 0.5, 1e15), fit("nccl/reduce_scatter/8", 2e-6, 0, 0.5, 1e15)});
  const auto result = NodeCurves(cluster.site(0)).time({CollectiveKind::all_reduce, Bytes{1.0}, 8, 1});
  EXPECT_NEAR(result->time.value(), 2e-6, 1e-12);
  EXPECT_FALSE(result->own);
}

}  // namespace
}  // namespace orrery::sim
