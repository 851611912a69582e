// Where a question that turns once from yes to no, or from no to yes, turns: by doubling steps, then by halving.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace orrery::scenarios {

/// Where the turn is looked for first, and how far from there next: what a guess is good for.
struct TurnStart {
  std::int64_t n = 1, step = 1;
};

/// The largest n of [least, most] that holds, where all before one that holds hold too; nullopt: not even `least`.
/// `start`, put into [least, most], is asked first, and from there on steps double up or down: with a first step of 1
/// at most 2·log2(|n − start|) + 3 questions, each n once. — Limitations: of a question that turns more than once the
/// answer is one of its turns.
[[nodiscard]] std::optional<std::int64_t> most_that_holds(std::int64_t least, std::int64_t most, TurnStart start,
                                                          const std::function<bool(std::int64_t)>& holds);

/// The same between two numbers of which it is known that `yes` holds and `no`, which is larger, does not: by halving.
[[nodiscard]] std::int64_t most_between(std::int64_t yes, std::int64_t no,
                                        const std::function<bool(std::int64_t)>& holds);

/// The smallest n of [least, most] that holds, where all after one that holds hold too; nullopt: not even `most`.
/// `top_first`: `most` is asked first, which ends a question that nothing satisfies at once. `start`, asked for after
/// that, is where to go on; empty: at `least`.
[[nodiscard]] std::optional<std::int64_t> fewest_that_holds(std::int64_t least, std::int64_t most, bool top_first,
                                                            const std::function<bool(std::int64_t)>& holds,
                                                            const std::function<TurnStart()>& start = {});

}  // namespace orrery::scenarios
