// Recorded loads and vLLM's results: the file stays where it is, and the scenario reads it when it runs. Here it is
// read once, request by request, to say what it holds.
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "models/serving/workload/byte_reader.hpp"
#include "models/serving/workload/trace_reader.hpp"
#include "models/serving/workload/vllm_bench.hpp"
#include "scenarios/format.hpp"
#include "scenarios/import/import.hpp"
#include "scenarios/import/model_name.hpp"

namespace orrery::scenarios {

namespace {

/// What a trace holds, without holding it.
struct Summary {
  std::uint64_t requests = 0;
  double input = 0.0, output = 0.0;
  std::int64_t longest = 0;
  double last = 0.0;  ///< arrival, seconds
  models::TraceTally tally;
};

Summary summarise(const std::string& path, std::string_view format, const Console& console) {
  models::TraceReader reader(path, std::string(format), 1.0);
  Summary summary;
  while (const std::optional<models::Request> request = reader.next()) {
    if (summary.requests % 65536 == 0 && console.stopped()) throw hardware::ConfigError("interrupted");
    ++summary.requests;
    summary.input += static_cast<double>(request->input_tokens);
    summary.output += static_cast<double>(request->output_tokens);
    summary.longest = std::max(summary.longest, request->input_tokens + request->output_tokens);
    summary.last = sim::to_seconds(request->arrival).value();
  }
  summary.tally = reader.tally();
  return summary;
}

std::string summary_text(const std::string& path, const Summary& summary, bool timed) {
  const double count = static_cast<double>(summary.requests);
  std::string text = fmt::format(
      "{}: {} requests{}, prompts of {:.0f} and answers of {:.0f} tokens on average, the "
      "longest {} together",
      path, summary.requests, timed ? fmt::format(" over {}", readable(summary.last, Unit::seconds)) : "",
      summary.input / count, summary.output / count, summary.longest);
  if (summary.tally.unanswered > 0) {
    text += fmt::format("; {} more without an answer (0 tokens) are left out", summary.tally.unanswered);
  }
  return text;
}

/// What the trace's file adds to a load, and to what is said of it.
Summary add_trace(const ImportFile& file, const ImportOptions& options, const Console& console,
                  const models::TraceFormatRow& format, Draft& draft) {
  if (file.path == "-") {
    throw hardware::ConfigError(
        "a load must be a file: the scenario reads it when it runs; one that has serving.load.trace: - takes it from "
        "standard input");
  }
  const Summary summary = summarise(file.path, format.name, console);
  draft.load.push_back({"trace", quoted_yaml(path_from(options, file.path)), std::string(format.name)});
  draft.load.push_back({"trace_format", std::string(format.name), ""});
  draft.notes.push_back(summary_text(file.path, summary, format.timed && summary.last > 0.0));
  if (!format.estimated.empty()) {
    draft.notes.push_back(
        fmt::format("{} holds texts, not counts: lengths are estimated, {}", file.path, format.estimated));
  }
  return summary;
}

// What vLLM's load generator prints, and the metric that it is here.
struct BenchFigure {
  std::string_view key, metric;
  std::string_view unit;
  std::string_view source = "vllm-project/vllm vllm/benchmarks/serve.py, BenchmarkMetrics";
};

std::vector<BenchFigure> bench_figures() {
  return {
      {"duration", "serving.duration_s", "s"},
      {"request_throughput", "serving.requests_per_s", ""},
      {"output_throughput", "serving.output_tokens_per_s", ""},
      {"mean_ttft_ms", "serving.ttft_s.mean", "ms"},
      {"median_ttft_ms", "serving.ttft_s.p50", "ms"},
      {"p90_ttft_ms", "serving.ttft_s.p90", "ms"},
      {"p95_ttft_ms", "serving.ttft_s.p95", "ms"},
      {"p99_ttft_ms", "serving.ttft_s.p99", "ms"},
      {"mean_tpot_ms", "serving.tpot_s.mean", "ms"},
      {"median_tpot_ms", "serving.tpot_s.p50", "ms"},
      {"p90_tpot_ms", "serving.tpot_s.p90", "ms"},
      {"p95_tpot_ms", "serving.tpot_s.p95", "ms"},
      {"p99_tpot_ms", "serving.tpot_s.p99", "ms"},
      {"mean_itl_ms", "serving.itl_s.mean", "ms"},
      {"median_itl_ms", "serving.itl_s.p50", "ms"},
      {"p99_itl_ms", "serving.itl_s.p99", "ms"},
      {"mean_e2el_ms", "serving.e2e_s.mean", "ms"},
      {"median_e2el_ms", "serving.e2e_s.p50", "ms"},
      {"p90_e2el_ms", "serving.e2e_s.p90", "ms"},
      {"p99_e2el_ms", "serving.e2e_s.p99", "ms"},
  };
}

std::optional<double> number_of(const models::VllmBench& bench, const std::string& key) {
  const auto found = bench.numbers.find(key);
  if (found == bench.numbers.end() || !std::isfinite(found->second)) return std::nullopt;
  return found->second;
}

std::string text_of(const models::VllmBench& bench, const std::string& key) {
  const auto found = bench.texts.find(key);
  return found == bench.texts.end() ? std::string() : found->second;
}

/// How the requests were sent: at a rate, by so many clients, or all at once.
void add_arrivals(const models::VllmBench& bench, Draft& draft) {
  const std::optional<double> rate = number_of(bench, "request_rate");
  const std::optional<double> clients = number_of(bench, "max_concurrency");
  if (rate && *rate > 0.0) {
    const double burstiness = number_of(bench, "burstiness").value_or(1.0);
    const bool gamma = burstiness > 0.0 && burstiness != 1.0;
    draft.load.push_back({"arrivals", gamma ? "gamma" : "poisson", ""});
    draft.load.push_back({"rate", fmt::format("{}", *rate), "requests per second (request_rate)"});
    if (gamma) draft.load.push_back({"cv", fmt::format("{}", 1.0 / std::sqrt(burstiness)), "1/sqrt(burstiness)"});
    if (clients) draft.ignored.push_back("max_concurrency: a rate and a number of clients at once are not modelled");
  } else if (clients && *clients >= 1.0) {
    draft.load.push_back({"arrivals", "closed_loop", ""});
    draft.load.push_back({"concurrency", fmt::format("{:.0f}", *clients), "max_concurrency"});
  } else {
    draft.load.push_back({"arrivals", "poisson", ""});
    draft.load.push_back({"rate", "inf", "request_rate: all at once"});
  }
}

/// Lengths by their means, where the result lists none.
void add_mean_lengths(const ImportFile& file, const models::VllmBench& bench, Draft& draft) {
  const double requests = number_of(bench, "completed").value_or(number_of(bench, "num_prompts").value_or(0.0));
  const double input = number_of(bench, "total_input_tokens").value_or(number_of(bench, "total_input").value_or(0.0));
  const double output =
      number_of(bench, "total_output_tokens").value_or(number_of(bench, "total_output").value_or(0.0));
  if (!(requests >= 1.0 && requests <= 1e9 && input >= requests && output >= requests && input <= 1e15 &&
        output <= 1e15)) {
    throw hardware::ConfigError(
        std::vector<hardware::Diagnostic>{{file.path,
                                           {1, 1, 0, 0},
                                           "the result has neither input_lens and output_lens (--save-detailed) nor "
                                           "completed, total_input_tokens and total_output_tokens"}});
  }
  draft.load.push_back({"requests", fmt::format("{:.0f}", requests), "completed"});
  draft.load.push_back({"input", fmt::format("{:.0f}", input / requests), "mean prompt: the result lists no lengths"});
  draft.load.push_back({"output", fmt::format("{:.0f}", output / requests), "mean answer"});
  draft.notes.push_back(
      fmt::format("{}: all lengths are the mean; with --save-detailed each request has its own", file.path));
}

/// The model that was measured, where no launch line has named it.
void add_model(const ImportFile& file, const models::VllmBench& bench, const ImportOptions& options, Draft& draft) {
  const std::string written = text_of(bench, "model_id");
  if (!options.model.empty() || draft.model || written.empty()) return;
  if (const std::optional<ModelName> name = find_model_name(written, "", options)) {
    draft.model = DraftKey{"model", name->value, written};
    if (!name->weight_dtype.empty()) draft.set("weight_dtype", name->weight_dtype, "as the model's name says");
    return;
  }
  draft.model_is_guessed = true;
  draft.notes.push_back(
      fmt::format("{}: the model {} is none of the library: the one below stands in for it until "
                  "import --model names its config.json",
                  file.path, hardware::shown(written, 80)));
}

}  // namespace

bool is_load(const ImportFile& file) { return models::recognise_trace(file.head) != nullptr; }

void read_load(const ImportFile& file, const ImportOptions& options, Console& console, Draft& draft) {
  const models::TraceFormatRow& format = *models::recognise_trace(file.head);
  draft.has_load = true;
  draft.sources.push_back(fmt::format("a load (format {}), {}", format.name, file.path));
  const Summary summary = add_trace(file, options, console, format, draft);
  if (format.timed && (summary.last > 0.0 || summary.requests < 2)) return;
  draft.load.push_back({"rate", "inf", "change me: the file has no times; requests per second, inf: all at once"});
}

bool is_bench(const ImportFile& file) {
  const models::TraceFormatRow* format = models::recognise_trace(file.head);
  return format != nullptr && format->name == "vllm_bench";
}

void read_bench(const ImportFile& file, const ImportOptions& options, Console& console, Draft& draft) {
  models::VllmBench bench;
  try {
    models::ByteReader bytes(file.path);
    bench = models::read_vllm_bench(bytes);
  } catch (const std::invalid_argument& error) {
    throw hardware::ConfigError(std::vector<hardware::Diagnostic>{{file.path, {1, 1, 0, 0}, error.what()}});
  }
  draft.has_load = true;
  draft.sources.push_back(fmt::format("a result of vllm bench serve, {}", file.path));
  add_model(file, bench, options, draft);
  if (bench.input_lens.empty()) {
    add_mean_lengths(file, bench, draft);
  } else {
    (void)add_trace(file, options, console, *models::find_trace_format("vllm_bench"), draft);
  }
  add_arrivals(bench, draft);
  const std::string date = text_of(bench, "date");
  for (const BenchFigure& figure : bench_figures()) {
    const std::optional<double> value = number_of(bench, std::string(figure.key));
    if (!value || !(*value > 0.0)) continue;
    draft.figures.push_back(
        {std::string(figure.metric), fmt::format("{}{}{}", *value, figure.unit.empty() ? "" : " ", figure.unit),
         fmt::format("measured: {} of {}{}{}", figure.key, file.path, date.empty() ? "" : ", ", date)});
  }
  if (const std::optional<double> failed = number_of(bench, "failed"); failed && *failed > 0.0) {
    draft.notes.push_back(fmt::format("{}: {:.0f} requests failed", file.path, *failed));
  }
}

}  // namespace orrery::scenarios
