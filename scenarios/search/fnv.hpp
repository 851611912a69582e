// A hash that tells one text from another, not from an adversary's.
#pragma once

#include <cstdint>
#include <string_view>

namespace orrery::scenarios {

/// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/.
class Fnv {
 public:
  void add(std::string_view text) {
    for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    hash_ = (hash_ ^ 0xffU) * 0x100000001b3ULL;  // no byte of UTF-8: ends a part
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace orrery::scenarios
