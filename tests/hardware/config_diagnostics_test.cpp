// What MapReader says of every kind of wrong value: its text, its place, and what is read in its stead.
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/config/config.hpp"

namespace orrery::hardware {
namespace {

/// The complaints of reading `text` by `read`, one a line, as an error would print them.
std::string complaints(const std::string& text, const std::function<void(MapReader&)>& read) {
  Diagnostics diagnostics("f.yaml");
  const NodePtr root = parse_config(text, "f.yaml");
  MapReader map(root.get(), "top", diagnostics);
  read(map);
  try {
    diagnostics.throw_if_any();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

struct Getter {
  const char* name;
  const char* expected;  ///< what a value of the wrong kind is told
  std::function<void(MapReader&)> read;
};

/// Every getter of a required key "x".
const std::vector<Getter>& required_getters() {
  static const std::vector<Getter> getters{
      {"text", "a text", [](MapReader& m) { EXPECT_EQ(m.text("x"), ""); }},
      {"integer", "a whole number", [](MapReader& m) { EXPECT_EQ(m.integer("x"), 0); }},
      {"number", "a number", [](MapReader& m) { EXPECT_EQ(m.number("x"), 0.0); }},
      {"choice", "one of: a, b",
       [](MapReader& m) {
         EXPECT_EQ(m.choice("x", {"a", "b"}), 0u);
       }},
      {"bytes", "a size such as '80 GiB'", [](MapReader& m) { EXPECT_EQ(m.bytes("x").value(), 0.0); }},
      {"bandwidth", "a bandwidth such as '450 GB/s'", [](MapReader& m) { EXPECT_EQ(m.bandwidth("x").value(), 0.0); }},
      {"flop_rate", "a compute rate such as '312 TFLOP/s'",
       [](MapReader& m) { EXPECT_EQ(m.flop_rate("x").value(), 0.0); }},
      {"duration", "a duration such as '1.5 us'", [](MapReader& m) { EXPECT_EQ(m.duration("x").value(), 0.0); }},
      {"frequency", "a frequency such as '1.41 GHz'", [](MapReader& m) { EXPECT_EQ(m.frequency("x").value(), 0.0); }}};
  return getters;
}

/// Every getter of an optional key "x", with a fallback that it must give.
const std::vector<Getter>& optional_getters() {
  static const std::vector<Getter> getters{
      {"text_or", "a text", [](MapReader& m) { EXPECT_EQ(m.text_or("x", "y"), "y"); }},
      {"integer_or", "a whole number", [](MapReader& m) { EXPECT_EQ(m.integer_or("x", 7), 7); }},
      {"number_or", "a number", [](MapReader& m) { EXPECT_EQ(m.number_or("x", 0.5), 0.5); }},
      {"boolean_or", "true or false", [](MapReader& m) { EXPECT_TRUE(m.boolean_or("x", true)); }},
      {"choice_or", "one of: a, b",
       [](MapReader& m) {
         EXPECT_EQ(m.choice_or("x", {"a", "b"}, 1), 1u);
       }},
      {"bytes_or", "a size such as '80 GiB'", [](MapReader& m) { EXPECT_EQ(m.bytes_or("x", Bytes{3}), Bytes{3}); }},
      {"bandwidth_or", "a bandwidth such as '450 GB/s'",
       [](MapReader& m) { EXPECT_EQ(m.bandwidth_or("x", BytesPerSecond{4}), BytesPerSecond{4}); }},
      {"duration_or", "a duration such as '1.5 us'",
       [](MapReader& m) { EXPECT_EQ(m.duration_or("x", Seconds{5}), Seconds{5}); }},
      {"power_or", "a power such as '400 W'", [](MapReader& m) { EXPECT_EQ(m.power_or("x", Watts{6}), Watts{6}); }},
      {"price_or", "a price such as '2 USD/h'",
       [](MapReader& m) { EXPECT_EQ(m.price_or("x", DollarsPerHour{7}), DollarsPerHour{7}); }}};
  return getters;
}

TEST(MapReaderErrors, AMissingKeyIsSaidOfEveryRequiredGetter) {
  for (const Getter& getter : required_getters()) {
    EXPECT_EQ(complaints("# head\n\ny: 1\n", getter.read), "f.yaml:3:1: 'top': the key 'x' is missing") << getter.name;
  }
}

TEST(MapReaderErrors, AnAbsentOptionalKeyIsSilent) {
  for (const Getter& getter : optional_getters()) EXPECT_EQ(complaints("y: 1\n", getter.read), "") << getter.name;
}

TEST(MapReaderErrors, EveryGetterRefusesListsMappingsAndNothing) {
  for (const auto& getters : {required_getters(), optional_getters()}) {
    for (const Getter& getter : getters) {
      const auto said = [&](const std::string& text) { return complaints(text, getter.read); };
      const std::string expected = std::string("'x': expected ") + getter.expected + ", found ";
      EXPECT_EQ(said("x: [1]\n"), "f.yaml:1:4: " + expected + "a list") << getter.name;
      EXPECT_EQ(said("x: {a: 1}\n"), "f.yaml:1:4: " + expected + "a mapping") << getter.name;
      EXPECT_EQ(said("y: 1\nx: ~\n"), "f.yaml:2:4: " + expected + "nothing") << getter.name;
      EXPECT_EQ(said("x:\n  - 1\n"), "f.yaml:2:3: " + expected + "a list") << getter.name;
    }
  }
}

TEST(MapReaderErrors, QuantitiesNameTheirKeyTheirUnitsAndTheirLimit) {
  const auto said = [](const std::string& value, auto read) { return complaints("x: " + value + "\n", read); };
  EXPECT_EQ(said("1 W", [](MapReader& m) { (void)m.frequency("x"); }),
            "f.yaml:1:4: 'x': 'W' is not a unit of a frequency; expected one of: Hz, kHz, MHz, GHz");
  EXPECT_EQ(said("0 GHz", [](MapReader& m) { (void)m.frequency("x"); }),
            "f.yaml:1:4: 'x': must be greater than 0, found '0 GHz'");
  EXPECT_EQ(said("-1 USD/h", [](MapReader& m) { (void)m.price_or("x", DollarsPerHour{1}); }),
            "f.yaml:1:4: 'x': must be at least 0, found '-1 USD/h'");
  EXPECT_EQ(said("0 W", [](MapReader& m) { (void)m.power_or("x", Watts{1}); }),
            "f.yaml:1:4: 'x': must be greater than 0, found '0 W'");
  EXPECT_EQ(said("0 s", [](MapReader& m) { EXPECT_EQ(m.duration("x").value(), 0.0); }), "") << "no time is a time";
}

TEST(MapReaderErrors, LimitsOfQuantitiesAreInBaseUnits) {
  const auto read = [](MapReader& m) { (void)m.duration("x", Range::between(0.001, 60.0)); };
  EXPECT_EQ(complaints("x: 1 us\n", read), "f.yaml:1:4: 'x': must be from 0.001 ps to 60 ps, found '1 us'")
      << "the first unit of the dimension";
}

TEST(Ranges, EndWhereTheySay) {
  const auto said = [](const std::string& value, Range range) {
    return complaints("x: " + value + "\n", [&](MapReader& m) { (void)m.number("x", range); });
  };
  EXPECT_EQ(said("0", Range::positive()), "f.yaml:1:4: 'x': must be greater than 0, found '0'");
  EXPECT_EQ(said("5e-324", Range::positive()), "") << "the least number above 0";
  EXPECT_EQ(said("1", Range::at_least(1)), "");
  EXPECT_EQ(said("0.999", Range::at_least(1)), "f.yaml:1:4: 'x': must be at least 1, found '0.999'");
  EXPECT_EQ(said("1", Range::between(1, 2)), "");
  EXPECT_EQ(said("2", Range::between(1, 2)), "");
  EXPECT_EQ(said("2.001", Range::between(1, 2)), "f.yaml:1:4: 'x': must be from 1 to 2, found '2.001'");
  EXPECT_EQ(said("0.5", Range::between(1, 2)), "f.yaml:1:4: 'x': must be from 1 to 2, found '0.5'");
  Range most;
  most.most = 9;
  EXPECT_EQ(said("10", most), "f.yaml:1:4: 'x': must be at most 9, found '10'");
}

TEST(Choices, OfAnEmptyOrQuotedWord) {
  const auto read = [](MapReader& m) { (void)m.choice("x", {"on", "off"}); };
  EXPECT_EQ(complaints("x: ''\n", read), "f.yaml:1:4: 'x': '' is not valid; expected one of: on, off");
  EXPECT_EQ(complaints("x: \"off\"\n", read), "") << "quotes are the writer's affair";
  EXPECT_EQ(complaints("x: OFF\n", read),
            "f.yaml:1:4: 'x': 'OFF' is not valid; did you mean 'off' or 'on'?; expected one of: off, on");
}

TEST(Lists, ReportEachBadItemAtItsPlace) {
  EXPECT_EQ(complaints("x:\n  - 1\n  - a\n  - 0\n  - [2]\n",
                       [](MapReader& m) {
                         EXPECT_EQ(m.integers_or("x", {9}, Range::at_least(1)), std::vector<std::int64_t>{1});
                       }),
            "f.yaml:3:5: 'x': expected a whole number, found 'a'\n"
            "f.yaml:4:5: 'x': must be at least 1, found '0'\n"
            "f.yaml:5:5: 'x': expected a whole number, found a list");
  EXPECT_EQ(complaints("x: word\n", [](MapReader& m) { (void)m.texts_or("x", {}); }),
            "f.yaml:1:4: 'x': expected a list, found a single value");
  EXPECT_EQ(complaints("x: []\n", [](MapReader& m) { EXPECT_TRUE(m.texts_or("x", {"a"}).empty()); }), "")
      << "an empty list is not an absent one";
}

TEST(Nesting, InnerMappingsReportIntoTheSameErrorInOrderOfPlace) {
  const std::string text = "outer:\n  bad: x\n  typo: 1\nlast: y\n";
  EXPECT_EQ(complaints(text,
                       [](MapReader& m) {
                         (void)m.integer("last");  // read first, but it stands last
                         MapReader inner(m.child("outer"), "outer", m.diagnostics());
                         (void)inner.integer("bad");
                         (void)inner.integer_or("type", 1);
                         inner.finish();
                         m.finish();
                       }),
            "f.yaml:2:8: 'bad': expected a whole number, found 'x'\n"
            "f.yaml:3:3: 'outer': unknown key 'typo'; did you mean 'type'?\n"
            "f.yaml:4:7: 'last': expected a whole number, found 'y'");
}

TEST(Nesting, OfAnAbsentMappingEveryGetterIsSilent) {
  for (const Getter& getter : required_getters()) {
    EXPECT_EQ(complaints("y: 1\n",
                         [&](MapReader& m) {
                           MapReader inner(m.child("absent"), "absent", m.diagnostics());
                           getter.read(inner);
                           EXPECT_FALSE(inner.has("x"));
                           EXPECT_EQ(inner.peek("x"), nullptr);
                           EXPECT_EQ(inner.span("x").line, 0);
                           inner.finish();
                         }),
              "")
        << getter.name;
  }
}

TEST(Nesting, ErrorsOfOneLineComeByTheirColumn) {
  EXPECT_EQ(complaints("{bb: x, a: y}\n",
                       [](MapReader& m) {
                         (void)m.integer("a");
                         (void)m.integer("bb");
                       }),
            "f.yaml:1:6: 'bb': expected a whole number, found 'x'\n"
            "f.yaml:1:12: 'a': expected a whole number, found 'y'");
}

TEST(UnknownKeys, AreAllReportedWithTheKeysThatWereReadOrAskedFor) {
  EXPECT_EQ(complaints("aa: 1\nqqq: 2\n\"z y\": 3\n",
                       [](MapReader& m) {
                         EXPECT_NE(m.peek("aa"), nullptr);
                         (void)m.integer("aa");
                         (void)m.has("zebra");
                         m.finish();
                       }),
            "f.yaml:2:1: 'top': unknown key 'qqq'; valid keys: aa, zebra\n"
            "f.yaml:3:1: 'top': unknown key 'z y'; valid keys: aa, zebra");
}

TEST(Errors, OfOneMessageHaveNoPlace) {
  const ConfigError error("something is wrong");
  EXPECT_STREQ(error.what(), "something is wrong");
  ASSERT_EQ(error.diagnostics().size(), 1u);
  EXPECT_EQ(error.diagnostics()[0].span.line, 0);
}

TEST(Errors, OfOnePlaceKeepTheOrderInWhichTheyWereFound) {
  Diagnostics diagnostics("f.yaml");
  diagnostics.error({2, 1, 5, 6}, "second line, first");
  diagnostics.error({1, 1, 0, 1}, "first line");
  diagnostics.error({2, 1, 5, 6}, "second line, second");
  try {
    diagnostics.throw_if_any();
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "f.yaml:1:1: first line\nf.yaml:2:1: second line, first\nf.yaml:2:1: second line, second");
  }
  EXPECT_EQ(diagnostics.items().front().message, "second line, first") << "collected as they came";
}

}  // namespace
}  // namespace orrery::hardware
