#include "models/training/expert_groups.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "models/layer/layer.hpp"
#include "models/training/layer.hpp"
#include "models/training/parallel.hpp"
#include "sim/plan/placement.hpp"

namespace orrery::models {
namespace {

/// How one copy of a group is dealt to nodes.
struct Dealt {
  std::uint32_t base = 0;
  std::map<int, int> ranks;  ///< by node

  /// The first node that has another number than the first one.
  [[nodiscard]] std::map<int, int>::const_iterator unlike() const {
    return std::find_if(ranks.begin(), ranks.end(),
                        [&](const auto& node) { return node.second != ranks.begin()->second; });
  }
  [[nodiscard]] bool is_even() const { return unlike() == ranks.end(); }
};

Dealt deal(const sim::Group& group, std::uint32_t base, const sim::Placement& placement) {
  Dealt out{base, {}};
  sim::for_each_member(group, base, [&](std::uint32_t member) { ++out.ranks[placement.host(member)]; });
  return out;
}

/// The first copy that is dealt unevenly, else the first that covers most nodes.
Dealt decisive(const TrainingJob& job) {
  const sim::Group group = expert_groups(job);
  const sim::Placement placement = make_placement(job);
  Dealt most;
  for (const std::uint32_t base : group.bases) {
    Dealt one = deal(group, base, placement);
    if (!one.is_even()) return one;
    if (one.ranks.size() > most.ranks.size()) most = std::move(one);
  }
  return most;
}

/// "data-parallel ranks 8 to 15 of stage 0": those of the copy that begins at `base`.
std::string ranks_of(const TrainingJob& job, std::uint32_t base) {
  const MeshPlace place = make_mesh(job).place(base);
  const int first = place[static_cast<std::size_t>(MeshAxis::data)];
  return fmt::format("data-parallel ranks {} to {} of stage {}", first, first + job.config.expert_parallel - 1,
                     place[static_cast<std::size_t>(MeshAxis::pipeline)]);
}

std::string names_that(bool ExchangeRow::*reads) {
  std::string names;
  for (const ExchangeRow& row : expert_exchanges()) {
    if (row.*reads) names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  return names;
}

class ExpertChecker {
 public:
  explicit ExpertChecker(const TrainingJob& job)
      : job_(job), config_(job.config), row_(find_expert_exchange(job.config.expert_exchange)) {}

  std::optional<JobError> run() const {
    if (row_ == nullptr) return error("expert_exchange", "unknown expert exchange '{}'", config_.expert_exchange);
    if (config_.expert_parallel == 1) return alone();
    if (std::optional<JobError> wrong = sizes()) return wrong;
    const Dealt group = decisive(job_);
    if (!group.is_even()) {
      const auto first = group.ranks.begin(), other = group.unlike();
      return error("expert_parallel", "{} would straddle nodes unevenly: {} on node {}, {} on node {}",
                   ranks_of(job_, group.base), first->second, first->first, other->second, other->first);
    }
    const ExchangeShape shape = exchange_shape(job_);
    if (std::optional<JobError> wrong = keys(shape)) return wrong;
    return sites(shape, group);
  }

 private:
  template <class... Args>
  static JobError error(std::string_view key, fmt::format_string<Args...> format, Args&&... args) {
    return {"training." + std::string(key), fmt::format(format, std::forward<Args>(args)...)};
  }

  /// One rank has all experts: whatever is told of an exchange means nothing.
  [[nodiscard]] std::optional<JobError> alone() const {
    const std::pair<std::string_view, bool> told[] = {{"expert_exchange_sms", config_.expert_exchange_sms > 0},
                                                      {"expert_imbalance", config_.expert_imbalance != 1.0},
                                                      {"expert_group_limit", config_.expert_group_limit > 0}};
    for (const auto& [key, is_told] : told) {
      if (is_told)
        return error(key, "tells of an exchange that one rank with all experts has not; set expert_parallel");
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<JobError> sizes() const {
    const int ep = config_.expert_parallel, data = data_parallel_degree(job_);
    const std::int64_t experts = exchange_shape(job_).experts;
    if (experts == 0) return error("expert_parallel", "{} has no routed experts", job_.llm.name);
    if (config_.tensor_parallel > 1) {
      return error("expert_parallel", "{} needs tensor_parallel 1: experts that are sharded both ways are not modelled",
                   ep);
    }
    if (data % ep != 0) return error("expert_parallel", "{} does not divide data_parallel ({})", ep, data);
    if (experts % ep != 0) {
      return error("expert_parallel", "{} does not divide the {} experts of {}", ep, experts, job_.llm.name);
    }
    return std::nullopt;
  }

  /// The key by which the shape breaks a rule, of which `wrong` tells: without it there would be none, or another.
  template <class Wrong>
  static std::string_view broken_key(const ExchangeShape& shape, const Wrong& wrong) {
    const std::string said = wrong(shape);
    const auto is_of = [&](auto ExchangeShape::*field) {
      ExchangeShape without = shape;
      without.*field = ExchangeShape{}.*field;
      return wrong(without) != said;
    };
    if (is_of(&ExchangeShape::sms)) return "expert_exchange_sms";
    if (is_of(&ExchangeShape::imbalance)) return "expert_imbalance";
    return is_of(&ExchangeShape::group_limit) ? "expert_group_limit" : "expert_exchange";
  }

  [[nodiscard]] std::optional<JobError> keys(const ExchangeShape& shape) const {
    if (shape.sms > 0 && !row_->takes_sms) {
      return error("expert_exchange_sms", "{} does not let one choose its SMs; {} do", row_->name,
                   names_that(&ExchangeRow::takes_sms));
    }
    if (shape.group_limit > 0 && !row_->limits_nodes) {
      return error("expert_group_limit",
                   "{} sends a token as often whatever nodes its experts lie on; {} send it once "
                   "to each",
                   row_->name, names_that(&ExchangeRow::limits_nodes));
    }
    if (shape.group_limit > shape.nodes) {
      return error("expert_group_limit", "{} is more than the {} nodes that a token's experts lie on",
                   shape.group_limit, shape.nodes);
    }
    if (row_->tokens.most > 0 && shape.tokens > row_->tokens.most) {
      return error("expert_exchange", "{} takes {} tokens of a rank at most, not {} ({})", row_->name,
                   row_->tokens.most, shape.tokens, row_->tokens.source);
    }
    const std::string wrong = check(shape);
    if (wrong.empty()) return std::nullopt;
    return error(broken_key(shape, [](const ExchangeShape& other) { return check(other); }), "{}: {}", row_->name,
                 wrong);
  }

  [[nodiscard]] std::optional<JobError> sites(const ExchangeShape& shape, const Dealt& group) const {
    for (const std::size_t number : groups_of(job_)) {
      const hardware::Site site = job_.cluster.site(number);
      if (shape.sms > site.gpu.sm_count) {
        return error("expert_exchange_sms", "{} are more than the {} SMs of {}", shape.sms, site.gpu.sm_count,
                     site.gpu.name);
      }
      const std::string refused = row_->refuses(shape, site);
      if (refused.empty()) continue;
      const auto refuses = [&](const ExchangeShape& other) { return row_->refuses(other, site); };
      return error(broken_key(shape, refuses), "{}: {} ({})", row_->name, refused, ranks_of(job_, group.base));
    }
    return std::nullopt;
  }

  const TrainingJob& job_;
  const TrainingConfig& config_;
  const ExchangeRow* row_;
};

}  // namespace

sim::Group expert_groups(const TrainingJob& job) {
  const Mesh mesh = make_mesh(job);
  const int ep = job.config.expert_parallel;
  sim::Group all{"ep", {}, {{ep, mesh.stride(MeshAxis::data)}}, {}};
  for (int stage = 0; stage < mesh.pipeline(); ++stage) {
    for (int first = 0; first + ep <= mesh.data(); first += ep) all.bases.push_back(mesh.member({0, first, stage}));
  }
  return all;
}

ExchangeShape exchange_shape(const TrainingJob& job, const sim::Group& group) {
  const TrainingConfig& config = job.config;
  ExchangeShape shape;
  shape.tokens = config.micro_batch_size * config.sequence_length;
  for (std::int64_t layer = 0; layer < job.llm.layers && shape.experts == 0; ++layer) {
    for (const LayerElement& element : layer_elements(job, layer)) {
      const auto* experts = std::get_if<Experts>(&element.block);
      if (experts == nullptr) continue;
      shape.hidden = experts->hidden, shape.experts = experts->experts, shape.topk = experts->topk;
    }
  }
  shape.ranks = group.size();
  shape.nodes = sim::nodes_spanned(group, make_placement(job));
  shape.dispatch = shape.combine = Dtype::bf16;
  shape.sms = config.expert_exchange_sms;
  shape.imbalance = config.expert_imbalance;
  shape.group_limit = config.expert_group_limit;
  return shape;
}

ExchangeShape exchange_shape(const TrainingJob& job) { return exchange_shape(job, expert_groups(job)); }

std::optional<JobError> check_experts(const TrainingJob& job) { return ExpertChecker(job).run(); }

std::string too_many_tokens(const TrainingJob& job) {
  if (job.config.expert_parallel == 1) return {};
  const ExchangeTokens& limit = find_expert_exchange(job.config.expert_exchange)->tokens;
  const std::int64_t tokens = exchange_shape(job).tokens;
  if (limit.advised == 0 || tokens < limit.advised) return {};
  return fmt::format("{} sends {} tokens of a rank; its library recommends less than {} ({})",
                     job.config.expert_exchange, tokens, limit.advised, limit.source);
}

}  // namespace orrery::models
