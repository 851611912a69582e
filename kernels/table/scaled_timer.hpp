// A timer at another quantile of one fit's errors.
#pragma once

#include <memory>
#include <string>

#include "kernels/kernel.hpp"

namespace orrery::kernels {

/// What takes longer or shorter than a timer says.
struct Scaled {
  std::string fit;      ///< forward kernels that it prices (fit_key()); "": those of `group` that no fit measured
  std::string group;    ///< group_name() of kernels without a fit
  double factor = 1.0;  ///< on their time, > 0
};

/// `timer`, which must outlive the result, with the kernels of `scaled` at a factor of their time. Of these explain()
/// has a term "quantile". Not clamped to the roofline: a measured row may lie on it while the model lies above.
[[nodiscard]] std::unique_ptr<KernelTimer> scaled_timer(const KernelTimer& timer, Scaled scaled);

}  // namespace orrery::kernels
