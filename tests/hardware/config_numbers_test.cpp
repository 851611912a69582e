// Numbers and quantities as they are written: every unit of every dimension, limits, rounding, and the complaints.
#include "hardware/config/config_numbers.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

namespace orrery::hardware {
namespace {

const std::vector<const Dimension*>& dimensions() {
  static const std::vector<const Dimension*> all{&size_dimension(),     &bandwidth_dimension(), &flop_rate_dimension(),
                                                 &duration_dimension(), &frequency_dimension(), &power_dimension(),
                                                 &price_dimension()};
  return all;
}

/// What the text says, in SI units; fails the test where it is refused.
double quantity(const std::string& text, const Dimension& dimension) {
  std::string error;
  const std::optional<double> value = parse_quantity(text, dimension, error);
  EXPECT_TRUE(value.has_value()) << text << ": " << error;
  return value.value_or(std::nan(""));
}

std::string complaint(const std::string& text, const Dimension& dimension) {
  std::string error;
  EXPECT_FALSE(parse_quantity(text, dimension, error).has_value()) << text;
  return error;
}

std::string number_complaint(const std::string& text) {
  std::string error;
  EXPECT_FALSE(parse_number(text, error).has_value()) << text;
  return error;
}

std::string integer_complaint(const std::string& text) {
  std::string error;
  EXPECT_FALSE(parse_integer(text, error).has_value()) << text;
  return error;
}

std::int64_t integer(const std::string& text) {
  std::string error;
  const std::optional<std::int64_t> value = parse_integer(text, error);
  EXPECT_TRUE(value.has_value()) << text << ": " << error;
  return value.value_or(0);
}

TEST(Units, AreThoseOfTheirDimensionAtTheirSize) {
  // SI prefixes are powers of ten, IEC ones of two; a byte has eight bits; a day 24 hours.
  const std::map<const Dimension*, std::map<std::string, double>> expected{
      {&size_dimension(),
       {{"B", 1},
        {"kB", 1e3},
        {"MB", 1e6},
        {"GB", 1e9},
        {"TB", 1e12},
        {"PB", 1e15},
        {"KiB", 1024},
        {"MiB", std::exp2(20)},
        {"GiB", std::exp2(30)},
        {"TiB", std::exp2(40)}}},
      {&bandwidth_dimension(),
       {{"B/s", 1},
        {"kB/s", 1e3},
        {"MB/s", 1e6},
        {"GB/s", 1e9},
        {"TB/s", 1e12},
        {"Mb/s", 125e3},
        {"Gb/s", 125e6},
        {"Tb/s", 125e9},
        {"MiB/s", std::exp2(20)},
        {"GiB/s", std::exp2(30)},
        {"TiB/s", std::exp2(40)}}},
      {&flop_rate_dimension(),
       {{"FLOP/s", 1}, {"GFLOP/s", 1e9}, {"TFLOP/s", 1e12}, {"PFLOP/s", 1e15}, {"EFLOP/s", 1e18}, {"TOP/s", 1e12}}},
      {&duration_dimension(),
       {{"ps", 1e-12}, {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}}},
      {&frequency_dimension(), {{"Hz", 1}, {"kHz", 1e3}, {"MHz", 1e6}, {"GHz", 1e9}}},
      {&power_dimension(), {{"W", 1}, {"kW", 1e3}, {"MW", 1e6}}},
      {&price_dimension(), {{"USD/h", 1}}}};
  for (const auto& [dimension, units] : expected) {
    EXPECT_EQ(dimension->units.size(), units.size()) << dimension->what;
    for (const auto& [unit, scale] : units) {
      EXPECT_DOUBLE_EQ(quantity("3 " + unit, *dimension), 3.0 * scale) << unit;
    }
  }
}

TEST(Units, TheExampleOfEveryDimensionIsOneOfIt) {
  for (const Dimension* dimension : dimensions()) {
    EXPECT_GT(quantity(std::string(dimension->example), *dimension), 0.0);
    EXPECT_EQ(complaint("much", *dimension),
              fmt::format("expected {} such as '{}', found 'much'", dimension->what, dimension->example));
  }
}

TEST(Units, BelongToOneDimensionAndNameTheirs) {
  for (const Dimension* dimension : dimensions()) {
    for (const Dimension* other : dimensions()) {
      if (dimension == other) continue;
      for (const Unit& unit : other->units) {
        const std::string error = complaint(fmt::format("1 {}", unit.name), *dimension);
        EXPECT_EQ(
            error.rfind(fmt::format("'{}' is not a unit of {}; expected one of: ", unit.name, dimension->what), 0), 0u)
            << error;
      }
    }
  }
}

TEST(Units, TellTheLettersApart) {
  EXPECT_EQ(complaint("1 gb", size_dimension()).substr(0, 28), "'gb' is not a unit of a size");
  EXPECT_EQ(quantity("8 Gb/s", bandwidth_dimension()), quantity("1 GB/s", bandwidth_dimension()));
  EXPECT_NE(complaint("1 MS", duration_dimension()).find("did you mean 'ms'"), std::string::npos);
  EXPECT_NE(complaint("2 $/h", price_dimension()).find("expected one of: USD/h"), std::string::npos);
}

TEST(Quantities, WithoutAUnitListThem) {
  EXPECT_EQ(complaint("5", power_dimension()), "'5' has no unit; a power needs one of: W, kW, MW");
  EXPECT_EQ(complaint(" 5\t", frequency_dimension()), "'5' has no unit; a frequency needs one of: Hz, kHz, MHz, GHz");
}

TEST(Quantities, BeyondADoubleAreRefusedOnEitherSideOfTheUnit) {
  EXPECT_EQ(complaint("1e400 B", size_dimension()), "'1e400' is outside the range of a number");
  EXPECT_EQ(complaint("1e300 PB", size_dimension()), "'1e300 PB' is outside the range of a number");
  EXPECT_EQ(complaint("1e293 PB", size_dimension()), "'1e293 PB' is no size that anything has: expected 0 to 1e+300 B");
  EXPECT_EQ(quantity("1e284 PB", size_dimension()), 1e284 * 1e15);
}

TEST(Quantities, MayBeNegativeForTheRangeToRefuse) {
  EXPECT_EQ(quantity("-2 us", duration_dimension()), -2e-6);
  EXPECT_EQ(quantity("+2 us", duration_dimension()), 2e-6);
}

TEST(Numbers, TakeTheFormsOfADecimalNumber) {
  std::string error;
  const std::map<std::string, double> expected{
      {"8", 8},       {"-1.5e3", -1500}, {"+.5", 0.5}, {"5.", 5}, {"0", 0},     {"1E3", 1000},     {"1e+3", 1000},
      {"1e-3", 1e-3}, {" 7\t", 7},       {"007", 7},   {"-0", 0}, {"0.1", 0.1}, {"1e-320", 1e-320}};
  for (const auto& [text, value] : expected) EXPECT_EQ(parse_number(text, error), value) << text;
  EXPECT_EQ(error, "");
}

TEST(Numbers, RefuseEverythingElse) {
  for (const char* text : {"",    " ",   "+",    "-",   ".",   "e3",   "1e",   "1e+",   "1 2",   "1,5", "1_000",
                           "--1", "+-1", "0x10", "nan", "inf", ".nan", ".inf", "-.inf", "1.2.3", "1f",  "١"}) {
    EXPECT_EQ(number_complaint(text).rfind("expected a number, found '", 0), 0u) << text;
  }
  EXPECT_EQ(number_complaint("1e309"), "'1e309' is outside the range of a number");
  EXPECT_EQ(number_complaint("-1e309"), "'-1e309' is outside the range of a number");
}

TEST(Integers, ReachFromTheLeastToTheLargestOf64Bits) {
  EXPECT_EQ(integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(integer_complaint("9223372036854775808"), "'9223372036854775808' does not fit in 64 bits");
  EXPECT_EQ(integer_complaint("-9223372036854775809"), "'-9223372036854775809' does not fit in 64 bits");
}

TEST(Integers, MayHaveAnExponentWhereTheyStayWhole) {
  EXPECT_EQ(integer("1e6"), 1'000'000);
  EXPECT_EQ(integer("1E6"), 1'000'000);
  EXPECT_EQ(integer("2.5e3"), 2500);
  EXPECT_EQ(integer("-1e3"), -1000);
  EXPECT_EQ(integer("+8"), 8);
  EXPECT_EQ(integer("0e0"), 0);
  EXPECT_EQ(integer_complaint("2.5e0"), "expected a whole number, found '2.5e0'");
  EXPECT_EQ(integer_complaint("1e-3"), "expected a whole number, found '1e-3'");
  EXPECT_EQ(integer_complaint("8.0"), "expected a whole number, found '8.0'") << "a fraction, if of nothing";
}

TEST(Integers, WithAnExponentEndWhereADoubleStopsTelling) {
  EXPECT_EQ(integer("9007199254740992e0"), std::int64_t{1} << 53);
  EXPECT_EQ(integer_complaint("9007199254740994e0"), "expected a whole number, found '9007199254740994e0'");
  EXPECT_EQ(integer_complaint("1e16"), "expected a whole number, found '1e16'");
  EXPECT_EQ(integer_complaint("1e999"), "'1e999' is outside the range of a number");
}

TEST(Quoting, CutsLongTextsBetweenCharacters) {
  EXPECT_EQ(in_quotes(""), "''");
  EXPECT_EQ(in_quotes(std::string(60, 'x')), "'" + std::string(60, 'x') + "'");
  EXPECT_EQ(in_quotes(std::string(61, 'x')), "'" + std::string(60, 'x') + "…'");
  // 59 letters, then characters of two bytes: the 60th byte begins one, which does not fit whole.
  EXPECT_EQ(in_quotes(std::string(59, 'x') + "ññ"), "'" + std::string(59, 'x') + "…'");
}

TEST(Advice, IsWordedByTheNumberOfNames) {
  EXPECT_EQ(did_you_mean("zzz", {"bat"}), "");
  EXPECT_EQ(did_you_mean("cat", {"bat"}), "; did you mean 'bat'?");
  EXPECT_EQ(did_you_mean("cat", {"bat", "hat"}), "; did you mean 'bat' or 'hat'?");
  EXPECT_EQ(did_you_mean("cat", {"bat", "hat", "rat", "mat"}), "; did you mean 'bat', 'hat' or 'mat'?");
  EXPECT_EQ(listed({}), "");
  EXPECT_EQ(listed({"a", "b"}), "a, b");
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(NumberProperties, EveryDoubleReadsBackFromItsShortestForm) {
  EXPECT_TRUE(rc::check([](double value) {
    RC_PRE(std::isfinite(value));
    std::string error;
    const auto back = parse_number(fmt::format("{}", value), error);
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == value);
  }));
}

TEST(NumberProperties, EveryIntegerReadsBackAndNoHalfOneDoes) {
  EXPECT_TRUE(rc::check([](std::int64_t value) {
    std::string error;
    RC_ASSERT(parse_integer(fmt::format("{}", value), error) == value);
    RC_ASSERT(!parse_integer(fmt::format("{}.5", value), error).has_value());
    RC_ASSERT(error.find("expected a whole number") == 0);
  }));
}

TEST(NumberProperties, AQuantityIsItsNumberTimesItsUnitHoweverItIsSpaced) {
  EXPECT_TRUE(rc::check([](double number) {
    const Dimension& dimension = *dimensions()[*rc::gen::inRange<std::size_t>(0, dimensions().size())];
    const Unit unit = dimension.units[*rc::gen::inRange<std::size_t>(0, dimension.units.size())];
    const std::string space(*rc::gen::inRange<std::size_t>(0, 3), ' ');
    std::string error;
    const auto value = parse_quantity(fmt::format("{}{}{}{}", space, number, space, unit.name), dimension, error);
    // No power of ten below 1 is a double, but what is written in such a unit has one next to it.
    const std::string digits = fmt::format("{}", number);  // as above
    const auto e = digits.find('e');
    const int exponent = e == std::string::npos ? 0 : std::stoi(digits.substr(e + 1));
    const std::string shifted =
        fmt::format("{}e{}", digits.substr(0, e), exponent + std::lround(std::log10(unit.scale)));
    const double all = unit.scale < 1.0 ? std::strtod(shifted.c_str(), nullptr) : number * unit.scale;
    // Those below 0 are for the range of the key to refuse.
    const bool is_beyond = !std::isfinite(all) || (all > 0.0 && (all < dimension.least || all > dimension.most));
    RC_ASSERT(value.has_value() == !is_beyond);
    if (value) RC_ASSERT(*value == all);
  }));
}

TEST(NumberProperties, NoTextIsBothRefusedAndRead) {
  EXPECT_TRUE(rc::check([] {
    const std::string text =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789+-.eE _x"))).as("text");
    std::string number_error, integer_error;
    const auto number = parse_number(text, number_error);
    const auto whole = parse_integer(text, integer_error);
    RC_ASSERT(number.has_value() == number_error.empty());
    RC_ASSERT(whole.has_value() == integer_error.empty());
    if (whole) {
      RC_ASSERT(number.has_value());
      RC_ASSERT(static_cast<double>(*whole) == *number);
    }
  }));
}

#endif

}  // namespace
}  // namespace orrery::hardware
