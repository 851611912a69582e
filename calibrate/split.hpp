// Which rows a fit may see: a split by hashes, the same on every machine and for every later fit.
//
// A row's shape family (for a GEMM its n and k) is hashed; families with hash % 5 = 0 are never seen. In the
// families that are seen, rows with hash % 5 = 0 are kept back. Source of the hash: FNV-1a, Fowler, Noll & Vo.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "calibrate/rows.hpp"
#include "hardware/gpu.hpp"

namespace orrery::calibrate {

inline constexpr std::string_view kSeen = "seen", kUnseenPoint = "unseen_point", kUnseenFamily = "unseen_family";
/// What Fit::split says.
inline constexpr std::string_view kSplitRule =
    "fnv1a(family) % 5 = 0: unseen_family; else fnv1a(shape) % 5 = 0: unseen_point";

/// What names a shape family in a profile: the highest hardware::kFamilyBits of its hash.
[[nodiscard]] std::uint32_t family_hash(std::string_view family_key);

/// The group of a row when the fit is made.
[[nodiscard]] std::string_view group_for_fit(const MeasuredRow& row);

/// The group of a row of any table, given what a stored fit saw.
[[nodiscard]] std::string_view group_after_fit(const MeasuredRow& row, const hardware::Fit& fit);

/// Why a row can't be used: "", or that its shape is wrong or that it beats the roofline.
[[nodiscard]] std::string objection(const MeasuredRow& row, const hardware::Gpu& gpu);

/// Six significant digits: a coefficient is not known better, and the profile stays readable.
[[nodiscard]] double rounded(double value);

/// A profile's line of one group: the median and 95th percentile of its errors, rounded.
[[nodiscard]] hardware::FitResidual residual(std::string_view group, const std::vector<double>& errors);

}  // namespace orrery::calibrate
