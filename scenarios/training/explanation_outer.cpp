// Where the figures of an exchange between workers come from, by the equations of models/training/outer.hpp.
//
// Limitation: of the all-reduce between workers the bytes and the rate that comes out are told, not its algorithm.
#include <array>

#include <fmt/format.h>

#include "models/training/outer_plan.hpp"
#include "scenarios/format.hpp"
#include "scenarios/training/explanation.hpp"
#include "scenarios/training/job.hpp"

namespace orrery::scenarios {

namespace {

using models::OuterConfig;
using models::OuterStep;

constexpr std::string_view kOuterSource =
    "Douillard et al. 2023 (DiLoCo), arXiv:2311.08105 algorithm 1 (models/training/outer.hpp)";

struct ExplainedOuter {
  const ExplainedStep& e;
  const OuterStep& step;

  [[nodiscard]] const models::TrainingJob& job() const { return spec_of<TrainingSpec>(e.view.job).job; }
  [[nodiscard]] const OuterConfig& config() const { return job().config.outer; }
  /// Of what an all-reduce leaves a rank with, what it sends: 2 (W - 1) / W.
  [[nodiscard]] double sent_per_byte() const { return 2.0 * (config().workers - 1) / config().workers; }
  [[nodiscard]] ExplainNode node(const std::string& metric) const {
    ExplainNode node = metric_node(e.view, metric);
    node.source = std::string(kOuterSource);
    node.level = "published";
    return node;
  }
};

ExplainNode outer_rank_sent(const ExplainedOuter& o) {
  ExplainNode node = o.node("training.outer.rank_sent_bytes");
  const double element = element_size(o.config().dtype).value();
  node.equation += ": 2 (W - 1) / W * pseudo-gradients * bytes of one, W = outer_workers";
  node.parts = {figure("pseudo-gradients", o.step.sent.value() / (element * o.sent_per_byte()), Unit::number,
                       "parameters of a rank / data-parallel ranks of a worker / outer_fragments"),
                asserted(fmt::format("training.outer_dtype: bytes of one in {}", name(o.config().dtype)), element),
                asserted("training.outer_workers", o.config().workers),
                asserted("training.outer_fragments", o.config().fragments)};
  return node;
}

ExplainNode outer_worker_sent(const ExplainedOuter& o) {
  ExplainNode node = o.node("training.outer.worker_sent_bytes");
  const double element = element_size(o.config().dtype).value();
  for (int stage = 0; stage < o.job().config.pipeline_parallel; ++stage) {
    const double values = models::outer_parameters(o.job(), stage);
    const double ranks = static_cast<double>(models::worker_data_parallel(o.job())) * o.job().config.tensor_parallel;
    node.parts.push_back(figure(fmt::format("stage {}", stage), values * ranks * element * o.sent_per_byte(),
                                Unit::bytes,
                                fmt::format("{} ranks * {} pseudo-gradients * {} B * 2 (W - 1) / W", shortest(ranks),
                                            shortest(values), shortest(element))));
  }
  add_rest(node, "rest", "ranks along other axes");
  return node;
}

ExplainNode outer_exchange(const ExplainedOuter& o) {
  ExplainNode node = o.node("training.outer.exchange_s");
  node.equation += ": all_reduce over the workers of what each rank sends, all ranks at once on the links";
  ExplainNode sent = outer_rank_sent(o);
  sent.title = "sent by a rank";
  const double rate = node.value > 0.0 ? o.step.sent.value() / node.value : 0.0;
  node.parts = {std::move(sent),
                figure("rate of a rank", rate, Unit::bytes_per_second, "sent / time: its share of the narrowest link"),
                figure("steps of a ring", 2.0 * (o.config().workers - 1), Unit::count, "2 (W - 1)")};
  return node;
}

ExplainNode outer_exposed(const ExplainedOuter& o) {
  ExplainNode node = o.node("training.outer.exposed_s");
  const OuterStep& step = o.step;
  const double often = step.exchanges, update = step.update.value() * often, gather = step.gather.value() * often;
  const std::string mean = " * outer_fragments / outer_steps";
  node.parts = {figure("exchange", node.value - update - gather, Unit::seconds,
                       o.config().overlap ? "max(exchange" + mean + " - inner step, 0)" : "exchange" + mean),
                figure("update", update, Unit::seconds, "update" + mean),
                figure("gather", gather, Unit::seconds, "gather" + mean)};
  node.parts.front().parts.push_back(outer_exchange(o));
  node.sums = true;
  return node;
}

struct OuterRow {
  std::string_view metric;
  ExplainNode (*explain)(const ExplainedOuter&);
};

constexpr std::array<OuterRow, 4> kOuterRows = {{{"training.outer.exchange_s", outer_exchange},
                                                 {"training.outer.exposed_s", outer_exposed},
                                                 {"training.outer.rank_sent_bytes", outer_rank_sent},
                                                 {"training.outer.worker_sent_bytes", outer_worker_sent}}};

}  // namespace

std::optional<ExplainNode> explain_outer_step(const ExplainedStep& explained, const std::string& metric) {
  const std::optional<OuterStep>& outer = result_of<TrainingOutcome>(explained.view).result.outer;
  if (!outer) return std::nullopt;
  for (const OuterRow& row : kOuterRows) {
    if (row.metric == metric) return row.explain({explained, *outer});
  }
  return std::nullopt;
}

}  // namespace orrery::scenarios
