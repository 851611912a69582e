#include "kernels/memo.hpp"

#include <algorithm>

namespace orrery::kernels {
namespace {

constexpr std::size_t kFirstSlots = 64;

}  // namespace

TimeMemo::TimeMemo(const BoundTimer& timer, std::size_t most)
    : timer_(&timer), most_(std::max<std::size_t>(1, most)), mask_(kFirstSlots - 1), slots_(kFirstSlots) {}

Seconds TimeMemo::add(const Kernel& kernel, std::uint64_t hash) {
  const Seconds time = timer_->time(kernel);
  if (size_ == most_) {
    std::fill(slots_.begin(), slots_.end(), Slot{});
    size_ = 0;
  }
  if (2 * (size_ + 1) > slots_.size()) grow();
  insert({hash, time, kernel});
  ++size_;
  return time;
}

void TimeMemo::insert(Slot slot) {
  std::size_t i = place(slot.hash);
  while (slots_[i].hash != kFree) i = (i + 1) & mask_;
  slots_[i] = slot;
}

void TimeMemo::grow() {
  std::vector<Slot> old(2 * slots_.size());
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.hash != kFree) insert(slot);
  }
}

}  // namespace orrery::kernels
