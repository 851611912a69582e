// The surfaces of a fit, ready to be read: what measurements say of a kernel beyond its model's equation.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hardware/gpu.hpp"
#include "kernels/family.hpp"

namespace orrery::kernels {

/// Where a kernel lies on one axis: between the knots `cell` and `cell` + 1, `part` of the way.
struct AxisPlace {
  std::size_t cell;
  double part;
};

/// One axis: its knots, found by a table of quarters.
class SurfaceGrid {
 public:
  /// REQUIRES ascending multiples of ¼, two at least.
  explicit SurfaceGrid(const std::vector<double>& knots);

  /// Beyond the outer knots: at them. Every price asks.
  [[nodiscard]] AxisPlace place(double at) const {
    const double inside = std::min(std::max(at, first_), last_);
    const Quarter& quarter = quarters_[static_cast<std::size_t>((inside - first_) * 4.0)];
    return {quarter.cell, (inside - quarter.knot) * quarter.inverse_width};
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  /// The cell that a quarter of an octave lies in, and where that begins.
  struct Quarter {
    double knot, inverse_width;
    std::size_t cell;
  };
  double first_, last_;
  std::size_t size_;
  std::vector<Quarter> quarters_;  ///< from the first knot on
};

/// An axis of a surface and the coordinate along it.
struct GridAxis {
  std::size_t coordinate;
  SurfaceGrid grid;
};

/// The surfaces of a fit. Where no measured pair says otherwise a time does not fall with a size; a fit asks for it at
/// some thousand places, but pays for rows that do fall (calibrate/surface_fit.hpp), so that a larger size may be a few
/// per cent quicker, seldom more.
class Surfaces {
 public:
  Surfaces() = default;
  /// Throws std::invalid_argument if an axis is none of the model's: the fit was made for
  /// other coordinates.
  Surfaces(const hardware::Fit& fit, const FittedModel& model);

  /// The product of the factors at the kernel's place, for the part of its time that they were fitted to; 1 where the
  /// fit has none, or was not made for such a kernel.
  [[nodiscard]] double factor(const Kernel& kernel, const hardware::Gpu& gpu) const;

 private:
  struct Part {
    std::vector<GridAxis> axes;
    std::vector<double> logarithms;  ///< of the factors: what lies between knots is linear in them, as a fit has it
  };
  bool (*locate_)(const Kernel&, const hardware::Gpu&, Coordinates&) = nullptr;
  double (*part_)(const Kernel&) = nullptr;
  std::vector<Part> parts_;
};

/// The weights of the knots around a place, in the order of Surface::factors: index and weight, 2 to 8 of them. For
/// fits; the logarithm of Surfaces::factor() is the sum of logarithm·weight.
struct KnotWeight {
  std::size_t knot;
  double weight;
};
[[nodiscard]] std::vector<KnotWeight> knot_weights(const std::vector<GridAxis>& axes, const Coordinates& at);

}  // namespace orrery::kernels
