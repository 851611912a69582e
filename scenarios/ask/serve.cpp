// Which GPUs serve a load within its limits, and how many users given GPUs hold.

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include <fmt/format.h>

#include "scenarios/ask/answer.hpp"
#include "scenarios/ask/binding.hpp"
#include "scenarios/ask/control.hpp"
#include "scenarios/ask/estimates.hpp"
#include "scenarios/ask/front.hpp"
#include "scenarios/ask/nearness.hpp"
#include "scenarios/ask/refusals.hpp"
#include "scenarios/ask/replicas.hpp"
#include "scenarios/ask/sampling.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

namespace {

/// Where users are doubled from: for their 200 requests fewer take as many iterations as all that follow.
constexpr std::int64_t kFirstUsers = 16;
/// Of users that are known to be held by another plan: how far off more of them are looked for first.
constexpr std::int64_t kFirstSteps = 64;
/// Plans that don't hold and are run to their end to see which is nearest: those that kept the limits longest.
constexpr std::size_t kNearest = 10;

class Serving {
 public:
  Serving(const ServeQuestion& question, const AskControl& control)
      : question_(question),
        control_(control),
        text_(serve_text(question)),
        runner_(text_, "ask", {}, {serving_kind().metrics()}),
        sampler_(question, runner_, query(0).bounds),
        refusals_(question) {
    answer_.kept = runner_.kept();
  }

  Answer answer() && {
    find(engines_for(question_, {1}));
    if (!any_fits()) find(engines_for(question_, {2, 4, 8}));
    sort();
    if (question_.rate > 0.0) keep_what_lasts();
    if (!answer_.holds()) run_nearest();
    if (!answer_.plans.empty()) {
      AskedPlan& best = answer_.plans.front();
      run_best(best);
      answer_.scenario = scenario_of(answer_, text_, best.point.set);
      answer_.binding = binding_of(question_, answer_, best, text_);
    }
    answer_.runs += sampler_.runs();
    mark_front(answer_, question_, control_, runner_, [this](const AskedPlan& plan) { return whole_keys(plan); });
    return std::move(answer_);
  }

 private:
  [[nodiscard]] bool fixed_load() const { return question_.users > 0 || question_.rate > 0.0; }
  [[nodiscard]] bool any_fits() const {
    const auto fits = [&](const AskedPlan& plan) { return answer_.value(plan, "memory.fits") > 0.5; };
    return std::any_of(answer_.plans.begin(), answer_.plans.end(), fits);
  }

  /// Requests that are refused or cut short are not served.
  [[nodiscard]] static SearchQuery query(std::size_t count) {
    SearchQuery query;
    query.bounds = {{"serving.rejected", false, 0.0}, {"serving.truncated", false, 0.0}};
    query.rows.count = count;
    query.rows.at = [](std::size_t) { return std::vector<Override>(); };
    query.until_missed = true;
    return query;
  }

  std::vector<SearchRow> run(const SearchQuery& query) {
    std::vector<SearchRow> rows = control_.search(runner_, query, "kinds of engine");
    for (const SearchRow& row : rows) answer_.runs += row.runs;
    return rows;
  }

  [[nodiscard]] bool starts(const SearchPoint& point) const {
    return point.ran() && kept_value(answer_.kept, point, "memory.fits").value_or(0.0) > 0.5;
  }

  void find(std::vector<AskedEngine> engines) {
    for (AskedPlan& plan : refusals_.take(engines)) {
      plan.users = question_.users;
      answer_.plans.push_back(std::move(plan));
    }
    if (fixed_load()) return find_cheapest(engines);
    find_most_users(engines);
    if (question_.gpu_count > 0) ask_on();
  }

  void add(const AskedEngine& engine, SearchRow row, std::int64_t replicas, std::int64_t users, UserEnd end = {}) {
    if (row.runs == 0) return;
    const bool left = row.holds && !fixed_load() && replicas > 1;
    answer_.plans.push_back(
        {engine, replicas, users, row.holds, left, std::move(row.point), std::move(row.beyond), end});
  }

  /// The most users of one replica of each plan, times their number: what the plan holds at least where they go in
  /// step.
  void find_most_users(const std::vector<AskedEngine>& engines) {
    const auto replicas = [count = question_.gpu_count](const AskedEngine& engine) -> std::int64_t {
      return std::max(1, count / engine.gpus());
    };
    SearchQuery query = Serving::query(engines.size());
    const auto ends = std::make_shared<std::vector<UserEnd>>(engines.size());  // each written by its own row
    query.range = SearchRange{
        "", Seek::most, [engines, replicas, ends, question = question_, runner = runner_, text = text_](std::size_t i) {
          const std::int64_t count = replicas(engines[i]), most = most_users(count) / count;
          (*ends)[i] = end_of_users(question, engines[i], runner, text);
          return RangeLimits{1, (*ends)[i].users > 0 ? std::min(most, (*ends)[i].users) : most};
        }};
    query.range->guess = [ends](std::size_t i, const RangeLimits& limits) {
      // A limit that nobody waits for is seldom broken by the most that are asked for.
      const bool wide = (*ends)[i].users > 0 && (*ends)[i].by == UserEnd::By::search;
      return wide ? TurnStart{limits.most, limits.most / 2} : TurnStart{kFirstUsers, kFirstUsers};
    };
    query.also = [engines, replicas, question = question_](std::size_t i, std::int64_t each) {
      const std::int64_t count = replicas(engines[i]);
      return go_in_step(question, engines[i]) ? group_keys(question, engines[i], count, count * each)
                                              : plan_keys(question, engines[i], 1, each);
    };
    std::vector<SearchRow> rows = run(query);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int64_t count = replicas(engines[i]);
      const std::int64_t users = rows[i].holds ? count * rows[i].value : 0;
      answer_.runs += (*ends)[i].runs;
      const bool able = rows[i].holds || starts(rows[i].point);  // else on no number of them
      add(engines[i], std::move(rows[i]), able ? count : 1, users, (*ends)[i]);
    }
  }

  /// Asks the plans of several replicas that may hold the most users: first the one that promises most, then those that
  /// might hold as many.
  void ask_on() {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < answer_.plans.size(); ++i) {
      if (answer_.plans[i].left) order.push_back(i);
    }
    if (order.empty()) return;
    const auto more = [&](std::size_t a, std::size_t b) { return answer_.plans[a].users > answer_.plans[b].users; };
    std::stable_sort(order.begin(), order.end(), more);
    ask_on({order.front()}, 0);
    std::int64_t most = 0;
    for (const AskedPlan& plan : answer_.plans) {
      if (plan.holds && !plan.left) most = std::max(most, plan.users);
    }
    const auto is_out = [&](std::size_t i) {
      const AskedPlan& plan = answer_.plans[i];
      return !plan.left || (go_in_step(question_, plan.engine) && plan.users + plan.replicas - 1 < most);
    };
    order.erase(std::remove_if(order.begin(), order.end(), is_out), order.end());
    ask_on(order, most);
  }

  /// How many users these plans hold, if it is at least `known`, or 0: in any case.
  void ask_on(const std::vector<std::size_t>& asked, std::int64_t known) {
    std::vector<AskedPlan> plans;
    for (const std::size_t i : asked) plans.push_back(answer_.plans[i]);
    SearchQuery query = Serving::query(plans.size());
    query.range = SearchRange{"", Seek::most, [plans, known, question = question_](std::size_t i) {
                                const AskedPlan& plan = plans[i];
                                if (go_in_step(question, plan.engine)) {
                                  const std::int64_t each = plan.users / plan.replicas;
                                  const std::int64_t most = most_in_step(each, plan.replicas);
                                  return RangeLimits{plan.users, std::min(most, plan.most_users()), false, true};
                                }
                                return RangeLimits{known > 0 ? known : 1, plan.most_users()};
                              }};
    query.range->guess = [plans, known, sampler = sampler_](std::size_t i, const RangeLimits& limits) {
      // Whether it is as many as are known is asked first.
      if (known > 0) return TurnStart{known, std::max<std::int64_t>(1, known / kFirstSteps)};
      return sampler.most_users(plans[i].engine, plans[i].replicas, plans[i].users, limits);
    };
    query.also = [plans, question = question_](std::size_t i, std::int64_t users) {
      return group_keys(question, plans[i].engine, plans[i].replicas, users);
    };
    std::vector<SearchRow> rows = run(query);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      AskedPlan& plan = answer_.plans[asked[i]];
      if (!rows[i].holds && known > 0) {
        plan.users = std::min(plan.users, known - 1);
        continue;
      }
      plan.left = false;
      plan.holds = rows[i].holds;
      plan.users = rows[i].holds ? rows[i].value : 0;
      plan.point = std::move(rows[i].point);
      // The last number before the turn has no point behind it: that was asked of one replica.
      if (rows[i].beyond || !go_in_step(question_, plan.engine)) plan.beyond = std::move(rows[i].beyond);
    }
  }

  void find_cheapest(std::vector<AskedEngine> engines) {
    sort_by_promise(engines, question_);
    engines = able_of(engines);
    const EstimateRuns runs{sampler_, query(0), [this](const SearchQuery& query) { return run(query); },
                            [this] { return control_.console.stopped(); }};
    std::vector<RateEstimate> estimates = estimate_replicas(engines, question_, runs);
    double cheapest = kAnyPrice;  // USD per hour of a plan that holds
    const auto take = [&](const AskedEngine& engine, SearchRow row) {
      const std::int64_t replicas = std::max<std::int64_t>(1, row.value);
      if (row.holds) cheapest = std::min(cheapest, engine.gpu.price * static_cast<double>(engine.gpus() * replicas));
      add(engine, std::move(row), replicas, question_.users);
    };
    for (std::size_t i = 0; i < estimates.size(); ++i) {
      if (estimates[i].whole) take(engines[i], std::move(*estimates[i].whole));
    }
    drop_whole(engines, estimates);
    sort_by_estimate(engines, estimates);
    estimates.resize(engines.size());
    for (std::size_t first = 0, next = 1; first < engines.size() && !control_.console.stopped();
         first = next, next += kPricedRows) {
      const auto from = static_cast<std::ptrdiff_t>(first);
      const auto to = static_cast<std::ptrdiff_t>(std::min(engines.size(), next));
      const std::vector<AskedEngine> batch{engines.begin() + from, engines.begin() + to};
      const std::vector<RateEstimate> known{estimates.begin() + from, estimates.begin() + to};
      std::vector<SearchRow> rows = run(cheapest_query(batch, known, question_, runs, cheapest));
      for (std::size_t i = 0; i < rows.size(); ++i) take(batch[i], std::move(rows[i]));
    }
  }

  /// Those that start; the others are plans of one replica, since more of them start no better.
  [[nodiscard]] std::vector<AskedEngine> able_of(const std::vector<AskedEngine>& engines) {
    SearchQuery query = Serving::query(engines.size());
    query.until_missed = false;
    query.rows.at = [engines](std::size_t i) { return starting_keys(engines[i]); };
    std::vector<SearchRow> rows = run(query);
    std::vector<AskedEngine> able;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (starts(rows[i].point)) {
        able.push_back(engines[i]);
      } else {
        rows[i].point.set = plan_keys(question_, engines[i], 1, question_.users);
        add(engines[i], std::move(rows[i]), 1, question_.users);
      }
    }
    return able;
  }

  /// The best plan must hold its rate for longer than it was asked for. One that does not has replicas added until it
  /// does, or is not affordable; then another may be the best.
  void keep_what_lasts() {
    for (std::size_t asked = 0; asked < answer_.plans.size() && answer_.holds() && !control_.console.stopped();
         ++asked) {
      AskedPlan& best = answer_.plans.front();
      std::vector<Override> lasting = lasting_keys(question_, best.engine, best.replicas);
      if (words_of(lasting) == words_of(best.point.set)) return;  // it has been asked for as long
      SearchPoint longer = whole(std::move(lasting));
      if (holds(answer_.kept, longer, query(0).bounds)) return;
      best.beyond = std::move(longer);
      ++best.replicas;
      const bool affordable = best.gpus() <= (question_.gpu_count > 0 ? question_.gpu_count : kMostGpus);
      best.point = whole(whole_keys(best));
      best.holds = affordable && holds(answer_.kept, best.point, query(0).bounds);
      sort();
    }
  }

  /// The plan that is the answer as a whole, and what comes after it to its end.
  void run_best(AskedPlan& plan) {
    const bool is_part = plan.replicas_run() != plan.replicas;
    if (plan.point.ran() && (is_part || plan.point.given_up)) plan.point = whole(whole_keys(plan));
    if (plan.beyond && plan.beyond->given_up) plan.beyond = whole(plan.beyond->set);
  }
  [[nodiscard]] std::vector<Override> whole_keys(const AskedPlan& plan) const {
    const std::int64_t users = question_.users > 0 ? question_.users : std::max(plan.users, plan.replicas);
    return plan_keys(question_, plan.engine, plan.replicas, users);
  }
  [[nodiscard]] SearchPoint whole(std::vector<Override> set) {
    ++answer_.runs;
    return runner_.run(std::move(set));
  }

  void run_nearest() {
    std::vector<std::size_t> given_up;
    for (std::size_t i = 0; i < answer_.plans.size(); ++i) {
      if (answer_.plans[i].point.given_up) given_up.push_back(i);
    }
    const auto rank = [&](std::size_t i) {
      const AskedPlan& plan = answer_.plans[i];
      const std::string_view kept = question_.rate > 0.0 ? "serving.duration_s" : "serving.requests";
      return std::pair(answer_.value(plan, kept), -beyond_limits(answer_, question_, plan));
    };
    std::stable_sort(given_up.begin(), given_up.end(), [&](std::size_t a, std::size_t b) { return rank(a) > rank(b); });
    given_up.resize(std::min(given_up.size(), kNearest));
    std::vector<std::vector<Override>> sets;
    for (const std::size_t i : given_up) sets.push_back(answer_.plans[i].point.set);
    SearchQuery query = Serving::query(sets.size());
    query.until_missed = false;
    query.rows.at = [sets](std::size_t i) { return sets[i]; };
    std::vector<SearchRow> rows = run(query);
    for (std::size_t i = 0; i < rows.size(); ++i) answer_.plans[given_up[i]].point = std::move(rows[i].point);
    sort();
  }

  /// Holding ones first: by users where the GPUs are given and users are sought, else by cost per output token; then
  /// the others, the nearest first.
  void sort() {
    const bool by_users = !fixed_load() && question_.gpu_count > 0;
    const auto price = [&](const AskedPlan& plan) {
      return kept_value(answer_.kept, plan.point, "cost.usd_per_million_output_tokens")
          .value_or(std::numeric_limits<double>::infinity());
    };
    std::stable_sort(answer_.plans.begin(), answer_.plans.end(), [&](const AskedPlan& a, const AskedPlan& b) {
      if (a.holds != b.holds) return a.holds;
      if (!a.holds) return serves_nearer(answer_, question_, a, b);
      if (by_users && a.users != b.users) return a.users > b.users;
      return price(a) < price(b);
    });
  }

  const ServeQuestion& question_;
  const AskControl& control_;
  std::string text_;
  PointRunner runner_;
  TurnSampler sampler_;
  Refusals refusals_;
  Answer answer_;
};

}  // namespace

Answer answer_serve(const ServeQuestion& question, const AskControl& control) {
  return Serving(question, control).answer();
}

}  // namespace orrery::scenarios
