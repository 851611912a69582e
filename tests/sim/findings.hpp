// What check() says of a plan, in assertions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace orrery::sim::testing {

inline ::testing::AssertionResult Says(const std::vector<std::string>& findings, std::string_view text) {
  for (const std::string& finding : findings) {
    if (finding.find(text) != std::string::npos) return ::testing::AssertionSuccess();
  }
  ::testing::AssertionResult result = ::testing::AssertionFailure() << "no finding says \"" << text << "\"; findings:";
  for (const std::string& finding : findings) result << "\n  " << finding;
  return result;
}

inline ::testing::AssertionResult Clean(const std::vector<std::string>& findings) {
  return findings.empty() ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << findings.front();
}

}  // namespace orrery::sim::testing
