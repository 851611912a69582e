// Bisection against asking every number.

#include "scenarios/search/bisection.hpp"

#include <cmath>
#include <set>

#include <gtest/gtest.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck/gtest.h>
#endif

namespace orrery::scenarios {
namespace {

using Answer = std::optional<std::int64_t>;

TEST(Bisection, FindsTheTurnOfAQuestionByHand) {
  const auto up_to_16 = [](std::int64_t n) { return n <= 16; };
  for (const std::int64_t start : {1, 5, 16, 17, 900}) {
    EXPECT_EQ(most_that_holds(1, 1000, {start}, up_to_16), 16) << start;
  }
  EXPECT_EQ(most_that_holds(1, 10, {1}, up_to_16), 10);
  EXPECT_EQ(most_that_holds(17, 1000, {17}, up_to_16), std::nullopt);
  EXPECT_EQ(most_that_holds(17, 1000, {500}, up_to_16), std::nullopt);
  EXPECT_EQ(most_that_holds(16, 16, {16}, up_to_16), 16);
  EXPECT_EQ(most_between(1, 1000, up_to_16), 16);
  EXPECT_EQ(most_between(16, 17, up_to_16), 16);
  const auto from_3 = [](std::int64_t n) { return n >= 3; };
  for (const bool top_first : {false, true}) {
    EXPECT_EQ(fewest_that_holds(1, 1000, top_first, from_3), 3);
    EXPECT_EQ(fewest_that_holds(5, 1000, top_first, from_3), 5);
    EXPECT_EQ(fewest_that_holds(1, 2, top_first, from_3), std::nullopt);
    EXPECT_EQ(fewest_that_holds(1, 3, top_first, from_3), 3);
    EXPECT_EQ(fewest_that_holds(4, 3, top_first, from_3), std::nullopt);
  }
}

TEST(Bisection, OfWhatNothingSatisfiesEndsAtOnceFromTheTop) {
  int asked = 0;
  const auto never = [&](std::int64_t) { return ++asked < 0; };
  EXPECT_EQ(fewest_that_holds(1, 1'000'000, true, never), std::nullopt);
  EXPECT_EQ(asked, 1);
}

#ifdef ORRERY_HAVE_RAPIDCHECK
/// Asks as bisection may: inside the range, no number twice, and not many.
template <class Search>
void expect_frugal(std::int64_t least, std::int64_t most, const Search& search) {
  std::set<std::int64_t> asked;
  search([&](std::int64_t n) {
    RC_ASSERT(n >= least && n <= most);
    RC_ASSERT(asked.insert(n).second);
  });
  RC_ASSERT(static_cast<double>(asked.size()) <= 2.0 * std::log2(static_cast<double>(most - least + 2)) + 3.0);
}

RC_GTEST_PROP(Bisection, AgreesWithAskingEveryNumber, ()) {
  const auto least = *rc::gen::inRange<std::int64_t>(-50, 50);
  const auto most = least + *rc::gen::inRange<std::int64_t>(0, 300);
  const auto turn = *rc::gen::inRange<std::int64_t>(least - 5, most + 6);
  const auto start = *rc::gen::inRange<std::int64_t>(least, most + 1);
  const bool top_first = *rc::gen::arbitrary<bool>();
  Answer largest, smallest;
  for (std::int64_t n = least; n <= most; ++n) {
    if (n <= turn) largest = n;
    if (n >= turn && !smallest) smallest = n;
  }
  expect_frugal(least, most, [&](const auto& note) {
    const Answer found = most_that_holds(least, most, {start}, [&](std::int64_t n) {
      note(n);
      return n <= turn;
    });
    RC_ASSERT(found == largest);
  });
  expect_frugal(least, most, [&](const auto& note) {
    const Answer found = fewest_that_holds(least, most, top_first, [&](std::int64_t n) {
      note(n);
      return n >= turn;
    });
    RC_ASSERT(found == smallest);
  });
}
#endif

#ifdef ORRERY_HAVE_RAPIDCHECK
// A guess may be anything, also outside of the range.
RC_GTEST_PROP(Bisection, GuessChangesNoAnswer, ()) {
  const auto least = *rc::gen::inRange<std::int64_t>(-50, 50);
  const auto most = least + *rc::gen::inRange<std::int64_t>(-1, 300);
  const auto turn = *rc::gen::inRange<std::int64_t>(least - 5, most + 6);
  const TurnStart guess{*rc::gen::inRange<std::int64_t>(-500, 500), *rc::gen::inRange<std::int64_t>(-3, 100)};
  const bool top_first = *rc::gen::arbitrary<bool>();
  std::set<std::int64_t> asked;
  const auto note = [&](std::int64_t n) {
    RC_ASSERT(n >= least && n <= most);
    RC_ASSERT(asked.insert(n).second);
  };
  const auto up_to = [&](std::int64_t n) {
    note(n);
    return n <= turn;
  };
  const auto from = [&](std::int64_t n) {
    note(n);
    return n >= turn;
  };
  RC_ASSERT(most_that_holds(least, most, guess, up_to) ==
            most_that_holds(least, most, {least}, [&](std::int64_t n) { return n <= turn; }));
  asked.clear();
  RC_ASSERT(fewest_that_holds(least, most, top_first, from, [&] { return guess; }) ==
            fewest_that_holds(least, most, top_first, [&](std::int64_t n) { return n >= turn; }));
}
#endif

TEST(Bisection, GoodGuessSavesQuestions) {
  int asked = 0;
  const auto from_228 = [&](std::int64_t n) { return ++asked, n >= 228; };
  EXPECT_EQ(fewest_that_holds(1, 4096, false, from_228), 228);
  // 1, 3, 7, … 127, 255 are 8, and 7 halve the 128 between the last two.
  EXPECT_EQ(asked, 15);
  asked = 0;
  EXPECT_EQ(fewest_that_holds(1, 4096, false, from_228, [] { return TurnStart{230, 4}; }), 228);
  EXPECT_EQ(asked, 4);  // 230 and 226, then 228 and 227
}

TEST(Bisection, GuessIsNotWorkedOutWhereNothingHolds) {
  int guessed = 0;
  const auto guess = [&] { return ++guessed, TurnStart{5}; };
  EXPECT_EQ(fewest_that_holds(
                1, 10, true, [](std::int64_t) { return false; }, guess),
            std::nullopt);
  EXPECT_EQ(fewest_that_holds(
                7, 7, true, [](std::int64_t) { return true; }, guess),
            7);
  EXPECT_EQ(guessed, 0);
}

}  // namespace
}  // namespace orrery::scenarios
