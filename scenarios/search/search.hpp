// The search behind sweeps, questions and tuning: points of a scenario, several at a time, in a fixed order.
//
// A query has rows, each a few keys set. Without a range a row is one point. With one, a further key goes through whole
// numbers along which the answer turns once, and each row finds by bisection where: the most users that still hold an
// SLO, the fewest replicas that do. What is found depends neither on the number of threads nor on who is done first.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/runner.hpp"
#include "scenarios/search/bisection.hpp"
#include "scenarios/search/goal.hpp"
#include "scenarios/search/point.hpp"
#include "scenarios/search/search_rows.hpp"

namespace orrery::scenarios {

enum class Seek : std::uint8_t { most, fewest };

struct RangeLimits {
  std::int64_t least = 1, most = 1;
  bool top_first = false;  ///< of `fewest`: see fewest_that_holds()
  bool is_turn = false;    ///< of `most`: `least` is known to hold and what follows `most` not to (most_between())
};
/// A key along which holding is monotone: up to some value (seek the most) or from some value on (seek the fewest).
struct SearchRange {
  std::string key;  ///< empty: SearchQuery::also alone says what a number means
  Seek seek = Seek::most;
  std::function<RangeLimits(std::size_t row)> limits;
  /// Where the row's turn may be; empty: at the least. Asked for once something holds at all, so that it may be worked
  /// out; safe to call from several threads. It changes how many points are run, not which is found.
  std::function<TurnStart(std::size_t row, const RangeLimits& limits)> guess = {};
  /// What stands for the row where nothing of its range holds, and that can be told without it; nullopt: it can't.
  std::function<std::optional<SearchPoint>(std::size_t row, const RangeLimits& limits)> hopeless = {};
};

struct SearchQuery {
  SearchRows rows;
  std::optional<SearchRange> range;
  std::vector<Bound> bounds;
  bool until_missed = false;  ///< only whether a point holds is asked: see PointRunner::run()
  /// What follows from a point of a row, as the number of requests from that of clients; `n` is the range's value, or
  /// 0. May be empty.
  std::function<std::vector<Override>(std::size_t row, std::int64_t n)> also;
};

/// What a row comes to.
struct SearchRow {
  SearchPoint point;  ///< the sought one; where none holds, the one at the easy end of the range
  bool holds = false;
  std::int64_t value = 0;             ///< of a range: that of the point
  std::optional<SearchPoint> beyond;  ///< of a range: the next one, which no longer holds
  int runs = 0;
};

/// How a search goes on, and what it is told.
struct SearchControl {
  int jobs = 1;
  Console& console;
  Progress& progress;
  /// A row that an earlier search has finished; empty, or nullopt: it has not.
  std::function<std::optional<SearchRow>(std::size_t)> known = {};
  /// Each row as soon as all before it are there, on the calling thread. May throw: the search then stops.
  std::function<void(std::size_t, const SearchRow&)> take = {};
};

/// The rows that were finished before Ctrl-C, in order.
[[nodiscard]] std::vector<SearchRow> search(const PointRunner& runner, const SearchQuery& query,
                                            const SearchControl& control);

}  // namespace orrery::scenarios
