#include "scenarios/ask/engines.hpp"

#include <algorithm>
#include <iterator>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/dtype.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/layer/parameters.hpp"
#include "scenarios/format.hpp"
#include "scenarios/schema_fields.hpp"
#include "scenarios/serving/weight_formats.hpp"

namespace orrery::scenarios {

namespace {

constexpr int kDegrees[] = {1, 2, 4, 8};
/// Engines of several nodes and replicas on several talk over it; it joins most.
constexpr std::string_view kFabric = "rail_fat_tree_ndr";

/// A YAML scalar that reads back as it is: JSON's strings are YAML's.
std::string yaml_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string length_yaml(const AskedLength& length) {
  if (length.cv <= 0.0) return fmt::format("{:.0f}", length.mean);
  const std::string most = length.most > 0 ? fmt::format(", most: {}", length.most) : "";
  return fmt::format("{{distribution: lognormal, mean: {:.0f}, cv: {:g}{}}}", length.mean, length.cv, most);
}

std::string head_text(const Question& question, const std::string& title) {
  return fmt::format(
      "scenario: {}\n"
      "model: {}\n"
      "cluster:\n"
      "  node: {}\n"
      "serving:\n"
      "  tensor_parallel: 1\n"
      "  max_model_len: {}\n",
      yaml_string(title), yaml_string(question.model.name), yaml_string(question.gpus.front().node), question.context);
}

std::vector<std::string> weight_dtypes_for(const Question& question, const models::Llm& llm, const hardware::Gpu& gpu) {
  if (!question.model.weight_dtype.empty()) return {question.model.weight_dtype};
  const bool takes_fp8 = gpu.matrix_peak(Dtype::fp8) && !is_refused(gpu, Dtype::fp8);
  if (models::is_quantised(llm.dtype) || !takes_fp8) return {""};
  return {"", "fp8"};
}

std::string dtype_for(const hardware::Gpu& gpu) {
  return !gpu.matrix_peak(Dtype::bf16) && gpu.matrix_peak(Dtype::fp16) ? "fp16" : "";
}

}  // namespace

std::vector<AskedEngine> engines_for(const Question& question, const std::vector<int>& depths) {
  const models::Llm llm = models::load_model(question.model.name);
  std::vector<AskedEngine> engines;
  std::vector<int> degrees(std::begin(kDegrees), std::end(kDegrees));
  if (question.tensor_parallel > 0) degrees = {question.tensor_parallel};
  for (const AskedGpu& gpu : question.gpus) {
    const hardware::Gpu loaded = hardware::load_gpu(gpu.loaded_by());
    for (const std::string& weights : weight_dtypes_for(question, llm, loaded)) {
      for (const int tensor : degrees) {
        for (const int depth : depths) {
          if (tensor > gpu.per_node || (question.gpu_count > 0 && tensor * depth > question.gpu_count)) continue;
          engines.push_back({gpu, tensor, depth, weights, dtype_for(loaded)});
        }
      }
    }
  }
  return engines;
}

void sort_by_promise(std::vector<AskedEngine>& engines, const ServeQuestion& question) {
  constexpr double kBatch = 32.0;
  const models::Llm llm = models::load_model(question.model.name);
  const double active = static_cast<double>(models::active_parameters(llm));
  std::map<std::string, hardware::Gpu> gpus;
  const auto dollars = [&](const AskedEngine& engine) {
    const auto known = gpus.try_emplace(engine.gpu.loaded_by());
    hardware::Gpu& gpu = known.first->second;
    if (known.second) gpu = hardware::load_gpu(engine.gpu.loaded_by());
    const Dtype dtype = parse_dtype(engine.weight_dtype).value_or(llm.dtype);
    std::optional<FlopsPerSecond> peak = gpu.matrix_peak(dtype);
    if (!peak) peak = gpu.matrix_peak(Dtype::fp16);
    const double computing =
        2.0 * active * (question.input.mean + question.output.mean) / peak.value_or(FlopsPerSecond{1e12}).value();
    const double reading =
        question.output.mean * active * element_size(dtype).value() / (kBatch * gpu.memory_bandwidth.value());
    return engine.gpu.price * (computing + reading);
  };
  // More GPUs of one kind share the work and pay for talking.
  const auto key = [&](const AskedEngine& engine) { return std::pair(dollars(engine), engine.gpus()); };
  std::stable_sort(engines.begin(), engines.end(),
                   [&](const AskedEngine& a, const AskedEngine& b) { return key(a) < key(b); });
}

std::vector<Override> engine_keys(const AskedEngine& engine, std::int64_t replicas) {
  const std::int64_t gpus = engine.gpus() * replicas;
  const std::int64_t nodes = (gpus + engine.gpu.per_node - 1) / engine.gpu.per_node;
  std::vector<Override> keys;
  const auto set = [&](std::string_view key, std::string value) {
    keys.push_back({std::string(key), std::move(value), "ask"});
  };
  set("cluster.node", engine.gpu.node);
  if (!engine.gpu.profile.empty()) set("cluster.gpu", engine.gpu.profile);
  if (nodes > 1) {
    set("cluster.nodes", std::to_string(nodes));
    set("cluster.fabric", std::string(kFabric));
  }
  set("serving.tensor_parallel", std::to_string(engine.tensor_parallel));
  if (engine.pipeline_parallel > 1) set("serving.pipeline_parallel", std::to_string(engine.pipeline_parallel));
  if (replicas > 1) set("serving.replicas", std::to_string(replicas));
  if (!engine.dtype.empty()) set("serving.dtype", engine.dtype);
  if (!engine.weight_dtype.empty()) set("serving.weight_dtype", engine.weight_dtype);
  return keys;
}

std::vector<Override> starting_keys(const AskedEngine& engine) {
  std::vector<Override> keys = engine_keys(engine, 1);
  keys.push_back({"serving.load.requests", "1", "ask"});
  return keys;
}

std::string serve_text(const ServeQuestion& question) {
  std::string text = head_text(question, fmt::format("{} for {:.0f} + {:.0f} tokens a request", question.model.written,
                                                     question.input.mean, question.output.mean));
  text += "  load:\n";
  text += question.rate > 0.0 ? fmt::format("    arrivals: poisson\n    rate: {}\n", shortest(question.rate))
                              : "    arrivals: closed_loop\n    concurrency: 1\n";
  text += fmt::format("    requests: 200\n    input: {}\n    output: {}\n", length_yaml(question.input),
                      length_yaml(question.output));
  text += "  slo:\n";
  const auto limit = [&](std::string_view key, Seconds time) {
    if (time > Seconds{0.0}) text += fmt::format("    {}: {}\n", key, seconds_text(time));
  };
  limit("ttft", question.ttft);
  limit("tpot", question.tpot);
  return text + fmt::format("    attainment: {}\n", shortest(question.attainment));
}

std::string fit_text(const FitQuestion& question) {
  // One short request: what fits is decided before it arrives.
  return head_text(question,
                   fmt::format("{} with {} tokens of context", question.model.written, grouped(question.context))) +
         "  load: {arrivals: closed_loop, concurrency: 1, requests: 1, input: 1, output: 1}\n";
}

std::string describe(const AskedEngine& engine, std::int64_t replicas) {
  std::string text =
      fmt::format("{} x {}: {} x TP {}", engine.gpus() * replicas, engine.gpu.name, replicas, engine.tensor_parallel);
  if (engine.pipeline_parallel > 1) text += fmt::format(" PP {}", engine.pipeline_parallel);
  return text + (engine.weight_dtype.empty() ? "" : ", " + engine.weight_dtype);
}

}  // namespace orrery::scenarios
