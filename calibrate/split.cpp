// The split of measured rows by hash. See split.hpp.
#include "calibrate/split.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace orrery::calibrate {
namespace {

constexpr std::uint64_t kParts = 5;

std::string_view point_group(const MeasuredRow& row) {
  return fnv1a(kernels::describe(row.kernel)) % kParts == 0 ? kUnseenPoint : kSeen;
}

}  // namespace

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ull;
  }
  return hash;
}

std::uint32_t family_hash(std::string_view family_key) {
  return static_cast<std::uint32_t>(fnv1a(family_key) >> (64 - hardware::kFamilyBits));
}

std::string_view group_for_fit(const MeasuredRow& row) {
  return fnv1a(row.family_key) % kParts == 0 ? kUnseenFamily : point_group(row);
}

std::string_view group_after_fit(const MeasuredRow& row, const hardware::Fit& fit) {
  // Of another board's fit every row of this one's table is new.
  const bool seen = fit.of.empty() &&
                    std::binary_search(fit.families_seen.begin(), fit.families_seen.end(), family_hash(row.family_key));
  return seen ? point_group(row) : kUnseenFamily;
}

std::string objection(const MeasuredRow& row, const hardware::Gpu& gpu) {
  std::string wrong = kernels::check(row.kernel);
  if (!wrong.empty()) return wrong;
  if (!(row.measured.value() > 0.0)) return "the measured time is not positive";
  try {
    const Seconds bound = kernels::roofline(row.kernel, gpu);
    if (row.measured < bound) {
      return fmt::format("beats the roofline: {:.3f} us measured, {:.3f} us at least", row.measured.value() * 1e6,
                         bound.value() * 1e6);
    }
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

double rounded(double value) { return std::stod(fmt::format("{:.6g}", value)); }

hardware::FitResidual residual(std::string_view group, const std::vector<double>& errors) {
  return {std::string(group), static_cast<int>(errors.size()), rounded(percentile(errors, 0.5)),
          rounded(percentile(errors, 0.95))};
}

}  // namespace orrery::calibrate
