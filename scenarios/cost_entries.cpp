// What the entries of a plan cost: times of one run, how often each runs, who holds it up.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "kernels/family.hpp"
#include "scenarios/provenance.hpp"
#include "sim/links/link_report.hpp"

namespace orrery::scenarios {

namespace {

/// How often each table entry runs over all streams; kernels by the class of GPUs that run them.
struct Counts {
  std::vector<std::vector<double>> kernels;
  std::vector<double> collectives, transfers;
};

/// `weights`: of each rank.
Counts count_steps(const sim::Plan& plan, std::size_t gpu_classes, const std::vector<double>& weights) {
  Counts counts;
  counts.kernels.assign(gpu_classes, std::vector<double>(plan.kernels.size(), 0.0));
  counts.collectives.resize(plan.collectives.size());
  counts.transfers.resize(plan.transfers.size());
  const auto add = [&](const std::vector<sim::Step>& steps, std::size_t gpu_class, double times) {
    for (const sim::Step& step : steps) {
      if (step.kind == sim::StepKind::launch) {
        counts.kernels[gpu_class][step.index] += times * plan.kernels[step.index].repeat;
      }
      if (step.kind == sim::StepKind::collective) counts.collectives[step.index] += times;
      if (step.kind == sim::StepKind::send) counts.transfers[step.index] += times;
    }
  };
  // All lanes of a call are of one rank.
  std::vector<RankId> rank_of_call(plan.calls.size());
  for (const sim::Stream& stream : plan.streams) {
    for (const sim::Step& step : stream.steps) {
      if (step.kind == sim::StepKind::call) rank_of_call[step.index] = stream.rank;
    }
    add(stream.steps, plan.ranks[stream.rank.index()].gpu_class, weights[stream.rank.index()]);
  }
  std::vector<std::vector<double>> calls(gpu_classes, std::vector<double>(plan.blocks.size(), 0.0));
  for (std::size_t i = 0; i < plan.calls.size(); ++i) {
    if (!rank_of_call[i].valid()) continue;
    const std::size_t rank = rank_of_call[i].index();
    calls[plan.ranks[rank].gpu_class][plan.calls[i].block] += weights[rank];
  }
  for (std::size_t gpu_class = 0; gpu_class < gpu_classes; ++gpu_class) {
    for (std::size_t b = 0; b < plan.blocks.size(); ++b) {
      for (const sim::BlockPart& part : plan.blocks[b].parts) add(part.steps, gpu_class, calls[gpu_class][b]);
    }
  }
  return counts;
}

bool costlier(const CostedEntry& a, const CostedEntry& b) {
  if (a.total() != b.total()) return a.total() > b.total();
  if (a.what != b.what) return a.what < b.what;
  return a.activity < b.activity;
}

void append_sorted(std::vector<CostedEntry>& all, std::vector<CostedEntry> part) {
  std::sort(part.begin(), part.end(), costlier);
  for (CostedEntry& entry : part) all.push_back(std::move(entry));
}

/// Entries that say the same (equal text and activity) are one line.
void add(std::vector<CostedEntry>& part, CostedEntry entry) {
  for (CostedEntry& known : part) {
    if (known.what == entry.what && known.activity == entry.activity && known.algorithm == entry.algorithm &&
        known.group == entry.group) {
      known.runs += entry.runs;
      known.rows.insert(known.rows.end(), entry.rows.begin(), entry.rows.end());
      for (std::string& operation : entry.operations) {
        const std::vector<std::string>& all = known.operations;
        if (std::find(all.begin(), all.end(), operation) == all.end()) known.operations.push_back(std::move(operation));
      }
      return;
    }
  }
  part.push_back(std::move(entry));
}

/// Prices the entries of one plan.
class Costs {
 public:
  Costs(const sim::Plan& plan, const sim::ClusterPrices& prices, CostedBy by) : plan_(plan), prices_(prices), by_(by) {
    std::vector<double> weights(plan.ranks.size(), 1.0);
    if (by == CostedBy::activity) {
      for (std::size_t r = 0; r < weights.size(); ++r) weights[r] = plan.ranks[r].multiplicity();
      share_ = std::max(1.0, std::accumulate(weights.begin(), weights.end(), 0.0));
    }
    counts_ = count_steps(plan, prices.gpu_classes(), weights);
  }

  [[nodiscard]] std::vector<CostedEntry> kernels() const {
    std::vector<CostedEntry> part;
    for (std::uint32_t gpu_class = 0; gpu_class < prices_.gpu_classes(); ++gpu_class) {
      for (std::size_t i = 0; i < plan_.kernels.size(); ++i) {
        const double runs = counts_.kernels[gpu_class][i];
        if (runs <= 0.0) continue;
        const sim::KernelEntry& entry = plan_.kernels[i];
        CostedEntry costed;
        costed.what = kernels::describe(entry.kernel) + on(gpu_class, " on ");
        costed.family = kernels::group_name(entry.kernel);
        costed.activity = purpose(entry.activity, entry.label);
        costed.runs = runs / share_;
        costed.group = prices_.group(gpu_class);
        costed.estimate = prices_.explain(entry, gpu_class).kernel;
        costed.operations = {plan_.labels[entry.label.index()]};
        add(part, std::move(costed));
      }
    }
    return part;
  }

  [[nodiscard]] std::vector<CostedEntry> collectives() const {
    std::vector<CostedEntry> part;
    for (std::size_t i = 0; i < plan_.collectives.size(); ++i) {
      if (counts_.collectives[i] <= 0.0) continue;
      const sim::CollectiveEntry& entry = plan_.collectives[i];
      const std::uint32_t slowest = prices_.slowest(entry, plan_);
      const sim::CollectivePrice price = prices_.explain(entry, plan_);
      const sim::CollectiveCall& call = price.call;
      const sim::CollectiveEstimate& estimate = price.estimate;
      CostedEntry costed;
      costed.what = fmt::format("{} of {:.0f} B over {} GPUs on {} nodes", sim::name(call.kind), call.bytes.value(),
                                call.ranks, call.nodes) +
                    on(slowest, ", at the pace of ");
      costed.family = sim::name(call.kind);
      costed.activity = purpose(entry.activity, entry.label);
      costed.runs = counts_.collectives[i] / share_;
      costed.group = prices_.group(slowest);
      costed.estimate = {estimate.time, estimate.provenance, estimate.fit_key, estimate.terms};
      costed.algorithm = estimate.algorithm;
      costed.protocol = estimate.protocol;
      costed.channels = estimate.channels;
      costed.threads = estimate.threads;
      costed.bound = price.bound;
      costed.load = price.load;
      costed.rounding_depth = price.rounding_depth;
      costed.extrapolated = estimate.extrapolated;
      costed.operations = {sim::operation_name(plan_, entry)};
      costed.rows = {static_cast<std::uint32_t>(i)};
      add(part, std::move(costed));
    }
    return part;
  }

  [[nodiscard]] std::vector<CostedEntry> transfers() const {
    std::vector<CostedEntry> part;
    for (std::size_t i = 0; i < plan_.transfers.size(); ++i) {
      if (counts_.transfers[i] <= 0.0) continue;
      const sim::TransferEntry& entry = plan_.transfers[i];
      const sim::TransferPrice price = prices_.explain(entry, plan_);
      const std::uint32_t slowest = prices_.slowest(entry, plan_);
      CostedEntry costed;
      const char* between = price.same_node ? "in a node" : "between nodes";
      if (prices_.placement().torus) between = "between chips";
      costed.what = fmt::format("send of {:.0f} B {}", entry.bytes.value(), between) + on(slowest, ", at the pace of ");
      costed.family = "transfer";
      costed.activity = purpose(entry.activity, entry.label);
      costed.runs = counts_.transfers[i] / share_;
      costed.group = prices_.group(slowest);
      costed.estimate.time = price.time;
      costed.operations = {sim::operation_name(plan_, entry)};
      costed.rows = {static_cast<std::uint32_t>(i)};
      add(part, std::move(costed));
    }
    return part;
  }

 private:
  [[nodiscard]] std::string purpose(sim::Activity activity, sim::LabelId label) const {
    return by_ == CostedBy::activity ? std::string(sim::name(activity)) : plan_.labels[label.index()];
  }

  /// Where GPUs are unlike: which of them.
  [[nodiscard]] std::string on(std::uint32_t gpu_class, std::string_view how) const {
    if (prices_.gpu_classes() == 1) return {};
    const std::string& name = prices_.site(gpu_class).gpu.name;
    int namesakes = 0;
    for (std::uint32_t other = 0; other < prices_.gpu_classes(); ++other) {
      namesakes += prices_.site(other).gpu.name == name ? 1 : 0;
    }
    return fmt::format("{}{}{}", how, name,
                       namesakes > 1 ? fmt::format(" of node group {}", prices_.group(gpu_class)) : "");
  }

  const sim::Plan& plan_;
  const sim::ClusterPrices& prices_;
  CostedBy by_;
  Counts counts_;
  double share_ = 1.0;
};

}  // namespace

std::string CostedEntry::way() const {
  if (channels == 0) return algorithm;
  return fmt::format("{} {}, {} channel{} of {} threads", algorithm, protocol, channels, channels == 1 ? "" : "s",
                     threads);
}

std::vector<CostedEntry> cost_entries(const sim::Plan& plan, const sim::ClusterPrices& prices, CostedBy by) {
  const Costs costs(plan, prices, by);
  std::vector<CostedEntry> all;
  append_sorted(all, costs.kernels());
  append_sorted(all, costs.collectives());
  append_sorted(all, costs.transfers());
  return all;
}

// An operation is held up once, and all its ranks with it; a message is the sender's, as its run is.
void add_held_up(std::vector<CostedEntry>& entries, const sim::Plan& plan,
                 const std::vector<models::HeldUpOperations>& held_up) {
  const auto gpus_of = [&plan](RankId rank) { return static_cast<double>(plan.ranks[rank.index()].multiplicity()); };
  const auto gpus_held = [&](const models::HeldUpOperations& held) {
    if (held.kind != sim::StepKind::collective) return gpus_of(plan.transfers[held.entry].source);
    const std::vector<RankId>& members = plan.groups[plan.collectives[held.entry].group.index()].members;
    return std::accumulate(members.begin(), members.end(), 0.0, [&](double sum, RankId r) { return sum + gpus_of(r); });
  };
  double gpus = 0.0;
  for (const sim::Rank& rank : plan.ranks) gpus += rank.multiplicity();
  for (CostedEntry& entry : entries) {
    if (entry.rows.empty()) continue;
    const sim::StepKind kind = entry.family == "transfer" ? sim::StepKind::send : sim::StepKind::collective;
    for (const models::HeldUpOperations& held : held_up) {
      const bool is_of_entry = std::find(entry.rows.begin(), entry.rows.end(), held.entry) != entry.rows.end();
      if (held.kind != kind || !is_of_entry) continue;
      const Seconds delay = held.delay * (gpus_held(held) / gpus);
      const auto same = [&held](const HeldUpBy& by) {
        return by.link_class == held.link_class && by.capacity == held.capacity;
      };
      const auto known = std::find_if(entry.held_up.begin(), entry.held_up.end(), same);
      if (known == entry.held_up.end()) {
        entry.held_up.push_back({held.link_class, held.capacity, delay});
      } else {
        known->delay += delay;
      }
    }
  }
}

}  // namespace orrery::scenarios
