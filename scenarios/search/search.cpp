#include "scenarios/search/search.hpp"

#include <exception>
#include <map>
#include <memory>
#include <mutex>

#include "sim/run_control.hpp"

namespace orrery::scenarios {

namespace {

SearchPoint run_point(const PointRunner& runner, const SearchQuery& query, std::size_t row, std::int64_t n) {
  std::vector<Override> set = query.rows.at(row);
  if (query.range && !query.range->key.empty()) set.push_back({query.range->key, std::to_string(n), "search"});
  if (query.also) {
    for (Override& more : query.also(row, n)) set.push_back(std::move(more));
  }
  return runner.run(std::move(set), query.until_missed);
}

std::optional<std::int64_t> find_turn(const SearchRange& range, std::size_t row, const RangeLimits& limits,
                                      const std::function<bool(std::int64_t)>& holds) {
  std::function<TurnStart()> start;
  if (range.guess) start = [&] { return range.guess(row, limits); };
  if (range.seek == Seek::fewest) return fewest_that_holds(limits.least, limits.most, limits.top_first, holds, start);
  if (limits.is_turn) return most_between(limits.least, limits.most + 1, holds);
  return most_that_holds(limits.least, limits.most, start ? start() : TurnStart{limits.least}, holds);
}

/// Bisects the range of one row; every point is run once.
SearchRow bisect(const PointRunner& runner, const SearchQuery& query, std::size_t row) {
  const SearchRange& range = *query.range;
  std::map<std::int64_t, SearchPoint> tried;
  const auto holds_at = [&](std::int64_t n) {
    SearchPoint point = run_point(runner, query, row, n);
    const bool well = holds(runner.kept(), point, query.bounds);
    tried.emplace(n, std::move(point));
    return well;
  };
  const RangeLimits limits = range.limits(row);
  if (range.hopeless && limits.least <= limits.most) {
    if (std::optional<SearchPoint> point = range.hopeless(row, limits)) {
      return {std::move(*point), false, limits.most, std::nullopt, 1};
    }
  }
  const bool most = range.seek == Seek::most;
  std::optional<std::int64_t> found = find_turn(range, row, limits, holds_at);
  // What was known to hold has not been run yet.
  if (found && tried.count(*found) == 0 && !holds_at(*found)) found.reset();
  SearchRow result;
  result.runs = static_cast<int>(tried.size());
  result.holds = found.has_value();
  if (tried.empty()) {
    result.point.set = query.rows.at(row);
    result.point.reason = "there is nothing to try";
    return result;
  }
  // The easy end: of users the fewest, of replicas the most.
  const auto end = most ? tried.begin() : std::prev(tried.end());
  if (found) {
    const auto next = tried.find(most ? *found + 1 : *found - 1);
    if (next != tried.end()) result.beyond = std::move(next->second);
    result.value = *found;
    result.point = std::move(tried.at(*found));
  } else {
    result.value = end->first;
    result.point = std::move(end->second);
  }
  return result;
}

SearchRow run_row(const PointRunner& runner, const SearchQuery& query, std::size_t index) {
  if (query.range) return bisect(runner, query, index);
  SearchRow row;
  row.point = run_point(runner, query, index, 0);
  row.holds = holds(runner.kept(), row.point, query.bounds);
  row.runs = 1;
  return row;
}

/// Where rows wait for those before them.
struct Slots {
  std::mutex mutex;
  std::vector<std::optional<SearchRow>> rows;
  bool closed = false;
};

/// Hands rows on in their order; only the thread that waits for the workers calls it.
class Collector {
 public:
  Collector(std::shared_ptr<Slots> slots, const SearchControl& control) : slots_(std::move(slots)), control_(control) {}

  /// Those that are next; with `all` also those behind a gap.
  void collect(bool all) {
    for (;;) {
      const std::size_t index = next_;
      std::optional<SearchRow> row;
      {
        const std::lock_guard<std::mutex> lock(slots_->mutex);
        if (all) slots_->closed = true;
        if (index >= slots_->rows.size()) return;
        row = std::exchange(slots_->rows[index], std::nullopt);
      }
      if (!row && !all) return;
      ++next_;
      if (row) give(index, std::move(*row));
    }
  }

  [[nodiscard]] bool failed() const { return error_ != nullptr; }
  [[nodiscard]] std::vector<SearchRow> rows() && {
    if (error_) std::rethrow_exception(error_);
    return std::move(rows_);
  }

 private:
  void give(std::size_t index, SearchRow row) {
    try {
      if (control_.take && !error_) {
        control_.progress.clear();
        control_.take(index, row);
      }
    } catch (...) {
      error_ = std::current_exception();  // workers are still at it: thrown once they have stopped
    }
    row.point.inputs = {};
    rows_.push_back(std::move(row));
  }

  std::shared_ptr<Slots> slots_;
  const SearchControl& control_;
  std::size_t next_ = 0;
  std::exception_ptr error_;
  std::vector<SearchRow> rows_;
};

}  // namespace

std::vector<SearchRow> search(const PointRunner& runner, const SearchQuery& query, const SearchControl& control) {
  const auto slots = std::make_shared<Slots>();
  slots->rows.resize(query.rows.count);
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < query.rows.count; ++i) {
    if (control.known) slots->rows[i] = control.known(i);
    if (!slots->rows[i]) missing.push_back(i);
  }
  const std::size_t ready = query.rows.count - missing.size();
  Collector collector(slots, control);
  collector.collect(false);
  // Tasks own what they use: one that Ctrl-C leaves behind outlives this function.
  const auto task = [slots, runner, query, missing](std::size_t i) {
    try {
      SearchRow row = run_row(runner, query, missing[i]);
      const std::lock_guard<std::mutex> lock(slots->mutex);
      if (!slots->closed) slots->rows[missing[i]] = std::move(row);
    } catch (const sim::Cancelled&) {
      // Its row is not there, as those that were not begun.
    }
  };
  const auto stopped = [&] {
    const bool stop = control.console.stopped() || collector.failed();
    if (stop) runner.stop();  // what runs would go on in the window for minutes
    return stop;
  };
  parallel_for(missing.size(), control.jobs, task, stopped, [&](std::size_t done) {
    collector.collect(false);
    control.progress.show(ready + done);
  });
  control.progress.clear();
  collector.collect(true);
  return std::move(collector).rows();
}

}  // namespace orrery::scenarios
