// Where the numbers of a run come from: facts of profiles and coefficients of fits, by part of the plan.
//
// One pass over the plan's tables: every distinct kernel, collective and transfer with how often it runs,
// what it costs and how well that cost is known. `orrery explain` prints it; the report keeps the summary.
#pragma once

#include <string>
#include <vector>

#include "kernels/kernel.hpp"
#include "models/communication/communication.hpp"
#include "models/serving/serving.hpp"
#include "models/training/training.hpp"
#include "sim/plan/plan.hpp"
#include "sim/prices/prices.hpp"

namespace orrery::scenarios {

/// A line of the report's `provenance`: one profile or one family of steps.
struct Provenance {
  std::string kind;   ///< "gpu", "node", "fabric", "model", "engine", "kernels", "collectives", "transfers"
  std::string name;   ///< contract name, or the family
  std::string level;  ///< "datasheet", "published", "measured"
  std::string fit;    ///< key of the fit, or empty
  std::string source;
  /// Of kernels: how much less the errors of its entries are in their sum, √Σt²/Σt over their times.
  double concentration = 1.0;

  /// The same place; times are no part of it.
  friend bool operator==(const Provenance& a, const Provenance& b) {
    return a.kind == b.kind && a.name == b.name && a.level == b.level && a.fit == b.fit && a.source == b.source;
  }
};

/// A link that was shared or slowed, and how much longer an entry's operations took because of it.
struct HeldUpBy {
  std::string link_class;
  BytesPerSecond capacity;
  Seconds delay;  ///< in a step, mean over GPUs, as CostedEntry::total()
};

/// One distinct entry of the plan.
struct CostedEntry {
  std::string what;    ///< "gemm bf16 4096x5120x5120"
  std::string family;  ///< of the kernel; or the collective's name; or "transfer"
  std::string activity;
  double runs = 0;                           ///< per GPU, mean over all of the job
  std::size_t group = 0;                     ///< of the cluster: whose GPUs run it, or make it last as long as it does
  kernels::Estimate estimate;                ///< of one run
  std::string algorithm;                     ///< of a collective
  std::string protocol = {};                 ///< of one of NCCL's, as the next two
  int channels = 0;                          ///< thread blocks, each on an SM
  int threads = 0;                           ///< of each
  sim::BindingLink bound = {};               ///< of a collective: the link that bounds it
  sim::LinkLoad load = {};                   ///< of a collective: bytes of each GPU by class of link, one way
  int rounding_depth = 0;                    ///< of a collective: additions one after the other
  std::string extrapolated = {};             ///< of a collective: why its price is no measurement
  std::vector<std::string> operations = {};  ///< its names in link reports
  std::vector<std::uint32_t> rows = {};      ///< of the plan's collectives or transfers
  std::vector<HeldUpBy> held_up = {};        ///< where the step ran on a World

  [[nodiscard]] Seconds total() const { return estimate.time * runs; }
  /// "ring LL128, 24 channels of 640 threads"; empty for what is no collective.
  [[nodiscard]] std::string way() const;
};

/// Which word of a step says what it is for, and over what its runs are counted.
enum class CostedBy : std::uint8_t {
  activity,  ///< of a training step: its activity; the mean over GPUs
  label      ///< of an iteration of a serving engine: its label; over all pipeline stages
};

/// Kernels, then collectives, then transfers, each by total time, the largest first; equal ones by name.
[[nodiscard]] std::vector<CostedEntry> cost_entries(const sim::Plan& plan, const sim::ClusterPrices& prices,
                                                    CostedBy by);
/// Which links held up the entries' operations of a training step. REQUIRES entries of `plan`, by activity.
void add_held_up(std::vector<CostedEntry>& entries, const sim::Plan& plan,
                 const std::vector<models::HeldUpOperations>& held_up);

/// GPUs, nodes, fabric and model, then one line per (family, fit) of `entries`, sorted.
[[nodiscard]] std::vector<Provenance> provenance_of(const models::TrainingJob& job,
                                                    const std::vector<CostedEntry>& entries);
/// The same with the engine, its router where there are several replicas, and its host time.
[[nodiscard]] std::vector<Provenance> provenance_of(const models::ServingJob& job,
                                                    const std::vector<CostedEntry>& entries);
/// The same without a model.
[[nodiscard]] std::vector<Provenance> provenance_of(const models::CommunicationJob& job,
                                                    const std::vector<CostedEntry>& entries);

/// No kernel's time comes from a measurement: of this GPU, or of another board with its chip.
[[nodiscard]] bool rests_on_datasheets(const std::vector<Provenance>& lines);

}  // namespace orrery::scenarios
