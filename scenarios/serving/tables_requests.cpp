// Tables of requests: one run of an engine with a row per request.
//
// Columns: run ("RTX4090/Llama-3.1-8B": machine and model), vllm, tp, dp, ep, max_num_seqs, max_batched_tokens,
// request, input_tokens, output_tokens, arrival_s, queued_s, scheduled_s, first_token_s, last_token_s.
// The runs are vLLM 0.19's in bf16 with its defaults where no column says otherwise: prefix caching, chunked prefill,
// asynchronous scheduling, CUDA graphs (casys-kaist/LLMServingSim, bench/core/runner.py).

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "models/architectures/hf_config.hpp"
#include "scenarios/serving/tables.hpp"
#include "scenarios/table_row.hpp"

namespace orrery::scenarios {

namespace {

using calibrate::CsvTable;

constexpr double kLongestRun = 1e6;  // seconds; the clock ends at 1.8e7

/// What a run's name means, and what vLLM was told or found there that no column says.
struct Machine {
  std::string_view node, gpu;
  std::int64_t num_gpu_blocks;  ///< 0: not printed; what memory leaves
  std::int64_t max_model_len;   ///< 0: the model's own
};

Machine machine_of(std::string_view name) {
  // Blocks: LLMServingSim docs/docs/validation.md ("num_gpu_blocks": 2588, from the run's own meta.json); the longest
  // sequence: bench/bench-rtx4090.sh. The other card's pool never filled (ibid.), so the formula stands in for it.
  static const std::map<std::string_view, Machine> machines = {
      {"RTX4090", {"rtx_4090_box", "rtx_4090", 2588, 32768}},
      {"RTXPRO6000", {"rtx_pro_6000_box", "rtx_pro_6000_server", 0, 0}},
  };
  const auto found = machines.find(name);
  if (found == machines.end()) throw NotExpressible{fmt::format("there is no node profile for the GPU {}", name)};
  return found->second;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

models::Llm model_named(const std::string& name) {
  const std::vector<std::string> known = models::model_names();
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    throw NotExpressible{fmt::format("the library has no model {}", name)};
  }
  return models::load_model(name);
}

/// Everything but the requests, from the first row of the run.
MeasuredRun run_of(const TableRow& row, const std::string& gpu) {
  const std::string name = row.text("run");
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos) throw NotExpressible{"the run is not named MACHINE/MODEL"};
  const Machine machine = machine_of(std::string_view(name).substr(0, slash));
  if (!gpu.empty() && machine.gpu != gpu) throw NotExpressible{fmt::format("measured on {}, not {}", machine.gpu, gpu)};
  if (row.count_or("dp", 1) > 1) throw NotExpressible{"data parallelism is not modelled"};
  if (row.count_or("ep", 0) > 1) throw NotExpressible{"expert parallelism is not modelled"};
  MeasuredRun run;
  run.line = row.line();
  run.description = name;
  run.group = std::string(machine.gpu);
  run.job.llm = model_named(lower(std::string_view(name).substr(slash + 1)));
  run.job.cluster = hardware::make_cluster(machine.node, "single_node", 1, machine.gpu);
  models::ServingConfig& config = run.job.config;
  config.tensor_parallel = static_cast<int>(row.count("tp"));
  config.max_num_seqs = row.count("max_num_seqs");
  config.max_num_batched_tokens = row.count("max_batched_tokens");
  config.num_gpu_blocks = machine.num_gpu_blocks;
  config.max_model_len = machine.max_model_len;
  // Replayed instead of drawn; check() wants a load all the same.
  config.load.arrivals = "constant";
  config.load.rate = 1.0;
  config.load.requests = 1;
  config.load.input.mean = config.load.output.mean = 1.0;
  return run;
}

MeasuredRequest request_of(const TableRow& row) {
  MeasuredRequest request;
  request.line = row.line();
  request.name = row.text("request");
  request.input_tokens = row.count("input_tokens");
  request.output_tokens = row.count("output_tokens");
  request.arrival = row.between("arrival_s", 0.0, kLongestRun);
  request.queued = row.between("queued_s", 0.0, kLongestRun);
  request.first_token = row.between("first_token_s", request.queued, kLongestRun);
  request.last_token = row.between("last_token_s", request.first_token, kLongestRun);
  if (request.first_token <= request.queued) throw NotExpressible{"first_token_s is no later than queued_s"};
  return request;
}

/// The rows of a run, in the order of the table.
MeasuredRun read_run(const CsvTable& table, const std::vector<std::size_t>& rows, const std::string& gpu) {
  MeasuredRun run = run_of(TableRow(table, rows.front()), gpu);
  for (const std::size_t index : rows) {
    const TableRow row(table, index);
    try {
      run.requests.push_back(request_of(row));
    } catch (const NotExpressible& problem) {
      // Without it the load would be another one.
      throw NotExpressible{fmt::format("line {}: {}", row.line(), problem.reason)};
    }
  }
  std::stable_sort(run.requests.begin(), run.requests.end(),
                   [](const MeasuredRequest& a, const MeasuredRequest& b) { return a.arrival < b.arrival; });
  const std::vector<models::JobError> errors = models::check(run.job);
  if (!errors.empty()) throw NotExpressible{errors.front().message};
  return run;
}

}  // namespace

ServingTable read_request_runs(const CsvTable& table, const std::string& gpu) {
  std::map<std::string, std::vector<std::size_t>> runs;
  for (std::size_t i = 0; i < table.rows.size(); ++i) runs[TableRow(table, i).text("run")].push_back(i);
  ServingTable result;
  for (const auto& [name, rows] : runs) {
    try {
      result.runs.push_back(read_run(table, rows, gpu));
    } catch (const NotExpressible& problem) {
      for (const std::size_t index : rows) {
        const TableRow row(table, index);
        result.skipped.push_back({row.line(), fmt::format("{} {}", name, row.text("request")), problem.reason});
      }
    }
  }
  return result;
}

}  // namespace orrery::scenarios
