// Prices an iteration once per what decides it:
//
//   t = body(padded tokens, graphs?) + L·attention + head(sampled) + message,   at least launches · host launch
//
// body and head are remembered per number of tokens. Decode attention is priced at kv = 1, 64, 192, 320, … tokens per
// sequence and interpolated linearly between: kernels walk blocks of 128 keys, and sequences of many lengths, x on
// average, hold x/128 + 1/2 blocks each, which is what a block half full gives. Prompts are priced as they come. A
// table entry costs a few microseconds once and nothing after; time() and decode_time() read the same entries, so that
// they agree to the picosecond.
//
// The KV cache is as cold as the weights: between two reads of a block all layers' weights and caches pass through L2.
// Decode attention is therefore priced on the GPU without L2 where that takes longer; most of its fits come from loops
// that find small caches there. Median error on vLLM 0.19's own decodes (LLMServingSim @5daddb2, RTX PRO 6000): 4 %,
// with L2 12 %.
//
// Gaps. Between dependent kernels of a stream the GPU idles for the profile's kernel_gap; inside a CUDA graph for 5/9
// of it: kernels of 2.9 us take 3.8 us each in a stream and 3.4 us in a graph (A. Gray, "Getting Started with CUDA
// Graphs", NVIDIA technical blog, 2019). Collectives' measured times hold theirs.
//
// Launches. A full graph is one launch, plus those of logits and sampling; with piecewise graphs each layer's
// attention and the piece before it are launched; above the largest captured size the compiled model's kernels are, and
// with enforce_eager Python calls them one by one.
//
// Limitations: the sum of ops() has a step at every block, as sequences of one length have, and time() has none; the
// host launches either all kernels faster than the GPU runs them or slower, not in turns; a plan from lower() has no
// host.
#include "models/serving/step_model.hpp"

#include <algorithm>

#include "models/serving/engine_row.hpp"
#include "models/serving/step_model_state.hpp"
#include "models/serving/step_scales.hpp"

namespace orrery::models {
namespace {

constexpr double kGraphGap = (3.4 - 2.9) / (3.8 - 2.9);
constexpr std::int64_t kNodeTokens = 128;

// Cached tokens of all sequences at node j: 1, 64, 192, 320, … each.
std::int64_t node_tokens(std::int64_t sequences, std::int64_t j) {
  return sequences * std::max<std::int64_t>(1, kNodeTokens * j - kNodeTokens / 2);
}

// Shapes of prompts' attention that are remembered: what fits a core's own cache.
constexpr std::size_t kRemembered = 1024;

hardware::Gpu without_l2(hardware::Gpu gpu) {
  gpu.l2_size = Bytes{1.0};
  return gpu;
}

bool reads_cache(const StepOp& op) { return std::holds_alternative<kernels::AttentionDecodeShape>(op.kernel); }

StepCost& slot(std::vector<StepCost>& table, std::int64_t index) {
  const std::size_t i = static_cast<std::size_t>(index);
  if (i >= table.size()) table.resize(std::max(i + 1, 2 * table.size()));
  return table[i];
}

}  // namespace

StepModel::State::State(const ServingJob& j, const kernels::KernelTimer& t)
    : job(&j),
      timer(&t),
      site(site_of(j)),
      cold_gpu(without_l2(site.gpu)),
      warm_timer(t.bind(site.gpu)),
      cold_timer(t.bind(cold_gpu)),
      warm_times(*warm_timer, kRemembered),
      mixed_batch(site.gpu, t),
      ops(j),
      collectives(site),
      stages(static_cast<std::size_t>(ops.stages())),
      mixers(ops.mixers()),
      host(&engine_of(j).host) {
  stream_gap = site.gpu.kernel_gap.value();
  for (int stage = 0; stage < ops.stages(); ++stage) {
    StageCosts& costs = stages[static_cast<std::size_t>(stage)];
    costs.layers = ops.layers(stage);
    for (std::size_t mixer = 0; mixer < mixers.size(); ++mixer) costs.of_mixer.push_back(ops.layers(stage, mixer));
  }
  for (std::size_t mixer = 0; mixer < mixers.size(); ++mixer) {
    const std::vector<StepOp> one = ops.decode_attention(mixer, 1, 1);
    mixers[mixer].decode_runs = static_cast<std::int64_t>(one.size());
    mixers[mixer].attends = !one.empty() && reads_cache(one.back());
  }
  graph_gap = kGraphGap * stream_gap;
  launch = site.gpu.kernel_launch.value() + (j.config.enforce_eager ? host->eager_dispatch.value() : 0.0);
}

bool StepModel::State::joins_prompts(const StepOp& op) const {
  return op.beside && mixed_batch.one_call(std::get<kernels::AttentionDecodeShape>(op.kernel));
}

const kernels::GemmShape* StepModel::State::scaled_statically(const StepOp& op) const {
  if (!job->config.static_activation_scales || op.is_collective || !site.gpu.multiplies(Dtype::fp8)) return nullptr;
  const auto* gemm = std::get_if<kernels::GemmShape>(&op.kernel);
  // Only a fit to measurements with dynamic scales has their pass in it.
  const bool has_pass =
      gemm != nullptr && gemm->dtype == Dtype::fp8 && !timer->explain(op.kernel, site.gpu).fit_key.empty();
  return has_pass ? gemm : nullptr;
}

double StepModel::State::added(const kernels::AttentionPrefillShape& prompts, double prompts_time,
                               const kernels::AttentionDecodeShape& decode, double own) const {
  return mixed_batch.added(prompts, Seconds{prompts_time}, mixed_batch.launch(prompts), decode, Seconds{own}).value();
}

double StepModel::State::price(const StepOp& op) const {
  const double alone = price_alone(op);
  if (!op.beside) return alone;
  const auto& decode = std::get<kernels::AttentionDecodeShape>(op.kernel);
  const double prompts = warm_time(*op.beside).value();
  return added(*op.beside, prompts, decode, mixed_batch.decodes(decode, Seconds{alone}).value());
}

Seconds StepModel::State::warm_time(const kernels::Kernel& kernel) const {
  const bool repeats = std::holds_alternative<kernels::AttentionPrefillShape>(kernel);
  return repeats ? warm_times.time(kernel) : warm_timer->time(kernel);
}

double StepModel::State::price_alone(const StepOp& op) const {
  if (op.is_collective) return collectives.time(op.collective).value();
  const Seconds time = warm_time(op.kernel);
  if (const kernels::GemmShape* gemm = scaled_statically(op)) {
    return without_amax(*gemm, time, warm_time(amax_pass(*gemm)), site.gpu).value();
  }
  if (!reads_cache(op)) return time.value();
  return max(time, cold_timer->time(op.kernel)).value();
}

StepCost StepModel::State::cost(const std::vector<StepOp>& list, GraphMode mode) const {
  StepCost sum{0.0, 0};
  for (const StepOp& op : list) {
    sum.seconds += static_cast<double>(op.count) * (price(op) + gap(op, mode));
    sum.runs += op.count;
  }
  return sum;
}

const StepCost& StepModel::State::body(std::int64_t rows, GraphMode mode, int stage) {
  StageCosts& costs = stages[static_cast<std::size_t>(stage)];
  StepCost& known = slot(mode == GraphMode::none ? costs.stream : costs.graph, rows);
  if (!known.known()) known = cost(ops.body(rows, mode, stage), mode);
  return known;
}

const StepCost& StepModel::State::head(std::int64_t sampled, int stage) {
  StepCost& known = slot(stages[static_cast<std::size_t>(stage)].head, sampled);
  if (!known.known()) known = cost(ops.head(sampled, stage), GraphMode::none);
  return known;
}

const StepCost& StepModel::State::absorbed(std::size_t mixer, std::int64_t rows) {
  StepCost& known = slot(mixers[mixer].products, rows);
  if (!known.known()) {
    known = StepCost{0.0, 0};
    for (const StepOp& op : ops.absorbed(mixer, rows)) {
      known.seconds += price(op);
      ++known.runs;
    }
  }
  return known;
}

double StepModel::State::node(std::size_t mixer, std::int64_t sequences, std::int64_t j, bool mixed) {
  const std::size_t row = static_cast<std::size_t>(sequences), column = static_cast<std::size_t>(j);
  std::vector<std::vector<double>>& nodes = mixed ? mixers[mixer].mixed_nodes : mixers[mixer].decode_nodes;
  if (row >= nodes.size()) nodes.resize(row + 1);
  std::vector<double>& known = nodes[row];
  if (column >= known.size()) known.resize(std::max(column + 1, 2 * known.size()), -1.0);
  if (known[column] < 0.0) {
    const std::int64_t kv = node_tokens(sequences, j);
    double sum = 0.0;
    for (const StepOp& op : ops.decode_attention(mixer, sequences, kv)) {
      const auto* decode = std::get_if<kernels::AttentionDecodeShape>(&op.kernel);
      const double alone = price(op);
      sum += mixed && decode != nullptr ? mixed_batch.decodes(*decode, Seconds{alone}).value() : alone;
    }
    known[column] = sum;
  }
  return known[column];
}

double StepModel::State::decode_attention(std::size_t mixer, std::int64_t sequences, std::int64_t kv_tokens,
                                          bool mixed) {
  const std::int64_t kv = std::max(sequences, kv_tokens);
  const std::int64_t j = (kv / sequences + kNodeTokens / 2) / kNodeTokens;
  const std::int64_t left = node_tokens(sequences, j);
  const double low = node(mixer, sequences, j, mixed);
  if (kv == left) return low;
  const double part = static_cast<double>(kv - left) / static_cast<double>(node_tokens(sequences, j + 1) - left);
  return low + part * (node(mixer, sequences, j + 1, mixed) - low);
}

Seconds StepModel::State::message(std::int64_t rows, int stage) const {
  const Bytes bytes = ops.message(rows, stage);
  if (bytes.value() == 0.0) return Seconds{0.0};
  return sim::transfer_time(bytes, ops.next_on_same_node(stage), site);
}

StepCost StepModel::State::attention(std::size_t mixer, const StepShape& shape, std::int64_t rows, GraphMode mode,
                                     std::int64_t layers) {
  StepCost layer{0.0, 0};
  double prompts = 0.0;
  const std::vector<StepOp> prefill = ops.prefill_attention(mixer, shape);
  for (const StepOp& op : prefill) {
    prompts = price(op);
    layer.seconds += prompts;
    ++layer.runs;
  }
  if (shape.decode_sequences > 0 && mixers[mixer].decode_runs > 0) {
    const StepCost& products_cost = absorbed(mixer, shape.decode_only() ? rows : shape.decode_sequences);
    std::int64_t runs = mixers[mixer].decode_runs;
    const bool beside = !prefill.empty() && mixers[mixer].attends;
    double decodes = decode_attention(mixer, shape.decode_sequences, shape.decode_kv_tokens, beside);
    if (beside) {
      const StepOp op = ops.decode_attention(mixer, shape.decode_sequences, shape.decode_kv_tokens).back();
      const auto& decode = std::get<kernels::AttentionDecodeShape>(op.kernel);
      if (mixed_batch.one_call(decode)) --runs;
      decodes = added(std::get<kernels::AttentionPrefillShape>(prefill.back().kernel), prompts, decode, decodes);
    }
    layer.seconds += decodes + products_cost.seconds;
    layer.runs += runs + products_cost.runs;
  }
  const double idle = mode == GraphMode::full ? graph_gap : stream_gap;
  layer.seconds += static_cast<double>(layer.runs) * idle;
  return {static_cast<double>(layers) * layer.seconds, layers * layer.runs};
}

StepCost StepModel::State::attention(const StepShape& shape, std::int64_t rows, GraphMode mode, int stage) {
  const std::vector<std::int64_t>& layers = stages[static_cast<std::size_t>(stage)].of_mixer;
  StepCost sum{0.0, 0};
  for (std::size_t mixer = 0; mixer < layers.size(); ++mixer) {
    if (layers[mixer] == 0) continue;
    const StepCost cost = attention(mixer, shape, rows, mode, layers[mixer]);
    sum.seconds += cost.seconds;
    sum.runs += cost.runs;
  }
  return sum;
}

Seconds StepModel::State::time(const StepShape& shape, int stage) {
  const std::int64_t tokens = shape.tokens(), rows = ops.padded(tokens);
  const std::int64_t layers = stages[static_cast<std::size_t>(stage)].layers;
  const GraphMode mode = ops.mode(tokens, shape.decode_only());
  const StepCost& model = body(rows, mode, stage);
  const StepCost& logits = head(shape.sampled, stage);
  const StepCost inner = attention(shape, rows, mode, stage);
  std::int64_t launches = logits.runs + 1;
  if (mode == GraphMode::none) launches += model.runs + inner.runs;
  if (mode == GraphMode::piecewise) launches += layers + inner.runs;
  const double gpu = model.seconds + logits.seconds + inner.seconds;
  return max(Seconds{gpu}, Seconds{static_cast<double>(launches) * launch}) + message(rows, stage);
}

StepModel::StepModel(const ServingJob& job, const kernels::KernelTimer& timer)
    : state_(std::make_unique<State>(job, timer)) {
  // One token of each kind touches every dtype.
  const StepShape token{1, 1, 1, 2, 4.0, 1};
  for (int stage = 0; stage < stages(); ++stage) {
    for (const StepOp& op : ops(token, stage)) (void)state_->price(op);
  }
}

StepModel::~StepModel() = default;

int StepModel::stages() const { return state_->ops.stages(); }

sim::SimTime StepModel::time(const StepShape& shape, int stage) { return sim::to_sim_time(state_->time(shape, stage)); }

sim::SimTime StepModel::decode_time(std::int64_t sequences, std::int64_t kv_tokens) {
  StepShape shape;
  shape.decode_sequences = shape.sampled = sequences;
  shape.decode_kv_tokens = kv_tokens;
  return time(shape, 0);
}

sim::SimTime StepModel::host_time(std::int64_t sequences) const {
  const Seconds configured = state_->job->config.step_overhead;
  const Seconds base = configured < Seconds{0.0} ? state_->host->step : configured;
  return sim::to_sim_time(base * (1.0 + static_cast<double>(sequences) / state_->host->sequences_per_step));
}

sim::SimTime StepModel::request_time() const {
  const Seconds configured = state_->job->config.request_overhead;
  return sim::to_sim_time(configured < Seconds{0.0} ? state_->host->request : configured);
}

std::int64_t StepModel::padded(std::int64_t tokens) const { return state_->ops.padded(tokens); }

std::vector<StepOp> StepModel::ops(const StepShape& shape, int stage) const { return state_->ops.all(shape, stage); }

kernels::Estimate StepModel::State::explain(const StepOp& op) const {
  const Seconds warm = warm_time(op.kernel);
  if (scaled_statically(op) != nullptr) {
    kernels::Estimate estimate = timer->explain(op.kernel, site.gpu);
    estimate.time = Seconds{price(op)};
    estimate.terms.push_back({"static scales", estimate.time - warm,
                              "less the pass that looks for the largest activation, not below the roofline",
                              "NVIDIA AIConfigurator @095f58a5, quantize tables (kernels/elementwise)"});
    return estimate;
  }
  if (op.beside) {
    kernels::Estimate estimate = timer->explain(op.kernel, cold_gpu);
    const Seconds beside{price(op)};
    estimate.terms.push_back({"beside prompts", beside - estimate.time,
                              "what decodes add to the prompts' attention, less what they take alone",
                              "FlashAttention-2's tiles, LLMServingSim @5daddb21 (kernels/attention/mixed_batch.hpp)"});
    estimate.time = beside;
    return estimate;
  }
  return timer->explain(op.kernel, price(op) > warm.value() ? cold_gpu : site.gpu);
}

// Estimate: scheduling, preparing inputs and handling outputs take vLLM V1 some 1 ms plus 10 us per sequence. In
// support: 541 us per step and 12.7 us per running sequence for vLLM 0.27's engine loop on a CPU build with the model
// run stubbed (openfabric-systems/simllm PR 204, a study that calls its own figures provisional); V0 spent 29 % on
// scheduling and 33 % in the API server of a Llama-3-8B step on H100 (vLLM blog, 2024-09-05).
Seconds default_step_overhead() { return Seconds{1e-3}; }

// Estimate: HTTP, template, tokenising a prompt of about 1,000 tokens and the hop to the engine's process.
Seconds default_request_overhead() { return Seconds{2e-3}; }

}  // namespace orrery::models
