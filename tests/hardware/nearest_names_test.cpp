// "Did you mean" against a slow definition of the distance: every name is measured by plain recursion.
#include "hardware/nearest_names.hpp"

#include <algorithm>
#include <cctype>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace orrery::hardware {
namespace {

using Names = std::vector<std::string>;

/// Optimal string alignment of a[0, i) and b[0, j), by its definition.
std::size_t edits(const std::string& a, std::size_t i, const std::string& b, std::size_t j) {
  if (i == 0) return j;
  if (j == 0) return i;
  std::size_t least = std::min(edits(a, i - 1, b, j), edits(a, i, b, j - 1)) + 1;
  least = std::min(least, edits(a, i - 1, b, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1));
  if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
    least = std::min(least, edits(a, i - 2, b, j - 2) + 1);
  }
  return least;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string joined(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  return text;
}

/// The distance as the file documents it: one of the two words begins the other, of three letters at least, is one
/// edit; a word that begins the name from a part on, whatever joints both have, is two.
std::size_t distance(const std::string& word, const std::string& name) {
  const std::string a = lower(word), b = lower(name);
  const std::size_t shared = std::min(a.size(), b.size()), least = edits(a, a.size(), b, b.size());
  if (shared >= 3 && a.substr(0, shared) == b.substr(0, shared)) return std::min<std::size_t>(least, 1);
  for (std::size_t i = 0; i < b.size(); ++i) {
    const bool is_part = i == 0 || b[i - 1] == '_';
    if (is_part && joined(a).size() >= 3 && joined(b.substr(i)).rfind(joined(a), 0) == 0) {
      return std::min<std::size_t>(least, 2);
    }
  }
  return least;
}

Names reference(const std::string& word, const Names& valid) {
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& name : valid) {
    const std::size_t far = distance(word, name);
    if (far <= std::max<std::size_t>(2, word.size() / 3) && far < word.size()) near.emplace_back(far, name);
  }
  std::sort(near.begin(), near.end());
  near.erase(std::unique(near.begin(), near.end()), near.end());
  Names names;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, near.size()); ++i) names.push_back(near[i].second);
  return names;
}

/// Words of few letters, so that many are near one another.
std::string random_word(std::mt19937& random, std::size_t most) {
  std::string word(random() % (most + 1), 'a');
  for (char& c : word) c = "abAB_"[random() % 5];
  return word;
}

TEST(NearestNames, AreThoseOfTheDefinition) {
  std::mt19937 random(20261122);
  for (int i = 0; i < 400; ++i) {
    Names valid(random() % 8);
    for (std::string& name : valid) name = random_word(random, 6);
    const std::string word = random_word(random, 6);
    EXPECT_EQ(nearest_names(word, valid), reference(word, valid)) << word;
  }
}

TEST(NearestNames, DoNotDependOnTheOrderOrOnRepetitions) {
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    Names valid(1 + random() % 8);
    for (std::string& name : valid) name = random_word(random, 8);
    const std::string word = random_word(random, 8);
    const Names expected = nearest_names(word, valid);
    valid.push_back(valid[random() % valid.size()]);
    std::shuffle(valid.begin(), valid.end(), random);
    EXPECT_EQ(nearest_names(word, valid), expected) << word;
  }
}

TEST(NearestNames, AreUnderstoodAcrossEachKindOfSlip) {
  const Names valid{"tensor_parallel", "pipeline_parallel", "data_parallel"};
  for (const char* slip : {"tensor_parallell", "tensor_paralel", "tensor-parallel", "tenosr_parallel",
                           "TENSOR_PARALLEL", "tensor", "tensor_parallel_size"}) {
    const Names near = nearest_names(slip, valid);
    ASSERT_FALSE(near.empty()) << slip;
    EXPECT_EQ(near[0], "tensor_parallel") << slip;
  }
}

TEST(NearestNames, AreThoseThatHoldTheWord) {
  const Names gpus{"a100_sxm", "rtx_5090", "rtx_6000_ada", "rtx_a6000", "rtx_pro_6000_server"};
  EXPECT_EQ(nearest_names("a6000", gpus), Names{"rtx_a6000"});
  EXPECT_EQ(nearest_names("5090", gpus), Names{"rtx_5090"});
  EXPECT_EQ(nearest_names("pro6000", gpus), Names{"rtx_pro_6000_server"});
  EXPECT_EQ(nearest_names("pro-6000", gpus), Names{"rtx_pro_6000_server"});
  EXPECT_EQ(nearest_names("6000", gpus), (Names{"rtx_6000_ada", "rtx_pro_6000_server"}));
  EXPECT_EQ(nearest_names("tre", {"nvls_tree", "tree"}), (Names{"tree", "nvls_tree"})) << "the whole before a part";
  EXPECT_TRUE(nearest_names("000_ada", gpus).empty()) << "within a part";
}

TEST(NearestNames, OfEqualDistanceComeByTheAlphabet) {
  EXPECT_EQ(nearest_names("cat", {"rat", "bat", "hat", "mat"}), (Names{"bat", "hat", "mat"}));
}

TEST(NearestNames, NothingOfTheWordMayBeChanged) {
  // Two edits make any word of two letters of any other.
  EXPECT_TRUE(nearest_names("ab", {"cd", "xy"}).empty());
  EXPECT_EQ(nearest_names("ab", {"ac"}), Names{"ac"});
  EXPECT_TRUE(nearest_names("a", {"b", "ab", ""}).empty()) << "of one letter none is left";
}

TEST(NearestNames, TwoLettersAreNoBeginning) {
  EXPECT_TRUE(nearest_names("h1", {"h100_sxm"}).empty());
  EXPECT_EQ(nearest_names("h10", {"h100_sxm"}), Names{"h100_sxm"});
  EXPECT_EQ(nearest_names("h100_sxm_80gb_custom", {"h100_sxm"}), Names{"h100_sxm"});
}

TEST(NearestNames, AllowAThirdOfALongWordToBeWrong) {
  const std::string name = "interleaved_schedule";  // 20 letters
  EXPECT_EQ(nearest_names("interlXXXXXXschedule", {name}), Names{name}) << "6 of 20";
  EXPECT_TRUE(nearest_names("interlXXXXXXXchedule", {name}).empty()) << "7 of 20";
}

TEST(NearestNames, OverlongWordsAreLeftOut) {
  const std::string at_most(64, 'x');
  EXPECT_EQ(nearest_names(at_most, {at_most}), Names{at_most});
  EXPECT_TRUE(nearest_names(at_most + "x", {at_most}).empty());
  EXPECT_TRUE(nearest_names(at_most, {at_most + "x"}).empty());
}

}  // namespace
}  // namespace orrery::hardware
