#include "scenarios/ask/binding.hpp"

#include <cmath>

#include <fmt/format.h>

#include "scenarios/format.hpp"
#include "scenarios/search/sweep_text.hpp"

namespace orrery::scenarios {

namespace {

/// From this share of its blocks on, a KV cache has no room for another sequence.
constexpr double kFull = 0.97;

std::string time_text(double seconds) { return readable(seconds, Unit::seconds); }

/// Why requests wait.
std::string cause(const Answer& answer, const AskedPlan& plan, const SearchPoint& point, const std::string& text) {
  const auto value = [&](std::string_view metric) { return kept_value(answer.kept, point, metric).value_or(0.0); };
  if (value("serving.preemptions") > 0.0 || value("serving.kv_cache_usage.peak") >= kFull) {
    return fmt::format("; KV memory is full ({} tokens a replica)",
                       grouped(std::llround(value("serving.kv_cache_tokens"))));
  }
  const std::int64_t most = most_sequences(text, point.set);
  if (value("serving.mean_batch") > 0.95 * static_cast<double>(most) || plan.users / plan.replicas > most) {
    return fmt::format("; max_num_seqs {} lets no more run at once", most);
  }
  return "";
}

}  // namespace

std::string binding_of(const ServeQuestion& question, const Answer& answer, const AskedPlan& plan,
                       const std::string& text) {
  const SearchPoint* point = plan.holds ? (plan.beyond ? &*plan.beyond : nullptr) : &plan.point;
  if (const std::int64_t most = plan.most_users(); point == nullptr && plan.users >= most) {
    const bool by_end = plan.end.users > 0 && most == plan.end.users * plan.replicas;
    return by_end ? describe(plan.end, plan.replicas)
                  : fmt::format("nothing up to {} users, where the search ends", grouped(most));
  }
  if (point == nullptr) return plan.replicas == 1 ? "nothing: one replica is enough" : "nothing that was tried";
  if (!point->ran()) return reason_text(point->reason);
  std::string with;
  if (plan.holds && question.users == 0 && question.rate <= 0.0) with = fmt::format("with {} users ", plan.users + 1);
  if (plan.holds && with.empty()) with = fmt::format("with {} replicas ", plan.replicas - 1);
  if (!point->findings.empty() && point->findings.front().kind == "out_of_memory") {
    return "memory: " +
           printable(point->findings.front().message.substr(0, point->findings.front().message.find('\n')));
  }
  const auto over = [&](std::string_view metric, Seconds limit) {
    const std::optional<double> value = kept_value(answer.kept, *point, metric);
    return value && limit > Seconds{0.0} && *value > limit.value() ? value : std::nullopt;
  };
  std::string limits;
  const auto add = [&](std::string_view name, std::string_view metric, Seconds limit) {
    if (const std::optional<double> value = over(metric, limit)) {
      limits += fmt::format("{}{}: {}its p99 is {}", limits.empty() ? "" : "; ", name, with, time_text(*value));
    }
  };
  add("TTFT", "serving.ttft_s.p99", question.ttft);
  add("TPOT", "serving.tpot_s.p99", question.tpot);
  if (limits.empty() && kept_value(answer.kept, *point, "serving.rejected").value_or(0.0) > 0.0) {
    return "context: requests are longer than it";
  }
  if (limits.empty()) {
    const double share = kept_value(answer.kept, *point, "serving.slo_attainment").value_or(0.0);
    limits =
        fmt::format("both limits together: {}{} of the requests are within them", with, readable(share, Unit::ratio));
  }
  return limits + cause(answer, plan, *point, text);
}

std::string reason_text(const std::string& reason) {
  const bool refused = reason.size() > 9 && reason.compare(reason.size() - 9, 9, ": refused") == 0;
  return refused ? printable(reason) : short_reason(reason, "ask");
}

}  // namespace orrery::scenarios
