// NCCL tables: reading, and fitting the laws of a node and of each kind and number of ranks.
//
// A fifth of the sizes is kept back: a hash of (kind, ranks, bytes) without the dtype, or the twin of another dtype
// would give the answer away. Which law a row is under is NCCL's choice for its kind, ranks, bytes and dtype.
//
// Source of the split and the tables: ai-dynamo/aiconfigurator.
#include "calibrate/nccl_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "calibrate/nccl_law.hpp"
#include "calibrate/nccl_types.hpp"
#include "calibrate/network_rows.hpp"
#include "calibrate/rows.hpp"
#include "calibrate/split.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "sim/collective/collective.hpp"
#include "sim/collective/constants.hpp"
#include "sim/collective/fitted.hpp"

namespace orrery::calibrate {
namespace {

using sim::CollectiveKind;

constexpr std::size_t kFewestRows = 6;
constexpr std::string_view kSplit = "kept back: fnv1a(kind/ranks/bytes) % 5 == 0";

std::string family_key(CollectiveKind kind, int ranks) { return sim::collective_fit_key(kind, ranks); }

/// Why a row can't be used; empty where it can.
std::string why_not(const RawNcclRow& row, const std::optional<CollectiveKind>& kind) {
  constexpr double kMostBytes = 1125899906842624.0;  // 1 PiB: of more than any GPU holds
  constexpr std::int64_t kMostRanks = 1 << 20;
  if (!kind) return "unknown operation";
  if (row.ranks < 2 || !(row.time_us > 0.0) || !(row.bytes > 0.0)) return "needs 2 GPUs and a positive size and time";
  if (row.ranks > kMostRanks) return "more than 1048576 GPUs";
  if (row.nodes && (*row.nodes < 1 || row.ranks % *row.nodes != 0)) {
    return fmt::format("{} GPUs are not as many on each of {} nodes", row.ranks, *row.nodes);
  }
  if (!(row.bytes <= kMostBytes)) return "a size above 1 PiB";
  const NcclType* type = find_nccl_type(row.dtype);
  return type == nullptr ? fmt::format("unknown type {}", hardware::shown(row.dtype)) : sum_refusal(*kind, *type);
}

LawRow law_row(const NcclRow& row, const hardware::Site& site) {
  const sim::CollectiveCall call = call_of(row);
  return {row.kind, row.ranks, row.bytes, row.measured, sim::select(call, site), call.dtype};
}

/// Errors of a law on the rows that a fit saw and on those that were kept back.
class Errors {
 public:
  void add(const LawRow& row, bool kept_back, const sim::ProtocolLaw& law) {
    const Seconds predicted = law.of(row.kind, row.dtype).time(row.kind, row.bytes, row.ranks);
    (kept_back ? kept_ : seen_).push_back(std::abs(predicted / row.measured - 1.0));
  }
  [[nodiscard]] std::vector<hardware::FitResidual> residuals() const {
    std::vector<hardware::FitResidual> out;
    if (!seen_.empty()) out.push_back(residual(kSeen, seen_));
    if (!kept_.empty()) out.push_back(residual(kUnseenPoint, kept_));
    return out;
  }

 private:
  std::vector<double> seen_, kept_;
};

/// Rows of one kind and number of ranks.
struct Family {
  CollectiveKind kind = CollectiveKind::all_reduce;
  int ranks = 0;
  std::vector<LawRow> rows;
  std::vector<bool> kept_back;
  [[nodiscard]] std::string key() const { return family_key(kind, ranks); }
};

std::vector<const LawRow*> seen_rows(const std::vector<Family>& families, const Family* without) {
  std::vector<const LawRow*> out;
  for (const Family& family : families) {
    for (std::size_t i = 0; i < family.rows.size(); ++i) {
      if (&family != without && !family.kept_back[i]) out.push_back(&family.rows[i]);
    }
  }
  return out;
}

const sim::NodeLaw* find_law(const std::vector<NamedNodeLaw>& laws, const std::string& name) {
  for (const NamedNodeLaw& law : laws) {
    if (law.name == name) return &law.law;
  }
  return nullptr;
}

/// What the node's laws are off by on a family that they did not see.
hardware::FitResidual left_out_families(const std::vector<Family>& families, const hardware::Site& site) {
  std::vector<double> errors;
  for (const Family& family : families) {
    const std::vector<NamedNodeLaw> laws = fit_node_laws(seen_rows(families, &family), site);
    for (const LawRow& row : family.rows) {
      const sim::NodeLaw* law = find_law(laws, row.law());
      if (law == nullptr) continue;
      const Seconds predicted =
          law->at(row.kind, row.ranks).of(row.kind, row.dtype).time(row.kind, row.bytes, row.ranks);
      errors.push_back(std::abs(predicted / row.measured - 1.0));
    }
  }
  return residual(kUnseenFamily, errors);
}

hardware::Fit node_fit(const std::vector<Family>& families, std::vector<NamedNodeLaw>& laws,
                       const hardware::Site& site) {
  hardware::Fit fit;
  fit.key = sim::kNodeLawKey;
  for (NamedNodeLaw& law : laws) {
    sim::add_law(law.law, law.name, fit);
  }
  for (auto& [name, value] : fit.coefficients) value = rounded(value);
  for (NamedNodeLaw& law : laws) law.law = *sim::node_law(fit, law.name);  // as a profile has them
  Errors errors;
  for (const Family& family : families) {
    fit.families_seen.push_back(family_hash(family.key()));
    for (std::size_t i = 0; i < family.rows.size(); ++i) {
      const LawRow& row = family.rows[i];
      if (const sim::NodeLaw* law = find_law(laws, row.law())) {
        errors.add(row, family.kept_back[i], law->at(row.kind, row.ranks));
      }
    }
  }
  std::sort(fit.families_seen.begin(), fit.families_seen.end());
  fit.residuals = errors.residuals();
  if (families.size() > 1) fit.residuals.push_back(left_out_families(families, site));
  return fit;
}

hardware::Fit family_fit(const Family& family, const std::vector<NamedNodeLaw>& laws, const hardware::Site& site) {
  hardware::Fit fit;
  fit.key = family.key();
  fit.families_seen = {family_hash(fit.key)};
  for (const NamedNodeLaw& law : laws) {
    std::vector<const LawRow*> rows;
    for (std::size_t i = 0; i < family.rows.size(); ++i) {
      if (!family.kept_back[i] && family.rows[i].law() == law.name) rows.push_back(&family.rows[i]);
    }
    if (!rows.empty()) sim::add_law(fit_family_law(rows, law.law, site), law.name, fit);
  }
  for (auto& [name, value] : fit.coefficients) value = rounded(value);
  Errors errors;
  for (std::size_t i = 0; i < family.rows.size(); ++i) {
    const LawRow& row = family.rows[i];
    const sim::NodeLaw* node = find_law(laws, row.law());
    const auto own = sim::protocol_law(fit, row.law());
    if (own || node != nullptr) errors.add(row, family.kept_back[i], own ? *own : node->at(row.kind, row.ranks));
  }
  fit.residuals = errors.residuals();
  return fit;
}

}  // namespace

std::optional<CollectiveKind> parse_operation(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, CollectiveKind>, 7> kNames{{
      {"all_reduce", CollectiveKind::all_reduce},
      {"all_gather", CollectiveKind::all_gather},
      {"reduce_scatter", CollectiveKind::reduce_scatter},
      {"alltoall", CollectiveKind::all_to_all},
      {"all_to_all", CollectiveKind::all_to_all},
      {"broadcast", CollectiveKind::broadcast},
      {"reduce", CollectiveKind::reduce},
  }};
  for (const auto& [name, kind] : kNames) {
    if (name == text) return kind;
  }
  return std::nullopt;
}

sim::CollectiveCall call_of(const NcclRow& row) {
  sim::CollectiveCall call{row.kind, row.bytes, row.ranks, std::max(1, row.nodes)};
  call.dtype = find_nccl_type(row.dtype)->dtype;
  return call;
}

std::string describe(const NcclRow& row) {
  return fmt::format("{} of {} bytes ({}) on {}", sim::name(row.kind), static_cast<std::int64_t>(row.bytes.value()),
                     row.dtype, row.nodes > 1 ? group_text(row.ranks, row.nodes) : fmt::format("{} GPUs", row.ranks));
}

bool is_nccl_table(const CsvTable& table) {
  for (const std::string_view column : {"op", "dtype", "gpus", "bytes", "time_us"}) {
    if (table.column(column) < 0) return false;
  }
  return true;
}

void add_row(RawNcclRow raw, NcclRows& rows) {
  const auto kind = parse_operation(raw.operation);
  if (std::string why = why_not(raw, kind); !why.empty()) {
    rows.skipped.push_back(
        {raw.line, fmt::format("{} on {} GPUs", hardware::printable(raw.operation), raw.ranks), std::move(why)});
    return;
  }
  NcclRow row;
  row.line = raw.line;
  row.kind = *kind;
  row.ranks = static_cast<int>(raw.ranks);
  row.nodes = static_cast<int>(raw.nodes.value_or(0));
  row.bytes = Bytes{raw.bytes};
  row.measured = Seconds{raw.time_us * 1e-6};
  row.dtype = std::move(raw.dtype);
  row.kept_back = fnv1a(fmt::format("{}/{}", family_key(*kind, row.ranks), row.bytes.value())) % 5 == 0;
  rows.rows.push_back(std::move(row));
}

NcclRows read_nccl_rows(const CsvTable& table) {
  const int op = table.column("op"), dtype = table.column("dtype"), gpus = table.column("gpus");
  const int bytes = table.column("bytes"), time = table.column("time_us");
  const int nodes = table.column("nodes") >= 0 ? table.column("nodes") : table.column("num_nodes");
  NcclRows out;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    RawNcclRow row{line_of(i), text_cell(table, i, op), text_cell(table, i, dtype)};
    row.ranks = integer_cell(table, i, gpus);
    row.bytes = number_cell(table, i, bytes);
    row.time_us = number_cell(table, i, time);
    if (nodes >= 0 && !text_cell(table, i, nodes).empty()) row.nodes = integer_cell(table, i, nodes);
    add_row(std::move(row), out);
  }
  return out;
}

void require_nccl(const CsvTable& table, const hardware::Gpu& gpu) {
  const std::string misfit = gpu.nccl_misfit();
  if (!misfit.empty()) throw hardware::ConfigError({{table.file, {1, 1}, misfit}});
}

FitOutcome fit_nccl(const CsvTable& table, const hardware::Site& site, std::string_view date) {
  require_nccl(table, site.gpu);
  const NcclRows read = read_nccl_rows(table);
  std::map<std::pair<CollectiveKind, int>, std::vector<const NcclRow*>> by_family;
  FitOutcome out;
  out.left_out = read.skipped;
  for (const NcclRow& row : read.rows) {
    if (row.nodes > 1) {
      out.left_out.push_back({row.line, describe(row), "over several nodes: the laws are of one"});
    } else {
      by_family[{row.kind, row.ranks}].push_back(&row);
    }
  }
  std::vector<Family> families;
  for (const auto& [key, rows] : by_family) {
    const auto seen = std::count_if(rows.begin(), rows.end(), [](const NcclRow* row) { return !row->kept_back; });
    const bool too_many = key.second > site.gpus_per_node();
    if (too_many || static_cast<std::size_t>(seen) < kFewestRows) {
      const std::string why =
          too_many ? fmt::format("a node has {} GPUs", site.gpus_per_node()) : "fewer than six rows to fit";
      for (const NcclRow* row : rows) out.left_out.push_back({row->line, describe(*row), why});
      continue;
    }
    Family& family = families.emplace_back(Family{key.first, key.second, {}, {}});
    for (const NcclRow* row : rows) {
      family.rows.push_back(law_row(*row, site));
      family.kept_back.push_back(row->kept_back);
    }
  }
  if (families.empty()) return out;
  std::vector<NamedNodeLaw> laws = fit_node_laws(seen_rows(families, nullptr), site);
  out.fits.push_back(node_fit(families, laws, site));
  for (const Family& family : families) out.fits.push_back(family_fit(family, laws, site));
  for (hardware::Fit& fit : out.fits) {
    fit.split = kSplit;
    fit.source = fmt::format("{}/{}, nccl-tests on one node", site.gpu.name,
                             std::filesystem::path(table.file).filename().string());
    fit.date = date;
  }
  return out;
}

std::vector<NcclRow> median_rows(const std::vector<NcclRow>& rows) {
  std::map<std::tuple<CollectiveKind, int, int, double, std::string>, std::size_t> place;
  std::vector<NcclRow> out;
  std::vector<std::vector<double>> times;
  for (const NcclRow& row : rows) {
    const auto [found, is_new] =
        place.try_emplace({row.kind, row.ranks, row.nodes, row.bytes.value(), row.dtype}, out.size());
    if (is_new) {
      out.push_back(row);
      times.emplace_back();
    }
    times[found->second].push_back(row.measured.value());
  }
  for (std::size_t i = 0; i < out.size(); ++i) out[i].measured = Seconds{percentile(times[i], 0.5)};
  return out;
}

}  // namespace orrery::calibrate
