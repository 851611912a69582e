// Texts of files in messages: nothing that a terminal would act on.
#include "hardware/config/shown.hpp"

#include <string>

#include <gtest/gtest.h>

namespace orrery::hardware {
namespace {

TEST(Printable, ReplacesEveryByteThatIsNotPrintableAscii) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  const std::string text = printable(all, all.size());
  ASSERT_EQ(text.size(), 256u);
  for (int c = 0; c < 256; ++c) {
    const bool plain = c >= ' ' && c <= '~';
    EXPECT_EQ(text[static_cast<std::size_t>(c)], plain ? static_cast<char>(c) : '?') << c;
  }
}

TEST(Printable, TakesTheEscapeOutOfATerminalSequence) {
  EXPECT_EQ(printable("\x1b[2J\x1b]0;title\a"), "?[2J?]0;title?");
  EXPECT_EQ(printable("two\nlines\r\x7f"), "two?lines??");
  EXPECT_EQ(printable("ñ"), "??") << "two bytes";
}

TEST(Printable, CutsAtTheLimitAndSaysSo) {
  EXPECT_EQ(printable(std::string(40, 'a')), std::string(40, 'a'));
  EXPECT_EQ(printable(std::string(41, 'a')), std::string(40, 'a') + "…");
  EXPECT_EQ(printable("abc", 2), "ab…");
  EXPECT_EQ(printable("abc", 0), "…");
  EXPECT_EQ(printable("", 0), "");
}

TEST(Shown, IsTheSameInQuotes) {
  EXPECT_EQ(shown("a\tb"), "\"a?b\"");
  EXPECT_EQ(shown(""), "\"\"");
  EXPECT_EQ(shown("abcdef", 3), "\"abc…\"");
}

}  // namespace
}  // namespace orrery::hardware
