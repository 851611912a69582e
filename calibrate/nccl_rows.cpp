// Curves of collectives on one node, fitted to nccl-tests.
//
//   t(S) = a + c·(S/1 MiB)^p + S·f(n)/B        a, c ≥ 0, 0 < p < 1, B ≤ sim::node_bus_limit
//
// a is the launch floor, the sub-linear middle bridges the change of protocols (LL, LL128, Simple), and B is the
// bus bandwidth at large sizes. For each p of a grid, a, c and 1/B are a non-negative least-squares fit of
// relative residuals with Huber weights; the p with the least loss wins. A fifth of the sizes is kept back: a
// hash of (kind, ranks, bytes) without the dtype, or the twin of another dtype would give the answer away.
//
// Source: form and split, NCCL tables of ai-dynamo/aiconfigurator; Huber, Robust Statistics, §7.8.
// Limitations: one curve can't follow the steps at protocol switches (errors of 20 % there). Where the switch
// reduces (NVLS) the all_reduce of int8 runs as a ring, which a curve of bf16 sums does not describe.
#include "calibrate/nccl_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <Eigen/Dense>
#include <fmt/format.h>

#include "calibrate/custom_rows.hpp"
#include "calibrate/rows.hpp"
#include "calibrate/split.hpp"
#include "hardware/config/config.hpp"
#include "sim/collective/collective.hpp"
#include "sim/collective/constants.hpp"
#include "sim/collective/fitted.hpp"
#include "sim/collective/model.hpp"

namespace orrery::calibrate {
namespace {

using sim::CollectiveKind;

constexpr double kMiB = 1048576.0;
constexpr std::size_t kFewestRows = 6;
constexpr std::string_view kSplit = "kept back: fnv1a(kind/ranks/bytes) % 5 == 0";

std::optional<CollectiveKind> parse_operation(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, CollectiveKind>, 6> kNames{{
      {"all_reduce", CollectiveKind::all_reduce},
      {"all_gather", CollectiveKind::all_gather},
      {"reduce_scatter", CollectiveKind::reduce_scatter},
      {"alltoall", CollectiveKind::all_to_all},
      {"all_to_all", CollectiveKind::all_to_all},
      {"broadcast", CollectiveKind::broadcast},
  }};
  for (const auto& [name, kind] : kNames) {
    if (name == text) return kind;
  }
  return std::nullopt;
}

std::string family_key(CollectiveKind kind, int ranks) { return sim::collective_fit_key(kind, ranks); }

std::string describe(const NcclRow& row) {
  return fmt::format("{} of {} bytes ({}) on {} GPUs", sim::name(row.kind),
                     static_cast<std::int64_t>(row.bytes.value()), row.dtype, row.ranks);
}

struct Coefficients {
  double base_us = 0.0, middle_us = 0.0, exponent = 0.5, wire_us_per_mib = 0.0;
  double loss = 0.0;
};

// Non-negative least squares in three unknowns: the best of the seven sets of active columns.
Eigen::Vector3d solve_non_negative(const Eigen::MatrixX3d& a, const Eigen::VectorXd& b) {
  Eigen::Vector3d best = Eigen::Vector3d::Zero();
  double least = b.squaredNorm();
  for (int active = 1; active < 8; ++active) {
    std::vector<Eigen::Index> columns;
    for (int i = 0; i < 3; ++i) {
      if ((active >> i) & 1) columns.push_back(i);
    }
    Eigen::MatrixXd part(a.rows(), static_cast<Eigen::Index>(columns.size()));
    for (std::size_t i = 0; i < columns.size(); ++i) part.col(static_cast<Eigen::Index>(i)) = a.col(columns[i]);
    const Eigen::VectorXd x = part.colPivHouseholderQr().solve(b);
    if (x.minCoeff() < 0.0) continue;
    const double loss = (part * x - b).squaredNorm();
    if (loss >= least) continue;
    least = loss;
    best.setZero();
    for (std::size_t i = 0; i < columns.size(); ++i) best[columns[i]] = x[static_cast<Eigen::Index>(i)];
  }
  return best;
}

// The fit for one exponent. `wire_floor` is the time per MiB at the bus limit: only what exceeds it is free.
Coefficients fit_at(const std::vector<const NcclRow*>& rows, double exponent, double factor, double wire_floor) {
  constexpr double kWidth = 0.05;
  const auto count = static_cast<Eigen::Index>(rows.size());
  Eigen::MatrixX3d relative(count, 3);
  Eigen::VectorXd target(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    const NcclRow& row = *rows[static_cast<std::size_t>(i)];
    const double us = row.measured.value() * 1e6, mib = row.bytes.value() / kMiB;
    relative.row(i) << 1.0 / us, std::pow(mib, exponent) / us, mib * factor / us;
    target[i] = 1.0 - wire_floor * mib * factor / us;
  }
  Eigen::VectorXd weight = Eigen::VectorXd::Ones(count);
  Eigen::Vector3d x = Eigen::Vector3d::Zero();
  Eigen::VectorXd residual = target;
  for (int iteration = 0; iteration < 25; ++iteration) {
    const Eigen::VectorXd root = weight.cwiseSqrt();
    x = solve_non_negative(root.asDiagonal() * relative, root.cwiseProduct(target));
    residual = relative * x - target;
    weight = residual.unaryExpr([](double r) { return std::abs(r) <= kWidth ? 1.0 : kWidth / std::abs(r); });
  }
  double loss = 0.0;
  for (Eigen::Index i = 0; i < count; ++i) {
    const double r = std::abs(residual[i]);
    loss += r <= kWidth ? 0.5 * r * r : kWidth * (r - 0.5 * kWidth);
  }
  return {x[0], x[1], exponent, x[2] + wire_floor, loss};
}

Coefficients fit_curve(const std::vector<const NcclRow*>& rows, double factor, double limit) {
  const double wire_floor = kMiB / limit * 1e6;
  std::optional<Coefficients> best;
  for (int step = 0; step <= 36; ++step) {
    const Coefficients fit = fit_at(rows, 0.20 + 0.02 * step, factor, wire_floor);
    if (!best || fit.loss < best->loss) best = fit;
  }
  return *best;
}

// Six significant digits, as in every profile.
double rounded(double value) { return std::stod(fmt::format("{:.6g}", value)); }

hardware::FitResidual residual(std::string group, std::vector<double> errors) {
  const int rows = static_cast<int>(errors.size());
  return {std::move(group), rows, rounded(percentile(errors, 0.5)), rounded(percentile(errors, 0.95))};
}

/// int8 sums don't run in the switch: the curve of an all_reduce describes 16-bit sums.
bool fits_curve(const NcclRow& row) { return row.kind != CollectiveKind::all_reduce || row.dtype != "int8"; }

std::optional<hardware::Fit> fit_family(CollectiveKind kind, int ranks, const std::vector<const NcclRow*>& rows,
                                        const hardware::Gpu& gpu) {
  std::vector<const NcclRow*> seen;
  for (const NcclRow* row : rows) {
    if (!row->kept_back && fits_curve(*row)) seen.push_back(row);
  }
  if (seen.size() < kFewestRows) return std::nullopt;
  const double factor = sim::bus_factor(kind, ranks);
  const Coefficients found = fit_curve(seen, factor, sim::node_bus_limit(gpu, kind, ranks).value());

  hardware::Fit fit;
  fit.key = family_key(kind, ranks);
  fit.split = kSplit;
  const double base = rounded(found.base_us * 1e-6), middle = rounded(found.middle_us * 1e-6);
  const double bus = rounded(kMiB / (found.wire_us_per_mib * 1e-6));
  fit.coefficients = {
      {"base_s", base}, {"mid_s_per_mib", middle}, {"exponent", rounded(found.exponent)}, {"bus_bandwidth", bus}};
  fit.families_seen = {family_hash(fit.key)};
  std::vector<double> errors, kept;
  for (const NcclRow* row : rows) {
    const sim::CollectiveCurve curve{kind, ranks, Seconds{base}, Seconds{middle}, found.exponent, BytesPerSecond{bus},
                                     {},   {}};
    (row->kept_back ? kept : errors).push_back(std::abs(curve.time(row->bytes) / row->measured - 1.0));
  }
  fit.residuals.push_back(residual("seen", std::move(errors)));
  if (!kept.empty()) fit.residuals.push_back(residual("unseen_point", std::move(kept)));
  return fit;
}

}  // namespace

bool is_nccl_table(const CsvTable& table) {
  for (const std::string_view column : {"op", "dtype", "gpus", "bytes", "time_us"}) {
    if (table.column(column) < 0) return false;
  }
  return true;
}

NcclRows read_nccl_rows(const CsvTable& table) {
  const int op = table.column("op"), dtype = table.column("dtype"), gpus = table.column("gpus");
  const int bytes = table.column("bytes"), time = table.column("time_us");
  NcclRows out;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string& operation = text_cell(table, i, op);
    NcclRow row;
    row.line = line_of(i);
    row.ranks = static_cast<int>(integer_cell(table, i, gpus));
    row.bytes = Bytes{number_cell(table, i, bytes)};
    row.measured = Seconds{number_cell(table, i, time) * 1e-6};
    row.dtype = text_cell(table, i, dtype);
    const auto kind = parse_operation(operation);
    if (!kind || row.ranks < 2 || row.measured.value() <= 0.0 || row.bytes.value() <= 0.0) {
      out.skipped.push_back({row.line, fmt::format("{} on {} GPUs", operation, row.ranks),
                             kind ? "needs 2 GPUs and a positive size and time" : "unknown operation"});
      continue;
    }
    row.kind = *kind;
    row.kept_back = fnv1a(fmt::format("{}/{}", family_key(*kind, row.ranks), row.bytes.value())) % 5 == 0;
    out.rows.push_back(std::move(row));
  }
  return out;
}

FitOutcome fit_nccl(const CsvTable& table, const hardware::Gpu& gpu, std::string_view date) {
  const NcclRows read = read_nccl_rows(table);
  std::map<std::pair<CollectiveKind, int>, std::vector<const NcclRow*>> families;
  for (const NcclRow& row : read.rows) families[{row.kind, row.ranks}].push_back(&row);
  FitOutcome out;
  out.left_out = read.skipped;
  for (const auto& [family, rows] : families) {
    auto fit = fit_family(family.first, family.second, rows, gpu);
    if (!fit) {
      for (const NcclRow* row : rows) out.left_out.push_back({row->line, describe(*row), "fewer than six rows to fit"});
      continue;
    }
    fit->source = fmt::format("{}/{}, NVIDIA AIConfigurator @095f58a5, nccl-tests on one node", gpu.name,
                              std::filesystem::path(table.file).filename().string());
    fit->date = date;
    out.fits.push_back(std::move(*fit));
  }
  return out;
}

ErrorReport validate_collectives(const std::filesystem::path& path, const hardware::Site& site) {
  const CsvTable table = read_csv(path);
  if (is_custom_table(table)) return validate_custom(table, site);
  if (!is_nccl_table(table)) {
    throw hardware::ConfigError(path.string() +
                                ": a table of collectives has the columns op (or backend and kernel), dtype, gpus, "
                                "bytes, time_us");
  }
  NcclRows read = read_nccl_rows(table);
  const sim::CollectiveModel model(site);
  std::vector<PredictedRow> predicted;
  for (const NcclRow& row : read.rows) {
    if (row.ranks > site.gpus_per_node()) {
      read.skipped.push_back({row.line, describe(row), fmt::format("a node has {} GPUs", site.gpus_per_node())});
      continue;
    }
    const bool fitted = site.gpu.find_fit(family_key(row.kind, row.ranks)) != nullptr;
    const char* group = !fitted ? "unseen_family" : (row.kept_back ? "unseen_point" : "seen");
    predicted.push_back({row.line, describe(row), group, model.time({row.kind, row.bytes, row.ranks, 1}).value(),
                         row.measured.value()});
  }
  return summarise(predicted, std::move(read.skipped));
}

}  // namespace orrery::calibrate
