// Small whole numbers as text: what a profile holds too many of to print each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::hardware {

/// `bits` bits a number, the highest first, six to a character of the alphabet of RFC 4648 §5 (base64url, without
/// padding): ⌈count·bits/6⌉ characters. REQUIRES 1 ≤ bits ≤ 32 and every number below 2^bits.
[[nodiscard]] std::string pack_numbers(std::span<const std::uint32_t> numbers, int bits);

/// The `count` numbers that pack_numbers() wrote; white space between characters counts for nothing. nullopt where a
/// character is not of the alphabet, or their number is another.
[[nodiscard]] std::optional<std::vector<std::uint32_t>> unpack_numbers(std::string_view text, int bits,
                                                                       std::size_t count);

/// How many numbers of `bits` bits `text` can hold.
[[nodiscard]] std::size_t packed_count(std::string_view text, int bits);

}  // namespace orrery::hardware
