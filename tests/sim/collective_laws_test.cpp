// What holds for every collective on every node and network of the catalogue.
#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

#include "sim/collective/binding.hpp"
#include "sim/collective/collective.hpp"
#include "sim/collective/model.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using testing::h100_cluster;
using testing::kAllKinds;

/// One node of every kind, at most 8 GPUs of it in a group.
template <class Check>
void on_every_node(Check check) {
  for (const std::string& node : hardware::node_names()) {
    const hardware::Cluster cluster = hardware::make_cluster(node, "single_node", 1);
    for (int ranks = 2; ranks <= std::min(8, cluster.gpu_count()); ranks *= 2) check(node, cluster, ranks);
  }
}

TEST(CollectiveLaws, NoneOnOneNodePassesTheBusLimitOfItsLinks) {
  on_every_node([](const std::string& node, const hardware::Cluster& cluster, int ranks) {
    const hardware::Site site = cluster.site(0);
    for (const CollectiveKind kind : kAllKinds) {
      BytesPerSecond limit = site.has_nvlink() ? node_bus_limit(site.gpu, kind, ranks) : site.node_bandwidth_per_gpu();
      // Of a mesh the links that the group's GPUs share; over PCIe where there are none.
      if (!site.node.nvlink_mesh.empty()) limit = site.nvlink_among(ranks);
      if (!(limit > BytesPerSecond{})) limit = min(site.node.pcie_bandwidth, site.gpu.pcie_bandwidth);
      for (double bytes = 1e3; bytes < 1e11; bytes *= 10) {
        const Seconds time = collective_time({kind, Bytes{bytes}, ranks, 1}, site);
        const double bus = bytes * bus_factor(kind, ranks) / time.value();
        EXPECT_LE(bus, limit.value() * (1 + 1e-9)) << node << ' ' << ranks << " ranks, kind " << static_cast<int>(kind);
      }
    }
  });
}

TEST(CollectiveLaws, TimesGrowWithTheMessageOnEveryNode) {
  on_every_node([](const std::string& node, const hardware::Cluster& cluster, int ranks) {
    for (const CollectiveKind kind : kAllKinds) {
      Seconds before;
      std::string_view algorithm, protocol;
      for (double bytes = 8; bytes < 1e11; bytes *= 4) {
        const CollectiveEstimate now = explain_collective({kind, Bytes{bytes}, ranks, 1}, cluster.site(0));
        EXPECT_GT(now.time.value(), 0.0);
        // Where NCCL changes its mind is its own affair: it may do so late.
        if (now.algorithm == algorithm && now.protocol == protocol) {
          EXPECT_GE(now.time, before) << node << ' ' << ranks << " at " << bytes;
        }
        before = now.time;
        algorithm = now.algorithm;
        protocol = now.protocol;
      }
    }
  });
}

TEST(CollectiveLaws, ExchangesAreNoFasterInsideEachOfSeveralNodesThanInsideTheOnlyOne) {
  // On two nodes of p GPUs (p−1)/2p of the bytes stay inside a node, half as many as on one.
  for (const std::string& node : hardware::node_names()) {
    const hardware::Cluster one = hardware::make_cluster(node, "single_node", 1);
    if (one.groups[0].node.gpus < 2 || one.groups[0].node.gpus > 8 || one.groups[0].node.nics == 0) continue;
    hardware::Cluster two = one;
    two.groups[0].count = 2;
    two.fabric = hardware::load_fabric("rail_fat_tree_ndr");
    const auto time = [](const hardware::Cluster& cluster, int nodes) {
      const int ranks = nodes * cluster.groups[0].node.gpus;
      return collective_time({CollectiveKind::all_to_all, Bytes{1e10}, ranks, nodes}, cluster.site(0));
    };
    EXPECT_GE(time(two, 2).value(), 0.49 * time(one, 1).value()) << node;
  }
}

TEST(CollectiveLaws, AllReduceTakesAtLeastAsLongAsEitherOfItsHalvesWithoutASwitchThatReduces) {
  for (const int nodes : {1, 2, 16}) {
    const hardware::Cluster cluster = testing::a100_cluster(nodes);
    for (double bytes = 1e3; bytes < 1e10; bytes *= 10) {
      const auto time = [&](CollectiveKind kind) {
        return collective_time({kind, Bytes{bytes}, 8 * nodes, nodes}, cluster.site(0));
      };
      // Trees take fewer steps than the rings of the halves on many nodes.
      if (select({CollectiveKind::all_reduce, Bytes{bytes}, 8 * nodes, nodes}, cluster.site(0)).row->name != "ring") {
        continue;
      }
      EXPECT_GE(time(CollectiveKind::all_reduce), time(CollectiveKind::all_gather)) << bytes;
      EXPECT_GE(time(CollectiveKind::all_reduce), time(CollectiveKind::reduce_scatter)) << bytes;
    }
  }
}

TEST(CollectiveLaws, TwoHalvesTakeNoLessThanTheWhole) {
  // The price of an algorithm is a latency and bytes, by the cheapest protocol: cutting a message saves nothing.
  for (const CollectiveRow& row : collective_algorithms()) {
    for (const CollectiveKind kind : kAllKinds) {
      for (const auto& [ranks, nodes] : {std::pair{8, 1}, {16, 2}, {64, 8}}) {
        const hardware::Cluster cluster = h100_cluster(nodes);
        if (!row.supports({kind, Bytes{1.0}, ranks, nodes}, cluster.site(0))) continue;
        const CollectiveConstants k = timing_constants(cluster.site(0), ranks, nodes);
        const auto time = [&](double bytes) {
          return row.time({kind, Bytes{bytes}, ranks, nodes}, cluster.site(0), k).total().value();
        };
        for (double bytes = 1e3; bytes < 1e10; bytes *= 3) {
          EXPECT_LE(time(bytes), 2.0 * time(bytes / 2.0) * (1 + 1e-12)) << row.name << " at " << bytes;
        }
      }
    }
  }
}

TEST(CollectiveLaws, WhatBindsIsNoFasterThanTheTimeSays) {
  // Bytes of a rank over what it sustains on the binding link: a part of the time in closed form.
  for (const int nodes : {1, 2, 8}) {
    const hardware::Cluster cluster = h100_cluster(nodes);
    for (const CollectiveKind kind : kAllKinds) {
      const CollectiveCall call{kind, Bytes{1e9}, 8 * nodes, nodes};
      const BindingLink bound = binding_link(call, cluster.site(0));
      ASSERT_FALSE(bound.link_class.empty());
      const std::string_view algorithm = select(call, cluster.site(0)).row->name;
      if (algorithm == "nvls" || algorithm == "nvls_tree") continue;  // priced by what the switch sustains
      EXPECT_LE((bound.bytes / bound.bandwidth).value(), collective_time(call, cluster.site(0)).value() * (1 + 1e-9))
          << algorithm;
    }
  }
}

TEST(CollectiveLaws, FasterLinksAndCardsSlowNothingDown) {
  for (const int nodes : {1, 4}) {
    const hardware::Cluster cluster = h100_cluster(nodes);
    hardware::Cluster links = cluster, cards = cluster;
    links.groups[0].gpu.nvlink_bandwidth *= 2.0;
    cards.groups[0].node.nic_bandwidth *= 1.25;
    for (const CollectiveKind kind : kAllKinds) {
      for (double bytes = 1e4; bytes < 1e10; bytes *= 10) {
        const CollectiveCall call{kind, Bytes{bytes}, 8 * nodes, nodes};
        const Choice plain = select(call, cluster.site(0));
        for (const hardware::Cluster* faster : {&links, &cards}) {
          if (!select(call, faster->site(0)).same_way(plain)) continue;  // NCCL's choice is its own
          EXPECT_LE(collective_time(call, faster->site(0)), collective_time(call, cluster.site(0)))
              << plain.row->name << " at " << bytes;
        }
      }
    }
  }
}

TEST(CollectiveLaws, OneModelOfManyCallsGivesWhatSingleCallsGive) {
  const hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "rail_fat_tree_ndr", 4);
  const CollectiveModel model(cluster.site(0));
  for (const CollectiveKind kind : kAllKinds) {
    for (const auto& [ranks, nodes] : {std::pair{2, 1}, {3, 1}, {8, 1}, {4, 4}, {32, 4}}) {
      for (const CollectiveLibrary library :
           {CollectiveLibrary::nccl, CollectiveLibrary::custom_graph, CollectiveLibrary::custom_eager}) {
        const CollectiveCall call{kind, Bytes{65536.0}, ranks, nodes, library, kernels::Implementation::vllm};
        EXPECT_EQ(model.time(call), collective_time(call, cluster.site(0)));
        EXPECT_EQ(model.explain(call).time, model.time(call));
      }
    }
  }
}

TEST(CollectiveLaws, AnEnginesOwnKernelsAreForSmallMessagesOnOneNode) {
  const hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "rail_fat_tree_ndr", 2);
  const auto algorithm = [&](double bytes, int ranks, int nodes) {
    return std::string(explain_collective({CollectiveKind::all_reduce, Bytes{bytes}, ranks, nodes,
                                           CollectiveLibrary::custom_graph, kernels::Implementation::vllm},
                                          cluster.site(0))
                           .algorithm);
  };
  EXPECT_EQ(algorithm(16384, 8, 1).substr(0, 6), "custom");
  EXPECT_NE(algorithm(1e9, 8, 1).substr(0, 6), "custom");
  EXPECT_NE(algorithm(16384, 16, 2).substr(0, 6), "custom");
  EXPECT_NE(algorithm(16384, 5, 1).substr(0, 6), "custom") << "a number of ranks that the libraries refuse";
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(CollectiveProperties, EveryCallHasAFinitePriceThatItsTermsAddUpTo) {
  const hardware::Cluster dgx = hardware::make_cluster("dgx_h100", "rail_fat_tree_ndr", 64);
  const hardware::Cluster pcie = hardware::make_cluster("l40s_box", "fat_tree_hdr", 8);
  EXPECT_TRUE(rc::check([&] {
    const hardware::Cluster& cluster = *rc::gen::arbitrary<bool>() ? dgx : pcie;
    const int per_node = cluster.groups[0].node.gpus;
    CollectiveCall call;
    call.kind = kAllKinds[*rc::gen::inRange<std::size_t>(0, kAllKinds.size())];
    call.nodes = *rc::gen::inRange(1, cluster.node_count() + 1);
    call.ranks = call.nodes * *rc::gen::inRange(1, per_node + 1);
    call.bytes = Bytes{std::exp2(*rc::gen::inRange(0, 40))};
    const Seconds time = collective_time(call, cluster.site(0));
    RC_ASSERT(std::isfinite(time.value()));
    RC_ASSERT((time.value() > 0.0) == (call.ranks > 1));
    const CollectiveEstimate estimate = explain_collective(call, cluster.site(0));
    RC_ASSERT(estimate.time == time);
    double sum = 0.0;
    for (const kernels::Term& term : estimate.terms) sum += term.time.value();
    RC_ASSERT(std::abs(sum - time.value()) <= 1e-12 * time.value());
  }));
}

#endif

}  // namespace
}  // namespace orrery::sim
