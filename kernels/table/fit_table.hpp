// The fits of one GPU's profile, found by small numbers instead of by key.
#pragma once

#include <cstddef>
#include <vector>

#include "hardware/gpu.hpp"
#include "kernels/family.hpp"
#include "kernels/table/surfaces.hpp"
#include "kernels/table/sustained.hpp"

namespace orrery::kernels {

/// A fit as the model's vector. Throws std::invalid_argument if it was made for other coefficients: a fit must not be
/// half used.
[[nodiscard]] std::vector<double> coefficients_of(const hardware::Fit& fit, const FittedModel& model);

/// What prices kernels of one fit.
struct FittedValues {
  std::vector<double> coefficients;
  Surfaces surfaces;
  const hardware::SustainedClock* clock = nullptr;  ///< of the GPU; nullptr: that of the measurements

  /// The model's time with the fit's surfaces, no shorter than `bound`, the roofline.
  [[nodiscard]] Seconds time(const FittedModel& model, const Kernel& kernel, const hardware::Gpu& gpu,
                             Seconds bound) const {
    const Seconds time = max(model.time(kernel, gpu, coefficients) * surfaces.factor(kernel, gpu), bound);
    return clock == nullptr ? time : slowed(time, kernel, gpu);
  }

 private:
  [[nodiscard]] Seconds slowed(Seconds time, const Kernel& kernel, const hardware::Gpu& gpu) const;
};

/// Of `fit`, which must outlive them as `gpu` must, or the model's defaults where it is nullptr. Throws what
/// coefficients_of() and Surfaces() throw.
[[nodiscard]] FittedValues fitted_values(const hardware::Fit* fit, const FittedModel& model, const hardware::Gpu& gpu);

/// What each kernel is priced with on one GPU.
class FitTable {
 public:
  /// `gpu` must outlive the table and keep its fits.
  explicit FitTable(const hardware::Gpu& gpu);

  /// Those of the fit that fit_key() names, else the model's defaults. Neither allocates nor builds a key. Throws what
  /// fitted_values() throws.
  [[nodiscard]] const FittedValues& values(const Kernel& kernel) const;

 private:
  /// A fit's values, or the defaults; none where there are none to be had, which is an error once they are asked for.
  struct Entry {
    const hardware::Fit* fit = nullptr;
    FittedValues values;
  };
  struct Family {
    const FamilyRow* row = nullptr;
    std::size_t lists = 0;             ///< of fit_dtypes
    std::vector<std::size_t> choices;  ///< place in entries_, by implementation, then list; empty: defaults alone
    std::size_t defaults = 0;          ///< place in entries_
  };

  void add_fits(Family& family);
  std::size_t add(const hardware::Fit* fit, const FittedModel& model);

  const hardware::Gpu* gpu_;
  std::vector<Entry> entries_;
  std::vector<Family> families_;  ///< by alternative of Kernel
};

}  // namespace orrery::kernels
