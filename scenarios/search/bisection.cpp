#include "scenarios/search/bisection.hpp"

#include <algorithm>

namespace orrery::scenarios {

namespace {

/// The last n of (yes, no) on the side of `yes`: `is_yes` turns once between them.
std::int64_t last_yes(std::int64_t yes, std::int64_t no, const std::function<bool(std::int64_t)>& is_yes) {
  while (no - yes > 1) {
    const std::int64_t middle = yes + (no - yes) / 2;
    (is_yes(middle) ? yes : no) = middle;
  }
  return yes;
}

}  // namespace

std::optional<std::int64_t> most_that_holds(std::int64_t least, std::int64_t most,
                                            const std::function<bool(std::int64_t)>& holds) {
  if (least > most || !holds(least)) return std::nullopt;
  std::int64_t yes = least;
  for (std::int64_t step = 1; yes < most; step *= 2) {
    const std::int64_t next = std::min(most, yes + std::min(step, most - yes));
    if (!holds(next)) return last_yes(yes, next, holds);
    yes = next;
  }
  return yes;
}

std::optional<std::int64_t> fewest_that_holds(std::int64_t least, std::int64_t most, bool top_first,
                                              const std::function<bool(std::int64_t)>& holds) {
  if (least > most || (top_first && !holds(most))) return std::nullopt;
  const auto fails = [&](std::int64_t n) { return !holds(n); };
  const std::int64_t known = top_first ? most : most + 1;  // holds, or is beyond all that may be asked
  std::int64_t no = least - 1;
  for (std::int64_t step = 1;; step *= 2) {
    const std::int64_t next = no + std::min(step, known - no);
    if (next >= known) break;
    if (holds(next)) return last_yes(no, next, fails) + 1;
    no = next;
  }
  const std::int64_t first = last_yes(no, known, fails) + 1;
  return first <= most ? std::optional<std::int64_t>(first) : std::nullopt;
}

}  // namespace orrery::scenarios
