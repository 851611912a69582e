// Fits every timing model that a measured table feeds, and predicts tables with a timer.
//
// Only the rows that the split leaves to the fit reach the optimiser; residuals are taken on all of them, by
// group. Rows that beat the roofline, or whose kernel no family knows, are named and left out.
#include "kernels/table/fit_table.hpp"

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "calibrate/custom_rows.hpp"
#include "calibrate/exchange_rows.hpp"
#include "calibrate/fit.hpp"
#include "calibrate/nccl_rows.hpp"
#include "calibrate/rows.hpp"
#include "calibrate/split.hpp"
#include "calibrate/surface_fit.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "kernels/attention/mixed_batch.hpp"

namespace orrery::calibrate {
namespace {

const TableKind& required_kind(const CsvTable& table) {
  const TableKind* kind = kind_of(table);
  if (kind != nullptr) return *kind;
  std::string known;
  for (const TableKind& one : table_kinds()) known += fmt::format("{}{}", known.empty() ? "" : ", ", one.family);
  throw hardware::ConfigError(
      fmt::format("{}: the columns fit no kind of kernel table ({})", hardware::quoted_path(table.file), known));
}

std::vector<hardware::FitResidual> residuals(const std::vector<PredictedRow>& rows) {
  std::vector<hardware::FitResidual> result;
  for (const ErrorSummary& group : summarise(rows, {}).groups) {
    result.push_back({group.name, group.rows, rounded(group.median_error), rounded(group.p95_error), rounded(group.low),
                      rounded(group.high)});
  }
  return result;
}

std::vector<std::uint32_t> families_seen(const std::vector<const MeasuredRow*>& rows) {
  std::set<std::uint32_t> seen;
  for (const MeasuredRow* row : rows) {
    if (group_for_fit(*row) == kSeen) seen.insert(family_hash(row->family_key));
  }
  return {seen.begin(), seen.end()};
}

hardware::Fit fit_rows(const kernels::FittedModel& model, const std::vector<const MeasuredRow*>& rows,
                       const hardware::Gpu& gpu) {
  std::vector<Observation> observations;
  for (const MeasuredRow* row : rows) {
    if (group_for_fit(*row) == kSeen) observations.push_back({&row->kernel, row->measured});
  }
  hardware::Fit fit;
  fit.key = rows.front()->fit_key;
  fit.split = kSplitRule;
  fit.families_seen = families_seen(rows);
  std::vector<double> coefficients = fit_coefficients(model, observations, gpu);
  for (std::size_t i = 0; i < coefficients.size(); ++i) {
    coefficients[i] = rounded(coefficients[i]);
    fit.coefficients.emplace_back(std::string(model.names[i]), coefficients[i]);
  }
  fit.surfaces = fit_surfaces(model, coefficients, observations, gpu);
  const kernels::FittedValues values = kernels::fitted_values(&fit, model, gpu);
  std::vector<PredictedRow> predicted;
  for (const MeasuredRow* row : rows) {
    const Seconds time = values.time(model, row->kernel, gpu, kernels::roofline(row->kernel, gpu));
    predicted.push_back({row->line, {}, std::string(group_for_fit(*row)), time.value(), row->measured.value()});
  }
  fit.residuals = residuals(predicted);
  return fit;
}

PredictedRow predict(const MeasuredRow& row, const hardware::Gpu& gpu, const kernels::KernelTimer& timer,
                     const kernels::BoundTimer& bound) {
  PredictedRow out{row.line, kernels::describe(row.kernel), {}, bound.time(row.kernel).value(), row.measured.value()};
  if (row.second) {
    out.description += " and " + kernels::describe(*row.second);
    out.group = "mixed";
    const kernels::MixedBatch batch(gpu, timer);
    out.predicted = batch
                        .time(std::get<kernels::AttentionPrefillShape>(row.kernel),
                              std::get<kernels::AttentionDecodeShape>(*row.second))
                        .value();
    return out;
  }
  if (!row.after.empty()) {
    for (const kernels::Kernel& kernel : row.after) out.predicted += bound.time(kernel).value();
    out.description += fmt::format(" and {} kernels after it", row.after.size());
    out.group = kUnseenFamily;  // of its kernels' fits
    return out;
  }
  const std::string key = kernels::fit_key(row.kernel, gpu);
  const hardware::Fit* fit = key.empty() ? nullptr : gpu.find_fit(key);
  // Without a fit nothing of the table was seen.
  out.group = fit == nullptr ? kUnseenFamily : group_after_fit(row, *fit);
  if (const auto band = fit == nullptr || kernels::is_backward(row.kernel) ? std::nullopt : fit->band()) {
    const double ratio = out.measured / out.predicted;
    out.inside = band->low <= ratio && ratio <= band->high;
  }
  return out;
}

// Too few rows to fit a dozen coefficients and keep some back.
constexpr std::size_t kFewestRows = 40;

}  // namespace

FitOutcome fit_table(const std::filesystem::path& path, const hardware::Gpu& gpu, std::string_view date) {
  return fit_tables({path}, gpu, date);
}

FitOutcome fit_tables(const std::vector<std::filesystem::path>& paths, const hardware::Gpu& gpu,
                      std::string_view date) {
  FitOutcome outcome;
  std::vector<MeasuredRow> rows;
  std::string files, software;
  for (const std::filesystem::path& path : paths) {
    const CsvTable table = read_csv(path);
    const bool is_exchange = is_exchange_table(table);
    if (is_exchange || is_nccl_table(table) || is_custom_table(table)) require_nccl(table, gpu);
    if (paths.size() == 1 && (is_exchange || is_nccl_table(table))) {
      hardware::Cluster cluster = hardware::make_cluster(hardware::node_with(gpu.name), "single_node", 1);
      cluster.groups[0].gpu = gpu;
      return is_exchange ? fit_exchange(table, cluster.site(0), date) : fit_nccl(table, cluster.site(0), date);
    }
    if (paths.size() == 1 && is_custom_table(table)) return fit_custom(table, gpu, date);
    const TableKind& kind = required_kind(table);
    if (!software.empty() && software != kind.software) {
      throw hardware::ConfigError(
          fmt::format("{}: tables that are fitted together must be of one kind; this one is of {}, those before of {}",
                      path.string(), kind.software, software));
    }
    software = kind.software;
    files += (files.empty() ? "" : " + ") + path.filename().string();
    TableRows read = kind.read(table, gpu);
    for (MeasuredRow& row : read.rows) rows.push_back(std::move(row));
    for (SkippedRow& row : read.skipped) outcome.left_out.push_back(std::move(row));
  }
  std::map<std::string, std::vector<const MeasuredRow*>> by_key;
  for (const MeasuredRow& row : rows) {
    std::string reason = objection(row, gpu);
    if (reason.empty() && row.fit_key.empty()) {
      reason = row.second          ? "two kernels timed together"
               : row.after.empty() ? "no model is fitted to this kernel"
                                   : "a block of kernels, each of which has its own fit";
    }
    if (reason.empty()) {
      by_key[row.fit_key].push_back(&row);
    } else {
      outcome.left_out.push_back({row.line, kernels::describe(row.kernel), std::move(reason)});
    }
  }
  for (const auto& [key, own] : by_key) {
    if (own.size() < kFewestRows) {
      outcome.left_out.push_back({own.front()->line, key, fmt::format("only {} usable rows", own.size())});
      continue;
    }
    hardware::Fit fit = fit_rows(kernels::family_of(own.front()->kernel).model, own, gpu);
    fit.source = fmt::format("{}/{}, {}", gpu.name, files, software);
    fit.date = date;
    outcome.fits.push_back(std::move(fit));
  }
  return outcome;
}

ErrorReport validate_kernels(const std::filesystem::path& path, const hardware::Gpu& gpu,
                             const kernels::KernelTimer& timer) {
  return validate_kernels(path, gpu, timer, {});
}

ErrorReport validate_kernels(const std::filesystem::path& path, const hardware::Gpu& as_sold,
                             const kernels::KernelTimer& timer, std::string_view only) {
  const CsvTable table = read_csv(path);
  const TableKind& kind = required_kind(table);
  hardware::Gpu gpu = as_sold;
  if (const auto* state = gpu.find_state(gpu.software.training_state); kind.sustained && state != nullptr) {
    gpu.clock = *state;
  }
  TableRows read = kind.read(table, gpu);
  std::vector<PredictedRow> predicted;
  std::vector<SkippedRow> skipped = std::move(read.skipped);
  const std::unique_ptr<kernels::BoundTimer> bound = timer.bind(gpu);
  for (const MeasuredRow& row : read.rows) {
    if (!only.empty() && row.fit_key != only) continue;
    std::string reason = objection(row, gpu);
    if (!reason.empty()) {
      skipped.push_back({row.line, kernels::describe(row.kernel), std::move(reason)});
      continue;
    }
    predicted.push_back(predict(row, gpu, timer, *bound));
  }
  return summarise(predicted, std::move(skipped));
}

}  // namespace orrery::calibrate
