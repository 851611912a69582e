// orrery sweep FILE: all combinations of the scenario's `sweep:` lists, a row each as it comes.
//
// Points that can't be (TP that does not divide the heads) are rows with their reason: a grid always holds some. A
// value that its key can't have at all is an error of the scenario. Running out of memory and missing an SLO are data
// here, not findings of the command.

#include <algorithm>
#include <ostream>
#include <set>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "scenarios/ask/words.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/output.hpp"
#include "scenarios/report.hpp"
#include "scenarios/search/axis_values.hpp"
#include "scenarios/search/distinct_points.hpp"
#include "scenarios/search/journal.hpp"
#include "scenarios/search/search.hpp"
#include "scenarios/search/sweep_text.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

namespace {

constexpr std::size_t kMostPoints = 1'000'000;

/// Nothing else sets what the sweep does: that would be without effect.
void check_axes(const Scenario& base, const std::vector<Override>& overrides) {
  const hardware::NodePtr root = hardware::parse_config(base.source->text(), base.file);
  std::vector<std::string> axes;
  for (const SweepAxis& axis : base.sweep) {
    axes.push_back(numbered_key(*root, axis.key));
    for (std::size_t i = 0; i + 1 < axes.size(); ++i) {
      if (!is_within(axes[i], axes.back())) continue;
      throw ConfigError(fmt::format("{}: the sweep of {} sets {} anew each time: sweep one of them",
                                    hardware::quoted_path(base.file), axis.key, base.sweep[i].key));
    }
  }
  for (const Override& change : overrides) {
    const std::string key = numbered_key(*root, change.key);
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (!is_within(key, axes[i])) continue;
      throw ConfigError(
          fmt::format("{}: {} is without effect: the sweep sets {} at every point; --set sweep.{}=[…] "
                      "changes its list",
                      hardware::quoted_path(base.file), change.str(), base.sweep[i].key, base.sweep[i].key));
    }
  }
}

void check_size(const Scenario& base) {
  if (base.sweep.empty()) {
    throw ConfigError(fmt::format("{}: no sweep: section; add e.g. sweep: {{{}.tensor_parallel: [1, 2, 4, 8]}}",
                                  hardware::quoted_path(base.file), base.jobs.front().kind->name));
  }
  std::size_t count = 1;
  for (const SweepAxis& axis : base.sweep) {
    count *= axis.values.size();
    if (count > kMostPoints) {
      throw ConfigError(
          fmt::format("{}: the sweep has more than {} points", hardware::quoted_path(base.file), kMostPoints));
    }
  }
}

/// Points of it differ in what an hour costs: in the kind or the number of GPUs.
bool changes_price(const Scenario& base) {
  const auto of_price = [](const SweepAxis& axis) {
    if (axis.key.rfind("cluster", 0) == 0) return true;
    const std::string_view last = std::string_view(axis.key).substr(axis.key.rfind('.') + 1);
    return axis.key.find("training") == std::string::npos &&
           (last == "tensor_parallel" || last == "pipeline_parallel" || last == "replicas");
  };
  return std::any_of(base.sweep.begin(), base.sweep.end(), of_price);
}

/// A metric of the first job, unless its name says which.
Objective objective_in(const Scenario& base, const std::string& metric, std::string_view by) {
  Objective objective = objective_of(metric, by);
  if (own_name(objective.metric) == objective.metric) objective.metric.insert(0, base.jobs.front().prefix());
  return objective;
}

/// "a,b" as metrics, each known.
std::vector<Objective> objectives_in(const Scenario& base, const std::string& text, std::string_view by) {
  std::vector<Objective> all;
  for (const std::string& name : split(text)) all.push_back(objective_in(base, name, by));
  return all;
}

/// What of a sweep is kept and shown.
struct View {
  PointForm form;
  std::vector<SweepColumn> columns;
  std::vector<std::string> headings;  ///< that columns refer to
  Objective objective;
  std::optional<Objective> sort;
  std::vector<Objective> pareto;
  std::string_view promise;
  std::string prefix;
};

void keep(KeptMetrics& kept, const std::string& name) {
  if (kept.find(name)) return;
  if (const std::optional<MetricRow> row = find_metric_row(name)) kept.rows.push_back(*row);
}

/// The columns that are asked for, else those of the kind; and what a front is of.
void choose_columns(const Scenario& base, const Options& options, const SweepTable& table, View& view) {
  const std::vector<Objective> named = objectives_in(base, options.columns, "--columns");
  if (named.empty()) {
    Report empty;
    empty.scenario.jobs = base.jobs;
    view.form.kept.rows = metric_columns({&empty});
    view.columns = table.columns;
  }
  const auto is_shown = [&](const std::string& metric) {
    const auto shows = [&](const SweepColumn& column) { return view.prefix + std::string(column.metric) == metric; };
    return std::any_of(view.columns.begin(), view.columns.end(), shows) ||
           std::find(view.headings.begin(), view.headings.end(), metric) != view.headings.end();
  };
  for (const Objective& column : named) view.headings.push_back(column.metric);
  for (const Objective& objective : view.pareto) {
    if (!is_shown(objective.metric)) view.headings.push_back(objective.metric);
  }
  for (const std::string& name : view.headings) {
    keep(view.form.kept, name);
    const std::string_view heading = std::string_view(name).substr(name.find('.') + 1);
    view.columns.push_back({heading, name, std::max(14, static_cast<int>(heading.size()))});
  }
}

View view_of(const Scenario& base, const Options& options) {
  const Job& first = base.jobs.front();
  const SweepTable table = first.kind->sweep_table();
  View view;
  view.form.axes = base.sweep;
  KeptMetrics& kept = view.form.kept;
  view.prefix = first.prefix();
  view.promise = first.kind->promise;
  view.objective = objective_in(
      base,
      !options.objective.empty() ? options.objective : std::string(changes_price(base) ? table.price : table.speed),
      "--objective");
  if (!options.sort.empty()) view.sort = objective_in(base, options.sort, "--sort");
  view.pareto = front_objectives(split(options.pareto), view.prefix, "--pareto");
  choose_columns(base, options, table, view);
  // What decides has to be known, asked for or not.
  keep(kept, view.objective.metric);
  if (view.sort) keep(kept, view.sort->metric);
  for (const Objective& objective : view.pareto) keep(kept, objective.metric);
  if (!view.promise.empty()) keep(kept, view.prefix + std::string(view.promise));
  return view;
}

/// The partial files of a sweep, and what an earlier one left in them.
class Journals {
 public:
  Journals(const Options& options, const PointForm& form, const std::string& fingerprint) : form_(form) {
    if (options.resume) {
      finished_ = read_journal(options.json, JournalForm::json, form, fingerprint);
      finished_.merge(read_journal(options.csv, JournalForm::csv, form, fingerprint));
    }
    for (const auto& [output, kind] : {std::pair{options.json, JournalForm::json}, {options.csv, JournalForm::csv}}) {
      journals_.emplace_back(output, kind, form, fingerprint);
    }
  }

  [[nodiscard]] std::optional<SearchRow> known(const std::vector<Override>& set) const {
    const auto found = finished_.find(words_of(set));
    if (found == finished_.end()) return std::nullopt;
    SearchRow row;
    row.point = found->second;
    return row;
  }
  [[nodiscard]] std::size_t known_count() const { return finished_.size(); }
  void add(const SearchPoint& point) {
    for (Journal& journal : journals_) journal.add(form_, point);
  }
  void close() {
    for (Journal& journal : journals_) journal.close();
  }
  void remove() {
    for (Journal& journal : journals_) journal.remove();
  }

 private:
  const PointForm& form_;
  FinishedPoints finished_;
  std::vector<Journal> journals_;
};

/// An output may not replace what a point reads, nor may a partial one.
void check_inputs(const Options& options, const std::vector<std::string>& inputs) {
  check_outputs(options, inputs);
  for (const std::string& output : {options.json, options.csv}) {
    if (output.empty() || output == "-") continue;
    for (const std::string& input : inputs) {
      if (!same_file(partial_name(output), input)) continue;
      throw ConfigError(
          fmt::format("{}: the partial output would overwrite the input {}", partial_name(output), input));
    }
  }
}

void write_relaxed(const std::vector<SearchPoint>& points, std::ostream& out) {
  std::map<std::string, std::size_t> counts;
  for (const SearchPoint& point : points) {
    if (!point.relaxed.empty()) ++counts[words_of(point.relaxed)];
  }
  for (const auto& [what, count] : counts) {
    out << fmt::format("Note: {} {} with {}, which follows from the other keys\n", count,
                       count == 1 ? "point runs" : "points run", what);
  }
}

/// What follows the rows: in the order that is asked for, the front, and the best.
void write_end(const SweepText& shown, const View& view, const std::vector<SearchPoint>& points,
               const ParetoFront* front, std::ostream& out) {
  if (view.sort) {
    shown.head();
    for (const std::size_t i : sorted_by(view.form.kept, points, *view.sort)) {
      shown.line(points[i], front != nullptr && front->has[i] ? kOnTheFront : "");
    }
  }
  if (front != nullptr) shown.front(points, *front);
  shown.best(points, view.objective, view.prefix + std::string(view.promise));
  write_relaxed(points, out);
  for (const std::string& what : view.form.left_out) {
    out << fmt::format("Note: without effect: {} left out\n", printable(what));
  }
}

int finish(const View& view, const std::vector<SearchPoint>& points, const ParetoFront* front, std::size_t count,
           const Options& options, const std::string& fingerprint, Console& console) {
  const bool partial = console.stopped();
  const std::string mark = partial ? journal_mark(fingerprint) : "";
  emit(options.json, options.json.empty() ? "" : points_json(view.form, points, mark, front), partial, console);
  emit(options.csv, options.csv.empty() ? "" : points_csv(view.form, points, mark, front), partial, console);
  if (partial) {
    console.err << fmt::format("interrupted: {} of {} points done{}\n", points.size(), count,
                               options.json.empty() && options.csv.empty() ? "" : "; --resume takes them up");
    return kExitInterrupted;
  }
  const bool any = std::any_of(points.begin(), points.end(), [](const SearchPoint& p) { return p.ran(); });
  if (!any) throw ConfigError(fmt::format("no point of the sweep can run; the first: {}", points.front().reason));
  return kExitWell;
}

}  // namespace

int sweep_file(const Options& options, Console& console) {
  check_outputs(options, options.files);
  const std::string& file = options.files.at(0);
  const std::string text = hardware::read_text_file(file);
  const Scenario base = parse_scenario(text, file, options.overrides);
  std::vector<std::string> inputs = input_files(base);
  inputs.push_back(file);
  check_inputs(options, inputs);
  check_size(base);
  check_axes(base, options.overrides);
  check_axis_values(base);
  if (options.resume && options.json.empty() && options.csv.empty()) {
    throw ConfigError("--resume: takes up the rows of --json or --csv; name the file");
  }
  View view = view_of(base, options);
  const DistinctPoints distinct = distinct_points(*hardware::parse_config(base.source->text(), file), base.sweep);
  view.form.left_out = distinct.left_out;
  const std::string fingerprint = fingerprint_of(text, options.overrides, view.form);
  const KeptMetrics& kept = view.form.kept;
  Journals journals(options, view.form, fingerprint);
  const PointRunner runner(text, file, options.overrides, kept);
  const bool table = !options.quiet && !writes_to_standard_output(options);
  const SweepText shown(console.out, kept, view.columns, view.prefix, file);
  if (table && !view.sort) shown.head();
  SearchQuery query;
  query.rows = distinct.rows;
  Progress progress(console, options.quiet, query.rows.count, "points");
  progress.skip(journals.known_count());
  SearchControl control{options.jobs, console, progress};
  control.known = [&](std::size_t i) { return journals.known(query.rows.at(i)); };
  control.take = [&](std::size_t, const SearchRow& row) {
    check_inputs(options, row.point.inputs);  // an axis may name files of its own
    journals.add(row.point);
    if (table && !view.sort) shown.line(row.point);
  };
  std::vector<SearchPoint> points;
  for (SearchRow& row : search(runner, query, control)) points.push_back(std::move(row.point));
  journals.close();
  std::optional<ParetoFront> found;  // none where points are missing
  if (!view.pareto.empty() && !console.stopped()) found = front_of(kept, points, view.pareto);
  const ParetoFront* front = found ? &*found : nullptr;
  if (table && !points.empty()) write_end(shown, view, points, front, console.out);
  const int code = finish(view, points, front, query.rows.count, options, fingerprint, console);
  if (code == kExitWell) journals.remove();
  return code;
}

}  // namespace orrery::scenarios
