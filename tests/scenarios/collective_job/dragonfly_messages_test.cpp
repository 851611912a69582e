// Messages on a dragonfly by hand, and what becomes of them when cables go down.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kBytes = 64.0 * 1024 * 1024;
constexpr double kCable = 0.85 * 50e9;  // what transports sustain of 400 Gb/s
constexpr double kMessage = 36e9;       // the most of one message
constexpr double kLatency = 20e-6;      // more than a message waits for on all of its hops

/// GH200 superchips of one GPU and one card, so that every number is a node's.
class DragonflyMessages : public FolderTest {
 protected:
  [[nodiscard]] std::string fabric(int nodes_per_router, int routers, int global_links) const {
    return write("fabric.yaml",
                 "title: small\nfabric:\n  kind: dragonfly\n  link_bandwidth: 400 Gb/s\n  switch_latency: 130 ns\n"
                 "  cable_latency: 100 ns\n  leaf_ports: " +
                     std::to_string(nodes_per_router) + "\n  group_routers: " + std::to_string(routers) +
                     "\n  global_links: " + std::to_string(global_links) +
                     "\n  global_bandwidth: 400 Gb/s\n  global_latency: 500 ns\n  max_nodes: 1000\n"
                     "sources:\n  default: made up\n");
  }
  /// Two groups of two routers, `per_router` nodes on each; cables between routers 0 and 2, 1 and 3.
  [[nodiscard]] std::string two_groups(int per_router) const {
    return "{node: gh200_box, nodes: " + std::to_string(4 * per_router) + ", fabric: " + fabric(per_router, 2, 1) + "}";
  }
  [[nodiscard]] static std::string on(const std::string& cluster, const std::string& collective,
                                      const std::string& events = "") {
    return "scenario: messages\ncluster: " + cluster + "\ncollective: " + collective + "\n" + events;
  }
  [[nodiscard]] nlohmann::json report_of(const std::string& text, int code = 0) const {
    const Outcome outcome = orrery({"run", write("s.yaml", text), "-q", "--json", path("r.json")});
    EXPECT_EQ(outcome.code, code) << outcome.err << text;
    return nlohmann::json::parse(read_file(path("r.json")));
  }
  [[nodiscard]] double time_of(const std::string& text) const {
    const nlohmann::json report = report_of(text);
    EXPECT_THAT(report["findings"], IsEmpty()) << text;
    return report["collective"]["time_s"];
  }
  static std::string down(const std::string& link, double at, const std::string& until = "") {
    return "  - {at: " + std::to_string(at * 1e6) + " us, link: " + link + ", down: true" +
           (until.empty() ? "" : ", until: " + until) + "}\n";
  }
};

// Three groups of two routers with a global link each: one cable between each two groups. Four nodes of the first group
// send to the four of the second, and get as much.
TEST_F(DragonflyMessages, OfTwoGroupsQueueOnTheCableBetweenThem) {
  const std::string cluster = "{node: gh200_box, nodes: 12, fabric: " + fabric(2, 2, 1) + "}";
  const double time = time_of(on(cluster, "{operation: halfway, bytes: 64 MiB, gpus: 8}"));
  EXPECT_NEAR(time, 4 * kBytes / kCable, kLatency);
}

TEST_F(DragonflyMessages, OfTwoNodesOfARouterLoadTheirCardsAlone) {
  const nlohmann::json report = report_of(on(two_groups(2), "{operation: halfway, bytes: 64 MiB, gpus: 2}"));
  EXPECT_NEAR(report["collective"]["time_s"].get<double>(), kBytes / kMessage, kLatency);
  for (const auto& link : report["links"]) EXPECT_EQ(link["class"], "nic") << link;
  EXPECT_EQ(report["links"].size(), 1u);
}

// Of the first group's other three nodes and the second's four: all end on one card.
TEST_F(DragonflyMessages, OfAnIncastQueueOnTheReceiversCard) {
  EXPECT_NEAR(time_of(on(two_groups(2), "{operation: incast, bytes: 64 MiB}")), 7 * kBytes / kCable, kLatency);
}

// From one node to one of the other group: another cable is as wide.
TEST_F(DragonflyMessages, TakeAnotherCableWhereOneIsDown) {
  const std::string apart = two_groups(1);
  const std::string far = apart.substr(0, apart.size() - 1) + ", placement: {spread: 2}}";
  const std::string send = "{operation: halfway, bytes: 64 MiB, gpus: 2}";
  const double plain = time_of(on(far, send));
  EXPECT_NEAR(plain, kBytes / kMessage, kLatency);
  for (const std::string link : {"leaf0.leaf2", "leaf2.leaf0", "leaf1.leaf3"}) {
    for (const double at : {0.0, 0.5 * plain}) {
      EXPECT_NEAR(time_of(on(far, send, "events:\n" + down(link, at))), plain, 1e-9) << link << " from " << at;
    }
  }
}

// Two messages each way over each of two cables; over one of them they take twice as long.
TEST_F(DragonflyMessages, ShareTheCableThatIsLeft) {
  const std::string cluster = two_groups(2), send = "{operation: halfway, bytes: 64 MiB}";
  const double plain = time_of(on(cluster, send));
  EXPECT_NEAR(plain, 2 * kBytes / kCable, kLatency);
  const double wire = 2 * kBytes / kCable;
  EXPECT_NEAR(time_of(on(cluster, send, "events:\n" + down("leaf0.leaf2", 0.0))), 2 * wire, kLatency);
  const double half = plain - wire / 2;  // half of the bytes are there
  EXPECT_NEAR(time_of(on(cluster, send, "events:\n" + down("leaf0.leaf2", half))), plain + wire / 2, 1e-7);
  // A quarter of the bytes until it comes back, the last quarter as before.
  const std::string back = std::to_string((half + wire / 2) * 1e6) + " us";
  EXPECT_NEAR(time_of(on(cluster, send, "events:\n" + down("leaf0.leaf2", half, back))), plain + wire / 4, 1e-7);
}

TEST_F(DragonflyMessages, GoByAThirdGroupWhereTheOnlyCableIsDown) {
  const std::string cluster = "{node: gh200_box, nodes: 6, fabric: " + fabric(1, 2, 1) + ", placement: {spread: 2}}";
  const std::string send = "{operation: halfway, bytes: 64 MiB, gpus: 2}";
  const double plain = time_of(on(cluster, send));
  for (const std::string link : {"leaf0.leaf3", "leaf3.leaf0"}) {
    const nlohmann::json report = report_of(on(cluster, send, "events:\n" + down(link, 0.5 * plain)));
    EXPECT_THAT(report["findings"], IsEmpty());
    EXPECT_NEAR(report["collective"]["time_s"].get<double>(), plain, 1e-9);
    double global = 0.0;
    for (const auto& one : report["links"]) {
      if (one["class"] == "spine") global += one["bytes"].get<double>();
    }
    // All that is left at half time takes the other half.
    const double wire = kBytes / kMessage, left = 0.5 * plain / wire;
    EXPECT_NEAR(global, 2 * kBytes * (1.0 + left), 1.0) << "one cable, then two of them, both ways";
  }
}

// Two nodes in the second group: of the first group's 160 messages to each card of theirs a twentieth and more end on
// the other's router, so that the cable between the two would have 24 where a card has 21. They go around by the other
// routers of the group, whether it is down or not: 256 MiB, of which 168/176 leave a node, at 25 GB/s of which 0.85 are
// sustained.
TEST_F(DragonflyMessages, KeepOffACrowdedCable) {
  const std::string cluster = "{node: dgx_a100, nodes: 22, fabric: dragonfly_hdr}";
  const std::string exchange = "{operation: all_to_all, bytes: 256 MiB}";
  const double plain = time_of(on(cluster, exchange));
  EXPECT_NEAR(plain, 4 * kBytes * 168 / 176 / (0.85 * 25e9), 0.1e-3);
  for (const std::string link : {"leaf20.leaf21", "leaf21.leaf20", "leaf20.leaf22", "leaf0.leaf1", "leaf0.leaf20"}) {
    const double dead = time_of(on(cluster, exchange, "events:\n" + down(link, 0.0)));
    EXPECT_GE(dead, plain - 1e-9) << link << ": a cable less is no gain";
    for (const char* scale : {"0.01", "0.1", "0.5", "0.9"}) {
      const std::string slow = "events:\n  - {at: 0 s, link: " + link + ", scale: " + scale + "}\n";
      EXPECT_LE(time_of(on(cluster, exchange, slow)), dead + 1e-9) << link << " at " << scale;
    }
  }
}

// A message knows of no other: were each to leave the slower of two cables, all would be on one.
TEST_F(DragonflyMessages, StayOnASlowCableWhereEachIsAnOperationOfItsOwn) {
  const std::string cluster = two_groups(2), send = "{operation: halfway, bytes: 64 MiB}";
  const double plain = time_of(on(cluster, send)), wire = 2 * kBytes / kCable;
  const std::string slow = "events:\n  - {at: 0 s, link: leaf0.leaf2, scale: 0.8}\n";
  EXPECT_NEAR(time_of(on(cluster, send, slow)), plain + wire * 0.25, 1e-7);
}

TEST_F(DragonflyMessages, EndWithTheLinkNamedWhereNothingIsLeft) {
  const std::string apart = two_groups(1);
  const std::string far = apart.substr(0, apart.size() - 1) + ", placement: {spread: 2}}";
  const nlohmann::json report = report_of(on(far, "{operation: halfway, bytes: 64 MiB, gpus: 2}",
                                             "events:\n" + down("leaf0.leaf2", 2e-4) + down("leaf3.leaf1", 5e-4)),
                                          1);
  ASSERT_EQ(report["findings"].size(), 1u);
  EXPECT_THAT(report["findings"][0].dump(),
              AllOf(HasSubstr("the link 'leaf"), HasSubstr("is down and no way is left")));
}

// The flow that a hash puts on an up-link of a fat tree takes another spine.
TEST_F(DragonflyMessages, OfAHashedFatTreeTakeAnotherSpine) {
  const std::string cluster =
      "{node: dgx_h100, nodes: 8, fabric: fat_tree_ndr, network: {spread: hash}, placement: {spread: 4}}";
  const std::string send = "{operation: halfway, bytes: 64 MiB, gpus: 2, gpus_per_node: 1}";
  const double plain = time_of(on(cluster, send));
  std::string events = "events:\n";
  for (int spine = 0; spine < 31; ++spine) events += down("leaf0.spine" + std::to_string(spine) + ".up", 0.3 * plain);
  EXPECT_NEAR(time_of(on(cluster, send, events)), plain, 1e-9);
  events += down("leaf0.spine31.up", 0.5 * plain);
  EXPECT_THAT(report_of(on(cluster, send, events), 1)["findings"].dump(), HasSubstr("no way is left"));
}

// Rings of messages, a step of training and an engine whose stages are of two groups go on, too.
TEST_F(DragonflyMessages, OfEveryKindOfJobAreRoutedAround) {
  const std::string cluster = two_groups(1);
  for (const std::string reading : {"flows", "messages"}) {
    const std::string read = cluster.substr(0, cluster.size() - 1) + ", network: {reading: " + reading + "}}";
    const std::string sum = "{operation: all_reduce, bytes: 256 MiB}";
    const double plain = time_of(on(read, sum));
    for (const std::string link : {"leaf0.leaf2", "leaf1.leaf3", "leaf3.leaf1"}) {
      EXPECT_NEAR(time_of(on(read, sum, "events:\n" + down(link, 0.4 * plain))), plain, 0.3 * plain) << reading << link;
    }
  }
  for (const std::string job :
       {"model: gpt2-124m\ntraining: {sequence_length: 1024, global_batch_size: 8, data_parallel: 4, steps: 20}\n",
        "model: llama-3-8b\nserving: {pipeline_parallel: 4, load: {rate: 20, requests: 20, input: 256, output: "
        "8}}\n"}) {
    for (const std::string link : {"leaf0.leaf2", "leaf1.leaf3", "leaf2.leaf0"}) {
      const nlohmann::json report =
          report_of("scenario: s\ncluster: " + cluster + "\n" + job + "events:\n" + down(link, 0.05));
      EXPECT_THAT(report["findings"], IsEmpty()) << job << link;
    }
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
