// Words are cut into parts of a contract name, since some write them joined ("rtx4090", "H100SXM5").
#include "hardware/catalogue/gpu_words.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <optional>

#include "hardware/catalogue/catalogue.hpp"

namespace orrery::hardware {
namespace {

using Words = std::vector<std::string>;

/// In names of every board of their kind.
constexpr std::array<std::string_view, 9> kNoMeaning{"nvidia", "tesla",   "geforce",    "quadro",   "gpu",
                                                     "ac",     "edition", "generation", "blackwell"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }
bool begins(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

bool has_no_meaning(std::string_view word) {
  return begins(word, "hbm") || begins(word, "gddr") ||
         std::find(kNoMeaning.begin(), kNoMeaning.end(), word) != kNoMeaning.end();
}

/// Letters and digits in a row, in small letters; "80 GB" is one word.
Words words_of(std::string_view text) {
  Words words;
  bool inside = false;
  for (const char sign : text) {
    const auto byte = static_cast<unsigned char>(sign);
    if (std::isalnum(byte) == 0) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    words.back() += static_cast<char>(std::tolower(byte));
  }
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] != "gb" || !all_digits(words[i - 1])) continue;
    words[i - 1] += "gb";
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return words;
}

/// Length of "80gb" or "144g" at the front; 0: none is there.
std::size_t memory_length(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && end < 4 && is_digit(text[end])) ++end;
  if (end == 0 || end == text.size() || text[end] != 'g') return 0;
  return begins(text.substr(end), "gb") ? end + 2 : end + 1;
}

/// A board and the parts of its contract name.
class Board {
 public:
  explicit Board(const std::string& name) : name_(name), parts_(words_of(name)) {}

  /// The words say what the board is, with the number that it is known by.
  [[nodiscard]] bool is_called(const Words& words) {
    bool numbered = false;
    for (const std::string& word : words) {
      if (has_no_meaning(word)) continue;
      const std::optional<bool> read = read_off(word);
      if (!read) return false;
      numbered = numbered || *read;
    }
    return numbered;
  }

 private:
  /// nullopt: the word is not made of parts; whether one of them is the number.
  std::optional<bool> read_off(std::string_view word) {
    if (word.empty()) return false;
    for (const std::string& part : parts_) {
      if (!begins(word, part)) continue;
      std::string_view rest = word.substr(part.size());
      if (part == "sxm" && !rest.empty() && is_digit(rest.front())) rest.remove_prefix(1);  // of the socket
      const bool is_number = memory_length(part) == 0 && std::any_of(part.begin(), part.end(), is_digit);
      if (const std::optional<bool> read = read_off(rest)) return *read || is_number;
    }
    const std::size_t memory = memory_length(word);
    if (memory == 0 || !has_memory(std::stoi(std::string(word.substr(0, memory))))) return std::nullopt;
    return read_off(word.substr(memory));
  }

  /// In GB or, as most boards are sold, GiB; some of it may be the driver's.
  bool has_memory(int gigabytes) {
    if (memory_ == 0.0) memory_ = load_gpu(name_).memory.value();
    constexpr double kGb = 1e9, kGib = 1073741824.0;
    return std::lround(memory_ / kGb) == gigabytes || std::ceil(memory_ / kGib) == gigabytes;
  }

  const std::string& name_;
  Words parts_;
  double memory_ = 0.0;
};

}  // namespace

std::vector<std::string> gpus_called(std::string_view written) {
  constexpr std::size_t kLongest = 100;
  if (written.size() > kLongest) return {};
  const Words words = words_of(written);
  std::vector<std::string> called;
  for (const std::string& name : gpu_names()) {
    if (words_of(name) == words) return {name};
    if (Board(name).is_called(words)) called.push_back(name);
  }
  return called;
}

}  // namespace orrery::hardware
