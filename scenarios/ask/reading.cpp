// Questions from words: each word checked, and what doesn't go together refused.

#include <algorithm>

#include <fmt/format.h>

#include "models/architectures/hf_config.hpp"
#include "scenarios/ask/ask.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/ask/words.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

namespace {

/// Where a length has a spread and no end: draws beyond it are rare (1 in 1000 at a spread of 1).
constexpr double kTail = 8.0;
constexpr std::int64_t kMostAskedGpus = 4096, kMostTensorParallel = 8;
constexpr double kLeastAskedRate = 0.001, kMostRate = 10'000.0, kLeastAttainment = 0.01;

/// Each a metric that an answer has.
std::vector<Objective> read_front(const std::string& text) {
  std::vector<Objective> front = front_objectives(split(text), "", "--pareto");
  const KeptMetrics kept{serving_kind().metrics()};
  for (const Objective& objective : front) {
    if (kept.find(objective.metric)) continue;
    throw ConfigError(fmt::format("--pareto: an answer is of serving, and {} is not", objective.metric));
  }
  return front;
}

/// Throws ConfigError for a split that none of the GPUs allows.
void check_split(const AskWords& words, const Question& question) {
  if (question.tensor_parallel == 0) return;
  const std::string option = fmt::format("--tp {}", printable(words.tensor_parallel));
  if (question.gpu_count > 0 && question.tensor_parallel > question.gpu_count) {
    throw ConfigError(fmt::format("{}: more than the {} of --gpus", option, question.gpu_count));
  }
  int most = 0;
  for (const AskedGpu& gpu : question.gpus) most = std::max(most, gpu.per_node);
  if (question.tensor_parallel > most) {
    throw ConfigError(fmt::format("{}: a node of these GPUs holds no more than {}", option, most));
  }
}

/// "h100,h100_sxm" is one kind of GPU, and its plans are the same.
void add_gpu_once(std::vector<AskedGpu>& gpus, AskedGpu gpu) {
  const auto is_it = [&](const AskedGpu& other) {
    return other.loaded_by() == gpu.loaded_by() && other.node == gpu.node;
  };
  if (std::none_of(gpus.begin(), gpus.end(), is_it)) gpus.push_back(std::move(gpu));
}

void read_shared(const AskWords& words, Question& question) {
  if (words.model.empty()) throw ConfigError("--model is needed");
  question.model = find_asked_model(words.model, words.weight_dtype);
  for (const std::string& gpu : split(words.gpu)) {
    if (gpu.empty()) throw ConfigError(fmt::format("--gpu {}: a name beside a comma is missing", printable(words.gpu)));
    add_gpu_once(question.gpus, find_asked_gpu(gpu, words.node));
  }
  if (question.gpus.empty() && !words.node.empty()) question.gpus.push_back(find_asked_gpu("", words.node));
  if (question.gpus.empty()) question.gpus = all_asked_gpus();
  if (!words.gpus.empty()) question.gpu_count = static_cast<int>(read_count(words.gpus, "--gpus", kMostAskedGpus));
  if (!words.tensor_parallel.empty()) {
    question.tensor_parallel = static_cast<int>(read_count(words.tensor_parallel, "--tp", kMostTensorParallel));
  }
  if (!words.users.empty()) question.users = read_count(words.users, "--users", kMostUsers);
  if (!words.context.empty()) question.context = read_tokens(words.context, "--context");
  question.pareto = read_front(words.pareto);
  check_split(words, question);
}

/// The longest request, `said` of it, beside what the model takes.
void check_positions(const Question& question, std::int64_t tokens, const std::string& said) {
  const models::Llm llm = models::load_model(question.model.name);
  if (llm.max_positions == 0 || tokens <= llm.max_positions) return;
  throw ConfigError(fmt::format("{}: {} has {} positions (max_position_embeddings)", said,
                                printable(question.model.name), grouped(llm.max_positions)));
}

/// Up to whole thousands of 1,024, as far as the model goes.
std::int64_t context_for(const Question& question, std::int64_t longest) {
  const std::int64_t positions = models::load_model(question.model.name).max_positions;
  const std::int64_t context = (longest + 1023) / 1024 * 1024;
  return positions > 0 ? std::min(context, positions) : context;
}

std::string context_of(const AskWords& words) { return fmt::format("--context {}", printable(words.context)); }

AskedLength read_spread(const std::string& text, std::string_view by) {
  if (text.empty()) throw ConfigError(fmt::format("{} is needed", by));
  AskedLength length = read_asked_length(text, by);
  if (length.cv > 0.0 && length.most == 0) length.most = static_cast<std::int64_t>(kTail * length.mean);
  return length;
}

}  // namespace

ServeQuestion read_serve_question(const AskWords& words) {
  ServeQuestion question;
  read_shared(words, question);
  question.input = read_spread(words.input, "--input");
  question.output = read_spread(words.output, "--output");
  const std::int64_t longest = question.input.longest() + question.output.longest();
  if (question.context > 0) check_positions(question, question.context, context_of(words));
  check_positions(question, longest,
                  fmt::format("--input {} and --output {}: a request may take {} tokens", printable(words.input),
                              printable(words.output), grouped(longest)));
  if (question.context == 0) question.context = context_for(question, longest);
  if (question.context < longest) {
    throw ConfigError(fmt::format("--context {}: a request may take {} tokens, prompt and answer",
                                  printable(words.context), grouped(longest)));
  }
  if (!words.ttft.empty()) question.ttft = read_time(words.ttft, "--ttft");
  if (!words.tpot.empty()) question.tpot = read_time(words.tpot, "--tpot");
  if (words.ttft.empty() && words.tpot.empty()) {
    throw ConfigError("ask serve needs a goal: --ttft 5s, --tpot 50ms, or both");
  }
  if (!words.users.empty() && !words.rate.empty()) throw ConfigError("ask serve takes --users or --rate, not both");
  if (!words.rate.empty()) question.rate = read_within(words.rate, "--rate", kLeastAskedRate, kMostRate);
  if (!words.attainment.empty()) {
    question.attainment = read_within(words.attainment, "--attainment", kLeastAttainment, 1.0);
  }
  if (!words.compare_api.empty()) question.api = read_api_price(words.compare_api, "--compare-api");
  return question;
}

FitQuestion read_fit_question(const AskWords& words) {
  FitQuestion question;
  read_shared(words, question);
  if (question.context == 0) throw ConfigError("--context is needed");
  if (question.context < 2) {
    throw ConfigError(fmt::format("{}: a prompt and a token of an answer take 2 at least", context_of(words)));
  }
  check_positions(question, question.context, context_of(words));
  return question;
}

}  // namespace orrery::scenarios
