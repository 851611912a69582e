// Sources: vLLM, vllm/model_executor/models/{llama,qwen3_moe,deepseek_v2}.py and layers/ for the kernels of a layer,
// v1/sample/sampler.py for sampling, v1/worker/gpu_worker.py for the message between stages (hidden states and
// residual, a slice per rank, gathered on arrival), config/compilation.py for the graph modes. From memory.
#include <algorithm>
#include <utility>

#include "models/serving/engine_row.hpp"
#include "models/serving/kv_pool.hpp"
#include "models/serving/step_ops_builder.hpp"

namespace orrery::models {
namespace {

using kernels::MemoryOp;

constexpr Bytes kLogit{4.0};  // samplers work in fp32 (vllm/v1/sample/sampler.py)

// Small kernels around greedy sampling: gather of the last rows, index and token-id bookkeeping. Estimate: vLLM 0.19
// takes 26 us to sample 3 sequences of Llama-3.1-8B on an RTX PRO 6000 (LLMServingSim @5daddb2, per_sequence).
constexpr std::int64_t kSamplerKernels = 10;

ServingReading reading_of(const ServingJob& job) {
  ServingReading reading;
  reading.gpu = &site_of(job).gpu;
  reading.tensor = job.config.tensor_parallel;
  reading.dtype = job.config.dtype;
  reading.weight_dtype = job.config.weight_dtype;
  reading.as_stored = job.as_stored();
  reading.kv_dtype = job.config.kv_cache_dtype;
  reading.kernels = job.config.kernels;
  return reading;
}

}  // namespace

StepOps::StepOps(const ServingJob& job)
    : job_(&job),
      mesh_(serving_mesh(job)),
      placement_(serving_placement(job)),
      stand_(stand_of(job, job.replica)),
      reading_(reading_of(job)),
      embedding_(embedding_elements(job.llm)) {
  add_kinds();
  for (LayerElement& element : head_elements(job.llm)) {
    (std::holds_alternative<Norm>(element.block) ? norm_ : head_).push_back(std::move(element));
  }
  const GraphRules& graphs = engine_of(job).graphs;
  cuts_prompts_ = graphs.piecewise;
  const std::vector<std::int64_t> sizes = graphs.sizes(job.config);
  for (const std::int64_t size : sizes) padded_.resize(static_cast<std::size_t>(size) + 1, size);
}

std::int64_t StepOps::layers(int stage) const { return stage_layers(job_->llm, stages(), stage).count; }

// Layers that differ in their MLP alone have the same attention.
void StepOps::add_kinds() {
  std::vector<LayerConfig> known;
  for (const LayerKind& kind : layer_kinds(job_->llm)) {
    const LayerConfig layer = job_->llm.layer(kind.first);
    const auto like = std::find_if(known.begin(), known.end(), [&](const LayerConfig& other) {
      return other.mixer == layer.mixer && other.attention == layer.attention && other.recurrent == layer.recurrent;
    });
    const std::size_t mixer = static_cast<std::size_t>(like - known.begin());
    kinds_.push_back({job_->llm.kind_of(kind.first), mixer, served(layer_elements(job_->llm, kind.first))});
    if (like != known.end()) continue;
    known.push_back(layer);
    mixers_.push_back(kinds_.back().layer.attention);
  }
}

std::int64_t StepOps::layers(int stage, std::size_t mixer) const {
  std::int64_t count = 0;
  for (const Kind& kind : kinds_) count += kind.mixer == mixer ? layers_of_kind(stage, kind.number) : 0;
  return count;
}

std::int64_t StepOps::layers_of_kind(int stage, std::size_t number) const {
  const StageLayers own = stage_layers(job_->llm, stages(), stage);
  std::int64_t count = 0;
  for (std::int64_t i = own.first; i < own.first + own.count; ++i) count += job_->llm.kind_of(i) == number ? 1 : 0;
  return count;
}

std::int64_t StepOps::padded(std::int64_t tokens) const {
  const std::size_t index = static_cast<std::size_t>(tokens);
  return index < padded_.size() ? padded_[index] : tokens;
}

GraphMode StepOps::mode(std::int64_t tokens, bool decode_only) const {
  if (static_cast<std::size_t>(tokens) >= padded_.size()) return GraphMode::none;
  if (decode_only) return GraphMode::full;
  return cuts_prompts_ ? GraphMode::piecewise : GraphMode::none;
}

Bytes StepOps::message(std::int64_t rows, int stage) const {
  if (stage + 1 >= stages()) return Bytes{0.0};
  const double values = 2.0 * static_cast<double>(rows) * static_cast<double>(job_->llm.hidden);
  return values / job_->config.tensor_parallel * element_size(job_->config.dtype);
}

void StepOps::front(Builder& b, std::int64_t rows, int stage) const {
  if (stage == 0) {
    b.append(serving_ops(reading_, embedding_, rows));
    return;
  }
  b.count(2);
  b.all_gather("gather stage input", rows, job_->llm.hidden);
  b.count(1);
}

void StepOps::layers_of(Builder& b, std::int64_t rows, int stage,
                        const std::vector<std::vector<StepOp>>& attention) const {
  for (const Kind& kind : kinds_) {
    const std::int64_t count = layers_of_kind(stage, kind.number);
    if (count == 0) continue;
    b.count(count);
    b.append(serving_ops(reading_, kind.layer.before, rows));
    if (!attention.empty()) b.append(attention[kind.mixer]);
    b.append(serving_ops(reading_, kind.layer.after, rows));
  }
  b.count(1);
  if (stage + 1 == stages()) b.append(serving_ops(reading_, norm_, rows));
}

std::vector<StepOp> StepOps::body(std::int64_t rows, GraphMode mode, int stage) const {
  Builder b(*this, mode, stage);
  front(b, rows, stage);
  layers_of(b, rows, stage, {});
  return b.take();
}

std::vector<StepOp> StepOps::head(std::int64_t sampled, int stage) const {
  if (sampled == 0 || stage + 1 != stages()) return {};
  const std::int64_t vocab = job_->llm.vocab;
  Builder b(*this, GraphMode::none, stage);
  b.part(StepPart::head);
  b.append(serving_ops(reading_, head_, sampled));
  b.all_gather("logits all_gather", sampled, vocab);
  b.memory("logits cast", MemoryOp::elementwise, sampled * vocab, b.value(), kLogit);
  b.memory("argmax", MemoryOp::softmax, sampled * vocab, kLogit, {});
  b.count(kSamplerKernels);
  b.memory("sampler", MemoryOp::elementwise, sampled, kLogit, kLogit);
  return b.take();
}

std::vector<StepOp> StepOps::all_attention(std::size_t mixer, const StepShape& shape, std::int64_t rows) const {
  std::vector<StepOp> attention = prefill_attention(mixer, shape);
  if (shape.decode_sequences == 0) return attention;
  const std::vector<StepOp> products = absorbed(mixer, shape.decode_only() ? rows : shape.decode_sequences);
  std::vector<StepOp> decode = decode_attention(mixer, shape.decode_sequences, shape.decode_kv_tokens);
  if (!attention.empty() && !decode.empty()) {
    const auto* prompts = std::get_if<kernels::AttentionPrefillShape>(&attention.back().kernel);
    if (prompts != nullptr) decode.back().beside = *prompts;
  }
  if (!products.empty()) attention.push_back(products.front());
  attention.insert(attention.end(), decode.begin(), decode.end());
  if (!products.empty()) attention.push_back(products.back());
  return attention;
}

std::vector<StepOp> StepOps::all(const StepShape& shape, int stage) const {
  const std::int64_t rows = padded(shape.tokens());
  const GraphMode how = mode(shape.tokens(), shape.decode_only());
  std::vector<std::vector<StepOp>> attention;
  for (std::size_t mixer = 0; mixer < mixers_.size(); ++mixer) attention.push_back(all_attention(mixer, shape, rows));
  Builder b(*this, how, stage);
  front(b, rows, stage);
  layers_of(b, rows, stage, attention);
  b.append(head(shape.sampled, stage));
  return b.take();
}

}  // namespace orrery::models
