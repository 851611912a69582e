// Replicas that do the same do it at the same time: one of them tells what all do.
//
// Clients of a closed loop whose requests have one length each are served in step: with R replicas in turn and U users,
// g = gcd(R, U), the replicas fall into g groups that go through the same batches at the same picoseconds. The share of
// requests in time, means, and rates per GPU are those of one group, of R/g replicas and U/g users; a test compares
// with the whole. Percentiles interpolate between fewer samples, and may lie elsewhere between two of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "scenarios/ask/engines.hpp"

namespace orrery::scenarios {

/// Replicas of the engine go in step under the question's load: lengths have no spread, nobody arrives by chance, and
/// each replica has its node's links to itself or shares them with its likes.
[[nodiscard]] bool go_in_step(const ServeQuestion& question, const AskedEngine& engine);

/// Where replicas hold `each` user of theirs and not one more, and go in step: up to so many users may be held, one
/// more on all replicas but one.
[[nodiscard]] constexpr std::int64_t most_in_step(std::int64_t each, std::int64_t replicas) {
  return std::min(each * replicas + replicas - 1, most_users(replicas));
}

/// So many requests that 99 % of them is a statement: every client comes several times more after the first wave, which
/// arrives at once and is not counted: so often that there are 200 in all, and up to 10 times while there are no more
/// than 5,000, twice at least.
[[nodiscard]] std::int64_t rounds_of(std::int64_t users);

/// The keys of a plan: its engine, its replicas, their load. `users` 0: asked by rate.
[[nodiscard]] std::vector<Override> plan_keys(const ServeQuestion& question, const AskedEngine& engine,
                                              std::int64_t replicas, std::int64_t users);

/// A plan under a rate for a second a token of an answer at least (some twenty times what a request takes): one that is
/// a little too small fills its KV cache first, and only then do requests wait.
[[nodiscard]] std::vector<Override> lasting_keys(const ServeQuestion& question, const AskedEngine& engine,
                                                 std::int64_t replicas);

/// So many of the replicas of a plan by rate tell of all of them: 16, and 1,000 requests together.
[[nodiscard]] std::int64_t part_of(const ServeQuestion& question, std::int64_t replicas);
/// The keys of that part of it, under what it sees of the question's rate, for as long.
[[nodiscard]] std::vector<Override> part_keys(const ServeQuestion& question, const AskedEngine& engine,
                                              std::int64_t replicas);

/// A `scale`-th of `users` in as many rounds as all of them take, on `replicas`.
[[nodiscard]] std::vector<Override> sample_keys(const AskedEngine& engine, std::int64_t replicas, std::int64_t users,
                                                std::int64_t scale);

/// The same of one of the groups that go in step; of the whole plan where there is but one, or they don't.
[[nodiscard]] std::vector<Override> group_keys(const ServeQuestion& question, const AskedEngine& engine,
                                               std::int64_t replicas, std::int64_t users);

}  // namespace orrery::scenarios
