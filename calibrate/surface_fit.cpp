#include "calibrate/surface_fit.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <Eigen/Dense>

#include "calibrate/split.hpp"
#include "kernels/fields.hpp"
#include "kernels/table/surfaces.hpp"

namespace orrery::calibrate {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using kernels::SurfaceAxis;

constexpr double kSmoothness = 0.1, kRidge = 0.05;  // in rows of one unit residual
constexpr double kWidth = 0.06;                     // of the Huber loss: twice the noise (least_squares.hpp)
constexpr double kStray = 0.3;
constexpr int kRounds = 20;
constexpr double kPenalty = 60.0;          // of a growth that is missed, in rows
constexpr double kMostForce = 0.3;         // on a growth that rows contradict
constexpr double kMargin = 1e-3;           // what the codes' steps may take away
constexpr std::size_t kGrownRows = 3000;   // that are grown
constexpr std::size_t kCrossings = 12;     // with other rows, of each
constexpr std::uint64_t kMostFields = 13;  // of a shape
constexpr double kQuarterOctave = 1.189207115002721;

using Axes = std::vector<SurfaceAxis>;

std::size_t knots_of(const Axes& axes) {
  std::size_t count = 1;
  for (const SurfaceAxis& axis : axes) count *= axis.knots.size();
  return count;
}

// A row: what is left of it, and the knots that it feels.
struct Row {
  double residual;
  std::vector<kernels::KnotWeight> weights;
};

// A kernel and a larger one: the surfaces must not take more from the larger than the equation adds to it.
//   Σ change·value ≥ least
struct Growth {
  std::vector<kernels::KnotWeight> change;
  double least;
  double multiplier = 0.0;
};

// Axes cut to the knots around the rows. An axis on which all rows lie at one place goes.
Axes cut(const Axes& axes, const std::vector<kernels::Coordinates>& places) {
  Axes result;
  for (const SurfaceAxis& axis : axes) {
    double least = places[0][axis.coordinate], most = least;
    for (const kernels::Coordinates& place : places) {
      least = std::min(least, place[axis.coordinate]), most = std::max(most, place[axis.coordinate]);
    }
    if (least == most) continue;
    auto first = std::upper_bound(axis.knots.begin(), axis.knots.end(), least);
    if (first != axis.knots.begin()) --first;
    auto last = std::lower_bound(axis.knots.begin(), axis.knots.end(), most);
    if (last == axis.knots.end()) --last;
    if (first == last) continue;
    result.push_back({axis.coordinate, {first, last + 1}});
  }
  return result;
}

// Adds λ·(second difference)² along every axis of one surface whose values stand from `from` on.
void add_smoothness(Matrix& normal, const Axes& axes, std::size_t from) {
  std::size_t stride = knots_of(axes);
  const std::size_t all = stride;
  for (const SurfaceAxis& axis : axes) {
    const std::size_t size = axis.knots.size(), inner = stride / size;
    const std::vector<double> difference = size == 2 ? std::vector<double>{-1, 1} : std::vector<double>{1, -2, 1};
    for (std::size_t knot = 0; knot < all; ++knot) {
      if (knot % stride / inner + difference.size() > size) continue;
      for (std::size_t a = 0; a < difference.size(); ++a) {
        for (std::size_t b = 0; b < difference.size(); ++b) {
          normal(static_cast<Eigen::Index>(from + knot + a * inner),
                 static_cast<Eigen::Index>(from + knot + b * inner)) += kSmoothness * difference[a] * difference[b];
        }
      }
    }
    stride = inner;
  }
}

// The knots of all surfaces in one row.
class Knots {
 public:
  Knots(const std::vector<Axes>& all, const std::vector<kernels::Coordinates>& places) {
    for (const Axes& axes : all) {
      Axes own = cut(axes, places);
      if (own.empty()) continue;
      first_.push_back(count_);
      count_ += knots_of(own);
      std::vector<kernels::GridAxis>& grids = grids_.emplace_back();
      for (const SurfaceAxis& axis : own) grids.push_back({axis.coordinate, kernels::SurfaceGrid(axis.knots)});
      surfaces_.push_back(std::move(own));
    }
  }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] const std::vector<Axes>& surfaces() const { return surfaces_; }

  [[nodiscard]] std::vector<kernels::KnotWeight> weights(const kernels::Coordinates& at) const {
    std::vector<kernels::KnotWeight> all;
    for (std::size_t i = 0; i < surfaces_.size(); ++i) {
      for (const auto& [knot, weight] : kernels::knot_weights(grids_[i], at)) all.push_back({first_[i] + knot, weight});
    }
    return all;
  }

  /// Smoothness and ridge as normal equations.
  [[nodiscard]] Matrix prior() const {
    const auto size = static_cast<Eigen::Index>(count_);
    Matrix normal = kRidge * Matrix::Identity(size, size);
    for (std::size_t i = 0; i < surfaces_.size(); ++i) add_smoothness(normal, surfaces_[i], first_[i]);
    return normal;
  }

 private:
  std::vector<Axes> surfaces_;
  std::vector<std::vector<kernels::GridAxis>> grids_;
  std::vector<std::size_t> first_;
  std::size_t count_ = 0;
};

// A kernel with some fields of one and the others of another: where the table has no row. Which is which is in `bits`.
kernels::Kernel crossed(const kernels::Kernel& one, const kernels::Kernel& other, std::uint64_t bits) {
  return std::visit(
      [&](auto shape) -> kernels::Kernel {
        const auto& second = std::get<decltype(shape)>(other);
        std::apply(
            [&](const auto&... field) {
              const auto take = [&](auto member) {
                if ((bits & 1) != 0) shape.*member = second.*member;
                bits >>= 1;
              };
              (take(field.member), ...);
            },
            kernels::kFields<decltype(shape)>);
        return shape;
      },
      one);
}

// The finaliser of splitmix64: the same crossings on every machine.
std::uint64_t mixed(std::uint64_t x) {
  x = (x + 0x9e3779b97f4a7c15ull) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// Where growth is asked for: an even part of the rows, and kernels of two rows each.
std::vector<kernels::Kernel> places_to_grow(const std::vector<const kernels::Kernel*>& located) {
  std::vector<kernels::Kernel> places;
  const std::size_t used = std::min(kGrownRows, located.size());
  for (std::size_t i = 0; i < used; ++i) places.push_back(*located[i * located.size() / used]);
  for (std::size_t i = 0; i < kCrossings * used; ++i) {
    const std::uint64_t draw = mixed(i);
    // One size of another row, as often as a mixture of both: rows of one model lie at some sizes only.
    const std::uint64_t one_field = std::uint64_t{1} << (mixed(draw) % kMostFields);
    kernels::Kernel kernel =
        crossed(places[i % used], *located[draw % located.size()], i % 2 == 0 ? one_field : mixed(draw));
    if (kernels::check(kernel).empty()) places.push_back(std::move(kernel));
  }
  return places;
}

// Grown a little and by a whole octave in each size.
std::vector<Growth> growths_of(const kernels::FittedModel& model, const std::vector<double>& coefficients,
                               const std::vector<const kernels::Kernel*>& located, const hardware::Gpu& gpu,
                               const Knots& knots) {
  std::vector<Growth> growths;
  for (const kernels::Kernel& kernel : places_to_grow(located)) {
    kernels::Coordinates from{};
    if (!model.locate(kernel, gpu, from)) continue;
    const std::vector<kernels::KnotWeight> before = knots.weights(from);
    const Seconds time = model.time(kernel, gpu, coefficients);
    for (const auto& grow : model.grown) {
      for (const double by : {kQuarterOctave, 2.0}) {
        const kernels::Kernel larger = grow(kernel, by);
        kernels::Coordinates to{};
        if (!kernels::check(larger).empty() || !model.locate(larger, gpu, to)) continue;
        Growth growth;
        growth.change = knots.weights(to);
        for (const auto& [knot, weight] : before) growth.change.push_back({knot, -weight});
        const double added = model.time(larger, gpu, coefficients) / time;
        growth.least = std::min(0.0, kMargin - std::log(added));  // what the equation does itself stays
        growths.push_back(std::move(growth));
      }
    }
  }
  return growths;
}

// Huber's weight, and beyond kStray less and less: a tactic that an auto-tuner missed, several times slower, says
// nothing of its neighbours. Rows that stray together, without others beside them, are still heard.
double trust_of(double left) {
  left = std::abs(left);
  if (left <= kWidth) return 1.0;
  const double stray = std::min(1.0, kStray / left);
  return kWidth / left * stray * stray * stray;
}

double sum_of(const std::vector<kernels::KnotWeight>& weights, const Vector& values) {
  double sum = 0.0;
  for (const auto& [knot, weight] : weights) sum += weight * values[static_cast<Eigen::Index>(knot)];
  return sum;
}

// The normal equations of weighted rows. Only the lower half is kept, which is all that the decomposition reads.
struct Normal {
  Matrix left;
  Vector right;

  void add(const std::vector<kernels::KnotWeight>& weights, double target, double trust) {
    for (const auto& [knot, weight] : weights) {
      const auto i = static_cast<Eigen::Index>(knot);
      right[i] += trust * weight * target;
      for (const auto& [other, second] : weights) {
        if (other <= knot) left(i, static_cast<Eigen::Index>(other)) += trust * weight * second;
      }
    }
  }
};

// Reweighted least squares, under the inequalities of `growths` by their multipliers (augmented Lagrangian: Nocedal &
// Wright, Numerical Optimization, §17.3).
Vector solve(const std::vector<Row>& rows, std::vector<Growth>& growths, const Matrix& prior) {
  Vector values = Vector::Zero(prior.rows());
  for (int round = 0; round < kRounds; ++round) {
    Normal normal{prior, Vector::Zero(prior.rows())};
    for (const Row& row : rows)
      normal.add(row.weights, row.residual, trust_of(row.residual - sum_of(row.weights, values)));
    for (Growth& growth : growths) {
      if (round > 0) {
        growth.multiplier =
            std::clamp(growth.multiplier + kPenalty * (growth.least - sum_of(growth.change, values)), 0.0, kMostForce);
      }
      if (growth.multiplier > 0.0) normal.add(growth.change, growth.least + growth.multiplier / kPenalty, kPenalty);
    }
    values = normal.left.selfadjointView<Eigen::Lower>().llt().solve(normal.right);
  }
  return values;
}

std::vector<hardware::Surface> surfaces_of(const kernels::FittedModel& model, const std::vector<Axes>& all,
                                           const Vector& values) {
  std::vector<hardware::Surface> surfaces;
  Eigen::Index next = 0;
  for (const Axes& axes : all) {
    hardware::Surface surface;
    for (const SurfaceAxis& axis : axes) {
      surface.axes.push_back({std::string(model.coordinates[axis.coordinate]), axis.knots});
    }
    const auto count = static_cast<Eigen::Index>(knots_of(axes));
    const Vector own = values.segment(next, count);
    next += count;
    surface.step = rounded(std::max(1e-3, own.cwiseAbs().maxCoeff()) * (1.0 + 1e-5) / (hardware::kNoResidual - 1));
    for (const double value : own) surface.factors.push_back(std::exp(value));
    // What a profile will say, not what it can't.
    const std::vector<std::uint32_t> codes = factor_codes(surface);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      surface.factors[i] = hardware::coded_factor(surface.step, codes[i]);
    }
    surfaces.push_back(std::move(surface));
  }
  return surfaces;
}

}  // namespace

std::vector<std::uint32_t> factor_codes(const hardware::Surface& surface) {
  std::vector<std::uint32_t> codes;
  for (const double factor : surface.factors) {
    codes.push_back(static_cast<std::uint32_t>(std::lround(std::log(factor) / surface.step) + hardware::kNoResidual));
  }
  return codes;
}

std::vector<hardware::Surface> fit_surfaces(const kernels::FittedModel& model, const std::vector<double>& coefficients,
                                            const std::vector<Observation>& observations, const hardware::Gpu& gpu) {
  if (model.surfaces.empty() || observations.size() < kFewestSurfaceRows) return {};
  std::vector<kernels::Coordinates> places;
  std::vector<Row> rows;
  std::vector<const kernels::Kernel*> located;
  for (const Observation& one : observations) {
    kernels::Coordinates place{};
    if (!model.locate(*one.kernel, gpu, place)) continue;
    const Seconds time = max(model.time(*one.kernel, gpu, coefficients), kernels::roofline(*one.kernel, gpu));
    places.push_back(place);
    located.push_back(one.kernel);
    rows.push_back({std::log(one.measured / time), {}});
  }
  if (rows.empty()) return {};
  const Knots knots(model.surfaces, places);
  if (knots.count() == 0) return {};
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].weights = knots.weights(places[i]);
  std::vector<Growth> growths = growths_of(model, coefficients, located, gpu, knots);
  return surfaces_of(model, knots.surfaces(), solve(rows, growths, knots.prior()));
}

}  // namespace orrery::calibrate
