// What happens to the machine under a training job: whom an event of a GPU or link reaches, and how much it costs.
#include <array>
#include <map>

#include <gtest/gtest.h>

#include "kernels/kernel.hpp"
#include "models/training/training_run.hpp"
#include "tests/models/serving_jobs.hpp"
#include "tests/models/world_jobs.hpp"

namespace orrery::models {
namespace {

using testing::gpt_job;
using testing::spread_job;
using testing::with_leaves;

/// Sends something over each own link of one GPU of a job, and notes how long that took.
class Probe final : public WorldJob, private sim::Completion {
 public:
  Probe(TrainingRun& run, std::uint32_t gpu) : run_(&run), gpu_(gpu) {}

  void join(sim::LinkClasses& links) override { run_->join(links); }
  void begin(sim::World& world, const sim::LinkClasses& links, sim::SimTime at, std::function<void()> done) override {
    start_ = at;
    done_ = std::move(done);
    const std::vector<LinkId> own = run_->own_links(links, gpu_);
    for (std::size_t port = 0; port < own.size(); ++port) {
      constexpr sim::SimTime kLong = 1'000'000'000;
      const double share = links.links()[own[port].index()].capacity.value() * 1e-12;
      const sim::LinkUse use{own[port].value, share};
      (void)world.start({kLong, kLong, {&use, 1}}, *this, port);
    }
    left_ = own.size();
  }
  void stop() override {}
  [[nodiscard]] std::vector<sim::HeldUpOn> held_up() const override { return {}; }
  bool set_speed(std::uint32_t, double) override { return false; }
  [[nodiscard]] std::vector<LinkId> own_links(const sim::LinkClasses& links, std::uint32_t gpu) const override {
    return run_->own_links(links, gpu);
  }
  /// By own link, as WorldJob::own_links() lists them: multiples of the undisturbed time.
  std::array<double, 4> times{};

 private:
  void completed(std::uint64_t port, sim::SimTime now, const sim::HeldUp&) override {
    times.at(port) = static_cast<double>(now - start_) / 1e9;
    if (--left_ == 0) done_();
  }

  TrainingRun* run_;
  std::uint32_t gpu_;
  sim::SimTime start_ = 0;
  std::size_t left_ = 0;
  std::function<void()> done_;
};

/// How many times wider the PCIe cable is than what its GPUs' shares of the NICs sustain together.
double width_of(const std::string& cable, int gpus, const hardware::Cluster& cluster) {
  const hardware::Topology topology(cluster);
  const sim::LinkClasses links(cluster, nullptr);
  const BytesPerSecond share = links.sustained(cluster.site(0).network_bandwidth_per_gpu());
  return topology.link(topology.find_link(cable)).bandwidth / (share * gpus);
}

/// By own link of GPU 0 of node 1, how many times as long something takes that fills it alone, under an event.
std::array<double, 4> times_under(const TrainingJob& job, const std::string& link, double scale) {
  const testing::RooflineTimer timer;
  const hardware::Topology topology(job.cluster);
  const std::vector<Disturbance> disturbances = {{Seconds{0.0}, std::nullopt, std::nullopt, link, scale}};
  TrainingRun run(job, timer, alike_members(job, disturbances, &topology), nullptr, {});
  Probe probe(run, static_cast<std::uint32_t>(job.cluster.node_count() > 1 ? job.cluster.groups[0].node.gpus : 0));
  sim::LinkClasses links(job.cluster, &topology);
  probe.join(links);
  links.fold();
  (void)run_world(links, &topology, {{&probe, Seconds{0.0}, std::nullopt}}, disturbances, {});
  return probe.times;
}

void expect_times(const std::array<double, 4>& times, const std::array<double, 4>& expected, const std::string& link) {
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(times.at(i), expected.at(i), 1e-9) << link << " " << i;
}

TEST(TrainingEvents, AnEventNarrowsTheWayThatItsLinkIsOn) {
  const TrainingJob job = spread_job(4);
  const double half = 2.0 / width_of("node1.nic0.pcie_in", 1, job.cluster);
  ASSERT_GT(half, 1.0);
  const std::map<std::string, std::array<double, 4>> expected = {
      {"node1.gpu0.nvlink_out", {2, 1, 1, 1}},  {"node1.gpu0.nvlink_in", {1, 2, 1, 1}},
      {"node1.nic0.out", {1, 1, 2, 1}},         {"node1.nic0.in", {1, 1, 1, 2}},
      {"node1.nic0.pcie_in", {1, 1, half, 1}},  {"node1.nic0.pcie_out", {1, 1, 1, half}},
      {"node1.gpu0.pcie_out", {1, 1, half, 1}}, {"node1.gpu0.pcie_in", {1, 1, 1, half}}};
  for (const auto& [link, times] : expected) expect_times(times_under(job, link, 0.5), times, link);
}

TEST(TrainingEvents, GpusThatShareACardShareItsCable) {
  TrainingJob job = spread_job(4);
  job.cluster.groups[0].node.nics = 1;
  const double half = 2.0 / width_of("node1.nic0.pcie_in", 2, job.cluster);
  ASSERT_GT(half, 1.0);
  expect_times(times_under(job, "node1.nic0.pcie_in", 0.5), {1, 1, half, 1}, "pcie_in");
  expect_times(times_under(job, "node1.nic0.out", 0.5), {1, 1, 2, 1}, "out");
  // A GPU's own cable has room for twice its half of the card.
  EXPECT_GT(width_of("node1.gpu0.pcie_out", 1, job.cluster), 2.0);
  expect_times(times_under(job, "node1.gpu0.pcie_out", 0.5), {1, 1, 1, 1}, "gpu0.pcie_out");
}

TEST(TrainingEvents, WithoutNvlinkAGpusCableIsTheWayToItsNeighboursAndToTheCard) {
  TrainingJob job = spread_job(4);
  job.cluster.groups[0].node.nvswitch = false;
  const double half = 2.0 / width_of("node1.gpu0.pcie_out", 1, job.cluster);
  expect_times(times_under(job, "node1.gpu0.pcie_out", 0.5), {2, 1, half, 1}, "pcie_out");
}

TEST(TrainingEvents, PcieIsNoWayBetweenGpusOfOneNodeWithNvlink) {
  TrainingJob job = gpt_job(4, 16, 1);
  const testing::RooflineTimer timer;
  const Seconds alone = predict(job, timer).step_time;
  for (const double scale : {0.1, 0.0}) {
    TrainingOptions options;
    options.disturbances.push_back({Seconds{0.0}, std::nullopt, std::nullopt, "node0.gpu0.pcie_out", scale});
    EXPECT_EQ(predict(job, timer, options).step_time, alone) << scale;
  }
}

TEST(TrainingEvents, TwoEventsOnOneLinkMultiplyAndEndEachForItself) {
  const TrainingJob job = spread_job(4);
  const testing::RooflineTimer timer;
  const auto steps_under = [&](std::vector<Disturbance> disturbances) {
    TrainingOptions options;
    options.steps = 4;
    options.disturbances = std::move(disturbances);
    std::vector<Seconds> each;
    for (const RepeatedSteps& some : predict(job, timer, options).repeated_steps) {
      each.insert(each.end(), static_cast<std::size_t>(some.count), some.duration);
    }
    return each;
  };
  const auto on_link = [](double scale, std::optional<Seconds> until, const char* link = "node1.nic0.out") {
    return Disturbance{Seconds{0.0}, until, std::nullopt, link, scale};
  };
  const std::vector<Seconds> tenth = steps_under({on_link(0.1, std::nullopt)});
  const std::vector<Seconds> twentieth = steps_under({on_link(0.05, std::nullopt)});
  ASSERT_GT(twentieth[0].value(), 1.01 * tenth[0].value());
  const Seconds soon = twentieth[0] * 1.01;
  const std::vector<Seconds> both = steps_under({on_link(0.1, std::nullopt), on_link(0.5, soon)});
  EXPECT_NEAR(both[0].value(), twentieth[0].value(), 1e-9);
  EXPECT_NEAR(both[3].value(), tenth[3].value(), 1e-9) << "the end of one event ended the other";
  // Two links in a row are as wide as the narrower one.
  const char* const slot = "node1.nic0.pcie_in";
  const double narrow = 0.05 / width_of(slot, 1, job.cluster);
  const std::vector<Seconds> row = steps_under({on_link(0.1, std::nullopt), on_link(narrow, soon, slot)});
  EXPECT_NEAR(row[0].value(), twentieth[0].value(), 1e-9);
  EXPECT_NEAR(row[3].value(), tenth[3].value(), 1e-9);
}

TEST(TrainingEvents, GpusAreDisturbedByWhatHappensToThemOrToALinkOfTheirNode) {
  // Nodes of two GPUs with a NIC each, two on a leaf.
  const hardware::Topology topology(with_leaves(spread_job(8).cluster, 4, 1.0));
  const auto on = [](const char* link) { return Disturbance{Seconds{0.0}, std::nullopt, std::nullopt, link, 0.5}; };
  const Disturbance gpu{Seconds{0.0}, std::nullopt, 9u, "", 0.5};
  const std::vector<Disturbance> all{on("node3.nic1.out"), gpu, on("leaf0.spine0.up"), on("node2.gpu0.nvlink_in"),
                                     on("node3.nic1.in"),  gpu};
  EXPECT_EQ(disturbed_gpus(all, &topology), (std::vector<std::uint32_t>{4, 7, 9}));
  EXPECT_EQ(disturbed_gpus({gpu}, nullptr), std::vector<std::uint32_t>{9});
  EXPECT_TRUE(disturbed_gpus({}, &topology).empty());
}

TEST(TrainingEvents, EventsOnLinksThatAreAlikeAddUpToNothing) {
  TrainingJob job = spread_job(8);
  job.config.pipeline_parallel = 1;  // rings only: what goes up comes down
  job.cluster = with_leaves(job.cluster, 4, 1.0);
  job.cluster.fabric.kind = hardware::FabricKind::fat_tree;
  const testing::RooflineTimer timer;
  const hardware::Topology topology(job.cluster);
  const auto step_under = [&](int leaves, const std::vector<std::string>& ways) {
    TrainingOptions options;
    options.topology = &topology;
    options.steps = 2;
    for (int leaf = 0; leaf < leaves; ++leaf) {
      for (const std::string& way : ways) {
        for (int spine = 0; spine < topology.spine_count(); ++spine) {
          const std::string link = "leaf" + std::to_string(leaf) + ".spine" + std::to_string(spine) + "." + way;
          options.disturbances.push_back({Seconds{0.0}, std::nullopt, std::nullopt, link, 0.25});
        }
      }
    }
    return predict(job, timer, options).step_time;
  };
  const Seconds one = step_under(1, {"up"});
  EXPECT_GT(one, step_under(0, {}));
  EXPECT_EQ(step_under(2, {"up"}), one) << "a ring goes at the rate of its slowest link, however many are slow";
  EXPECT_EQ(step_under(1, {"up", "down"}), one) << "a cable that is bad in both directions";
}

TEST(TrainingEvents, ALinkThatIsDownMattersToWhatLoadsIt) {
  TrainingJob job = spread_job(2, 4);
  job.config.tensor_parallel = job.config.pipeline_parallel = 1;
  job.config.data_parallel = 4;  // on one node of two: nothing leaves it
  const testing::RooflineTimer timer;
  const Seconds alone = predict(job, timer).step_time;
  const auto with = [](const std::string& link, std::optional<Seconds> until = std::nullopt) {
    TrainingOptions options;
    options.disturbances.push_back({Seconds{0.0}, until, std::nullopt, link, 0.0});
    return options;
  };
  EXPECT_EQ(predict(job, timer, with("node0.nic0.out")).step_time, alone) << "the job stays in its node";
  EXPECT_EQ(predict(job, timer, with("node1.gpu0.nvlink_out")).step_time, alone) << "no job is there";
  EXPECT_THROW((void)predict(job, timer, with("node0.gpu0.nvlink_out")), Disturbed);
  // Up again before the first gradients are ready.
  EXPECT_EQ(predict(job, timer, with("node0.gpu0.nvlink_out", Seconds{1e-9})).step_time, alone);
}

TEST(TrainingEvents, WhatALinkIsAWayOf) {
  TrainingJob job = spread_job(8);
  const hardware::Topology spread(with_leaves(job.cluster, 4, 1.0)), one(testing::small_cluster(1, 4));
  const auto reach = [](const hardware::Topology& topology, const char* link) {
    return reach_of(topology, topology.find_link(link));
  };
  EXPECT_EQ(reach(spread, "leaf0.spine0.up"), Reach::fabric);
  EXPECT_EQ(reach(spread, "node0.nic0.out"), Reach::own_links);
  EXPECT_EQ(reach(spread, "node0.gpu0.pcie_out"), Reach::own_links);
  EXPECT_EQ(reach(spread, "node0.pcie0.up"), Reach::nothing) << "to the host";
  EXPECT_EQ(reach(spread, "node0.pcie0.down"), Reach::nothing);
  EXPECT_EQ(reach(one, "node0.gpu0.nvlink_out"), Reach::own_links);
  EXPECT_EQ(reach(one, "node0.gpu0.pcie_out"), Reach::nothing) << "no network behind it, and NVLink beside it";
}

TEST(TrainingEvents, AGpuThatIsDownMattersToTheJobsOnIt) {
  TrainingJob job = spread_job(8);
  job.config.data_parallel = 2;  // 8 of 16 GPUs
  const testing::RooflineTimer timer;
  TrainingOptions options;
  options.disturbances.push_back({Seconds{0.0}, std::nullopt, 15u, "", 0.0});
  EXPECT_EQ(predict(job, timer, options).step_time, predict(job, timer).step_time);
  options.disturbances.front().gpu = 3u;
  EXPECT_THROW((void)predict(job, timer, options), Disturbed);
}

}  // namespace
}  // namespace orrery::models
