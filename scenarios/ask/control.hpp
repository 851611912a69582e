// How a question goes on: threads, and who is told how far it is.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "scenarios/runner.hpp"
#include "scenarios/search/search.hpp"

namespace orrery::scenarios {

/// Threads, console and quietness of the command, or what stands for them in the window.
struct AskControl {
  int jobs = 1;
  bool quiet = false;
  Console& console;
  /// Where there is no terminal: told how many kinds of engine were tried, on the thread that asks.
  std::function<void(std::size_t done, std::size_t total)> progress = {};

  /// Runs the rows of a query, whose progress is told as so many `what`.
  [[nodiscard]] std::vector<SearchRow> search(const PointRunner& runner, const SearchQuery& query,
                                              std::string_view what) const;
};

}  // namespace orrery::scenarios
