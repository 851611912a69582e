// Numbers and texts as people and as programs read them.
#include "scenarios/format.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

namespace orrery::scenarios {
namespace {

constexpr double kKiB = 1024.0, kMiB = 1024.0 * kKiB, kGiB = 1024.0 * kMiB;

/// Digits of the number that a text begins with, without leading zeros.
int digits_of(const std::string& text) {
  int digits = 0;
  for (const char c : text.substr(0, text.find(' '))) {
    if (c < '0' || c > '9') continue;
    if (digits > 0 || c != '0') ++digits;
  }
  return digits;
}

TEST(ReadableSeconds, GoOverToTheNextUnitWhereRoundingDoes) {
  // 0.99996 s to four digits is 1.000 s, not 1000.0 ms; 0.99994 s is 999.9 ms.
  EXPECT_EQ(readable(0.99996, Unit::seconds), "1.000 s");
  EXPECT_EQ(readable(0.99994, Unit::seconds), "999.9 ms");
  EXPECT_EQ(readable(0.00099996, Unit::seconds), "1.000 ms");
  EXPECT_EQ(readable(9.99996, Unit::seconds), "10.00 s");
  EXPECT_EQ(readable(-0.25, Unit::seconds), "-250.0 ms");
}

TEST(ReadableSeconds, BeyondABillionHaveAPowerOfTen) {
  EXPECT_EQ(readable(1e300, Unit::seconds), "1e+300 s");
  EXPECT_EQ(readable(1.23456e9, Unit::seconds), "1.235e+09 s");
  EXPECT_EQ(readable(999'000'000.0, Unit::seconds), "999000000 s");
}

TEST(ReadableSeconds, StayAtTheirUnitsEdges) {
  EXPECT_EQ(readable(1.0, Unit::seconds), "1.000 s");
  EXPECT_EQ(readable(1e-3, Unit::seconds), "1.000 ms");
  EXPECT_EQ(readable(1e-6, Unit::seconds), "1.000 us");
  EXPECT_EQ(readable(1e-9, Unit::seconds), "1.000 ns");
  EXPECT_EQ(readable(999.96e-9, Unit::seconds), "1.000 us") << "not 1000 ns";
  EXPECT_EQ(readable(12345.0, Unit::seconds), "12345 s");  // whole seconds keep their digits
}

TEST(ReadableBytes, GoOverToTheNextUnitWhereRoundingDoes) {
  EXPECT_EQ(readable(kGiB, Unit::bytes), "1.000 GiB");
  EXPECT_EQ(readable(kGiB - 1.0, Unit::bytes), "1.000 GiB");
  // 1023.4 MiB is 1023 to four digits.
  EXPECT_EQ(readable(1023.4 * kMiB, Unit::bytes), "1023 MiB");
  EXPECT_EQ(readable(kMiB, Unit::bytes), "1.000 MiB");
  EXPECT_EQ(readable(1023.0, Unit::bytes), "1023 B");
  EXPECT_EQ(readable(1024.0, Unit::bytes), "1.000 KiB");
  EXPECT_EQ(readable(0.0, Unit::bytes), "0 B");
  EXPECT_EQ(readable(-3.0 * kGiB, Unit::bytes), "-3.000 GiB");
  EXPECT_EQ(readable(2.5 * 1024.0 * kGiB, Unit::bytes), "2560 GiB");
}

TEST(Readable, NamesTheUnitOfEachKind) {
  EXPECT_EQ(readable(1.0 / 3.0, Unit::ratio), "33.33 %");
  EXPECT_EQ(readable(-0.05, Unit::ratio), "-5.00 %");
  EXPECT_EQ(readable(312.0, Unit::tflops), "312.0 TFLOP/s");
  EXPECT_EQ(readable(0.5, Unit::hours), "0.5000 h");
  EXPECT_EQ(readable(1234.5, Unit::dollars), "1234 USD");  // half to even
  EXPECT_EQ(readable(7.25, Unit::tokens_per_second), "7.250 tokens/s");
  EXPECT_EQ(readable(0.0, Unit::flag), "no");
  EXPECT_EQ(readable(1e12, Unit::count), "1000000000000");
}

#ifdef ORRERY_HAVE_RAPIDCHECK
TEST(ReadableProperty, HasFourDigitsBelowTenThousand) {
  EXPECT_TRUE(rc::check("four significant digits, whatever the size", [] {
    // 10^-5 … 10^3 in steps that no unit's edge is a multiple of.
    const double value = std::pow(10.0, *rc::gen::inRange(-500, 300) / 100.0 + 0.0001);
    RC_ASSERT(digits_of(readable(value, Unit::seconds)) == 4);
    RC_ASSERT(digits_of(readable(value * kKiB * 1e6, Unit::bytes)) == 4);
    RC_ASSERT(digits_of(readable(value, Unit::number)) == 4);
  }));
}

TEST(ReadableProperty, ReadsBackWithinHalfOfItsLastDigit) {
  EXPECT_TRUE(rc::check("the text is the value to 5e-4 of it", [] {
    const double value = std::pow(10.0, *rc::gen::inRange(-500, 300) / 100.0 + 0.0001);
    std::string error;
    const auto seconds = hardware::parse_duration(readable(value, Unit::seconds), error);
    RC_ASSERT(seconds.has_value());
    RC_ASSERT(std::fabs(seconds->value() / value - 1.0) <= 5.0001e-4);
    const auto bytes = hardware::parse_bytes(readable(value * 1e7, Unit::bytes), error);
    RC_ASSERT(bytes.has_value());
    RC_ASSERT(std::fabs(bytes->value() / (value * 1e7) - 1.0) <= 5.0001e-4);
  }));
}

TEST(ShortestProperty, IsTheSameNumberAgain) {
  EXPECT_TRUE(rc::check("any finite double", [](std::uint64_t bits) {
    double value = 0.0;
    static_assert(sizeof value == sizeof bits);
    std::memcpy(&value, &bits, sizeof bits);
    RC_PRE(std::isfinite(value));
    const std::string text = shortest(value);
    double read = 0.0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), read);
    RC_ASSERT(code == std::errc{});
    RC_ASSERT(end == text.data() + text.size());
    RC_ASSERT(read == value);
  }));
}

TEST(GroupedProperty, KeepsTheDigits) {
  EXPECT_TRUE(rc::check("commas part threes and nothing else changes", [](std::int64_t value) {
    const std::string text = grouped(value);
    std::string digits;
    int run = 0;
    for (auto c = text.rbegin(); c != text.rend(); ++c) {
      if (*c == ',') {
        RC_ASSERT(run == 3);
        run = 0;
        continue;
      }
      run += *c != '-' ? 1 : 0;
      RC_ASSERT(run <= 3);
      digits.insert(digits.begin(), *c);
    }
    RC_ASSERT(digits == std::to_string(value));
  }));
}
#endif

TEST(Grouped, PartsThousands) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-999), "-999");
  EXPECT_EQ(grouped(-123456), "-123,456");
  EXPECT_EQ(grouped(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(Printable, ShowsWhatWouldSteerATerminal) {
  EXPECT_EQ(printable("plain"), "plain");
  EXPECT_EQ(printable("\x1b[31mred\x7f\n"), "\\x1b[31mred\\x7f\\x0a");
  EXPECT_EQ(printable("Größe"), "Größe");  // bytes above 0x7f are text
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

/// The cells of a row as RFC 4180 reads them.
std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (quoted && row[i] == '"' && i + 1 < row.size() && row[i + 1] == '"') {
      cells.back() += row[i++];
    } else if (row[i] == '"') {
      quoted = !quoted;
    } else if (row[i] == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += row[i];
    }
  }
  return cells;
}

TEST(CsvField, QuotesOnlyWhereItMust) {
  EXPECT_EQ(csv_field(""), "");
  EXPECT_EQ(csv_field("a b;c"), "a b;c");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(csv_field("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(csv_field("\r"), "\"\r\"");
}

TEST(CsvField, ReadsBackBetweenOthers) {
  for (const std::string text : {"", ",", "\"", "\"\"", "a,\"b\"\r\nc", "ü,ü"}) {
    const std::vector<std::string> cells = cells_of("first," + csv_field(text) + ",last");
    ASSERT_EQ(cells.size(), 3U) << text;
    EXPECT_EQ(cells[1], text);
  }
}

}  // namespace
}  // namespace orrery::scenarios
