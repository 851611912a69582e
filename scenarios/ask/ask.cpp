#include "scenarios/ask/ask.hpp"

#include <sstream>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/dtype.hpp"
#include "models/architectures/hf_config.hpp"
#include "scenarios/ask/control.hpp"

namespace orrery::scenarios {

namespace {

std::vector<std::string> dtype_names() {
  std::vector<std::string> names;
  for (const Dtype dtype : all_dtypes()) names.emplace_back(name(dtype));
  return names;
}

/// What every question takes, before and behind `own`.
std::vector<AskField> with_shared(const std::vector<AskField>& own) {
  std::vector<AskField> fields = {
      {"model", &AskWords::model, "Model", "of the library (orrery list models), as Hugging Face has it, or a path", "",
       "Qwen/Qwen3-32B-FP8", true, models::model_names},
      {"gpu", &AskWords::gpu, "GPUs", "kinds to choose from: h100,l40s, or a profile of your own: ./mine.yaml",
       "all of the library", "h100,l40s", false, hardware::gpu_names},
      {"node", &AskWords::node, "Node", "node that holds the GPU; needed for one's own", "one of the library",
       "dgx_h100", false, hardware::node_names},
      {"gpus", &AskWords::gpus, "Number of GPUs", "GPUs that there are", "as many as it takes", "8"},
      {"tp", &AskWords::tensor_parallel, "Tensor parallel", "tensor parallelism", "1, 2, 4 and 8 are tried", "4"},
      {"weight-dtype", &AskWords::weight_dtype, "Weights",
       "number format of the weights (orrery list dtypes); serve also tries fp8 where nothing fixes it",
       "the model's own", "fp8", false, dtype_names},
      {"users", &AskWords::users, "Users at once", "users at once", "", "32"},
  };
  fields.insert(fields.end(), own.begin(), own.end());
  fields.push_back({"pareto", &AskWords::pareto, "Pareto front of",
                    "mark the plans that no other beats in all of these metrics: a,b (orrery list metrics)", "",
                    "cost.usd_per_million_output_tokens,serving.output_tokens_per_s_per_user"});
  return fields;
}

std::vector<AskField> serve_fields() {
  return with_shared({
      {"context", &AskWords::context, "Context",
       "tokens of the longest request, prompt and answer: 32k = 32,000, 32K = 32,768", "what prompt and answer take",
       "32K"},
      {"input", &AskWords::input, "Prompt", "tokens of a prompt: 2000, or MEAN:CV:MOST", "", "2000", true},
      {"output", &AskWords::output, "Answer", "tokens of an answer: 500, or MEAN:CV:MOST", "", "500", true},
      {"ttft", &AskWords::ttft, "TTFT at most", "longest time to the first token: 5s (this, --tpot or both are needed)",
       "", "5s"},
      {"tpot", &AskWords::tpot, "TPOT at most", "longest time per token after it: 50ms", "", "50ms"},
      {"attainment", &AskWords::attainment, "Attainment", "share of the requests within both", "0.99", "0.99"},
      {"rate", &AskWords::rate, "Requests a second", "requests per second, up to 10,000", "", "20"},
      {"compare-api", &AskWords::compare_api, "API prices",
       "CACHED/INPUT/OUTPUT prices of an API, USD per million tokens: when do own GPUs win?", "", "0.14/0.55/2.19"},
  });
}

std::vector<AskField> fit_fields() {
  return with_shared({
      {"context", &AskWords::context, "Context", "tokens of each sequence: 128k = 128,000, 128K = 131,072", "", "128K",
       true},
  });
}

AskReply ask_serve(const AskWords& words, const AskControl& control) {
  const ServeQuestion question = read_serve_question(words);
  AskReply reply;
  reply.answer = answer_serve(question, control);
  reply.words = serve_words(question, reply.answer);
  reply.json = serve_json(question, reply.answer);
  return reply;
}

AskReply ask_fit(const AskWords& words, const AskControl& control) {
  const FitQuestion question = read_fit_question(words);
  AskReply reply;
  reply.answer = answer_fit(question, control);
  reply.words = fit_words(question, reply.answer);
  reply.json = fit_json(question, reply.answer);
  return reply;
}

}  // namespace

std::vector<SearchRow> AskControl::search(const PointRunner& runner, const SearchQuery& query,
                                          std::string_view what) const {
  Progress line(console, quiet, query.rows.count, what);
  SearchControl control{jobs, console, line, {}, {}};
  if (progress) {
    control.take = [this, total = query.rows.count](std::size_t i, const SearchRow&) { progress(i + 1, total); };
  }
  return scenarios::search(runner, query, control);
}

AskReply ask_quietly(const AskKind& kind, const AskWords& words, const AskWatch& watch) {
  std::ostringstream nowhere;
  Console console{nowhere, nowhere};
  console.stop = watch.stop;
  return kind.ask(words, {watch.jobs, true, console, watch.progress});
}

const std::vector<AskKind>& ask_kinds() {
  static const std::vector<AskKind> rows = {
      {"serve", "how many users do these GPUs hold, or which plan serves this load at least cost", serve_fields(),
       ask_serve},
      {"fit", "the fewest GPUs that hold a model and so many tokens", fit_fields(), ask_fit},
  };
  return rows;
}

}  // namespace orrery::scenarios
