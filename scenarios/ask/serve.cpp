// Which GPUs serve a load within its limits, and how many users given GPUs hold.

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "scenarios/ask/answer.hpp"
#include "scenarios/ask/binding.hpp"
#include "scenarios/ask/control.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

namespace {

constexpr int kMostGpus = 512;
/// Rows of a price bound: their number must not follow the number of threads, or the answer would.
constexpr std::size_t kBatch = 8;
/// A plan's cost per token follows its cost per hour, but for how long it takes to finish the last requests.
constexpr double kPriceSlack = 1.05;

std::int64_t number_of(const std::vector<Override>& set, std::string_view key, std::int64_t fallback) {
  for (const Override& change : set) {
    if (change.key == key) return std::stoll(change.value);
  }
  return fallback;
}

/// So many requests that 99 % of them is a statement, and at a rate for so long (100 s) that a queue which grows is
/// seen to; a closed loop's first wave arrives at once and is not counted, and of many clients each comes twice more.
std::vector<Override> load_keys(const ServeQuestion& question, std::int64_t users) {
  const auto set = [](std::string_view key, std::int64_t value) {
    return Override{std::string(key), std::to_string(value), "ask"};
  };
  if (question.rate > 0.0) {
    return {set("serving.load.requests", std::clamp<std::int64_t>(std::llround(100.0 * question.rate), 300, 20'000))};
  }
  const std::int64_t counted = std::max({std::int64_t{200}, std::min<std::int64_t>(10 * users, 5'000), 2 * users});
  return {set("serving.load.requests", counted + users), set("serving.warmup_requests", users)};
}

class Serving {
 public:
  Serving(const ServeQuestion& question, const AskControl& control)
      : question_(question),
        control_(control),
        text_(serve_text(question)),
        runner_(text_, "ask", {}, {serving_kind().metrics()}) {
    answer_.kept = runner_.kept();
  }

  Answer answer() && {
    if (fixed_load()) {
      find_cheapest(engines_for(question_, {1}));
      if (!any_fits()) find_cheapest(engines_for(question_, {2, 4, 8}));
    } else {
      find_most_users(engines_for(question_, {1}));
      if (!any_fits()) find_most_users(engines_for(question_, {2, 4, 8}));
    }
    sort();
    if (!answer_.plans.empty()) {
      const AskedPlan& best = answer_.plans.front();
      const EditedText text = EditedText(text_, "ask", best.point.set);
      answer_.scenario = text.text();
      answer_.binding = binding_of(question_, answer_, best, text_);
    }
    return std::move(answer_);
  }

 private:
  [[nodiscard]] bool fixed_load() const { return question_.users > 0 || question_.rate > 0.0; }
  [[nodiscard]] bool any_fits() const {
    const auto fits = [&](const AskedPlan& plan) { return answer_.value(plan, "memory.fits") > 0.5; };
    return std::any_of(answer_.plans.begin(), answer_.plans.end(), fits);
  }

  /// Requests that are refused or cut short are not served.
  [[nodiscard]] SearchQuery query(const std::vector<AskedEngine>& engines) const {
    SearchQuery query;
    query.bounds = {{"serving.rejected", false, 0.0}, {"serving.truncated", false, 0.0}};
    query.rows.count = engines.size();
    return query;
  }

  std::vector<SearchRow> run(const SearchQuery& query) {
    std::vector<SearchRow> rows = control_.search(runner_, query, "kinds of engine");
    for (const SearchRow& row : rows) answer_.runs += row.runs;
    return rows;
  }

  void add(const AskedEngine& engine, SearchRow row, std::int64_t users) {
    if (row.runs == 0) return;
    AskedPlan plan;
    plan.engine = engine;
    plan.replicas = number_of(row.point.set, "serving.replicas", 1);
    plan.users = users;
    plan.holds = row.holds;
    plan.point = std::move(row.point);
    plan.beyond = std::move(row.beyond);
    answer_.plans.push_back(std::move(plan));
  }

  void find_most_users(const std::vector<AskedEngine>& engines) {
    SearchQuery query = this->query(engines);
    const auto replicas = [count = question_.gpu_count](const AskedEngine& engine) {
      return std::max(1, count / engine.gpus());
    };
    query.rows.at = [engines, replicas](std::size_t i) { return engine_keys(engines[i], replicas(engines[i])); };
    query.range = SearchRange{"serving.load.concurrency", Seek::most, [](std::size_t) {
                                return RangeLimits{1, kMostUsers, false};
                              }};
    query.also = [question = question_](std::size_t, std::int64_t users) { return load_keys(question, users); };
    std::vector<SearchRow> rows = run(query);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int64_t users = rows[i].holds ? number_of(rows[i].point.set, "serving.load.concurrency", 0) : 0;
      add(engines[i], std::move(rows[i]), users);
    }
  }

  void find_cheapest(const std::vector<AskedEngine>& engines) {
    double cheapest = std::numeric_limits<double>::infinity();  // USD per hour of a plan that holds
    for (std::size_t first = 0; first < engines.size() && !control_.console.stopped(); first += kBatch) {
      const std::vector<AskedEngine> batch(
          engines.begin() + static_cast<std::ptrdiff_t>(first),
          engines.begin() + static_cast<std::ptrdiff_t>(std::min(engines.size(), first + kBatch)));
      std::vector<SearchRow> rows = run(cheapest_query(batch, cheapest));
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::int64_t replicas = number_of(rows[i].point.set, "serving.replicas", 1);
        if (rows[i].holds) {
          cheapest = std::min(cheapest, batch[i].gpu.price * static_cast<double>(batch[i].gpus() * replicas));
        }
        add(batch[i], std::move(rows[i]), question_.users);
      }
    }
  }

  [[nodiscard]] SearchQuery cheapest_query(const std::vector<AskedEngine>& batch, double cheapest) const {
    SearchQuery query = this->query(batch);
    query.rows.at = [batch](std::size_t i) { return engine_keys(batch[i], 1); };
    query.range =
        SearchRange{"serving.replicas", Seek::fewest, [batch, cheapest, count = question_.gpu_count](std::size_t row) {
                      const AskedEngine& engine = batch[row];
                      const double there_are = (count > 0 ? count : kMostGpus) / engine.gpus();
                      const double affordable = cheapest * kPriceSlack / (engine.gpu.price * engine.gpus());
                      const bool bounded = count > 0 || affordable < there_are;
                      return RangeLimits{1, static_cast<std::int64_t>(std::min(there_are, affordable)), bounded};
                    }};
    query.also = [batch, question = question_](std::size_t row, std::int64_t replicas) {
      std::vector<Override> more;
      for (Override& key : engine_keys(batch[row], replicas)) {
        if (key.key == "cluster.nodes" || key.key == "cluster.fabric") more.push_back(std::move(key));
      }
      if (question.users > 0) {
        more.push_back({"serving.load.concurrency", std::to_string(question.users), "ask"});
      }
      for (Override& key : load_keys(question, question.users)) more.push_back(std::move(key));
      return more;
    };
    return query;
  }

  /// Holding ones first: by users where the GPUs are given and users are sought, else by cost per output token. The
  /// others by the share of requests that they serve in time; those that can't start last.
  void sort() {
    const bool by_users = !fixed_load() && question_.gpu_count > 0;
    const auto price = [&](const AskedPlan& plan) {
      return kept_value(answer_.kept, plan.point, "cost.usd_per_million_output_tokens")
          .value_or(std::numeric_limits<double>::infinity());
    };
    const auto near = [&](const AskedPlan& plan) {
      return kept_value(answer_.kept, plan.point, "serving.slo_attainment").value_or(-1.0);
    };
    std::stable_sort(answer_.plans.begin(), answer_.plans.end(), [&](const AskedPlan& a, const AskedPlan& b) {
      if (a.holds != b.holds) return a.holds;
      if (!a.holds) return near(a) > near(b);
      if (by_users && a.users != b.users) return a.users > b.users;
      return price(a) < price(b);
    });
  }

  const ServeQuestion& question_;
  const AskControl& control_;
  std::string text_;
  PointRunner runner_;
  Answer answer_;
};

}  // namespace

Answer answer_serve(const ServeQuestion& question, const AskControl& control) {
  return Serving(question, control).answer();
}

std::optional<ApiComparison> compare_api(const Answer& answer, const ServeQuestion& question) {
  if (!question.api || answer.plans.empty()) return std::nullopt;
  const AskedPlan& plan = answer.plans.front();
  const double per_second = answer.value(plan, "serving.requests_per_s");
  const double input = answer.value(plan, "serving.input_tokens_per_s");
  const double output = answer.value(plan, "serving.output_tokens_per_s");
  if (per_second <= 0.0) return std::nullopt;
  const double hits = answer.value(plan, "serving.prefix_hit_rate");
  ApiComparison result;
  const double input_price = hits * question.api->cached + (1.0 - hits) * question.api->input;
  result.api_per_request = (input * input_price + output * question.api->output) / per_second * 1e-6;
  result.own_per_request = plan.usd_per_hour() / (3600.0 * per_second);
  return result.api_per_request > 0.0 ? std::optional<ApiComparison>(result) : std::nullopt;
}

}  // namespace orrery::scenarios
