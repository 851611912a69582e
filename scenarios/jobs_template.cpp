#include "scenarios/jobs_template.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::string_view kTemplate =
    R"yaml(# An Orrery scenario: several jobs on one cluster, and what happens to it meanwhile.
# Try it:      orrery run FILE
# What-if:     orrery run FILE --set cluster.nodes=8
# In time:     orrery run FILE --trace trace.json
scenario: "Training beside serving, with a slow card for a while"

cluster:                    # shared by all jobs
  node: dgx_h100            # orrery list nodes
  nodes: 4                  # unlike ones: [{node: dgx_h100, count: 2}, {node: dgx_a100, count: 2}]
  fabric: rail_fat_tree_ndr # orrery list fabrics
  # network: {reading: messages, completion_batching: 0.001}   # rings and trees by message; ends of flows together

jobs:
  - name: learn             # metrics are jobs.learn.training.step_time_s, …
    model: llama-3-8b
    # start: 0 s            # when it begins
    # until: 60 s           # when it is stopped at the latest
    placement:              # which of the cluster's GPUs it takes; default: the first ones
      first_node: 0
      # spread: 2           # every second node
      # order: [tp, dp, pp] # axes of the mesh, neighbours first
    training:               # as in `orrery new training`; the step is repeated until the longest job ends
      sequence_length: 8192
      global_batch_size: 48
      micro_batch_size: 1
      tensor_parallel: 2
      data_parallel: 12
      sequence_parallel: true
      attention: flash
      zero: optimizer
      # steps: 10           # at least so many

  - name: chat
    model: llama-3-8b
    placement: {first_node: 3}
    serving:                # as in `orrery new serving`
      replicas: 8
      load: {rate: 40, requests: 400, input: 512, output: 128}

# Several events on one GPU or link multiply while they last.
events:
  - at: 2 s
    until: 6 s              # default: for good
    link: node1.nic0.out    # or leaf0.spine1.up, node0.gpu3.nvlink_in, …
    scale: 0.5              # of its bandwidth; or down: true
  # - at: 3 s
  #   gpu: 17               # its number in the cluster
  #   scale: 0.8            # of its speed

# Figures to hold the prediction to; `orrery check FILE` tests them.
expect:
  - metric: jobs.learn.memory.fits
    value: true
    source: "the run is planned for these nodes"
)yaml";

}  // namespace

std::string_view jobs_template() { return kTemplate; }

}  // namespace orrery::scenarios
