// Answers as text: the answer in one line, then what it rests on.

#include <algorithm>
#include <cmath>
#include <ostream>

#include <fmt/format.h>

#include "scenarios/ask/answer.hpp"
#include "scenarios/format.hpp"
#include "scenarios/search/sweep_text.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::size_t kShown = 10;

std::string length_text(const AskedLength& length) {
  return length.cv > 0.0 ? fmt::format("{:.0f} (lognormal, cv {:g})", length.mean, length.cv)
                         : fmt::format("{:.0f}", length.mean);
}

std::string limits_text(const ServeQuestion& question) {
  std::string text;
  if (question.ttft > Seconds{0.0}) text = "TTFT " + readable(question.ttft.value(), Unit::seconds);
  if (question.tpot > Seconds{0.0}) {
    text += (text.empty() ? "TPOT " : " and TPOT ") + readable(question.tpot.value(), Unit::seconds);
  }
  return text + fmt::format(" for {} of the requests", readable(question.attainment, Unit::ratio));
}

std::string load_text(const ServeQuestion& question, const AskedPlan& plan) {
  if (question.rate > 0.0) return fmt::format("{:g} requests/s", question.rate);
  return fmt::format("{} user{} at once", plan.users, plan.users == 1 ? "" : "s");
}

/// Times that no measurement stands behind.
void write_mark(std::ostream& out, const AskedPlan& plan) {
  if (plan.engine.gpu.measured) return;
  out << fmt::format("  datasheet figures only: no kernel of {} was measured\n", plan.engine.gpu.name);
}

void write_memory(std::ostream& out, const Answer& answer, const AskedPlan& plan) {
  const auto bytes = [&](std::string_view metric) { return readable(answer.value(plan, metric), Unit::bytes); };
  out << fmt::format(
      "  memory of the fullest GPU: weights {}, activations {}, context and CUDA graphs {}, KV cache {}; {} of {}\n",
      bytes("memory.weights_bytes"), bytes("memory.activations_bytes"), bytes("memory.workspace_bytes"),
      bytes("memory.kv_cache_bytes"), bytes("memory.peak_bytes"), bytes("memory.capacity_bytes"));
  if (const std::optional<MemoryVerdict> verdict = answer.memory(plan); verdict && verdict->uncertain) {
    out << fmt::format("  memory {}\n", describe(*verdict));
  }
}

/// Behind a row: memory is so near its limit, either way, that the prediction may err.
std::string_view memory_mark(const Answer& answer, const AskedPlan& plan) {
  const std::optional<MemoryVerdict> verdict = answer.memory(plan);
  return verdict && verdict->uncertain ? "  memory uncertain" : "";
}

void write_concurrency(std::ostream& out, const Question& question, const Answer& answer, const AskedPlan& plan) {
  out << fmt::format("  Maximum concurrency for {} tokens per request: {:.2f}x{}\n", grouped(question.context),
                     answer.value(plan, "serving.max_concurrency"), plan.replicas > 1 ? " a replica" : "");
}

std::string money(double value) { return readable(value, Unit::dollars); }

void write_api(std::ostream& out, const ServeQuestion& question, const Answer& answer) {
  const std::optional<ApiComparison> api = compare_api(answer, question);
  if (!api) return;
  out << fmt::format(
      "  an API at {:g}/{:g}/{:g} USD per million cached/input/output tokens takes {} per 1000 requests; "
      "own GPUs at this load {}\n",
      question.api->cached, question.api->input, question.api->output, money(1e3 * api->api_per_request),
      money(1e3 * api->own_per_request));
  if (api->break_even() <= 1.0) {
    const double a_day = 86400.0 * api->break_even() * answer.value(answer.plans.front(), "serving.requests_per_s");
    out << fmt::format("  own GPUs win above {} utilisation, idle hours counted: {} requests a day\n",
                       readable(api->break_even(), Unit::ratio), grouped(std::llround(a_day)));
  } else {
    out << fmt::format("  the API is cheaper even if the GPUs are never idle: own ones take {:.2f} times as much\n",
                       api->break_even());
  }
}

std::string users_text(const AskedPlan& plan) { return fmt::format("{}{}", plan.left ? "~" : "", plan.users); }

void write_plan_table(std::ostream& out, const ServeQuestion& question, const Answer& answer) {
  const bool users = question.rate <= 0.0;
  out << fmt::format("\n{:<40} {:>8} {:>10} {:>10} {:>10} {:>8} {:>13}\n", "Plans", users ? "users" : "requests",
                     "TTFT p99", "TPOT p99", "within SLO", "USD/h", "USD/M output");
  for (std::size_t i = 0; i < std::min(kShown, answer.plans.size()); ++i) {
    const AskedPlan& plan = answer.plans[i];
    const auto cell = [&](std::string_view metric, Unit unit) {
      const std::optional<double> value = kept_value(answer.kept, plan.point, metric);
      return value && !plan.point.given_up ? readable(*value, unit) : "-";
    };
    out << fmt::format("  {:<38} {:>8} {:>10} {:>10} {:>10} {:>8.2f} {:>13}", describe(plan.engine, plan.replicas),
                       users ? users_text(plan) : fmt::format("{:g}/s", question.rate),
                       cell("serving.ttft_s.p99", Unit::seconds), cell("serving.tpot_s.p99", Unit::seconds),
                       cell("serving.slo_attainment", Unit::ratio), plan.usd_per_hour(),
                       cell("cost.usd_per_million_output_tokens", Unit::dollars));
    if (!plan.engine.gpu.measured) out << "  datasheet only";
    out << memory_mark(answer, plan);
    if (!plan.point.ran()) out << "  can't be: " << short_reason(plan.point.reason, "ask");
    if (plan.point.ran() && !plan.holds && !plan.point.findings.empty()) {
      std::string kind = plan.point.findings.front().kind;
      std::replace(kind.begin(), kind.end(), '_', ' ');
      out << "  " << kind;
    }
    out << "\n";
  }
  const auto is_left = [](const AskedPlan& plan) { return plan.left; };
  if (std::any_of(answer.plans.begin(), answer.plans.end(), is_left)) {
    out << "  ~: what one replica holds times their number, of plans that can't hold more than the first\n";
  }
  if (answer.plans.size() > kShown) out << fmt::format("  ... and {} more (--json)\n", answer.plans.size() - kShown);
}

void write_scenario(std::ostream& out, const Answer& answer) {
  if (!answer.scenario.empty())
    out << "\nThe scenario (--save FILE keeps it for run, explain, sweep)\n" << answer.scenario;
}

void write_note(std::ostream& out, const Question& question) {
  if (!question.model.note.empty()) out << question.model.note << "\n";
}

}  // namespace

void write_serve(std::ostream& out, const ServeQuestion& question, const Answer& answer) {
  write_note(out, question);
  out << fmt::format("{} + {} tokens a request, {} of context; {}\n\n", length_text(question.input),
                     length_text(question.output), grouped(question.context), limits_text(question));
  if (answer.plans.empty()) {
    out << "Answer: there is no plan to try\n";
    return;
  }
  const AskedPlan& best = answer.plans.front();
  if (answer.holds()) {
    out << fmt::format("Answer: {} on {}, {} per million output tokens\n", load_text(question, best),
                       describe(best.engine, best.replicas),
                       money(answer.value(best, "cost.usd_per_million_output_tokens")));
    out << fmt::format("  binds: {}\n", answer.binding);
    write_mark(out, best);
  } else {
    const std::optional<double> share = kept_value(answer.kept, best.point, "serving.slo_attainment");
    out << fmt::format("Answer: no plan holds it; the nearest is {}{}\n", describe(best.engine, best.replicas),
                       share ? fmt::format(", within the limits for {}", readable(*share, Unit::ratio)) : "");
    out << fmt::format("  in the way: {}\n", answer.binding);
  }
  if (best.point.ran()) {
    write_concurrency(out, question, answer, best);
    write_memory(out, answer, best);
  }
  if (answer.holds()) write_api(out, question, answer);
  write_plan_table(out, question, answer);
  write_scenario(out, answer);
}

void write_fit(std::ostream& out, const FitQuestion& question, const Answer& answer) {
  write_note(out, question);
  const std::int64_t users = std::max<std::int64_t>(1, question.users);
  const std::string what =
      fmt::format("{} sequence{} of {} tokens", users, users == 1 ? "" : "s", grouped(question.context));
  if (answer.plans.empty()) {
    out << fmt::format("Answer: nothing that can be tried holds {}\n", what);
    return;
  }
  const AskedPlan& best = answer.plans.front();
  const double room = answer.value(best, "serving.max_concurrency");
  if (answer.holds()) {
    out << fmt::format("Answer: {} hold {}; USD/h {:.2f}\n", describe(best.engine, best.replicas), what,
                       best.usd_per_hour());
    const double per_replica = static_cast<double>(users) / static_cast<double>(best.replicas);
    const double free = answer.value(best, "memory.kv_cache_bytes") * std::max(0.0, 1.0 - per_replica / room);
    write_concurrency(out, question, answer, best);
    write_memory(out, answer, best);
    out << fmt::format("  margin: {} a GPU, {:.2f} sequences more in all\n", readable(free, Unit::bytes),
                       room * static_cast<double>(best.replicas) - static_cast<double>(users));
  } else {
    out << fmt::format("Answer: nothing holds {}; the nearest is {} with room for {:.2f}\n", what,
                       describe(best.engine, best.replicas), room);
    if (!best.point.findings.empty())
      out << "  in the way: "
          << printable(best.point.findings.front().message.substr(0, best.point.findings.front().message.find('\n')))
          << "\n";
    write_memory(out, answer, best);
  }
  out << fmt::format("\n{:<40} {:>10} {:>14} {:>8}\n", "Fewest of each GPU", "sequences", "weights a GPU", "USD/h");
  for (const AskedPlan& plan : answer.plans) {
    const std::string name = plan.holds ? describe(plan.engine, plan.replicas) : plan.engine.gpu.name;
    out << fmt::format("  {:<38} {:>10.2f} {:>14} {:>8}{}\n", name,
                       answer.value(plan, "serving.max_concurrency") * static_cast<double>(plan.replicas),
                       readable(answer.value(plan, "memory.weights_bytes"), Unit::bytes),
                       plan.holds ? fmt::format("{:.2f}", plan.usd_per_hour()) : "no", memory_mark(answer, plan));
  }
  write_scenario(out, answer);
}

}  // namespace orrery::scenarios
