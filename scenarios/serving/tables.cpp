// Telling the kinds of tables apart, and comparing a run with its prediction.

#include "scenarios/serving/tables.hpp"

#include <array>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "sim/clock.hpp"

namespace orrery::scenarios {

namespace {

using calibrate::PredictedRow;
using models::RequestRecord;

/// Requests as they were sent.
class ReplayedRequests final : public models::Workload {
 public:
  explicit ReplayedRequests(const std::vector<MeasuredRequest>& requests) : requests_(requests) {}

  [[nodiscard]] std::optional<sim::SimTime> next_arrival() override {
    if (next_ >= requests_.size()) return std::nullopt;
    return sim::to_sim_time(Seconds{requests_[next_].arrival});
  }
  [[nodiscard]] models::Request take() override {
    const MeasuredRequest& measured = requests_[next_];
    models::Request request;
    request.id = next_++;
    request.arrival = sim::to_sim_time(Seconds{measured.arrival});
    request.input_tokens = measured.input_tokens;
    request.output_tokens = measured.output_tokens;
    return request;
  }
  void ended(const models::Request&, sim::SimTime) override {}

 private:
  std::vector<MeasuredRequest> requests_;
  std::size_t next_ = 0;
};

/// TTFT, TPOT and end-to-end time of one request, predicted and measured, in seconds.
struct Latencies {
  double ttft = 0.0, tpot = 0.0, e2e = 0.0;
  bool has_tpot = false;  ///< more than one token
};

Latencies latencies(double queued, double first, double last, std::int64_t tokens) {
  Latencies result{first - queued, 0.0, last - queued, tokens > 1};
  if (result.has_tpot) result.tpot = (last - first) / static_cast<double>(tokens - 1);
  return result;
}

double mean(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return values.empty() ? 0.0 : sum / static_cast<double>(values.size());
}

struct Pairs {
  std::vector<double> predicted, measured;
};

void add_figures(const MeasuredRun& run, std::string_view metric, const Pairs& pairs, ServingErrors& errors) {
  using Statistic = std::pair<std::string_view, std::function<double(const std::vector<double>&)>>;
  const std::array<Statistic, 3> statistics = {
      Statistic{"mean", mean},
      Statistic{"p50", [](const std::vector<double>& values) { return calibrate::percentile(values, 0.5); }},
      Statistic{"p99", [](const std::vector<double>& values) { return calibrate::percentile(values, 0.99); }}};
  for (const auto& [name, of] : statistics) {
    errors.figures.push_back({run.line, fmt::format("{} of {}", name, run.description),
                              fmt::format("{} {} {}", run.group, metric, name), of(pairs.predicted), of(pairs.measured),
                              fmt::format("{}_s.{}", metric, name), run.id});
  }
}

/// Prediction and measurement request by request, and over all of them.
void compare_requests(const MeasuredRun& run, const std::vector<RequestRecord>& records, ServingErrors& errors) {
  std::vector<const RequestRecord*> by_id(run.requests.size(), nullptr);
  for (const RequestRecord& record : records) {
    if (record.id < by_id.size()) by_id[record.id] = &record;
  }
  Pairs ttft, tpot, e2e;
  for (std::size_t i = 0; i < run.requests.size(); ++i) {
    const MeasuredRequest& request = run.requests[i];
    const RequestRecord* record = by_id[i];
    const std::string description =
        fmt::format("{}: {} + {} tokens", request.name, request.input_tokens, request.output_tokens);
    if (record == nullptr || record->state != models::SequenceState::finished) {
      errors.skipped.push_back({request.line, description, "the simulated engine refuses the request"});
      continue;
    }
    const auto seconds = [](sim::SimTime time) { return sim::to_seconds(time).value(); };
    const Latencies predicted = latencies(seconds(record->queued), seconds(record->first_token),
                                          seconds(record->last_token), record->output_tokens);
    const Latencies measured =
        latencies(request.queued, request.first_token, request.last_token, request.output_tokens);
    ttft.predicted.push_back(predicted.ttft);
    ttft.measured.push_back(measured.ttft);
    e2e.predicted.push_back(predicted.e2e);
    e2e.measured.push_back(measured.e2e);
    if (predicted.has_tpot && measured.has_tpot) {
      tpot.predicted.push_back(predicted.tpot);
      tpot.measured.push_back(measured.tpot);
    }
    errors.rows.push_back({request.line, description, fmt::format("{} e2e by request", run.group), predicted.e2e,
                           measured.e2e, "e2e_s", request.name});
  }
  if (errors.rows.empty()) return;
  add_figures(run, "ttft", ttft, errors);
  if (!tpot.predicted.empty()) add_figures(run, "tpot", tpot, errors);
  add_figures(run, "e2e", e2e, errors);
}

}  // namespace

ServingTable read_serving_table(const std::string& path, const std::string& gpu) {
  const calibrate::CsvTable table = calibrate::read_csv(path);
  const auto has = [&](std::initializer_list<std::string_view> columns) {
    for (const std::string_view column : columns) {
      if (table.column(column) < 0) return false;
    }
    return true;
  };
  if (has({"run", "tp", "max_num_seqs", "max_batched_tokens", "request", "input_tokens", "output_tokens", "arrival_s",
           "queued_s", "first_token_s", "last_token_s"})) {
    return read_request_runs(table, gpu);
  }
  if (has({"backend", "model_path", "system", "mode", "isl", "osl", "concurrency", "tp_size", "pp_size",
           "silicon_ttft_ms", "silicon_tpot_ms"})) {
    return read_benchmarks(table, gpu);
  }
  if (has({"engine", "model", "gpu", "isl", "osl", "concurrency", "metric", "value"}))
    return read_published(table, gpu);
  throw hardware::ConfigError(fmt::format(
      "{}: no table of requests (run, tp, max_num_seqs, … first_token_s, last_token_s), of serving "
      "benchmarks (backend, model_path, system, … silicon_ttft_ms, silicon_tpot_ms) or of published serving "
      "results (engine, model, gpu, isl, osl, concurrency, … metric, value)",
      hardware::quoted_path(path)));
}

ServingErrors skipped_run(const MeasuredRun& run, const std::string& reason) {
  ServingErrors errors;
  if (run.requests.empty()) errors.skipped.push_back({run.line, run.description, reason, run.id});
  for (const MeasuredRequest& request : run.requests) {
    errors.skipped.push_back({request.line, fmt::format("{} {}", run.description, request.name), reason});
  }
  return errors;
}

ServingErrors compare_serving(const MeasuredRun& run, const kernels::KernelTimer& timer) {
  models::ServingOptions options;
  if (!run.requests.empty()) {
    options.keep_records = true;
    options.workload = [&run] { return std::make_shared<ReplayedRequests>(run.requests); };
  }
  ServingErrors errors;
  try {
    const models::ServingResult result = models::predict(run.job, timer, options);
    if (!result.started) return skipped_run(run, result.refusal);
    if (!run.requests.empty()) {
      compare_requests(run, result.records, errors);
    } else if (result.requests == 0) {
      return skipped_run(run, "the simulated engine refuses every request");
    } else if (!run.metric.empty()) {
      const std::optional<double> predicted = published_figure(run, result);
      if (!predicted) return skipped_run(run, fmt::format("metric {} is not predicted", run.metric));
      errors.rows.push_back({run.line, run.description, run.group, *predicted, run.value, run.metric, run.id});
    } else {
      errors.rows.push_back(
          {run.line, run.description, run.group + " tpot", result.tpot.mean, run.tpot.value(), "tpot_s", run.id});
      errors.figures.push_back(
          {run.line, run.description, run.group + " ttft", result.ttft.mean, run.ttft.value(), "ttft_s", run.id});
    }
  } catch (const std::invalid_argument& error) {
    return skipped_run(run, error.what());
  }
  return errors;
}

}  // namespace orrery::scenarios
