#include "kernels/table/surfaces.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

namespace orrery::kernels {
namespace {

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

SurfaceGrid::SurfaceGrid(const std::vector<double>& knots)
    : first_(knots.front()), last_(knots.back()), size_(knots.size()) {
  std::size_t cell = 0;
  for (double at = first_; at <= last_; at += 0.25) {
    while (cell + 2 < size_ && knots[cell + 1] <= at) ++cell;
    quarters_.push_back({knots[cell], 1.0 / (knots[cell + 1] - knots[cell]), cell});
  }
}

Surfaces::Surfaces(const hardware::Fit& fit, const FittedModel& model)
    : locate_(model.locate), part_(model.surfaces_part) {
  for (const hardware::Surface& surface : fit.surfaces) {
    Part part;
    for (const double factor : surface.factors) part.logarithms.push_back(std::log(factor));
    for (const hardware::Surface::Axis& axis : surface.axes) {
      part.axes.push_back({coordinate_of(model, fit, axis.coordinate), SurfaceGrid(axis.knots)});
    }
    parts_.push_back(std::move(part));
  }
}

double Surfaces::factor(const Kernel& kernel, const hardware::Gpu& gpu) const {
  Coordinates at{};
  if (parts_.empty() || !locate_(kernel, gpu, at)) return 1.0;
  double sum = 0.0;
  for (const Part& part : parts_) {
    // Up to three axes; one that is not there has its kernel at its only knot.
    std::array<double, 3> parts{};
    std::array<std::size_t, 3> strides{};
    std::size_t base = 0, stride = 1;
    for (std::size_t i = part.axes.size(); i-- > 0;) {
      const GridAxis& axis = part.axes[i];
      const AxisPlace place = axis.grid.place(at[axis.coordinate]);
      parts[i] = place.part;
      strides[i] = stride;
      base += place.cell * stride;
      stride *= axis.grid.size();
    }
    const auto edge = [&](std::size_t from) {
      return between(part.logarithms[from], part.logarithms[from + strides[0]], parts[0]);
    };
    const auto face = [&](std::size_t from) {
      return strides[1] == 0 ? edge(from) : between(edge(from), edge(from + strides[1]), parts[1]);
    };
    sum += strides[2] == 0 ? face(base) : between(face(base), face(base + strides[2]), parts[2]);
  }
  const double product = std::exp(sum);
  return part_ == nullptr ? product : 1.0 + part_(kernel) * (product - 1.0);
}

std::vector<KnotWeight> knot_weights(const std::vector<GridAxis>& axes, const Coordinates& at) {
  std::vector<KnotWeight> weights = {{0, 1.0}};
  for (const GridAxis& axis : axes) {
    const AxisPlace place = axis.grid.place(at[axis.coordinate]);
    std::vector<KnotWeight> finer;
    for (const KnotWeight& one : weights) {
      const std::size_t knot = one.knot * axis.grid.size() + place.cell;
      if (place.part < 1.0) finer.push_back({knot, one.weight * (1.0 - place.part)});
      if (place.part > 0.0) finer.push_back({knot + 1, one.weight * place.part});
    }
    weights = std::move(finer);
  }
  return weights;
}

}  // namespace orrery::kernels
