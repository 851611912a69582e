#include "scenarios/serving/schema.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::string_view kTemplate = R"yaml(# An Orrery scenario: a model served to many users, as vLLM would.
# Try it:      orrery run FILE
# What-if:     orrery run FILE --set serving.load.rate=20
# Requests:    orrery run FILE --requests requests.csv
scenario: "Llama-3 8B behind vLLM on one H100"

# A name of the library (orrery list models), a path to a Hugging Face config.json,
# or a mapping with what-if overrides: {config: llama-3-8b, layers: 16}
model: llama-3-8b

cluster:
  node: dgx_h100            # orrery list nodes
  # nodes: 1                # more than one needs a fabric (orrery list fabrics)
  # gpu: h200_sxm           # default: the node's own GPU
  # price: 2.50 USD/h       # of one GPU hour; default: the profile's list price
  # collective_algorithm: automatic   # or ring, tree, … (orrery list collectives), as NCCL_ALGO
  # nccl: {proto: ^LL128, min_channels: 16}   # NCCL's variables: algo, proto, max_channels, nvls, symmetric, pat, …
  # network: {reading: messages, completion_batching: 0.001}   # where links are shared: flows, or rings and trees by
                            # message; ends of flows together within 0.1 % of their duration (default: exactly)

serving:                    # keys are vLLM's argument names; tensor_parallel_size, pipeline_parallel_size,
                            # data_parallel_size, quantization, … are read too (orrery list argument_names)
  engine: vllm_v1           # orrery list engines
  # scheduler: vllm_v1      # orrery list schedulers; default: the engine's own
  tensor_parallel: 1
  # pipeline_parallel: 1
  # replicas: 1             # engines, with the requests shared out by `router`
  # router: round_robin     # orrery list routers
  # dtype: bf16
  # weight_dtype: fp8       # of the linear layers; default: dtype
  # kv_cache_dtype: fp8     # default: dtype
  max_model_len: 8192       # tokens, prompt and answer; 32k = 32,000, 32K = 32,768; auto: what fits; default: the model's own
  # max_num_seqs: 1024      # sequences at once; default: vLLM's for the GPU
  # max_num_batched_tokens: 8192    # tokens of a step; default: vLLM's for the GPU
  # gpu_memory_utilization: 0.9
  # enforce_eager: false    # true: no CUDA graphs
  # enable_prefix_caching: true
  # num_gpu_blocks: 25000   # pins the KV cache; default: what memory leaves
  # warmup_requests: 20     # served, but not counted

  load:
    arrivals: poisson       # orrery list arrivals
    rate: 8                 # requests per second; inf: all at once
    requests: 300           # in all
    input: {distribution: lognormal, mean: 1155, cv: 0.96, most: 7000}   # prompt tokens (orrery list lengths)
    output: {distribution: lognormal, mean: 211, cv: 0.77, most: 1000}   # answer tokens; a plain number: always so many
    # prefix_tokens: 500    # a system prompt at the head of every prompt
    # prefix_groups: 4      # so many different ones
    # A trace instead (orrery list trace_formats):
    # trace: requests.csv   # with rate or concurrency, only its lengths are used
    # rate_scale: 2.0       # twice as fast

  slo:                      # what users are promised
    ttft: 500 ms            # time to the first token
    tpot: 25 ms             # time per token after it
    # attainment: 0.99      # share of requests within both; missed: exit code 1; 0: only reported

# Figures to hold the prediction to; `orrery check FILE` tests them.
expect:
  - metric: memory.fits     # orrery list metrics
    value: true
    source: "the service is planned for this GPU"
  # - metric: serving.output_tokens_per_s
  #   value: 1650 tokens/s
  #   tolerance: 10 %
  #   source: "where the number is printed"
  #   known_miss: "why it can't be met yet"

# The same scenario with changes, reported beside it.
# variants:
#   - name: eager
#     set: {serving.enforce_eager: true}

# Lists to try in all combinations with `orrery sweep FILE`.
# sweep:
#   serving.load.rate: [4, 8, 16, 32]
)yaml";

}  // namespace

std::string_view serving_template() { return kTemplate; }

}  // namespace orrery::scenarios
