// The fits of one GPU's profile, found by small numbers instead of by key.
#pragma once

#include <cstddef>
#include <vector>

#include "hardware/gpu.hpp"
#include "kernels/family.hpp"

namespace orrery::kernels {

/// A fit as the model's vector. Throws std::invalid_argument if it was made for other coefficients: a fit must not be
/// half used.
[[nodiscard]] std::vector<double> coefficients_of(const hardware::Fit& fit, const FittedModel& model);

/// What each kernel is priced with on one GPU.
class FitTable {
 public:
  /// `gpu` must outlive the table and keep its fits.
  explicit FitTable(const hardware::Gpu& gpu);

  /// Those of the fit that fit_key() names, else the model's defaults. Neither allocates nor builds a key. Throws what
  /// coefficients_of() throws.
  [[nodiscard]] const std::vector<double>& coefficients(const Kernel& kernel) const;

 private:
  /// A fit's coefficients, or the defaults; none where there are none to be had, which is an error once they are asked
  /// for.
  struct Entry {
    const hardware::Fit* fit = nullptr;
    std::vector<double> coefficients;
  };
  struct Family {
    const FamilyRow* row = nullptr;
    std::size_t lists = 0;             ///< of fit_dtypes
    std::vector<std::size_t> choices;  ///< place in entries_, by implementation, then list; empty: defaults alone
    std::size_t defaults = 0;          ///< place in entries_
  };

  void add_fits(Family& family);
  std::size_t add(const hardware::Fit* fit, const FittedModel& model);
  [[nodiscard]] std::vector<double> read(const hardware::Fit* fit, const FittedModel& model) const;

  const hardware::Gpu* gpu_;
  std::vector<Entry> entries_;
  std::vector<Family> families_;  ///< by alternative of Kernel
};

}  // namespace orrery::kernels
