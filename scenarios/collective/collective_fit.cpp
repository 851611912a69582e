#include "scenarios/collective/collective_fit.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "calibrate/nccl_rows.hpp"
#include "calibrate/tables.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/format.hpp"
#include "scenarios/nccl_section.hpp"
#include "sim/collective/fitted.hpp"
#include "sim/collective/libraries.hpp"

namespace orrery::scenarios {
namespace {

using hardware::ConfigError;

/// The measurements as a table of collectives has them.
calibrate::CsvTable table_of(const CollectiveQuery& query, const std::string& name) {
  calibrate::CsvTable table;
  table.file = name;
  table.columns = {"op", "dtype", "gpus", "bytes", "time_us"};
  constexpr double kMicro = 1e6;
  for (const NcclTestsRow& row : query.measured) {
    table.rows.push_back({std::string(sim::name(query.kind)), row.type, std::to_string(query.ranks()),
                          shortest(row.size.value()), shortest(row.time.value() * kMicro)});
  }
  return table;
}

/// Laws are NCCL's, of sums (products and extremes cost the SMs otherwise), on the channels and threads that NCCL
/// takes.
void check_measured(const CollectiveQuery& query, const std::string& file) {
  if (const std::string misfit = query.cluster.site(0).gpu.nccl_misfit(); !misfit.empty()) {
    throw ConfigError(fmt::format("collective: --fit: {}", misfit));
  }
  for (const NcclTestsRow& row : query.measured) {
    if (row.reduction.empty() || row.reduction == "none" || row.reduction == "sum" || row.reduction == "avg") continue;
    throw ConfigError(
        {{file, {row.line, 1}, fmt::format("--fit: a reduction by {}: laws are of sums", printable(row.reduction))}});
  }
  hardware::NcclSettings width = query.cluster.nccl;
  const hardware::NcclSettings plain;
  width.version = plain.version, width.algorithms = plain.algorithms, width.protocols = plain.protocols;
  width.nvls = plain.nvls;
  if (width.directs()) {
    throw ConfigError(
        fmt::format("collective: --fit under cluster.nccl {}: laws are of the channels, threads and paths that NCCL "
                    "takes by itself; of its keys version, algo, proto and nvls may stand",
                    nccl_json(width).dump()));
  }
  if (sim::named_beside_nccl(query.cluster.nccl) != nullptr) {
    throw ConfigError(fmt::format("collective: --fit under {} {}: laws are of NCCL's algorithms", query.algorithm_key,
                                  query.cluster.nccl.algorithms.text));
  }
}

/// Under which settings the rows are taken to have been measured.
std::string settings_text(const CollectiveQuery& query) {
  const hardware::NcclSettings& settings = query.cluster.nccl;
  return fmt::format("NCCL {}{}", hardware::name(settings.version),
                     settings.directs() ? ", told " + nccl_json(settings).dump() : ", told nothing");
}

/// The profile that is written to, made from the GPU's own where there is none.
void begin_profile(const std::filesystem::path& profile, const hardware::Gpu& gpu) {
  if (std::filesystem::exists(profile)) {
    const hardware::Gpu there = hardware::load_gpu(profile.string());
    if (there.generation.name != gpu.generation.name || there.nvlink_bandwidth != gpu.nvlink_bandwidth) {
      throw ConfigError(fmt::format("collective: --fit {}: a {} board with {:g} GB/s of NVLink, and the cluster has {}",
                                    hardware::quoted_path(profile.string()), there.generation.name,
                                    there.nvlink_bandwidth.value() / 1e9, gpu.name));
    }
    return;
  }
  const std::vector<std::string> names = hardware::gpu_names();
  if (std::find(names.begin(), names.end(), gpu.name) == names.end()) {
    throw ConfigError(
        fmt::format("collective: --fit {}: no such file, and the profile of {} is none of the catalogue "
                    "to begin from: copy it there",
                    hardware::quoted_path(profile.string()), gpu.name));
  }
  std::error_code code;
  std::filesystem::copy_file(hardware::gpu_profile_path(gpu.name), profile, code);
  if (code) throw ConfigError(fmt::format("{}: {}", hardware::quoted_path(profile.string()), code.message()));
}

}  // namespace

std::vector<std::string> fit_measurements(const CollectiveQuery& query, const std::string& file,
                                          const std::string& profile, std::string_view date) {
  if (query.measured.empty()) throw ConfigError("collective: --fit needs measurements: --compare FILE");
  check_measured(query, file);
  if (query.nodes > 1) {
    throw ConfigError(fmt::format("collective: --fit is of one node, and the measurements are of {}", query.nodes));
  }
  const hardware::Site site = query.cluster.site(0);
  const std::string name = fmt::format("{}.csv", sim::name(query.kind));
  calibrate::FitOutcome outcome = calibrate::fit_nccl(table_of(query, name), site, date);
  if (outcome.fits.empty()) {
    throw ConfigError(
        fmt::format("collective: --fit: {} rows are too few: a fifth is kept back, and a law needs six "
                    "others",
                    query.measured.size()));
  }
  const auto is_node_law = [](const hardware::Fit& fit) { return fit.key == sim::kNodeLawKey; };
  begin_profile(profile, site.gpu);
  if (std::any_of(site.gpu.fits.begin(), site.gpu.fits.end(), is_node_law)) {
    outcome.fits.erase(std::remove_if(outcome.fits.begin(), outcome.fits.end(), is_node_law), outcome.fits.end());
  }
  for (hardware::Fit& fit : outcome.fits) {
    fit.source += fmt::format("; {} elements, {}", query.type.name, settings_text(query));
  }
  calibrate::write_fits(profile, outcome.fits);
  std::vector<std::string> lines;
  for (const hardware::Fit& fit : outcome.fits) {
    for (const hardware::FitResidual& residual : fit.residuals) {
      lines.push_back(fmt::format("fit {}: {} {} rows, median {:.1f} %, p95 {:.1f} %", fit.key, residual.rows,
                                  residual.group, residual.median * 100.0, residual.p95 * 100.0));
    }
  }
  lines.push_back(fmt::format("under {}: which laws the rows are of is its choice", settings_text(query)));
  lines.push_back(fmt::format("written to {}: name it in a scenario by cluster.gpu", hardware::quoted_path(profile)));
  return lines;
}

}  // namespace orrery::scenarios
