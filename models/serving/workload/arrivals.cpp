// The table of arrival processes. r requests per second, c the coefficient of variation of the gaps between arrivals.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "models/serving/workload/families.hpp"

namespace orrery::models {

const std::vector<ArrivalRow>& arrival_processes() {
  static const std::vector<ArrivalRow> rows = {
      {"constant", "request k = 0, 1, … arrives at k/r", "the limit c → 0 of gamma", make_constant},
      {"poisson", "gaps are exponential with mean 1/r; the first request arrives after one",
       "vllm-project/vllm vllm/benchmarks/serve.py get_request (burstiness 1)", make_poisson},
      {"gamma", "gaps are gamma with shape 1/c² and mean 1/r; the first request arrives after one",
       "vllm-project/vllm vllm/benchmarks/serve.py get_request (burstiness = 1/c²)", make_gamma},
      {"burst", "burst j of `burst_size` requests arrives at j·burst_interval",
       "vllm-project/vllm vllm/benchmarks/serve.py --request-rate inf (all at once)", make_burst},
      {"closed_loop", "`concurrency` clients, each sends its next request an exponential think time after an answer",
       "the interactive system of Denning and Buzen 1978, ACM Computing Surveys 10(3); "
       "vllm/benchmarks/serve.py --max-concurrency",
       make_closed_loop},
      {"trace", "arrivals and lengths of a recorded load, times divided by rate_scale",
       "formats and their sources: trace_formats()", make_trace},
  };
  return rows;
}

const ArrivalRow* find_arrival_process(std::string_view name) {
  const auto& rows = arrival_processes();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const ArrivalRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

std::unique_ptr<Workload> make_workload(const LoadConfig& load, std::uint64_t seed) {
  const ArrivalRow* row = find_arrival_process(load.arrivals);
  if (row == nullptr) throw std::invalid_argument("unknown arrival process: " + load.arrivals);
  return row->make(load, seed);
}

}  // namespace orrery::models
