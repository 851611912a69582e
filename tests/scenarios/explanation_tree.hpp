// The trees that explain one scenario's figures, and their parts.
#pragma once

#include <numeric>
#include <string>

#include <gtest/gtest.h>

#include "scenarios/explanation.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios::testing {

/// A scenario that was run, and where each of its figures comes from.
class Tree {
 public:
  explicit Tree(const std::string& text)
      : report_(run_scenario(parse_scenario(text, "s.yaml"), Keep{true, false})), explanation_(report_) {}
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  [[nodiscard]] ExplainNode of(const std::string& metric) const { return explanation_.of(metric); }
  [[nodiscard]] double metric(const std::string& name) const { return report_.metric(name); }
  [[nodiscard]] const Report& report() const { return report_; }

 private:
  Report report_;
  Explanation explanation_;
};

/// The first part whose title begins so; a failure and the node itself where none does.
inline const ExplainNode* part(const ExplainNode& node, const std::string& begin) {
  for (const ExplainNode& one : node.parts) {
    if (one.title.rfind(begin, 0) == 0) return &one;
  }
  ADD_FAILURE() << node.title << " has no part " << begin;
  return &node;
}

inline double sum_of(const ExplainNode& node) {
  return std::accumulate(node.parts.begin(), node.parts.end(), 0.0,
                         [](double sum, const ExplainNode& one) { return sum + one.value; });
}

}  // namespace orrery::scenarios::testing
