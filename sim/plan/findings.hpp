// How the rules of a plan report what is broken: sentences that name rank, stream and step.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/plan/plan.hpp"
#include "sim/run_control.hpp"

namespace orrery::sim {

/// Collects sentences; a broken generator can break a rule a million times.
class Findings {
 public:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    if (sentences_.size() < kMost) sentences_.push_back(fmt::format(format, std::forward<Args>(args)...));
    ++count_;
  }

  [[nodiscard]] bool empty() const { return count_ == 0; }

  [[nodiscard]] std::vector<std::string> take() {
    if (count_ > kMost) sentences_.push_back(fmt::format("… and {} more", count_ - kMost));
    return std::move(sentences_);
  }

 private:
  static constexpr std::size_t kMost = 100;
  std::vector<std::string> sentences_;
  std::size_t count_ = 0;
};

inline std::string rank_name(const Plan& plan, RankId rank) {
  return fmt::format("rank {} \"{}\"", rank.value, plan.ranks[rank.index()].name);
}

inline std::string place(const Plan& plan, std::size_t stream) {
  const Stream& s = plan.streams[stream];
  return fmt::format("{}, stream {} ({})", rank_name(plan, s.rank), stream, lane_name(plan.lane_names, s.lane));
}

inline std::string place(const Plan& plan, std::size_t stream, std::size_t step) {
  return fmt::format("{}, step {}", place(plan, stream), step);
}

inline std::string_view label_text(const Plan& plan, LabelId label) {
  return label.index() < plan.labels.size() ? std::string_view(plan.labels[label.index()]) : "?";
}

// The groups of rules. check() runs them in an order in which each may rely on the ones before.
void check_events(const Plan& plan, Findings& findings, Pacer& pacer);
void check_transfers(const Plan& plan, Findings& findings, Pacer& pacer);
void check_collectives(const Plan& plan, Findings& findings, Pacer& pacer);

}  // namespace orrery::sim
