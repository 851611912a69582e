#include "scenarios/ask/replicas.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "scenarios/format.hpp"

namespace orrery::scenarios {

namespace {

Override key(std::string_view name, std::int64_t value) { return {std::string(name), std::to_string(value), "ask"}; }

std::vector<Override> with_users(const AskedEngine& engine, std::int64_t replicas, std::int64_t users,
                                 std::int64_t rounds) {
  std::vector<Override> keys = engine_keys(engine, replicas);
  keys.push_back(key("serving.load.concurrency", users));
  keys.push_back(key("serving.load.requests", (rounds + 1) * users));
  keys.push_back(key("serving.warmup_requests", users));
  return keys;
}

/// For so long that a queue which grows is seen to: 100 s, less where that is more requests than can be waited for, but
/// never below 20 s.
std::int64_t requests_at(double rate) {
  const double most = std::max(20'000.0, 20.0 * rate);
  return std::llround(std::clamp(100.0 * rate, 300.0, most));
}

}  // namespace

bool go_in_step(const ServeQuestion& question, const AskedEngine& engine) {
  return question.rate <= 0.0 && question.input.cv <= 0.0 && question.output.cv <= 0.0 &&
         engine.gpu.per_node % engine.gpus() == 0;
}

std::int64_t rounds_of(std::int64_t users) {
  const std::int64_t several = std::min<std::int64_t>(10, 5'000 / users);
  return std::max({std::int64_t{2}, several, (200 + users - 1) / users});
}

std::vector<Override> plan_keys(const ServeQuestion& question, const AskedEngine& engine, std::int64_t replicas,
                                std::int64_t users) {
  if (question.rate <= 0.0) return with_users(engine, replicas, users, rounds_of(users));
  std::vector<Override> keys = engine_keys(engine, replicas);
  keys.push_back(key("serving.load.requests", requests_at(question.rate)));
  return keys;
}

std::vector<Override> lasting_keys(const ServeQuestion& question, const AskedEngine& engine, std::int64_t replicas) {
  constexpr double kSecondsPerToken = 1.0;
  const auto asked = static_cast<double>(requests_at(question.rate));
  const double lasting = std::max(asked, kSecondsPerToken * question.output.mean * question.rate);
  std::vector<Override> keys = engine_keys(engine, replicas);
  keys.push_back(key("serving.load.requests", std::llround(std::min(lasting, std::max(asked, 20'000.0)))));
  return keys;
}

std::int64_t part_of(const ServeQuestion& question, std::int64_t replicas) {
  constexpr std::int64_t kReplicas = 16, kRequests = 1'000;
  const std::int64_t each = std::max<std::int64_t>(1, requests_at(question.rate) / replicas);
  return std::min(replicas, std::max(kReplicas, (kRequests + each - 1) / each));
}

std::vector<Override> part_keys(const ServeQuestion& question, const AskedEngine& engine, std::int64_t replicas) {
  const std::int64_t part = part_of(question, replicas);
  const double share = static_cast<double>(part) / static_cast<double>(replicas);
  std::vector<Override> keys = engine_keys(engine, part);
  const auto set = [&](std::string_view name, std::string value) {
    keys.push_back({std::string(name), std::move(value), "ask"});
  };
  if (part < replicas) {
    set("serving.load.arrivals", "gamma");
    set("serving.load.cv", shortest(std::sqrt(share)));
  }
  set("serving.load.rate", shortest(question.rate * share));
  keys.push_back(key("serving.load.requests", std::llround(static_cast<double>(requests_at(question.rate)) * share)));
  return keys;
}

std::vector<Override> sample_keys(const AskedEngine& engine, std::int64_t replicas, std::int64_t users,
                                  std::int64_t scale) {
  return with_users(engine, replicas, std::max<std::int64_t>(1, users / scale), rounds_of(users));
}

std::vector<Override> group_keys(const ServeQuestion& question, const AskedEngine& engine, std::int64_t replicas,
                                 std::int64_t users) {
  if (!go_in_step(question, engine)) return plan_keys(question, engine, replicas, users);
  const std::int64_t groups = std::gcd(replicas, users);
  return with_users(engine, replicas / groups, users / groups, rounds_of(users));
}

}  // namespace orrery::scenarios
