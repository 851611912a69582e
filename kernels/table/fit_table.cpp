#include "kernels/table/fit_table.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "kernels/table/roofline.hpp"

namespace orrery::kernels {
namespace {

/// The parts of a fit's key, "family/implementation/dtype".
struct FitName {
  Implementation implementation;
  std::string_view dtype;
  std::size_t entry;
};

std::optional<FitName> parse_key(std::string_view key, std::string_view family) {
  if (key.substr(0, family.size()) != family || key.size() <= family.size() || key[family.size()] != '/') return {};
  key.remove_prefix(family.size() + 1);
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return {};
  const auto implementation = parse_implementation(key.substr(0, slash));
  if (!implementation) return {};
  return FitName{*implementation, key.substr(slash + 1), 0};
}

std::size_t first_of(const std::vector<FitName>& fits, Implementation wanted,
                     const std::vector<std::string_view>& dtypes, std::size_t otherwise) {
  for (const Implementation implementation : implementation_order(wanted)) {
    for (const std::string_view dtype : dtypes) {
      const auto found = std::find_if(fits.begin(), fits.end(), [&](const FitName& fit) {
        return fit.implementation == implementation && fit.dtype == dtype;
      });
      if (found != fits.end()) return found->entry;
    }
  }
  return otherwise;
}

}  // namespace

std::vector<double> coefficients_of(const hardware::Fit& fit, const FittedModel& model) {
  std::vector<double> result;
  result.reserve(model.names.size());
  for (std::size_t i = 0; i < model.names.size(); ++i) {
    if (i < fit.coefficients.size() && fit.coefficients[i].first == model.names[i]) {
      result.push_back(fit.coefficients[i].second);
    } else if (const auto value = fit.coefficient(model.names[i])) {
      result.push_back(*value);
    } else {
      throw std::invalid_argument(
          fmt::format("fit {} has no coefficient {}: fit its table again", fit.key, model.names[i]));
    }
  }
  return result;
}

FittedValues fitted_values(const hardware::Fit* fit, const FittedModel& model, const hardware::Gpu& gpu) {
  if (fit == nullptr) return {model.defaults(gpu), {}, clock_of(fit, gpu)};
  return {coefficients_of(*fit, model), Surfaces(*fit, model), clock_of(fit, gpu)};
}

Seconds FittedValues::slowed(Seconds time, const Kernel& kernel, const hardware::Gpu& gpu) const {
  return sustained(*clock, time, roofline_bounds(kernel, gpu).compute);
}

FitTable::FitTable(const hardware::Gpu& gpu) : gpu_(&gpu) {
  families_.reserve(families().size());
  for (const FamilyRow& row : families()) {
    Family family;
    family.row = &row;
    family.lists = row.fit_dtypes.size();
    family.defaults = add(nullptr, row.model);
    if (family.lists > 0) add_fits(family);
    families_.push_back(std::move(family));
  }
}

// A kernel that a bad fit prices is refused, not every use of the GPU.
std::size_t FitTable::add(const hardware::Fit* fit, const FittedModel& model) {
  Entry entry;
  entry.fit = fit;
  try {
    entry.values = fitted_values(fit, model, *gpu_);
  } catch (const std::invalid_argument&) {
    entry.values = {};
  }
  entries_.push_back(std::move(entry));
  return entries_.size() - 1;
}

void FitTable::add_fits(Family& family) {
  std::vector<FitName> fits;
  for (const hardware::Fit& fit : gpu_->fits) {
    auto name = parse_key(fit.key, family.row->name);
    if (!name) continue;
    name->entry = add(&fit, family.row->model);
    fits.push_back(*name);
  }
  if (fits.empty()) return;
  for (int i = 0; i <= static_cast<int>(kLastImplementation); ++i) {
    for (const auto& dtypes : family.row->fit_dtypes) {
      family.choices.push_back(first_of(fits, static_cast<Implementation>(i), dtypes, family.defaults));
    }
  }
}

const FittedValues& FitTable::values(const Kernel& kernel) const {
  const Family& family = families_[kernel.index()];
  std::size_t place = family.defaults;
  if (!family.choices.empty()) {
    const FitChoice choice = family.row->fit_choice(kernel);
    place = family.choices[static_cast<std::size_t>(choice.implementation) * family.lists + choice.dtypes];
  }
  const Entry& entry = entries_[place];
  if (entry.values.coefficients.empty()) static_cast<void>(fitted_values(entry.fit, family.row->model, *gpu_));  // why
  return entry.values;
}

}  // namespace orrery::kernels
