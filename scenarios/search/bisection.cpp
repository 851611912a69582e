#include "scenarios/search/bisection.hpp"

#include <algorithm>

namespace orrery::scenarios {

std::int64_t most_between(std::int64_t yes, std::int64_t no, const std::function<bool(std::int64_t)>& holds) {
  while (no - yes > 1) {
    const std::int64_t middle = yes + (no - yes) / 2;
    (holds(middle) ? yes : no) = middle;
  }
  return yes;
}

std::optional<std::int64_t> most_that_holds(std::int64_t least, std::int64_t most, TurnStart start,
                                            const std::function<bool(std::int64_t)>& holds) {
  if (least > most) return std::nullopt;
  std::int64_t step = std::max<std::int64_t>(1, start.step);
  std::int64_t yes = std::clamp(start.n, least, most);
  if (!holds(yes)) {
    for (std::int64_t no = yes;; step *= 2) {
      if (no == least) return std::nullopt;
      const std::int64_t next = no - std::min(step, no - least);
      if (holds(next)) return most_between(next, no, holds);
      no = next;
    }
  }
  for (; yes < most; step *= 2) {
    const std::int64_t next = yes + std::min(step, most - yes);
    if (!holds(next)) return most_between(yes, next, holds);
    yes = next;
  }
  return yes;
}

std::optional<std::int64_t> fewest_that_holds(std::int64_t least, std::int64_t most, bool top_first,
                                              const std::function<bool(std::int64_t)>& holds,
                                              const std::function<TurnStart()>& start) {
  if (least > most || (top_first && !holds(most))) return std::nullopt;
  const std::int64_t last = top_first ? most - 1 : most;  // what comes after it holds, or may not be asked
  const auto fails = [&](std::int64_t n) { return !holds(n); };
  const TurnStart from = start && least <= last ? start() : TurnStart{least, 2};
  const std::int64_t first = most_that_holds(least, last, from, fails).value_or(least - 1) + 1;
  return first <= most ? std::optional<std::int64_t>(first) : std::nullopt;
}

}  // namespace orrery::scenarios
