#include "hardware/catalogue/fit_reader.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "hardware/config/packed_numbers.hpp"

namespace orrery::hardware {
namespace {

const std::vector<NodePtr>& list_of(MapReader& map, const char* key) {
  static const std::vector<NodePtr> none;
  const ConfigNode* node = map.child(key);
  if (node == nullptr) return none;
  if (node->kind != NodeKind::sequence) {
    map.diagnostics().error(node->span, fmt::format("'{}': expected a list of {}", key, key));
  }
  return node->items;
}

constexpr std::size_t kMostAxes = 3, kMostFactors = 1 << 20;

Surface::Axis read_axis(MapReader& axes, const std::string& coordinate) {
  Surface::Axis axis{coordinate, axes.numbers(coordinate)};
  const auto bad = [](double knot) { return knot * 4.0 != std::floor(knot * 4.0) || std::abs(knot) > 64.0; };
  const bool ascending =
      std::adjacent_find(axis.knots.begin(), axis.knots.end(), std::greater_equal<>()) == axis.knots.end();
  if (axis.knots.size() < 2 || !ascending || std::any_of(axis.knots.begin(), axis.knots.end(), bad)) {
    axes.diagnostics().error(
        axes.span(coordinate),
        fmt::format("'{}': expected two knots or more, ascending multiples of 0.25 from -64 to 64", coordinate));
  }
  return axis;
}

Surface read_surface(MapReader map) {
  Surface surface;
  const ConfigNode* axes = map.required_child("axes");
  surface.step = map.number("step", Range::between(0, 0.05));
  const std::string codes = map.text("factors");
  if (axes != nullptr) {
    MapReader reader(axes, "axes", map.diagnostics());
    for (const auto& [coordinate, unused] : axes->entries) surface.axes.push_back(read_axis(reader, coordinate));
  }
  std::size_t count = 1;
  for (const Surface::Axis& axis : surface.axes)
    count = std::min(kMostFactors + 1, count * std::max<std::size_t>(axis.knots.size(), 1));
  if (surface.axes.empty() || surface.axes.size() > kMostAxes || count > kMostFactors) {
    map.diagnostics().error(map.span("axes"), fmt::format("'axes': expected one to {} of them, {} knots in all at most",
                                                          kMostAxes, kMostFactors));
  } else if (const auto numbers = unpack_numbers(codes, kFactorBits, count)) {
    for (const std::uint32_t code : *numbers) surface.factors.push_back(coded_factor(surface.step, code));
  } else {
    map.diagnostics().error(map.span("factors"),
                            fmt::format("'factors': expected {} numbers of {} bits in base64url", count, kFactorBits));
  }
  map.finish();
  return surface;
}

FitResidual read_residual(MapReader row) {
  FitResidual residual;
  residual.group = row.text("group");
  residual.rows = static_cast<int>(row.integer("rows", Range::between(0, 2e9)));
  residual.median = row.number("median", Range::at_least(0));
  residual.p95 = row.number("p95", Range::at_least(0));
  residual.low = row.number_or("low", 0.0, Range::at_least(0));
  residual.high = row.number_or("high", 0.0, Range::at_least(0));
  row.finish();
  return residual;
}

std::vector<std::uint32_t> read_families(MapReader& map) {
  if (!map.has("families_seen")) return {};
  const std::string text = map.text("families_seen");
  auto families = unpack_numbers(text, kFamilyBits, packed_count(text, kFamilyBits));
  if (!families) {
    map.diagnostics().error(map.span("families_seen"),
                            fmt::format("'families_seen': expected hashes of {} bits in base64url", kFamilyBits));
    return {};
  }
  std::sort(families->begin(), families->end());
  return std::move(*families);
}

constexpr std::size_t kMostSurfaces = 8;
constexpr double kMostChange = 1000.0;  // of a time, by all of them together

void read_surfaces(MapReader& map, Fit& fit) {
  double change = 0.0;
  for (const NodePtr& item : list_of(map, "surfaces")) {
    fit.surfaces.push_back(read_surface(MapReader(item.get(), "surfaces", map.diagnostics())));
    double most = 0.0;
    for (const double factor : fit.surfaces.back().factors) most = std::max(most, std::abs(std::log(factor)));
    change += most;
  }
  if (fit.surfaces.empty()) return;
  if (fit.is_collective()) {
    map.diagnostics().error(map.span("surfaces"), "'surfaces': of kernels, a collective has none");
  } else if (fit.surfaces.size() > kMostSurfaces || change > std::log(kMostChange)) {
    map.diagnostics().error(
        map.span("surfaces"),
        fmt::format("'surfaces': at most {} of them, that change a time by a factor of {:.0f} at most together",
                    kMostSurfaces, kMostChange));
  }
}

Fit read_fit(MapReader map, std::string key) {
  Fit fit;
  fit.key = std::move(key);
  fit.source = map.text("source");
  fit.date = map.text("date");
  fit.split = map.text("split");
  const ConfigNode* coefficients = map.required_child("coefficients");
  MapReader values(coefficients, "coefficients", map.diagnostics());
  if (coefficients != nullptr) {
    for (const auto& [coefficient, unused] : coefficients->entries) {
      fit.coefficients.emplace_back(coefficient, values.number(coefficient));
    }
  }
  read_surfaces(map, fit);
  for (const NodePtr& item : list_of(map, "residuals")) {
    fit.residuals.push_back(read_residual(MapReader(item.get(), "residuals", map.diagnostics())));
  }
  fit.families_seen = read_families(map);
  map.finish();
  return fit;
}

}  // namespace

std::vector<Fit> read_fits(const ConfigNode* node, Diagnostics& diagnostics) {
  std::vector<Fit> fits;
  if (node == nullptr || node->kind == NodeKind::null) return fits;
  for (const auto& [key, value] : node->entries)
    fits.push_back(read_fit(MapReader(value.get(), key, diagnostics), key));
  for (const NodePtr& item : node->items) {
    MapReader map(item.get(), "fits", diagnostics);
    std::string key = map.text("key");
    fits.push_back(read_fit(std::move(map), std::move(key)));
  }
  if (node->kind == NodeKind::scalar) diagnostics.error(node->span, "'fits': expected a list of fits");
  std::vector<std::string> keys;
  for (const Fit& fit : fits) keys.push_back(fit.key);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice != keys.end()) diagnostics.error(node->span, fmt::format("'fits': the key '{}' stands twice", *twice));
  return fits;
}

}  // namespace orrery::hardware
