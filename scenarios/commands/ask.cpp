// orrery ask serve|fit: a question on the command line, its answer, and the scenario that the answer is.

#include <ostream>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "models/architectures/hf_config.hpp"
#include "scenarios/ask/answer.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/ask/words.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/format.hpp"
#include "scenarios/output.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

namespace {

/// Where a length has a spread and no end: draws beyond it are rare (1 in 1000 at a spread of 1).
constexpr double kTail = 8.0;

void read_shared(const AskWords& words, Question& question) {
  question.model = find_asked_model(words.model, words.weight_dtype);
  for (const std::string& gpu : split(words.gpu)) question.gpus.push_back(find_asked_gpu(gpu, words.node));
  if (question.gpus.empty() && !words.node.empty()) question.gpus.push_back(find_asked_gpu("", words.node));
  if (question.gpus.empty()) question.gpus = all_asked_gpus();
  question.gpu_count = words.gpus;
  question.tensor_parallel = words.tensor_parallel;
  question.users = words.users;
  if (!words.context.empty()) question.context = read_tokens(words.context, "--context");
  const models::Llm llm = models::load_model(question.model.name);
  if (llm.max_positions > 0 && question.context > llm.max_positions) {
    throw ConfigError(fmt::format("--context {}: {} has {} positions", words.context, printable(question.model.name),
                                  grouped(llm.max_positions)));
  }
}

AskedLength read_spread(const std::string& text, std::string_view by) {
  AskedLength length = read_asked_length(text, by);
  if (length.cv > 0.0 && length.most == 0) length.most = static_cast<std::int64_t>(kTail * length.mean);
  return length;
}

ServeQuestion read_serve(const AskWords& words) {
  ServeQuestion question;
  read_shared(words, question);
  question.input = read_spread(words.input, "--input");
  question.output = read_spread(words.output, "--output");
  const std::int64_t longest = question.input.longest() + question.output.longest();
  if (question.context == 0) question.context = (longest + 1023) / 1024 * 1024;
  if (question.context < longest) {
    throw ConfigError(
        fmt::format("--context {}: a request may take {} tokens, prompt and answer", words.context, grouped(longest)));
  }
  if (!words.ttft.empty()) question.ttft = read_time(words.ttft, "--ttft");
  if (!words.tpot.empty()) question.tpot = read_time(words.tpot, "--tpot");
  if (words.ttft.empty() && words.tpot.empty()) {
    throw ConfigError("ask serve needs a goal: --ttft 5s, --tpot 50ms, or both");
  }
  if (words.users > 0 && words.rate > 0.0) throw ConfigError("ask serve takes --users or --rate, not both");
  question.rate = words.rate;
  question.attainment = words.attainment;
  if (!words.compare_api.empty()) question.api = read_api_price(words.compare_api, "--compare-api");
  return question;
}

void check_save(const Options& options) {
  const std::string& path = options.ask.save;
  if (path.empty()) return;
  check_new(path, options.force);
  check_writable(path);
  if (!options.json.empty() && same_file(path, options.json)) {
    throw ConfigError(fmt::format("{}: two outputs can't go to the same place", hardware::quoted_path(path)));
  }
}

int finish(const Options& options, const Answer& answer, const std::string& json, Console& console) {
  const bool partial = console.stopped();
  emit(options.json, json, partial, console);
  if (partial) {
    console.err << "interrupted: not every plan was tried\n";
    return kExitInterrupted;
  }
  if (!options.ask.save.empty() && !answer.scenario.empty()) write_output(options.ask.save, answer.scenario);
  return answer.holds() ? kExitWell : kExitFinding;
}

}  // namespace

int ask_serve(const Options& options, Console& console) {
  check_outputs(options);
  check_save(options);
  const ServeQuestion question = read_serve(options.ask);
  const Answer answer = answer_serve(question, {options.ask_jobs, options.quiet, console});
  if (!options.quiet && !writes_to_standard_output(options) && !console.stopped()) {
    write_serve(console.out, question, answer);
  }
  return finish(options, answer, options.json.empty() ? "" : serve_json(question, answer), console);
}

int ask_fit(const Options& options, Console& console) {
  check_outputs(options);
  check_save(options);
  FitQuestion question;
  read_shared(options.ask, question);
  const Answer answer = answer_fit(question, {options.ask_jobs, options.quiet, console});
  if (!options.quiet && !writes_to_standard_output(options) && !console.stopped()) {
    write_fit(console.out, question, answer);
  }
  return finish(options, answer, options.json.empty() ? "" : fit_json(question, answer), console);
}

}  // namespace orrery::scenarios
