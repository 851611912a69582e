// Times that were asked for before: for who prices the same shapes again and again.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/fields.hpp"
#include "kernels/kernel.hpp"

namespace orrery::kernels {

/// A bound timer that remembers. Exact shapes in an open table: a hit costs a hash and a comparison. One user at a
/// time: asking changes it.
class TimeMemo {
 public:
  /// `timer` must outlive the memo. Once `most` shapes are known it forgets them all and starts again, so that a run
  /// without end has an end of memory.
  explicit TimeMemo(const BoundTimer& timer, std::size_t most = std::size_t{1} << 14);

  /// What the timer says. Throws what it throws, and then remembers nothing.
  [[nodiscard]] Seconds time(const Kernel& kernel) {
    return std::visit([&](const auto& shape) { return find(kernel, shape); }, kernel);
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t hash = kFree;
    Seconds time;
    Kernel kernel;
  };
  static constexpr std::uint64_t kFree = 0;

  template <class Shape>
  Seconds find(const Kernel& kernel, const Shape& shape) {
    const std::uint64_t hash = hash_fields(shape, kernel.index()) | 1;  // never kFree
    for (std::size_t i = place(hash); slots_[i].hash != kFree; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.hash != hash) continue;
      const auto* known = std::get_if<Shape>(&slot.kernel);
      if (known != nullptr && same_fields(*known, shape)) return slot.time;
    }
    return add(kernel, hash);
  }
  [[nodiscard]] std::size_t place(std::uint64_t hash) const { return static_cast<std::size_t>(hash >> 1) & mask_; }

  Seconds add(const Kernel& kernel, std::uint64_t hash);
  void insert(Slot slot);
  void grow();

  const BoundTimer* timer_;
  std::size_t most_;
  std::size_t size_ = 0, mask_;
  std::vector<Slot> slots_;  ///< a power of two, at most half full
};

}  // namespace orrery::kernels
