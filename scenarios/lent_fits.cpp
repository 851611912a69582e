#include "scenarios/lent_fits.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace orrery::scenarios {

std::string lending_board(const hardware::Gpu& gpu) {
  const auto lent = std::find_if(gpu.fits.begin(), gpu.fits.end(), [](const hardware::Fit& fit) {
    return !fit.of.empty() && !fit.is_collective();  // those are bound to the board's links
  });
  return lent == gpu.fits.end() ? "" : lent->of;
}

std::string lent_fits_text(std::string_view gpu, std::string_view lender) {
  return fmt::format("kernels of {} are timed by the fits of {}, which has the same chip, at its rates", gpu, lender);
}

}  // namespace orrery::scenarios
