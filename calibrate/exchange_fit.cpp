// Fitting the laws of expert exchanges (models/experts/law.hpp).
//
// Robust least squares of ln(predicted/measured) over the coefficients' logarithms, each held between its bounds by a
// logistic curve: a share of a link can't pass 1. Starts from the law's own. Coefficients that no row feels (those of
// the network in a table of one node) are left out of the fit.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "calibrate/exchange_rows.hpp"
#include "calibrate/least_squares.hpp"
#include "calibrate/rows.hpp"
#include "calibrate/split.hpp"

namespace orrery::calibrate {
namespace {

using models::ExchangeCoefficient;
using models::ExchangeLaw;
using models::ExchangePhase;

constexpr std::size_t kFewestRows = 20;
constexpr std::string_view kSplit = "kept back: fnv1a(exchange/model/ranks/tokens) % 5 == 0";
constexpr int kIterations = 150;

using Rows = std::vector<const ExchangeMeasurement*>;

double own(const ExchangeCoefficient& one, ExchangePhase phase) {
  return phase == ExchangePhase::combine ? one.combine : one.dispatch;
}

double value_of(const ExchangeCoefficient& one, double z) {
  return one.least * std::pow(one.most / one.least, 1.0 / (1.0 + std::exp(-z)));
}

double variable_of(const ExchangeCoefficient& one, double value) {
  const double place = std::log(value / one.least) / std::log(one.most / one.least);
  const double inside = std::clamp(place, 0.02, 0.98);
  return std::log(inside / (1.0 - inside));
}

std::vector<double> values_of(const ExchangeLaw& law, const std::vector<double>& z) {
  std::vector<double> out(z.size());
  for (std::size_t i = 0; i < z.size(); ++i) out[i] = value_of(law.coefficients[i], z[i]);
  return out;
}

struct Solution {
  std::vector<double> values;
  std::vector<bool> felt;
};

Solution solve(const Rows& rows, const hardware::Site& site) {
  const ExchangeLaw& law = *rows.front()->law;
  const Residuals residuals = [&](const std::vector<double>& z) {
    const std::vector<double> values = values_of(law, z);
    std::vector<double> out;
    out.reserve(rows.size());
    for (const ExchangeMeasurement* row : rows) {
      const Seconds time = law.time(row->shape, row->phase, site, values).total();
      out.push_back(std::log(time / row->measured) / kNoise);
    }
    return out;
  };
  std::vector<double> z;
  for (const ExchangeCoefficient& one : law.coefficients) {
    z.push_back(variable_of(one, own(one, rows.front()->phase)));
  }
  const std::vector<bool> felt = felt_variables(residuals, z);
  for (const double width : {10.0, 3.0, 1.5}) z = minimise(residuals, z, width, kIterations);
  return {values_of(law, z), felt};
}

double error_of(const ExchangeMeasurement& row, const std::vector<double>& values, const hardware::Site& site) {
  return std::abs(row.law->time(row.shape, row.phase, site, values).total() / row.measured - 1.0);
}

// Each fifth of the families predicted from the others.
std::vector<double> errors_of_families(const Rows& rows, const hardware::Site& site) {
  std::vector<double> errors;
  constexpr std::uint64_t kParts = 5;
  for (std::uint64_t part = 0; part < kParts; ++part) {
    Rows others, left_out;
    for (const ExchangeMeasurement* row : rows) {
      (fnv1a(row->family()) % kParts == part ? left_out : others).push_back(row);
    }
    if (left_out.empty() || others.size() < kFewestRows) continue;
    const Solution solution = solve(others, site);
    for (const ExchangeMeasurement* row : left_out) errors.push_back(error_of(*row, solution.values, site));
  }
  return errors;
}

/// What the rows bound, behind the coefficients.
void add_axes(const Rows& rows, hardware::Fit& fit) {
  for (const models::ExchangeAxis& axis : models::exchange_axes()) {
    const auto of = [&](const ExchangeMeasurement* row) { return static_cast<double>(axis.of(*row->law, row->shape)); };
    double least = of(rows.front()), most = least;
    for (const ExchangeMeasurement* row : rows) least = std::min(least, of(row)), most = std::max(most, of(row));
    if (most == 0.0) continue;
    fit.coefficients.emplace_back(std::string(axis.name) + "_least", least);
    fit.coefficients.emplace_back(std::string(axis.name) + "_most", most);
  }
}

hardware::Fit fit_rows(const std::string& key, const Rows& rows, const hardware::Site& site) {
  Rows seen;
  for (const ExchangeMeasurement* row : rows) {
    if (!row->kept_back) seen.push_back(row);
  }
  Solution solution = solve(seen, site);
  const ExchangeLaw& law = *rows.front()->law;
  hardware::Fit fit;
  fit.key = key, fit.split = kSplit;
  for (std::size_t i = 0; i < law.coefficients.size(); ++i) {
    solution.values[i] = rounded(solution.values[i]);
    if (solution.felt[i]) fit.coefficients.emplace_back(law.coefficients[i].name, solution.values[i]);
  }
  add_axes(rows, fit);
  std::vector<double> at_seen, at_kept;
  for (const ExchangeMeasurement* row : rows) {
    (row->kept_back ? at_kept : at_seen).push_back(error_of(*row, solution.values, site));
    const std::uint32_t family = family_hash(row->family());
    const auto place = std::lower_bound(fit.families_seen.begin(), fit.families_seen.end(), family);
    if (place == fit.families_seen.end() || *place != family) fit.families_seen.insert(place, family);
  }
  fit.residuals.push_back(residual(kSeen, at_seen));
  if (!at_kept.empty()) fit.residuals.push_back(residual(kUnseenPoint, at_kept));
  const std::vector<double> families = errors_of_families(rows, site);
  if (!families.empty()) fit.residuals.push_back(residual(kUnseenFamily, families));
  return fit;
}

}  // namespace

FitOutcome fit_exchange(const CsvTable& table, const hardware::Site& site, std::string_view date) {
  ExchangeRows read = read_exchange_rows(table, site);
  FitOutcome out;
  out.left_out = std::move(read.skipped);
  std::map<std::string, Rows> by_key;
  for (const ExchangeMeasurement& row : read.rows) by_key[row.fit_key()].push_back(&row);
  for (const auto& [key, rows] : by_key) {
    if (rows.size() < kFewestRows) {
      out.left_out.push_back({rows.front()->line, key, fmt::format("only {} usable rows", rows.size())});
      continue;
    }
    hardware::Fit fit = fit_rows(key, rows, site);
    fit.source = fmt::format("{}/{}, NVIDIA AIConfigurator @095f58a5", site.gpu.name,
                             std::filesystem::path(table.file).filename().string());
    fit.date = date;
    out.fits.push_back(std::move(fit));
  }
  return out;
}

}  // namespace orrery::calibrate
