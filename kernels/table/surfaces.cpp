#include "kernels/table/surfaces.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

namespace orrery::kernels {
namespace {

constexpr double kQuarters = 4.0;

std::size_t coordinate_of(const FittedModel& model, const hardware::Fit& fit, std::string_view name) {
  const auto& names = model.coordinates;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw std::invalid_argument(fmt::format(
        "fit {} has a surface over '{}', which its model does not know: fit its table again", fit.key, name));
  }
  return static_cast<std::size_t>(found - names.begin());
}

double between(double a, double b, double part) { return a + (b - a) * part; }

}  // namespace

SurfaceGrid::SurfaceGrid(const std::vector<double>& knots) : knots_(knots) {
  for (std::size_t i = 0; i + 1 < knots.size(); ++i) inverse_widths_.push_back(1.0 / (knots[i + 1] - knots[i]));
  const auto quarters = static_cast<std::size_t>((knots.back() - knots.front()) * kQuarters);
  for (std::size_t quarter = 0; quarter <= quarters; ++quarter) {
    const double at = knots.front() + static_cast<double>(quarter) / kQuarters;
    const auto above = std::upper_bound(knots.begin() + 1, knots.end() - 1, at);
    cells_.push_back(static_cast<std::uint16_t>(above - knots.begin() - 1));
  }
}

AxisPlace SurfaceGrid::place(double at) const {
  const double inside = std::clamp(at, knots_.front(), knots_.back());
  const std::size_t cell = cells_[static_cast<std::size_t>((inside - knots_.front()) * kQuarters)];
  return {cell, (inside - knots_[cell]) * inverse_widths_[cell]};
}

Surfaces::Surfaces(const hardware::Fit& fit, const FittedModel& model) : locate_(model.locate) {
  for (const hardware::Surface& surface : fit.surfaces) {
    Part part{{}, surface.factors.data()};
    for (const hardware::Surface::Axis& axis : surface.axes) {
      part.axes.push_back({coordinate_of(model, fit, axis.coordinate), SurfaceGrid(axis.knots)});
    }
    parts_.push_back(std::move(part));
  }
}

double Surfaces::factor(const Kernel& kernel, const hardware::Gpu& gpu) const {
  Coordinates at{};
  if (parts_.empty() || !locate_(kernel, gpu, at)) return 1.0;
  double product = 1.0;
  for (const Part& part : parts_) {
    // Axes of one knot make the grid three-dimensional whatever it has.
    std::array<AxisPlace, 3> places{};
    std::array<std::size_t, 3> strides{};
    std::size_t base = 0, stride = 1;
    for (std::size_t i = part.axes.size(); i-- > 0;) {
      const Axis& axis = part.axes[i];
      places[i] = axis.grid.place(at[axis.coordinate]);
      strides[i] = stride;
      base += places[i].cell * stride;
      stride *= axis.grid.size();
    }
    const auto edge = [&](std::size_t from) {
      return between(part.factors[from], part.factors[from + strides[0]], places[0].part);
    };
    const auto face = [&](std::size_t from) { return between(edge(from), edge(from + strides[1]), places[1].part); };
    product *= between(face(base), face(base + strides[2]), places[2].part);
  }
  return product;
}

std::vector<KnotWeight> knot_weights(const std::vector<SurfaceAxis>& axes, const Coordinates& at) {
  std::vector<KnotWeight> weights = {{0, 1.0}};
  for (const SurfaceAxis& axis : axes) {
    const SurfaceGrid grid(axis.knots);
    const AxisPlace place = grid.place(at[axis.coordinate]);
    std::vector<KnotWeight> finer;
    for (const KnotWeight& one : weights) {
      const std::size_t knot = one.knot * grid.size() + place.cell;
      if (place.part < 1.0) finer.push_back({knot, one.weight * (1.0 - place.part)});
      if (place.part > 0.0) finer.push_back({knot + 1, one.weight * place.part});
    }
    weights = std::move(finer);
  }
  return weights;
}

}  // namespace orrery::kernels
