// Which block holds a piece of content that sequences may share: an open-addressing table from names to blocks.
//
// Linear probing with backward-shift deletion (Knuth, TAOCP 3 §6.4, algorithm R), so that a cache that evicts for days
// leaves no tombstones. Names are spread by Fibonacci hashing (ibid.). The table is only ever asked for one name:
// nothing iterates over it, so that no result depends on its layout.
#pragma once

#include <cstdint>
#include <vector>

namespace orrery::models {

class PrefixIndex {
 public:
  static constexpr std::uint32_t kNone = 0xffffffffu;

  /// The block of `name`, or kNone. REQUIRES name ≠ 0, as the following.
  [[nodiscard]] std::uint32_t find(std::uint64_t name) const;
  /// False if the name is there already; the first block stays.
  bool insert(std::uint64_t name, std::uint32_t block);
  void erase(std::uint64_t name);
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t name = 0;  ///< 0: empty
    std::uint32_t block = kNone;
  };

  [[nodiscard]] std::size_t home(std::uint64_t name) const;
  void grow();

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
  unsigned bits_ = 0;  ///< slots_.size() == 2^bits_
};

}  // namespace orrery::models
