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

std::optional<std::int64_t> most_that_holds(std::int64_t least, std::int64_t most, std::int64_t start,
                                            const std::function<bool(std::int64_t)>& holds) {
  if (least > most) return std::nullopt;
  std::int64_t yes = start;
  if (!holds(start)) {
    std::int64_t no = start;
    for (std::int64_t step = 1;; step *= 2) {
      if (no == least) return std::nullopt;
      const std::int64_t next = std::max(least, no - step);
      if (holds(next)) return most_between(next, no, holds);
      no = next;
    }
  }
  for (std::int64_t step = 1; yes < most; step *= 2) {
    const std::int64_t next = std::min(most, yes + std::min(step, most - yes));
    if (!holds(next)) return most_between(yes, next, holds);
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
    if (holds(next)) return most_between(no, next, fails) + 1;
    no = next;
  }
  const std::int64_t first = most_between(no, known, fails) + 1;
  return first <= most ? std::optional<std::int64_t>(first) : std::nullopt;
}

}  // namespace orrery::scenarios
