#include "scenarios/ask/user_end.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "scenarios/format.hpp"
#include "scenarios/serving/job.hpp"

namespace orrery::scenarios {

namespace {

/// Nobody waits longer for a first token: a limit beyond it is none.
constexpr Seconds kLongestWait{30.0};
/// Users for each sequence that can run at once, where a limit on TTFT is so wide.
constexpr std::int64_t kWaiting = 2;
constexpr std::string_view kOnlyWait = "; further users would only wait, which no limit on TTFT forbids";

}  // namespace

std::int64_t most_sequences(const std::string& text, const std::vector<Override>& keys) {
  const Scenario scenario = parse_scenario(text, "ask", keys);
  return models::resolve(serving_job(scenario)).max_num_seqs;
}

UserEnd end_of_users(const ServeQuestion& question, const AskedEngine& engine, const PointRunner& runner,
                     const std::string& text) {
  UserEnd end;
  try {
    end.max_num_seqs = most_sequences(text, engine_keys(engine, 1));
  } catch (const hardware::ConfigError&) {
    return end;  // what it is run for says why
  }
  const bool is_wide = question.ttft > kLongestWait;
  if (question.ttft > Seconds{0.0} && !is_wide) return end;
  const SearchPoint one = runner.run(starting_keys(engine));
  end.runs = 1;
  const double room = kept_value(runner.kept(), one, "serving.max_concurrency").value_or(0.0);
  const double tokens = room * static_cast<double>(question.context);
  // Where users wait, the cache holds whole requests; where none may wait, as many as their prompts let in.
  end.request = question.input.mean + (is_wide ? question.output.mean : 0.0);
  const double held = std::floor(tokens / end.request);
  end.at_once = end.max_num_seqs;
  if (held >= 1.0 && held < static_cast<double>(end.max_num_seqs)) {
    end.at_once = static_cast<std::int64_t>(held);
    end.held_by = UserEnd::By::memory;
  }
  end.users = is_wide ? kWaiting * end.at_once : end.at_once;
  end.by = is_wide ? UserEnd::By::search : end.held_by;
  return end;
}

std::string describe(const UserEnd& end, std::int64_t replicas) {
  const std::string_view each = replicas > 1 ? " of each replica" : "";
  switch (end.by) {
    case UserEnd::By::sequences:
      return fmt::format("max_num_seqs {} lets no more run at once{}{}", end.max_num_seqs, each, kOnlyWait);
    case UserEnd::By::memory:
      return fmt::format("KV memory holds the prompts of no more than {} at once{}{}", grouped(end.users), each,
                         kOnlyWait);
    default:
      return fmt::format("nothing up to {} users, where the search ends: {}{} run at once ({}), the others wait",
                         grouped(end.users * replicas), grouped(end.at_once), each,
                         end.held_by == UserEnd::By::memory
                             ? fmt::format("KV memory holds no more of {} tokens", grouped(std::llround(end.request)))
                             : fmt::format("max_num_seqs {}", end.max_num_seqs));
  }
}

}  // namespace orrery::scenarios
