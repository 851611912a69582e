#include "hardware/config/packed_numbers.hpp"

#include <algorithm>

namespace orrery::hardware {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr int kBits = 6;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::size_t characters(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_space));
}

}  // namespace

std::string pack_numbers(std::span<const std::uint32_t> numbers, int bits) {
  std::string text;
  std::uint64_t held = 0;
  int filled = 0;
  for (const std::uint32_t number : numbers) {
    held = held << bits | number;
    for (filled += bits; filled >= kBits; filled -= kBits) text += kAlphabet[held >> (filled - kBits) & 63];
  }
  if (filled > 0) text += kAlphabet[held << (kBits - filled) & 63];
  return text;
}

std::optional<std::vector<std::uint32_t>> unpack_numbers(std::string_view text, int bits, std::size_t count) {
  if (characters(text) != (count * static_cast<std::size_t>(bits) + kBits - 1) / kBits) return std::nullopt;
  std::vector<std::uint32_t> numbers;
  numbers.reserve(count);
  std::uint64_t held = 0;
  int filled = 0;
  for (const char c : text) {
    if (is_space(c)) continue;
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    held = held << kBits | digit;
    for (filled += kBits; filled >= bits && numbers.size() < count;) {
      filled -= bits;
      numbers.push_back(static_cast<std::uint32_t>(held >> filled & ((std::uint64_t{1} << bits) - 1)));
    }
  }
  return numbers;
}

std::size_t packed_count(std::string_view text, int bits) {
  return characters(text) * kBits / static_cast<std::size_t>(bits);
}

}  // namespace orrery::hardware
