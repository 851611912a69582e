#include "scenarios/search/distinct_points.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "scenarios/search/relaxed_keys.hpp"
#include "scenarios/sections.hpp"

namespace orrery::scenarios {

namespace {

/// An axis has no effect where another has one of its values, or anywhere.
struct Moot {
  std::size_t axis = 0;
  std::optional<std::size_t> by;  ///< the other axis; nullopt: the scenario says so
  std::string value;
  std::string where;  ///< "training.expert_parallel=1"
};

/// Which value each axis has at a point of the grid.
using Digits = std::vector<std::size_t>;

class Grid {
 public:
  Grid(const hardware::ConfigNode& root, const std::vector<SweepAxis>& axes) : root_(root), axes_(axes) {
    for (const SweepAxis& axis : axes) keys_.push_back(numbered_key(root, axis.key));
    for (std::size_t i = 0; i < axes.size(); ++i) {
      for (const RelaxedKey& row : relaxed_key_rows()) add(i, row);
    }
  }

  [[nodiscard]] const std::vector<Moot>& moot() const { return moot_; }

  [[nodiscard]] Digits digits_of(std::size_t index) const {
    Digits digits(axes_.size());
    for (std::size_t i = axes_.size(); i-- > 0;) {
      digits[i] = index % axes_[i].values.size();
      index /= axes_[i].values.size();
    }
    return digits;
  }

  /// What says that the axis has no effect at the point; nullptr: it may have.
  [[nodiscard]] const Moot* find(std::size_t axis, const Digits& digits) const {
    for (const Moot& one : moot_) {
      if (one.axis == axis && (!one.by || axes_[*one.by].values[digits[*one.by]] == one.value)) return &one;
    }
    return nullptr;
  }

 private:
  void add(std::size_t axis, const RelaxedKey& row) {
    const std::string key = key_beside(keys_[axis], row.follows, row.key);
    if (key.empty()) return;
    const Moot one{axis, std::nullopt, std::string(row.value), fmt::format("{}={}", key, row.value)};
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (!is_within(key, keys_[i])) continue;
      if (key != keys_[i]) return;
      moot_.push_back(one);
      moot_.back().by = i;
      return;
    }
    const hardware::ConfigNode* node = node_at(root_, key_as_written(root_, key));
    if (node == nullptr ? row.is_default : node->scalar == row.value) moot_.push_back(one);
  }

  const hardware::ConfigNode& root_;
  const std::vector<SweepAxis>& axes_;
  std::vector<std::string> keys_;
  std::vector<Moot> moot_;
};

}  // namespace

DistinctPoints distinct_points(const hardware::ConfigNode& root, const std::vector<SweepAxis>& axes) {
  const SearchRows all = grid_of(axes);
  const Grid grid(root, axes);
  if (grid.moot().empty()) return {all, {}};
  struct Row {
    std::size_t index;
    std::vector<bool> without;
  };
  std::map<std::string, std::size_t> counts;
  const auto rows = std::make_shared<std::vector<Row>>();
  for (std::size_t index = 0; index < all.count; ++index) {
    const Digits digits = grid.digits_of(index);
    Row row{index, std::vector<bool>(axes.size(), false)};
    std::string repeats;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const Moot* moot = grid.find(i, digits);
      row.without[i] = moot != nullptr;
      // Its first value stands for all.
      if (moot != nullptr && digits[i] > 0 && repeats.empty()) repeats = axes[i].key + " where " + moot->where;
    }
    if (repeats.empty()) {
      rows->push_back(std::move(row));
    } else {
      ++counts[repeats];
    }
  }
  DistinctPoints points;
  for (const auto& [what, count] : counts) {
    points.left_out.push_back(fmt::format("{}: {} point{}", what, count, count == 1 ? "" : "s"));
  }
  points.rows = {rows->size(), [rows, at = all.at](std::size_t i) {
                   const Row& row = (*rows)[i];
                   std::vector<Override> whole = at(row.index), set;
                   for (std::size_t axis = 0; axis < whole.size(); ++axis) {
                     if (!row.without[axis]) set.push_back(std::move(whole[axis]));
                   }
                   return set;
                 }};
  return points;
}

}  // namespace orrery::scenarios
