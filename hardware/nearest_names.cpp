// "Did you mean": the nearest valid names to a mistyped word.
//
// Optimal string alignment distance (insert, delete, replace, swap neighbours; Damerau 1964), ignoring case.
// A name that the word begins, or that begins the word ("h100" for "h100_sxm"), counts as one edit away; one that the
// word begins from a part on, however its parts are joined ("pro6000" for "rtx_pro_6000_server"), as two.

#include "hardware/nearest_names.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace orrery::hardware {
namespace {

constexpr std::size_t kMaxWord = 64;
constexpr std::size_t kMaxNames = 3;
constexpr std::size_t kMinPrefix = 3;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = std::exchange(last, row);
  }
  return last[b.size()];
}

bool is_joint(char c) { return c == '_' || c == '-' || c == '.' || c == ' '; }

std::string without_joints(std::string text) {
  text.erase(std::remove_if(text.begin(), text.end(), is_joint), text.end());
  return text;
}

bool begins_a_part(const std::string& word, const std::string& name) {
  const std::string wanted = without_joints(word);
  if (wanted.size() < kMinPrefix) return false;
  for (std::size_t at = 0; at < name.size(); ++at) {
    if (at > 0 && !is_joint(name[at - 1])) continue;
    if (without_joints(name.substr(at)).compare(0, wanted.size(), wanted) == 0) return true;
  }
  return false;
}

std::size_t distance(const std::string& word, const std::string& name) {
  const std::size_t edits = edit_distance(word, name);
  const std::size_t shared = std::min(word.size(), name.size());
  const bool is_prefix = shared >= kMinPrefix && word.compare(0, shared, name, 0, shared) == 0;
  if (is_prefix) return std::min<std::size_t>(edits, 1);
  return begins_a_part(word, name) ? std::min<std::size_t>(edits, 2) : edits;
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view word, const std::vector<std::string>& valid) {
  if (word.empty() || word.size() > kMaxWord) return {};
  const std::string wanted = lower(word);
  const std::size_t most = std::max<std::size_t>(2, wanted.size() / 3);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& name : valid) {
    if (name.size() > kMaxWord) continue;
    const std::size_t edits = distance(wanted, lower(name));
    // Two edits turn any two-letter word into any other: nothing of the word may be left.
    if (edits <= most && edits < wanted.size()) near.emplace_back(edits, name);
  }
  std::sort(near.begin(), near.end());
  near.erase(std::unique(near.begin(), near.end()), near.end());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < near.size() && i < kMaxNames; ++i) names.push_back(near[i].second);
  return names;
}

}  // namespace orrery::hardware
