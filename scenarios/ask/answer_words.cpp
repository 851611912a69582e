#include "scenarios/ask/answer_words.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>

#include <fmt/format.h>

#include "scenarios/ask/binding.hpp"
#include "scenarios/ask/nearness.hpp"
#include "scenarios/format.hpp"
#include "scenarios/lent_fits.hpp"
#include "scenarios/search/sweep_text.hpp"

namespace orrery::scenarios {

namespace {

/// Of a table with a row per plan; one with a row per kind of GPU is shown whole.
constexpr std::size_t kShownPlans = 10;

std::string length_words(const AskedLength& length) {
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

/// "--dtype half" of vLLM, where a GPU is too old for what models are stored in.
void add_dtype(AnswerWords& words, const AskedPlan& plan) {
  if (plan.engine.dtype.empty()) return;
  words.facts.push_back(fmt::format("{} has no units for bf16: asked in {}, as vLLM's --dtype half runs it",
                                    plan.engine.gpu.name, plan.engine.dtype));
}

/// A limit that no answer can break.
void add_unbound(AnswerWords& words, const ServeQuestion& question) {
  if (question.output.longest() > 1 || !(question.tpot > Seconds{0.0})) return;
  words.facts.emplace_back(
      "--tpot does not bind: TPOT is the time per token after the first, and answers of 1 token have none (--output 2 "
      "or more)");
}

/// Times that no measurement stands behind.
void add_mark(AnswerWords& words, const AskedPlan& plan) {
  const AskedGpu& gpu = plan.engine.gpu;
  if (!gpu.measured) {
    words.facts.push_back(fmt::format("datasheet figures only: no kernel of {} was measured", gpu.name));
  } else if (!gpu.fits_of.empty()) {
    words.facts.push_back(lent_fits_text(gpu.name, gpu.fits_of));
  }
}

std::string memory_text(const Answer& answer, const AskedPlan& plan) {
  const auto bytes = [&](std::string_view metric) { return readable(answer.value(plan, metric), Unit::bytes); };
  return fmt::format(
      "memory of the fullest GPU: weights {}, activations {}, context and CUDA graphs {}, KV cache {}; {} of {}",
      bytes("memory.weights_bytes"), bytes("memory.activations_bytes"), bytes("memory.workspace_bytes"),
      bytes("memory.kv_cache_bytes"), bytes("memory.peak_bytes"), bytes("memory.capacity_bytes"));
}

/// "64.2 GiB a GPU are missing, 2.85 times what it has", where they are.
std::string lack_text(const Answer& answer, const AskedPlan& plan) {
  const double share = memory_lack(answer, plan);
  if (share <= 0.0) return "";
  const double missing = share * answer.value(plan, "memory.capacity_bytes");
  return fmt::format("{} a GPU are missing, {}", readable(missing, Unit::bytes),
                     share < 1.0 ? fmt::format("{} of what it has", readable(share, Unit::ratio))
                                 : fmt::format("{:.2f} times what it has", share));
}

/// "its p99 are up to 1.6 times the limits".
std::string beyond_text(const Answer& answer, const ServeQuestion& question, const AskedPlan& plan) {
  const double beyond = beyond_limits(answer, question, plan);
  return beyond > 1.0 && std::isfinite(beyond) && !plan.point.given_up
             ? fmt::format("; a p99 is {:.2f} times its limit", beyond)
             : "";
}

/// A table of nothing but one reason says it once.
bool all_for_one_reason(const Answer& answer) {
  const std::string& reason = answer.plans.front().point.reason;
  return answer.plans.size() > 1 && !reason.empty() &&
         std::all_of(answer.plans.begin(), answer.plans.end(),
                     [&](const AskedPlan& plan) { return plan.point.reason == reason; });
}

/// Of memory so near its limit, either way, that the prediction may err.
std::optional<MemoryVerdict> uncertain_memory(const Answer& answer, const AskedPlan& plan) {
  std::optional<MemoryVerdict> verdict = answer.memory(plan);
  if (verdict && !verdict->uncertain) verdict.reset();
  return verdict;
}

void add_memory(AnswerWords& words, const Answer& answer, const AskedPlan& plan) {
  words.facts.push_back(memory_text(answer, plan));
  if (const auto verdict = uncertain_memory(answer, plan)) words.facts.push_back("memory " + describe(*verdict));
}

std::string concurrency_text(const Question& question, const Answer& answer, const AskedPlan& plan) {
  return fmt::format("Maximum concurrency for {} tokens per request: {:.2f}x{}", grouped(question.context),
                     answer.value(plan, "serving.max_concurrency"), plan.replicas > 1 ? " a replica" : "");
}

std::string money(double value) { return readable(value, Unit::dollars); }

void add_api(AnswerWords& words, const ServeQuestion& question, const Answer& answer) {
  const std::optional<ApiComparison> api = compare_api(answer, question);
  if (!api) return;
  words.facts.push_back(
      fmt::format("an API at {:g}/{:g}/{:g} USD per million cached/input/output tokens takes {} per 1000 requests; "
                  "own GPUs at this load {}",
                  question.api->cached, question.api->input, question.api->output, money(1e3 * api->api_per_request),
                  money(1e3 * api->own_per_request)));
  if (api->break_even() <= 1.0) {
    const double a_day = 86400.0 * api->break_even() * answer.value(answer.plans.front(), "serving.requests_per_s");
    words.facts.push_back(fmt::format("own GPUs win above {} utilisation, idle hours counted: {} requests a day",
                                      readable(api->break_even(), Unit::ratio), grouped(std::llround(a_day))));
  } else {
    words.facts.push_back(fmt::format(
        "the API is cheaper even if the GPUs are never idle: own ones take {:.2f} times as much", api->break_even()));
  }
}

AnswerRow serve_row(const ServeQuestion& question, const Answer& answer, const AskedPlan& plan) {
  const auto cell = [&](std::string_view metric, Unit unit) {
    const std::optional<double> value = kept_value(answer.kept, plan.point, metric);
    return value && !plan.point.given_up ? readable(*value, unit) : "-";
  };
  AnswerRow row;
  row.holds = plan.holds;
  row.cells = {describe(plan.engine, plan.replicas),
               question.rate <= 0.0 ? fmt::format("{}{}", plan.left ? "~" : "", plan.users)
                                    : fmt::format("{:g}/s", question.rate),
               cell("serving.ttft_s.p99", Unit::seconds),
               cell("serving.tpot_s.p99", Unit::seconds),
               cell("serving.slo_attainment", Unit::ratio),
               fmt::format("{:.2f}", plan.usd_per_hour()),
               cell("cost.usd_per_million_output_tokens", Unit::dollars)};
  if (!plan.engine.gpu.measured) row.remarks.emplace_back("datasheet only");
  if (!plan.engine.gpu.fits_of.empty()) row.remarks.push_back("fits of " + plan.engine.gpu.fits_of);
  if (!plan.engine.dtype.empty()) row.remarks.push_back(plan.engine.dtype);
  if (uncertain_memory(answer, plan)) row.remarks.emplace_back("memory uncertain");
  if (!plan.point.ran()) row.remarks.push_back("can't be: " + short_reason(plan.point.reason, "ask"));
  if (plan.point.ran() && !plan.holds && !plan.point.findings.empty()) {
    std::string kind = plan.point.findings.front().kind;
    std::replace(kind.begin(), kind.end(), '_', ' ');
    row.remarks.push_back(std::move(kind));
  }
  return row;
}

AnswerRow fit_row(const Answer& answer, const AskedPlan& plan) {
  AnswerRow row;
  row.holds = plan.holds;
  if (!plan.engine.dtype.empty()) row.remarks.push_back(plan.engine.dtype);
  if (!plan.point.ran()) {
    row.cells = {plan.engine.gpu.name, "-", "-", "no"};
    row.remarks.push_back("can't be: " + short_reason(plan.point.reason, "ask"));
    return row;
  }
  row.cells = {
      plan.holds ? describe(plan.engine, plan.replicas) : plan.engine.gpu.name,
      fmt::format("{:.2f}", answer.value(plan, "serving.max_concurrency") * static_cast<double>(plan.replicas)),
      readable(answer.value(plan, "memory.weights_bytes"), Unit::bytes),
      plan.holds ? fmt::format("{:.2f}", plan.usd_per_hour()) : "no"};
  if (uncertain_memory(answer, plan)) row.remarks.emplace_back("memory uncertain");
  return row;
}

/// A row per plan.
template <class RowOf>
void add_rows(AnswerWords& words, const Answer& answer, const RowOf& row_of) {
  for (std::size_t i = 0; i < answer.plans.size(); ++i) {
    AnswerRow& row = words.rows.emplace_back(row_of(answer.plans[i]));
    row.on_front = answer.front && answer.front->has[i];
    if (row.on_front) row.remarks.insert(row.remarks.begin(), std::string(kOnTheFront));
  }
  if (answer.front) words.facts.push_back(answer.front->words("plans"));
}

std::string first_line(const std::string& text) { return printable(text.substr(0, text.find('\n'))); }

/// What holds and how much room is left, or the nearest to it.
void add_fit_facts(AnswerWords& words, const FitQuestion& question, const Answer& answer, const std::string& what) {
  const AskedPlan& best = answer.plans.front();
  const double room = answer.value(best, "serving.max_concurrency");
  const auto users = static_cast<double>(std::max<std::int64_t>(1, question.users));
  if (!answer.holds()) {
    if (!best.point.ran()) {
      words.headline = fmt::format("nothing holds {}: no plan can be", what);
      words.facts.push_back("in the way: " + reason_text(best.point.reason));
      return;
    }
    const std::string lack = lack_text(answer, best);
    const double in_all = room * static_cast<double>(best.replicas);
    words.headline = fmt::format("nothing holds {}; the nearest is {} with room for {:.2f}{}", what,
                                 describe(best.engine, best.replicas), in_all, lack.empty() ? "" : ": " + lack);
    if (!best.point.findings.empty()) {
      words.facts.push_back("in the way: " + first_line(best.point.findings.front().message));
    } else {
      words.facts.push_back(fmt::format("in the way: it would take {:.0f} GPUs",
                                        std::ceil(users / std::max(1.0, std::floor(room))) * best.engine.gpus()));
    }
    add_memory(words, answer, best);
    return;
  }
  words.headline =
      fmt::format("{} hold {}; USD/h {:.2f}", describe(best.engine, best.replicas), what, best.usd_per_hour());
  const auto replicas = static_cast<double>(best.replicas);
  const double free = answer.value(best, "memory.kv_cache_bytes") * std::max(0.0, 1.0 - users / replicas / room);
  words.facts.push_back(concurrency_text(question, answer, best));
  add_dtype(words, best);
  add_memory(words, answer, best);
  words.facts.push_back(fmt::format("margin: {} a GPU, {:.2f} sequences more in all", readable(free, Unit::bytes),
                                    room * replicas - users));
}

}  // namespace

AnswerWords serve_words(const ServeQuestion& question, const Answer& answer) {
  AnswerWords words;
  words.note = question.model.note;
  words.question = fmt::format("{} + {} tokens a request, {} of context; {}", length_words(question.input),
                               length_words(question.output), grouped(question.context), limits_text(question));
  if (answer.plans.empty()) {
    words.headline = "there is no plan to try";
    return words;
  }
  const AskedPlan& best = answer.plans.front();
  if (answer.holds()) {
    words.headline = fmt::format("{} on {}, {} per million output tokens", load_text(question, best),
                                 describe(best.engine, best.replicas),
                                 money(answer.value(best, "cost.usd_per_million_output_tokens")));
    words.facts.push_back("binds: " + answer.binding);
    if (!(question.ttft > Seconds{0.0})) {
      words.facts.push_back("no limit on TTFT was given: its p99 is " +
                            readable(answer.value(best, "serving.ttft_s.p99"), Unit::seconds) +
                            ", users beyond what runs at once wait in the queue (--ttft)");
    }
    add_unbound(words, question);
    add_mark(words, best);
    add_dtype(words, best);
  } else {
    const std::optional<double> share = kept_value(answer.kept, best.point, "serving.slo_attainment");
    const std::string lack = lack_text(answer, best);
    words.headline = fmt::format("no plan holds it; the nearest is {}{}{}{}", describe(best.engine, best.replicas),
                                 share ? fmt::format(", within the limits for {}", readable(*share, Unit::ratio)) : "",
                                 beyond_text(answer, question, best), lack.empty() ? "" : ": " + lack);
    words.facts.push_back("in the way: " + answer.binding);
  }
  if (best.point.ran()) {
    words.facts.push_back(concurrency_text(question, answer, best));
    add_memory(words, answer, best);
  }
  if (answer.holds()) add_api(words, question, answer);
  if (all_for_one_reason(answer)) return words;
  words.columns = {{"Plans", 40},       {question.rate <= 0.0 ? "users" : "requests", 8},
                   {"TTFT p99", 10},    {"TPOT p99", 10},
                   {"within SLO", 10},  {"USD/h", 8},
                   {"USD/M output", 13}};
  add_rows(words, answer, [&](const AskedPlan& plan) { return serve_row(question, answer, plan); });
  words.shown = kShownPlans;
  const auto is_left = [](const AskedPlan& plan) { return plan.left; };
  if (std::any_of(answer.plans.begin(), answer.plans.end(), is_left)) {
    words.footnote = "~: what one replica holds times their number, of plans that can't hold more than the first";
  }
  const bool fixed_load = question.users > 0 || question.rate > 0.0;
  const auto is_too_dear = [&](const AskedPlan& plan) {
    return !plan.holds && plan.point.ran() && answer.value(plan, "memory.fits") > 0.5;
  };
  if (fixed_load && answer.holds() && std::any_of(answer.plans.begin(), answer.plans.end(), is_too_dear)) {
    words.footnote = "plans that miss had no more GPUs than the first one's money buys, or than there are";
  }
  return words;
}

AnswerWords fit_words(const FitQuestion& question, const Answer& answer) {
  AnswerWords words;
  words.note = question.model.note;
  const std::int64_t users = std::max<std::int64_t>(1, question.users);
  const std::string what =
      fmt::format("{} sequence{} of {} tokens", users, users == 1 ? "" : "s", grouped(question.context));
  if (answer.plans.empty()) {
    words.headline = "nothing that can be tried holds " + what;
    return words;
  }
  add_fit_facts(words, question, answer, what);
  if (all_for_one_reason(answer)) return words;
  words.columns = {{"Fewest of each GPU", 40}, {"sequences", 10}, {"weights a GPU", 14}, {"USD/h", 8}};
  add_rows(words, answer, [&](const AskedPlan& plan) { return fit_row(answer, plan); });
  return words;
}

void write_answer(std::ostream& out, const AnswerWords& words, const std::string& scenario) {
  if (!words.note.empty()) out << words.note << "\n";
  if (!words.question.empty()) out << words.question << "\n\n";
  out << "Answer: " << words.headline << "\n";
  for (const std::string& fact : words.facts) out << "  " << fact << "\n";
  const auto write_cells = [&](const std::vector<std::string>& cells, int indent) {
    out << fmt::format("{:{}}{:<{}}", "", indent, cells.front(), words.columns.front().width - indent);
    for (std::size_t i = 1; i < cells.size(); ++i) out << fmt::format(" {:>{}}", cells[i], words.columns[i].width);
  };
  if (!words.columns.empty()) {
    std::vector<std::string> titles;
    for (const AnswerColumn& column : words.columns) titles.push_back(column.title);
    out << "\n";
    write_cells(titles, 0);
    out << "\n";
  }
  std::size_t hidden = 0;
  for (std::size_t i = 0; i < words.rows.size(); ++i) {
    if (words.shown > 0 && i >= words.shown && !words.rows[i].on_front) {
      ++hidden;
      continue;
    }
    write_cells(words.rows[i].cells, 2);
    for (const std::string& remark : words.rows[i].remarks) out << "  " << remark;
    out << "\n";
  }
  if (!words.footnote.empty()) out << "  " << words.footnote << "\n";
  if (hidden > 0) out << fmt::format("  ... and {} more (--json)\n", hidden);
  if (!scenario.empty()) out << "\nThe scenario (--save FILE keeps it for run, explain, sweep)\n" << scenario;
}

}  // namespace orrery::scenarios
