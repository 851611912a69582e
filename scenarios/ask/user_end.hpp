// Where a search for the most users ends, if no limit ends it before.
#pragma once

#include <cstdint>
#include <string>

#include "scenarios/ask/engines.hpp"
#include "scenarios/search/point.hpp"

namespace orrery::scenarios {

/// The most users of a replica that are asked for, and what says so.
struct UserEnd {
  enum class By : std::uint8_t {
    search,     ///< so many times what runs at once; the others wait for their first token
    sequences,  ///< max_num_seqs lets no more run at once
    memory,     ///< the KV cache holds no more prompts at once
  };
  std::int64_t users = 0;  ///< 0: there is none, or the engine can't be
  By by = By::search;
  std::int64_t max_num_seqs = 0;
  std::int64_t at_once = 0;    ///< that can run at once
  By held_by = By::sequences;  ///< why no more of them can
  double request = 0.0;        ///< tokens of one that the KV cache has to hold, by their mean
  int runs = 0;                ///< of points, to tell
};

/// A limit on TTFT up to 30 s ends the search by itself, once so many wait; with a wider one, which nobody waits for,
/// it goes on to two users for each that can run at once: as many as max_num_seqs allows, or as the KV cache holds
/// requests of, prompt and answer. Without a limit waiting breaks no goal, and those are meant that run at once, if
/// only with their prompts (those of a spread by their mean). — Equation: min(max_num_seqs, max_concurrency · context /
/// mean prompt); with a limit on TTFT above 30 s 2 · min(max_num_seqs, max_concurrency · context / (mean prompt + mean
/// answer)), with another none.
[[nodiscard]] UserEnd end_of_users(const ServeQuestion& question, const AskedEngine& engine, const PointRunner& runner,
                                   const std::string& text);

/// Sequences that an engine of the plan runs at once, as the engine resolves it. Throws ConfigError for keys that the
/// scenario can't have.
[[nodiscard]] std::int64_t most_sequences(const std::string& text, const std::vector<Override>& keys);

/// "max_num_seqs 256 lets no more run at once; …".
[[nodiscard]] std::string describe(const UserEnd& end, std::int64_t replicas);

}  // namespace orrery::scenarios
