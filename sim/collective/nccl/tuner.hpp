// NCCL's tuner: what it reckons each algorithm and protocol with, and which it therefore takes.
//
//   time = latency · count + bytes / bandwidth      the least of all cells is the choice
//
// latency and bandwidth follow from the graphs and NCCL's constants (cell()); the sizes at which trees fall short and
// rings between nodes stall are corrected as NCCL does. A choice is apart from timing: what the chosen takes is
// priced by the rows of sim/collective/collectives.hpp.
//
// Source: NVIDIA/nccl 2.28.9 src/graph/tuning.cc (ncclTopoTuneModel, ncclTopoGetAlgoTime), src/enqueue.cc
// (topoGetAlgoInfo, channels and threads of a call).
// Limitations: no tuner plugin; ranks are spread evenly over the nodes; of unlike GPUs the least capability counts.
#pragma once

#include <optional>

#include "hardware/dtype.hpp"
#include "sim/collective/nccl/graphs.hpp"

namespace orrery::sim::nccl {

/// What NCCL reckons one algorithm and protocol with. Bandwidth in GB/s of the call's bytes; 0: it is not offered.
struct Cell {
  double latency_us = 0.0;
  double bandwidth = 0.0;
};

/// One call: `bytes` of the whole buffer; `operations` of the same kind and type that were issued as one group, of
/// which NCCL chooses for the sum of the bytes.
struct Call {
  NcclFunction function = NcclFunction::all_reduce;
  double bytes = 0.0;
  Dtype dtype = Dtype::bf16;
  int operations = 1;
};

/// What carries a call out.
struct Selected {
  NcclAlgorithm algorithm = NcclAlgorithm::ring;
  NcclProtocol protocol = NcclProtocol::simple;
  int channels = 1;  ///< thread blocks: SMs that it takes
  int threads = 0;   ///< of each
  double time_us = 0.0;
  int rounds = 1;      ///< of latencies: see latency_rounds()
  double share = 1.0;  ///< min(1, channels of the communicator / channels of the graph): it duplicates, or leaves out
};

/// How often a group of operations pays the latency, on so many channels: a ring each time that all channels are
/// taken, the others once for six operations more (a block is handed 1024 B of work, 160 B each).
[[nodiscard]] int latency_rounds(NcclAlgorithm algorithm, int operations, int channels);

/// NCCL has the algorithm for the function, on some communicator.
[[nodiscard]] bool has(NcclAlgorithm algorithm, NcclFunction function);

class Tuner {
 public:
  /// The settings of the box must outlive the tuner.
  explicit Tuner(const Box& box) : Tuner(box, search(box)) {}
  Tuner(const Box& box, const Graphs& graphs);

  [[nodiscard]] const Box& box() const { return box_; }
  [[nodiscard]] const Graphs& graphs() const { return graphs_; }

  /// Of the algorithm and protocol before the size is known.
  [[nodiscard]] Cell cell(NcclFunction function, NcclAlgorithm algorithm, NcclProtocol protocol) const;

  /// Microseconds that NCCL reckons a call with; nullopt where the cell is not offered.
  [[nodiscard]] std::optional<double> time_us(const Call& call, NcclAlgorithm algorithm, NcclProtocol protocol) const;

  /// The least. Where the lists of the settings leave nothing for the function, what NCCL takes without them (NCCL
  /// itself refuses such a call). REQUIRES two ranks.
  [[nodiscard]] Selected choose(const Call& call) const;

  /// Threads of a block before the size is known.
  [[nodiscard]] int most_threads(NcclAlgorithm algorithm, NcclProtocol protocol) const;

 private:
  [[nodiscard]] const Graph& graph(NcclAlgorithm algorithm) const;
  [[nodiscard]] bool exists(NcclFunction function, NcclAlgorithm algorithm, NcclProtocol protocol) const;
  [[nodiscard]] bool allowed(NcclFunction function, NcclAlgorithm algorithm, NcclProtocol protocol) const;
  [[nodiscard]] double bandwidth(NcclFunction function, NcclAlgorithm algorithm, NcclProtocol protocol) const;
  [[nodiscard]] double latency_us(NcclFunction function, NcclAlgorithm algorithm, NcclProtocol protocol) const;
  [[nodiscard]] double capped(double bus, NcclFunction f, NcclAlgorithm a, NcclProtocol p) const;
  [[nodiscard]] bool ll128_is_safe(NcclAlgorithm algorithm) const;
  [[nodiscard]] std::optional<Selected> least(const Call& call, bool by_lists) const;
  void shrink(const Call& call, Selected& selected) const;

  Box box_;
  Graphs graphs_;
  const Constants* k_;
};

}  // namespace orrery::sim::nccl
