// Measured tables: reading them, fitting timing models to them, and saying how wrong the models are.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "calibrate/error_report.hpp"
#include "hardware/cluster.hpp"
#include "hardware/gpu.hpp"
#include "kernels/kernel.hpp"

namespace orrery::calibrate {

/// A CSV table with a header line, plain or gzip (by its magic bytes). Throws hardware::ConfigError naming the
/// file and line on a missing file, two columns of one name, a ragged row or a broken archive.
struct CsvTable {
  std::string file;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;

  /// Index of a column; −1 if absent.
  [[nodiscard]] int column(std::string_view name) const;
};
[[nodiscard]] CsvTable read_csv(const std::filesystem::path& path);

/// The folder of measured tables: variable ORRERY_DATA, or empty if unset.
[[nodiscard]] std::filesystem::path data_folder();

/// Fits every model that the table's columns allow (gemm, attention_prefill, attention_decode, moe, nccl, …) on
/// the fit part of the table. Returns one Fit per key, residuals of the three groups filled.
struct FitOutcome {
  std::vector<hardware::Fit> fits;
  std::vector<SkippedRow> left_out;  ///< rows that beat the roofline or name an unknown kernel
};
[[nodiscard]] FitOutcome fit_table(const std::filesystem::path& table, const hardware::Gpu& gpu, std::string_view date);

/// The same on the rows of several tables of one kind together: layers of several models, for instance.
/// Throws hardware::ConfigError where the kinds differ.
[[nodiscard]] FitOutcome fit_tables(const std::vector<std::filesystem::path>& tables, const hardware::Gpu& gpu,
                                    std::string_view date);

/// Puts `fits` into the profile file's `fits:` section (always its last key), replacing equal keys and leaving
/// the text above byte for byte. Written to a temporary name and renamed. Throws hardware::ConfigError.
void write_fits(const std::filesystem::path& profile, const std::vector<hardware::Fit>& fits);

/// Predicts every row of a kernel table (kind by its columns) with `timer`.
[[nodiscard]] ErrorReport validate_kernels(const std::filesystem::path& table, const hardware::Gpu& gpu,
                                           const kernels::KernelTimer& timer);

/// The same on the rows that belong to the fit `only` ("gemm/trtllm/bf16"); all rows where it is empty.
[[nodiscard]] ErrorReport validate_kernels(const std::filesystem::path& table, const hardware::Gpu& gpu,
                                           const kernels::KernelTimer& timer, std::string_view only);

class Machines;

/// Predicts every row of a table of collectives: of NCCL (columns op, dtype, gpus, bytes, time_us; nccl_rows.hpp), over
/// one node or several; of serving engines' all_reduce (backend, kernel, dtype, gpus, bytes, time_us), on one node; of
/// expert exchanges (exchange_rows.hpp), over as many nodes as a row says; or of several nodes (network_rows.hpp).
[[nodiscard]] ErrorReport validate_collectives(const std::filesystem::path& table, Machines& machines);
/// The same on nodes as that of `site`, joined as their cards are made for.
[[nodiscard]] ErrorReport validate_collectives(const std::filesystem::path& table, const hardware::Site& site);

}  // namespace orrery::calibrate
