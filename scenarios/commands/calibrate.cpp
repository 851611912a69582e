// orrery calibrate fit TABLE --gpu NAME: fit timing models to a measured table and store them in the profile.

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <ostream>

#include <fmt/format.h>

#include "calibrate/tables.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/format.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

std::string today() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
}

namespace {

void write_fit(const hardware::Fit& fit, Console& console) {
  console.out << fit.key << "\n";
  for (const auto& [name, value] : fit.coefficients) console.out << fmt::format("  {:<24} {:.6g}\n", name, value);
  for (const hardware::Surface& surface : fit.surfaces) {
    std::vector<std::string> axes;
    for (const auto& axis : surface.axes) axes.push_back(fmt::format("{} ({})", axis.coordinate, axis.knots.size()));
    const auto [least, most] = std::minmax_element(surface.factors.begin(), surface.factors.end());
    console.out << fmt::format("  surface over {}: times {:.3g} to {:.3g}\n", fmt::join(axes, ", "), *least, *most);
  }
  for (const hardware::FitResidual& residual : fit.residuals) {
    console.out << fmt::format("  {:<16} {:>6} rows  median {:.2f} %  p95 {:.2f} %\n", residual.group, residual.rows,
                               residual.median * 100.0, residual.p95 * 100.0);
  }
}

}  // namespace

int calibrate_fit(const Options& options, Console& console) {
  if (options.files.at(0) != "fit") {
    throw ConfigError(
        fmt::format("calibrate {}: this build knows `calibrate fit TABLE --gpu NAME` (measuring on a GPU "
                    "is not part of it)",
                    printable(options.files[0])));
  }
  if (options.files.size() < 2) throw ConfigError("calibrate fit needs a TABLE: calibrate fit TABLE… --gpu NAME");
  const std::vector<std::string> tables(options.files.begin() + 1, options.files.end());
  if (options.gpu.empty()) throw ConfigError("calibrate fit needs --gpu NAME (orrery list gpus)");
  const hardware::Gpu gpu = hardware::load_gpu(options.gpu);
  const std::filesystem::path profile =
      options.output.empty() ? hardware::gpu_profile_path(options.gpu) : std::filesystem::path(options.output);
  if (!options.dry_run) {
    // The profile is renamed into place, so its folder must allow that; found out before the long fit.
    Options target;
    target.output = profile.string();
    check_outputs(target, tables);
  }
  const auto fit_all = [paths = std::vector<std::filesystem::path>(tables.begin(), tables.end()), gpu,
                        date = options.date.empty() ? today() : options.date] {
    return calibrate::fit_tables(paths, gpu, date);
  };
  const std::optional<calibrate::FitOutcome> fitted = compute<calibrate::FitOutcome>(fit_all, console);
  if (!fitted) {
    console.err << "interrupted: the profile is as it was\n";
    return kExitInterrupted;
  }
  const calibrate::FitOutcome& outcome = *fitted;
  if (outcome.fits.empty()) {
    if (outcome.left_out.empty()) throw ConfigError(hardware::quoted_path(tables[0]) + ": nothing can be fitted");
    const calibrate::SkippedRow& first = outcome.left_out.front();
    throw ConfigError(fmt::format(
        "{}: nothing can be fitted: all of the rows are left out, the first is line {}, {}: {}",
        hardware::quoted_path(tables[0]), first.line, hardware::printable(first.description, 80), first.reason));
  }
  if (!options.quiet) {
    for (const hardware::Fit& fit : outcome.fits) write_fit(fit, console);
    console.out << fmt::format("{} fits; {} rows left out\n", outcome.fits.size(), outcome.left_out.size());
    for (std::size_t i = 0; i < outcome.left_out.size() && i < 5; ++i) {
      const calibrate::SkippedRow& row = outcome.left_out[i];
      console.out << fmt::format("  line {}: {}: {}\n", row.line, row.description, row.reason);
    }
  }
  if (options.dry_run) return kExitWell;
  if (!options.output.empty() && !std::filesystem::exists(profile)) {
    std::error_code code;
    std::filesystem::copy_file(hardware::gpu_profile_path(options.gpu), profile, code);
    if (code) throw ConfigError(fmt::format("{}: {}", profile.string(), code.message()));
  }
  calibrate::write_fits(profile, outcome.fits);
  console.out << fmt::format("written to {}\n", profile.string());
  return kExitWell;
}

}  // namespace orrery::scenarios
