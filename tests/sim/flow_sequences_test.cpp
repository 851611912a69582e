// Random sequences of starts, cancellations, capacities and completions: FlowNetwork, which solves what changed,
// against a simulator that solves everything with the textbook's algorithm at each event.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "sim/network/flow_network.hpp"
#include "tests/sim/flow_support.hpp"

namespace orrery::sim {
namespace {

using test::Numbers;

struct Spec {
  double work, weight, limit;
  std::vector<LinkUse> uses;
};

/// Flows as the definition has them: at each event all rates anew, each flow's work done at its rate since the last.
class NaiveNetwork {
 public:
  explicit NaiveNetwork(std::vector<double> capacities) : capacities_(std::move(capacities)) {}

  void start(std::uint64_t tag, const Spec& spec) { flows_[tag] = {spec, spec.work}; }
  void cancel(std::uint64_t tag) { flows_.erase(tag); }
  void set_capacity(std::uint32_t link, double capacity) { capacities_[link] = capacity; }

  void advance(SimTime now) {
    while (true) {
      const std::map<std::uint64_t, long double> rate = rates();
      SimTime first = now;
      std::vector<std::uint64_t> due;
      for (const auto& [tag, flow] : flows_) {
        const SimTime end = now_ + static_cast<SimTime>(std::llround(flow.left / rate.at(tag)));
        if (end > first) continue;
        if (end < first) due.clear();
        first = end;
        due.push_back(tag);
      }
      for (auto& [tag, flow] : flows_) {
        flow.left = std::max(0.0L, flow.left - rate.at(tag) * static_cast<long double>(first - now_));
      }
      now_ = first;
      if (due.empty()) return;
      for (const std::uint64_t tag : due) {
        ends_[tag] = now_;
        flows_.erase(tag);
      }
    }
  }

  [[nodiscard]] std::map<std::uint64_t, long double> rates() const {
    MaxMinProblem problem;
    problem.capacity = capacities_;
    for (const auto& [tag, flow] : flows_) {
      problem.add_flow(flow.spec.uses.data(), flow.spec.uses.size(), flow.spec.weight, flow.spec.limit);
    }
    const std::vector<long double> rates = test::textbook_rates(problem);
    std::map<std::uint64_t, long double> out;
    std::size_t i = 0;
    for (const auto& [tag, flow] : flows_) out[tag] = rates[i++];
    return out;
  }

  [[nodiscard]] const std::map<std::uint64_t, SimTime>& ends() const { return ends_; }
  [[nodiscard]] bool has(std::uint64_t tag) const { return flows_.count(tag) > 0; }

 private:
  struct Flow {
    Spec spec;
    long double left;
  };
  std::vector<double> capacities_;
  std::map<std::uint64_t, Flow> flows_;
  std::map<std::uint64_t, SimTime> ends_;
  SimTime now_ = 0;
};

/// Both at once. Capacities in bytes per picosecond between 1 and 100.
class Pair {
 public:
  Pair(Numbers& numbers, std::uint32_t links, bool record)
      : numbers_(&numbers),
        capacities_(random_capacities(numbers, links)),
        naive_(capacities_),
        network_(in_seconds(capacities_), {.record = record}),
        bytes_(links, 0.0) {}

  void start(const Spec& spec) {
    const std::uint64_t tag = specs_.size();
    handles_.push_back(network_.start({tag, spec.work, spec.weight, spec.limit, spec.uses}, now_));
    naive_.start(tag, spec);
    specs_.push_back(spec);
  }

  void cancel_one() {
    const auto tag = numbers_->below(static_cast<std::uint32_t>(handles_.size()));
    const FlowHandle handle = handles_[tag];
    if (network_.is_active(handle) != naive_.has(tag)) return;  // it ends within a picosecond of now
    const double remaining = network_.remaining(handle);
    const std::optional<double> left = network_.cancel(handle, now_);
    EXPECT_EQ(left.has_value(), naive_.has(tag));
    EXPECT_EQ(left.value_or(0.0), remaining);
    if (left) carried(tag, specs_[tag].work - *left);
    naive_.cancel(tag);
  }

  void set_capacity() {
    const std::uint32_t link = numbers_->below(static_cast<std::uint32_t>(capacities_.size()));
    capacities_[link] = numbers_->uniform(1.0, 100.0);
    network_.set_capacity(LinkId{link}, BytesPerSecond{capacities_[link] * 1e12}, now_);
    naive_.set_capacity(link, capacities_[link]);
  }

  void advance(SimTime by) {
    const SimTime until = now_ + by;
    for (SimTime next = network_.next_completion(); next <= until; next = network_.next_completion()) step(next);
    if (now_ < until) step(until);
    naive_.advance(until);
  }

  void run_to_end() {
    for (SimTime next = network_.next_completion(); next != kNever; next = network_.next_completion()) step(next);
    naive_.advance(std::numeric_limits<SimTime>::max() / 4);
  }

  /// Rates and loads are those of a solution from scratch.
  void expect_same_rates() {
    std::vector<double> load(capacities_.size(), 0.0);
    for (const auto& [tag, rate] : naive_.rates()) {
      if (!network_.is_active(handles_[tag])) continue;
      EXPECT_NEAR(network_.rate(handles_[tag]) / static_cast<double>(rate), 1.0, 1e-9) << tag;
      for (const LinkUse& use : specs_[tag].uses) load[use.link] += static_cast<double>(rate) * use.share;
    }
    for (std::uint32_t l = 0; l < load.size(); ++l) {
      EXPECT_NEAR(network_.load(LinkId{l}).value() * 1e-12, load[l], 1e-8 * capacities_[l]) << l;
    }
  }

  void expect_same_ends() {
    EXPECT_EQ(network_.active(), 0u);
    EXPECT_EQ(ends_.size(), naive_.ends().size());
    for (const auto& [tag, end] : naive_.ends()) {
      const auto time = static_cast<double>(end);
      EXPECT_NEAR(static_cast<double>(ends_[tag]), time, 1e-9 * time + 3.0) << tag;
    }
  }

  /// Bytes carried are work·share of every flow, and the record's integral says the same.
  void expect_conservation() {
    for (std::uint32_t l = 0; l < bytes_.size(); ++l) {
      const LinkStatistics link = network_.statistics(LinkId{l});
      EXPECT_NEAR(link.carried.value(), bytes_[l], 1e-9 * bytes_[l] + 1e-3) << l;
      EXPECT_LE(link.mean_load, link.peak_load * (1 + 1e-6));
      EXPECT_LE(link.peak_load, 1.0 + 1e-9);
      double integral = 0.0, rate = 0.0;
      SimTime since = 0;
      for (const LoadChange& change : network_.changes(LinkId{l})) {
        integral += rate * static_cast<double>(change.time - since) * 1e-12;
        rate = change.rate.value();
        since = change.time;
      }
      // Ends are whole picoseconds: half of one at full rate for each flow.
      EXPECT_NEAR(integral, bytes_[l], 1e-6 * bytes_[l] + 100.0 * static_cast<double>(specs_.size())) << l;
    }
  }

 private:
  static std::vector<double> random_capacities(Numbers& numbers, std::uint32_t links) {
    std::vector<double> out;
    for (std::uint32_t l = 0; l < links; ++l) out.push_back(numbers.uniform(1.0, 100.0));
    return out;
  }
  static std::vector<BytesPerSecond> in_seconds(const std::vector<double>& capacities) {
    std::vector<BytesPerSecond> out;
    for (const double capacity : capacities) out.emplace_back(capacity * 1e12);
    return out;
  }

  void carried(std::uint64_t tag, double work) {
    for (const LinkUse& use : specs_[tag].uses) bytes_[use.link] += work * use.share;
  }

  void step(SimTime now) {
    now_ = now;
    done_.clear();
    network_.advance(now, done_);
    for (const FlowEnd& flow : done_) {
      EXPECT_EQ(flow.flow, handles_[flow.tag]);
      ends_[flow.tag] = now;
      carried(flow.tag, specs_[flow.tag].work);
    }
    EXPECT_TRUE(
        std::is_sorted(done_.begin(), done_.end(), [](const FlowEnd& a, const FlowEnd& b) { return a.tag < b.tag; }));
  }

  Numbers* numbers_;
  std::vector<double> capacities_;
  NaiveNetwork naive_;
  FlowNetwork network_;
  std::vector<double> bytes_;
  SimTime now_ = 0;
  std::vector<Spec> specs_;
  std::vector<FlowHandle> handles_;
  std::map<std::uint64_t, SimTime> ends_;
  std::vector<FlowEnd> done_;
};

Spec random_flow(Numbers& numbers, std::uint32_t links) {
  Spec spec;
  spec.uses = test::random_route(numbers, links);
  spec.work = std::round(numbers.uniform(1e8, 1e10));
  spec.weight = numbers.uniform(0.5, 4.0);
  spec.limit = spec.uses.empty() || numbers.below(2) == 0 ? numbers.uniform(0.5, 20.0) : kUnlimited;
  return spec;
}

TEST(FlowSequences, EqualASimulatorThatSolvesEverything) {
  Numbers numbers(7);
  for (int round = 0; round < 150; ++round) {
    const std::uint32_t links = 1 + numbers.below(round % 3 == 0 ? 40 : 12);  // many parts, or few
    Pair pair(numbers, links, round % 2 == 0);
    for (int event = 0; event < 60; ++event) {
      const std::uint32_t kind = event == 0 ? 0 : numbers.below(10);
      if (kind < 6) pair.start(random_flow(numbers, links));
      if (kind == 6) pair.cancel_one();
      if (kind == 7) pair.set_capacity();
      if (numbers.below(3) > 0) pair.advance(numbers.below(800'000'000));  // else at the same time
      if (event % 7 == 0) pair.expect_same_rates();
    }
    pair.run_to_end();
    pair.expect_same_ends();
    if (round % 2 == 0) pair.expect_conservation();
    if (HasFailure()) FAIL() << "round " << round;
  }
}

TEST(FlowSequences, ToThePicosecondWhereNothingIsFull) {
  // Limits and shares such that all flows together fit on every link; a capacity that changes and a flow that is
  // cancelled beside them move nothing.
  Numbers numbers(8);
  for (int round = 0; round < 50; ++round) {
    const std::vector<BytesPerSecond> capacities(8, BytesPerSecond{200e12});
    FlowNetwork network(capacities);
    std::map<std::uint64_t, SimTime> expected;
    std::vector<FlowEnd> done;
    std::vector<FlowHandle> handles;
    SimTime now = 0;
    for (std::uint64_t tag = 0; tag < 60; ++tag) {
      const std::vector<LinkUse> uses = test::random_route(numbers, 8);  // shares ≤ 3, limit 1: at most 180
      const auto work = static_cast<double>(numbers.below(2'000'000'000));
      handles.push_back(network.start({tag, work, numbers.uniform(0.5, 4.0), 1.0, uses}, now));
      expected[tag] = now + static_cast<SimTime>(work);
      if (tag % 9 == 8) {
        const std::uint64_t other = numbers.below(static_cast<std::uint32_t>(tag));
        if (network.cancel(handles[other], now)) expected.erase(other);
      }
      if (tag % 11 == 10) network.set_capacity(LinkId{numbers.below(8)}, BytesPerSecond{181e12}, now);
      const SimTime until = now + numbers.below(300'000'000);
      for (SimTime next = network.next_completion(); next <= until; next = network.next_completion()) {
        now = next;
        network.advance(now, done);
        for (const FlowEnd& flow : done) EXPECT_EQ(expected.at(flow.tag), now) << flow.tag;
        for (const FlowEnd& flow : done) EXPECT_FALSE(flow.held_up.link.valid());
        for (const FlowEnd& flow : done) expected.erase(flow.tag);
        done.clear();
      }
      now = until;
    }
    const std::vector<SimTime> ends = test::run_to_end(network, 60);
    for (const auto& [tag, end] : expected) EXPECT_EQ(ends[tag], end) << tag;
    EXPECT_EQ(network.solutions(), 0u);
  }
}

// Parts alike that share one core link, against one part that stands for all: the folded network's core shares are
// multiplied by the number of parts.
TEST(FlowSequences, FoldedEndsEqualFullOnes) {
  Numbers numbers(9);
  for (int round = 0; round < 60; ++round) {
    const std::uint32_t copies = 2 + numbers.below(5), links = 1 + numbers.below(4);
    std::vector<BytesPerSecond> folded{BytesPerSecond{numbers.uniform(5e12, 60e12)}};
    for (std::uint32_t l = 0; l < links; ++l) folded.emplace_back(numbers.uniform(1e12, 30e12));
    std::vector<BytesPerSecond> full{folded[0]};
    for (std::uint32_t c = 0; c < copies; ++c) full.insert(full.end(), folded.begin() + 1, folded.end());
    FlowNetwork one(folded), all(full);
    const std::uint32_t flows = 1 + numbers.below(12);
    for (std::uint64_t f = 0; f < flows; ++f) {
      Spec spec = random_flow(numbers, links);
      for (LinkUse& use : spec.uses) ++use.link;
      const bool crosses = spec.uses.empty() || numbers.below(2) == 0;
      std::vector<LinkUse> uses = spec.uses;
      if (crosses) uses.push_back({0, 1.0 * copies});
      one.start({f, spec.work, spec.weight, spec.limit, uses}, 0);
      for (std::uint32_t c = 0; c < copies; ++c) {
        std::vector<LinkUse> copy = spec.uses;
        for (LinkUse& use : copy) use.link += c * links;
        if (crosses) copy.push_back({0, 1.0});
        all.start({f * copies + c, spec.work, spec.weight, spec.limit, copy}, 0);
      }
    }
    const std::vector<SimTime> of_class = test::run_to_end(one, flows);
    const std::vector<SimTime> of_each = test::run_to_end(all, std::size_t{flows} * copies);
    for (std::size_t i = 0; i < of_each.size(); ++i) {
      const auto end = static_cast<double>(of_class[i / copies]);
      EXPECT_NEAR(static_cast<double>(of_each[i]), end, 1e-9 * end + 3.0) << "round " << round << ", flow " << i;
    }
  }
}

}  // namespace
}  // namespace orrery::sim
