#include "models/serving/sequences/prefix_index.hpp"

namespace orrery::models {

namespace {
constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ull;  // 2^64 / golden ratio
constexpr unsigned kFirstBits = 10;
}  // namespace

std::size_t PrefixIndex::home(std::uint64_t name) const { return (name * kGolden) >> (64u - bits_); }

std::uint32_t PrefixIndex::find(std::uint64_t name) const {
  if (size_ == 0) return kNone;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = home(name); slots_[at].name != 0; at = (at + 1) & mask) {
    if (slots_[at].name == name) return slots_[at].block;
  }
  return kNone;
}

bool PrefixIndex::insert(std::uint64_t name, std::uint32_t block) {
  if (2 * (size_ + 1) > slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = home(name);
  for (; slots_[at].name != 0; at = (at + 1) & mask) {
    if (slots_[at].name == name) return false;
  }
  slots_[at] = {name, block};
  ++size_;
  return true;
}

void PrefixIndex::erase(std::uint64_t name) {
  if (size_ == 0) return;
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = home(name);
  while (slots_[hole].name != name) {
    if (slots_[hole].name == 0) return;
    hole = (hole + 1) & mask;
  }
  // Every later slot of the run moves into the hole if it may stand there: its home is not after the hole.
  for (std::size_t at = (hole + 1) & mask; slots_[at].name != 0; at = (at + 1) & mask) {
    const std::size_t distance_home = (at - home(slots_[at].name)) & mask;
    const std::size_t distance_hole = (at - hole) & mask;
    if (distance_home < distance_hole) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
  --size_;
}

void PrefixIndex::grow() {
  std::vector<Slot> old = std::move(slots_);
  bits_ = old.empty() ? kFirstBits : bits_ + 1;
  slots_.assign(std::size_t{1} << bits_, Slot{});
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.name == 0) continue;
    std::size_t at = home(slot.name);
    while (slots_[at].name != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

}  // namespace orrery::models
