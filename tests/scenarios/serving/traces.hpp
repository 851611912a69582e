// What a trace of a serving run says, for those who look at it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace orrery::scenarios::testing {

inline std::vector<nlohmann::json> events(const nlohmann::json& trace, const std::string& phase,
                                          const std::string& category = "") {
  std::vector<nlohmann::json> found;
  for (const nlohmann::json& event : trace["traceEvents"]) {
    if (event["ph"] != phase) continue;
    if (category.empty() || event.value("cat", "") == category) found.push_back(event);
  }
  return found;
}

/// Spans of a request open and close as brackets do, at times that never go back.
inline void expect_lives_in_order(const nlohmann::json& trace) {
  std::map<std::uint64_t, std::vector<std::string>> open;
  std::map<std::uint64_t, double> latest;
  for (const nlohmann::json& event : trace["traceEvents"]) {
    const std::string phase = event["ph"];
    if (phase != "b" && phase != "e") continue;
    const std::uint64_t id = event["id"];
    EXPECT_GE(event["ts"].get<double>(), latest[id]) << event;
    latest[id] = event["ts"];
    if (phase == "b") {
      open[id].push_back(event["name"]);
    } else {
      ASSERT_FALSE(open[id].empty()) << event;
      EXPECT_EQ(open[id].back(), event["name"]);
      open[id].pop_back();
    }
  }
  for (const auto& [id, names] : open) EXPECT_TRUE(names.empty()) << id;
}

}  // namespace orrery::scenarios::testing
