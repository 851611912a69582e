// Kernels of a board that nobody measured, timed by the fits of another with the same chip.
#pragma once

#include <string>
#include <string_view>

#include "hardware/gpu.hpp"

namespace orrery::scenarios {

/// The board whose kernels were measured, where that is another; empty: the GPU's own, or none was.
[[nodiscard]] std::string lending_board(const hardware::Gpu& gpu);

/// What is said of such times wherever they are shown.
[[nodiscard]] std::string lent_fits_text(std::string_view gpu, std::string_view lender);

}  // namespace orrery::scenarios
