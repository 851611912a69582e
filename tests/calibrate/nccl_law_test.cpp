#include "calibrate/nccl_law.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/collective/constants.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::calibrate {
namespace {

using hardware::NcclAlgorithm;
using hardware::NcclProtocol;
using sim::CollectiveKind;
using sim::NodeLaw;
using sim::ProtocolLaw;

constexpr double kMicro = 1e-6;

sim::Choice ring(NcclProtocol protocol) {
  for (const sim::CollectiveRow& row : sim::collective_algorithms()) {
    if (row.nccl == NcclAlgorithm::ring) return {&row, protocol, 16, 512};
  }
  throw std::logic_error("no ring among the collectives");
}

/// What a node with `law` takes, from 32 KiB on in doublings.
std::vector<LawRow> rows_of(const NodeLaw& law, CollectiveKind kind, int ranks, const sim::Choice& choice, int count) {
  std::vector<LawRow> rows;
  for (int i = 0; i < count; ++i) {
    const Bytes bytes{std::ldexp(32768.0, i)};
    rows.push_back({kind, ranks, bytes, law.at(kind, ranks).time(kind, bytes, ranks), choice});
  }
  return rows;
}

std::vector<const LawRow*> pointers(const std::vector<LawRow>& rows) {
  std::vector<const LawRow*> out;
  for (const LawRow& row : rows) out.push_back(&row);
  return out;
}

template <typename... More>
std::vector<LawRow> joined(std::vector<LawRow> rows, const More&... more) {
  (rows.insert(rows.end(), more.begin(), more.end()), ...);
  return rows;
}

double worst(const std::vector<LawRow>& rows, const NodeLaw& law) {
  double most = 0.0;
  for (const LawRow& row : rows) {
    const Seconds time = law.at(row.kind, row.ranks).time(row.kind, row.bytes, row.ranks);
    most = std::max(most, std::abs(time / row.measured - 1.0));
  }
  return most;
}

class NcclLaw : public testing::Test {
 protected:
  hardware::Cluster cluster = sim::testing::h100_cluster(1);
  hardware::Site site = cluster.site(0);
  /// Simple in rings: 20 µs, 2 µs a step, 330 GB/s, a third of the pipeline hidden.
  NodeLaw simple = [] {
    NodeLaw law;
    law.launch = Seconds{20.0 * kMicro};
    law.hop = Seconds{2.0 * kMicro};
    law.ramp_scale = Seconds{20.0 * kMicro};
    law.ramp_share = -0.33;
    law.bus = BytesPerSecond{330e9};
    return law;
  }();
};

TEST_F(NcclLaw, OfANodeIsFoundFromKindsAndRanksTogether) {
  const sim::Choice choice = ring(NcclProtocol::simple);
  const std::vector<LawRow> rows = joined(rows_of(simple, CollectiveKind::all_reduce, 8, choice, 15),
                                          rows_of(simple, CollectiveKind::all_gather, 4, choice, 15),
                                          rows_of(simple, CollectiveKind::reduce_scatter, 2, choice, 15));
  const std::vector<NamedNodeLaw> laws = fit_node_laws(pointers(rows), site);
  ASSERT_EQ(laws.size(), 1u);
  EXPECT_EQ(laws[0].name, "ring_simple");
  EXPECT_LT(worst(rows, laws[0].law), 0.01);
  EXPECT_NEAR(laws[0].law.bus.value() / 330e9, 1.0, 0.01);
  // Of a number of ranks that no row is of: five steps of the six-rank ring's all_gather.
  const std::vector<LawRow> unseen = rows_of(simple, CollectiveKind::all_gather, 6, choice, 15);
  EXPECT_LT(worst(unseen, laws[0].law), 0.02);
}

TEST_F(NcclLaw, OfEachProtocolIsItsOwn) {
  NodeLaw ll = simple;
  ll.launch = Seconds{7.0 * kMicro};
  ll.hop = Seconds{0.7 * kMicro};
  ll.blocks = Seconds{1.0 * kMicro};
  ll.ramp_share = 0.0;
  ll.bus = BytesPerSecond{120e9};
  const std::vector<LawRow> fast = rows_of(ll, CollectiveKind::all_reduce, 8, ring(NcclProtocol::ll), 12);
  const std::vector<LawRow> wide = rows_of(simple, CollectiveKind::all_reduce, 8, ring(NcclProtocol::simple), 14);
  const std::vector<NamedNodeLaw> laws = fit_node_laws(pointers(joined(fast, wide)), site);
  ASSERT_EQ(laws.size(), 2u);
  EXPECT_EQ(laws[0].name, "ring_ll") << "in the order of the rows' first";
  EXPECT_EQ(laws[1].name, "ring_simple");
  EXPECT_LT(worst(fast, laws[0].law), 0.02);
  EXPECT_LT(worst(wide, laws[1].law), 0.02);
  EXPECT_GT(laws[0].law.blocks.value(), 0.0);
  EXPECT_EQ(laws[1].law.blocks.value(), 0.0) << "only LL starts its blocks one by one";
}

TEST_F(NcclLaw, OfANodeIsMovedLittleByOneWildRow) {
  const sim::Choice choice = ring(NcclProtocol::simple);
  std::vector<LawRow> rows = joined(rows_of(simple, CollectiveKind::all_reduce, 8, choice, 15),
                                    rows_of(simple, CollectiveKind::all_gather, 8, choice, 15));
  const std::vector<LawRow> truth = rows;
  rows[7].measured = 5.0 * rows[7].measured;
  const std::vector<NamedNodeLaw> laws = fit_node_laws(pointers(rows), site);
  ASSERT_EQ(laws.size(), 1u);
  EXPECT_LT(worst(truth, laws[0].law), 0.03);
}

TEST_F(NcclLaw, NeverHasABusFasterThanTheLink) {
  NodeLaw impossible = simple;
  impossible.bus = BytesPerSecond{900e9};  // twice NVLink's 450 GB/s
  const std::vector<LawRow> rows = rows_of(impossible, CollectiveKind::all_gather, 8, ring(NcclProtocol::simple), 15);
  const double limit = sim::node_bus_limit(site.gpu, CollectiveKind::all_gather, 8).value();
  ASSERT_LT(limit, 450e9);
  const std::vector<NamedNodeLaw> laws = fit_node_laws(pointers(rows), site);
  EXPECT_LE(laws.front().law.bus.value(), limit);
  EXPECT_LE(fit_family_law(pointers(rows), laws.front().law, site).bus.value(), limit);
}

TEST_F(NcclLaw, OfAFamilyIsItsOwnWhereItHasManyRows) {
  NodeLaw slower = simple;
  slower.launch = Seconds{26.0 * kMicro};
  slower.bus = BytesPerSecond{300e9};
  const std::vector<LawRow> rows = rows_of(slower, CollectiveKind::all_reduce, 8, ring(NcclProtocol::simple), 15);
  const ProtocolLaw law = fit_family_law(pointers(rows), simple, site);
  for (const LawRow& row : rows) EXPECT_NEAR(law.time(row.kind, row.bytes, row.ranks) / row.measured, 1.0, 0.02);
  EXPECT_NEAR(law.bus.value() / 300e9, 1.0, 0.02);
}

TEST_F(NcclLaw, OfAFamilyStaysAtItsNodesWhereRowsSayNothing) {
  // Two rows of 32 and 64 KiB are latency alone: they say nothing of the bus.
  NodeLaw slower = simple;
  slower.launch = Seconds{23.0 * kMicro};
  const std::vector<LawRow> rows = rows_of(slower, CollectiveKind::all_reduce, 8, ring(NcclProtocol::simple), 2);
  const ProtocolLaw law = fit_family_law(pointers(rows), simple, site);
  EXPECT_NEAR(law.bus.value() / 330e9, 1.0, 0.02);
  const ProtocolLaw node = simple.at(CollectiveKind::all_reduce, 8);
  EXPECT_GT(law.base.value(), node.base.value()) << "but they do say that it starts later";
}

TEST_F(NcclLaw, OfAFamilyWithTheNodesOwnRowsIsTheNodes) {
  const std::vector<LawRow> rows = rows_of(simple, CollectiveKind::all_gather, 4, ring(NcclProtocol::simple), 15);
  const ProtocolLaw law = fit_family_law(pointers(rows), simple, site);
  const ProtocolLaw node = simple.at(CollectiveKind::all_gather, 4);
  EXPECT_NEAR(law.base / node.base, 1.0, 1e-3);
  EXPECT_NEAR(law.bus / node.bus, 1.0, 1e-3);
  EXPECT_NEAR(law.ramp / node.ramp, 1.0, 1e-2);
}

TEST_F(NcclLaw, SaysWhatSumsOfBytesLose) {
  const sim::Choice choice = ring(NcclProtocol::simple);
  NodeLaw wide = simple;
  wide.narrow = 0.12;
  std::vector<LawRow> rows = joined(rows_of(wide, CollectiveKind::reduce_scatter, 8, choice, 15),
                                    rows_of(wide, CollectiveKind::all_gather, 8, choice, 15));
  const std::size_t halves = rows.size();
  for (std::size_t i = 0; i < halves; ++i) {
    LawRow row = rows[i];
    row.dtype = Dtype::int8;
    row.measured = wide.at(row.kind, row.ranks).of(row.kind, row.dtype).time(row.kind, row.bytes, row.ranks);
    rows.push_back(row);
  }
  const std::vector<NamedNodeLaw> laws = fit_node_laws(pointers(rows), site);
  EXPECT_NEAR(laws.front().law.narrow, 0.12, 0.01);
  EXPECT_NEAR(laws.front().law.bus.value() / 330e9, 1.0, 0.01) << "halves keep their own";
  rows.resize(halves);
  EXPECT_EQ(fit_node_laws(pointers(rows), site).front().law.narrow, 0.0) << "no bytes were seen";
}

TEST_F(NcclLaw, PaysForALongFillingPipeline) {
  NodeLaw slow = simple;  // as a switch that adds: 470 GB/s that only large messages see
  slow.ramp_share = 2.0;
  slow.ramp_scale = Seconds{30.0 * kMicro};
  const std::vector<LawRow> rows = joined(rows_of(slow, CollectiveKind::all_reduce, 8, ring(NcclProtocol::simple), 15),
                                          rows_of(slow, CollectiveKind::all_gather, 8, ring(NcclProtocol::simple), 15));
  const std::vector<NamedNodeLaw> laws = fit_node_laws(pointers(rows), site);
  EXPECT_GT(laws.front().law.ramp_share, 1.0);
  EXPECT_LT(worst(rows, laws.front().law), 0.03);
}

TEST_F(NcclLaw, IsTheSameHoweverOftenItIsFitted) {
  const std::vector<LawRow> rows = rows_of(simple, CollectiveKind::all_reduce, 8, ring(NcclProtocol::simple), 15);
  const NodeLaw first = fit_node_laws(pointers(rows), site).front().law;
  const NodeLaw second = fit_node_laws(pointers(rows), site).front().law;
  EXPECT_EQ(first.launch.value(), second.launch.value());
  EXPECT_EQ(first.bus.value(), second.bus.value());
  EXPECT_EQ(first.ramp_share, second.ramp_share);
}

}  // namespace
}  // namespace orrery::calibrate
