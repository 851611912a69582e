// MapReader and the parsers of quantities: values, limits and the wording of complaints.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"

namespace orrery::hardware {
namespace {

/// A reader over a text, with the complaints it collects.
struct Reading {
  explicit Reading(const std::string& text)
      : diagnostics("f.yaml"), root(parse_config(text, "f.yaml")), map(root.get(), "top", diagnostics) {}

  [[nodiscard]] std::string complaint() const { return diagnostics.empty() ? "" : diagnostics.items().back().str(); }

  Diagnostics diagnostics;
  NodePtr root;
  MapReader map;
};

TEST(MapReader, ReadsPlainValues) {
  Reading r("t: text\ni: -3\nn: 2.5\nb: true\nis: [1, 2]\nts: [a, \"b\"]\nc: two\n");
  EXPECT_EQ(r.map.text("t"), "text");
  EXPECT_EQ(r.map.integer("i"), -3);
  EXPECT_EQ(r.map.number("n"), 2.5);
  EXPECT_TRUE(r.map.boolean_or("b", false));
  EXPECT_EQ(r.map.integers_or("is", {}), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(r.map.texts_or("ts", {}), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(r.map.choice("c", {"one", "two"}), 1u);
  r.map.finish();
  EXPECT_TRUE(r.diagnostics.empty()) << r.complaint();
}

TEST(MapReader, ReadsQuantitiesInBaseUnits) {
  Reading r(
      "size: 80 GiB\nrate: 450 GB/s\nlink: 400 Gb/s\npeak: 312 TFLOP/s\nlatency: 1.5 us\nwait: 1 ms\n"
      "clock: 1.41 GHz\npower: 400 W\nprice: 2 USD/h\n");
  EXPECT_EQ(r.map.bytes("size").value(), 80.0 * 1024 * 1024 * 1024);
  EXPECT_EQ(r.map.bandwidth("rate").value(), 450e9);
  EXPECT_EQ(r.map.bandwidth("link").value(), 50e9);  // 400 Gb/s / 8
  EXPECT_EQ(r.map.flop_rate("peak").value(), 312e12);
  EXPECT_DOUBLE_EQ(r.map.duration("latency").value(), 1.5e-6);
  EXPECT_DOUBLE_EQ(r.map.duration("wait").value(), 1e-3);
  EXPECT_DOUBLE_EQ(r.map.frequency("clock").value(), 1.41e9);
  EXPECT_EQ(r.map.power_or("power", Watts{0}).value(), 400.0);
  EXPECT_EQ(r.map.price_or("price", DollarsPerHour{0}).value(), 2.0);
  r.map.finish();
  EXPECT_TRUE(r.diagnostics.empty()) << r.complaint();
}

TEST(MapReader, GivesTheFallbackOfAnAbsentKeySilently) {
  Reading r("a: 1\n");
  EXPECT_EQ(r.map.integer_or("x", 7), 7);
  EXPECT_EQ(r.map.number_or("y", 0.5), 0.5);
  EXPECT_EQ(r.map.text_or("z", "t"), "t");
  EXPECT_TRUE(r.map.boolean_or("w", true));
  EXPECT_EQ(r.map.bytes_or("v", Bytes{3}).value(), 3.0);
  EXPECT_EQ(r.map.choice_or("u", {"p", "q"}, 1), 1u);
  EXPECT_TRUE(r.diagnostics.empty());
  EXPECT_FALSE(r.map.has("x"));
  EXPECT_TRUE(r.map.has("a"));
}

TEST(MapReader, ReportsAMissingKeyAtItsMapping) {
  Reading r("\na: 1\n");
  EXPECT_EQ(r.map.integer("layers"), 0);
  EXPECT_EQ(r.complaint(), "f.yaml:2:1: 'top': the key 'layers' is missing");
}

TEST(MapReader, ReportsAnUnknownKeyWithTheNearestValidOne) {
  Reading r("tensor_paralel: 8\nmicro_batch: 1\nzzz: 1\n");
  (void)r.map.integer_or("tensor_parallel", 1);
  (void)r.map.integer_or("micro_batch", 1);
  r.map.finish();
  ASSERT_EQ(r.diagnostics.items().size(), 2u);
  EXPECT_EQ(r.diagnostics.items()[0].str(),
            "f.yaml:1:1: 'top': unknown key 'tensor_paralel'; did you mean 'tensor_parallel'?");
  EXPECT_EQ(r.diagnostics.items()[1].str(),
            "f.yaml:3:1: 'top': unknown key 'zzz'; valid keys: micro_batch, tensor_parallel");
}

TEST(MapReader, AKeyThatIsOnlyAskedForIsAdvisedButNotRead) {
  Reading r("gpus: 8\nfabric: x\n");
  EXPECT_FALSE(r.map.has("gpu"));
  EXPECT_TRUE(r.map.has("fabric"));
  r.map.finish();
  ASSERT_EQ(r.diagnostics.items().size(), 2u);
  EXPECT_EQ(r.diagnostics.items()[0].str(), "f.yaml:1:1: 'top': unknown key 'gpus'; did you mean 'gpu'?");
  EXPECT_NE(r.diagnostics.items()[1].str().find("unknown key 'fabric'"), std::string::npos);
}

TEST(MapReader, ReportsANodeThatIsNoMappingOnceAndThenKeepsSilent) {
  const NodePtr root = parse_config("a: [1]\n", "f.yaml");
  Diagnostics diagnostics("f.yaml");
  MapReader map(root->find("a"), "training", diagnostics);
  EXPECT_EQ(map.integer("x"), 0);
  map.finish();
  ASSERT_EQ(diagnostics.items().size(), 1u);
  EXPECT_EQ(diagnostics.items()[0].str(), "f.yaml:1:4: 'training': expected a mapping (key: value), found a list");
}

TEST(MapReader, ReportsAnEmptyMapping) {
  const NodePtr root = parse_config("a:\n", "f.yaml");
  Diagnostics diagnostics("f.yaml");
  const MapReader map(root->find("a"), "training", diagnostics);
  EXPECT_EQ(diagnostics.items().at(0).str(), "f.yaml:1:3: 'training': expected a mapping (key: value), found nothing");
}

TEST(MapReader, RefusesNegativeAndZeroWhereTheyMakeNoSense) {
  Reading r("a: 0\nb: -1\nc: -5 GiB\nd: 0 GB/s\ne: 7\nf: -2 us\ng: 0\n");
  EXPECT_EQ(r.map.integer("a", Range::at_least(1)), 0);
  EXPECT_EQ(r.complaint(), "f.yaml:1:4: 'a': must be at least 1, found '0'");
  (void)r.map.number("b", Range::at_least(0));
  EXPECT_EQ(r.complaint(), "f.yaml:2:4: 'b': must be at least 0, found '-1'");
  (void)r.map.bytes("c");
  EXPECT_EQ(r.complaint(), "f.yaml:3:4: 'c': must be greater than 0, found '-5 GiB'");
  (void)r.map.bandwidth("d");
  EXPECT_EQ(r.complaint(), "f.yaml:4:4: 'd': must be greater than 0, found '0 GB/s'");
  (void)r.map.integer("e", Range::between(1, 4));
  EXPECT_EQ(r.complaint(), "f.yaml:5:4: 'e': must be from 1 to 4, found '7'");
  (void)r.map.duration("f");
  EXPECT_EQ(r.complaint(), "f.yaml:6:4: 'f': must be at least 0, found '-2 us'");
  (void)r.map.number("g", Range::positive());
  EXPECT_EQ(r.complaint(), "f.yaml:7:4: 'g': must be greater than 0, found '0'");
}

TEST(MapReader, RefusesNotANumberInfinityAndOverflow) {
  Reading r("a: .nan\nb: .inf\nc: -.INF\nd: nan\ne: 1e999\nf: 99999999999999999999\ng: 1e308 GB/s\nh: 0x10\n");
  (void)r.map.number("a");
  EXPECT_EQ(r.complaint(), "f.yaml:1:4: 'a': expected a number, found '.nan'");
  (void)r.map.number("b");
  EXPECT_EQ(r.complaint(), "f.yaml:2:4: 'b': expected a number, found '.inf'");
  (void)r.map.number("c");
  EXPECT_EQ(r.complaint(), "f.yaml:3:4: 'c': expected a number, found '-.INF'");
  (void)r.map.number("d");
  EXPECT_EQ(r.complaint(), "f.yaml:4:4: 'd': expected a number, found 'nan'");
  (void)r.map.number("e");
  EXPECT_EQ(r.complaint(), "f.yaml:5:4: 'e': '1e999' is outside the range of a number");
  (void)r.map.integer("f");
  EXPECT_EQ(r.complaint(), "f.yaml:6:4: 'f': '99999999999999999999' does not fit in 64 bits");
  (void)r.map.bandwidth("g");
  EXPECT_EQ(r.complaint(), "f.yaml:7:4: 'g': '1e308 GB/s' is outside the range of a number");
  (void)r.map.integer("h");
  EXPECT_EQ(r.complaint(), "f.yaml:8:4: 'h': expected a whole number, found '0x10'");
}

TEST(MapReader, TellsWholeNumbersFromFractionsAndTexts) {
  Reading r("a: 1e6\nb: 2.5\nc: \"8\"\nd: 9223372036854775807\ne: 4.0\nf: [1]\n");
  EXPECT_EQ(r.map.integer("a"), 1'000'000);
  EXPECT_EQ(r.map.integer("d"), 9223372036854775807);
  EXPECT_TRUE(r.diagnostics.empty());
  (void)r.map.integer("b");
  EXPECT_EQ(r.complaint(), "f.yaml:2:4: 'b': expected a whole number, found '2.5'");
  (void)r.map.integer("c");
  EXPECT_EQ(r.complaint(), "f.yaml:3:4: 'c': expected a whole number, found the text \"8\"");
  (void)r.map.integer("e");
  EXPECT_EQ(r.complaint(), "f.yaml:5:4: 'e': expected a whole number, found '4.0'");
  (void)r.map.integer("f");
  EXPECT_EQ(r.complaint(), "f.yaml:6:4: 'f': expected a whole number, found a list");
}

TEST(MapReader, NamesTheAcceptedUnits) {
  Reading r("a: 80\nb: 80 Gib\nc: 3 GB\nd: fast\n");
  (void)r.map.bytes("a");
  EXPECT_EQ(r.complaint(),
            "f.yaml:1:4: 'a': '80' has no unit; a size needs one of: B, kB, MB, GB, TB, PB, KiB, MiB, GiB, TiB");
  (void)r.map.bytes("b");
  EXPECT_EQ(r.complaint(),
            "f.yaml:2:4: 'b': 'Gib' is not a unit of a size; expected one of: B, kB, MB, GB, TB, PB, KiB, MiB, GiB, "
            "TiB; did you mean 'GiB', 'GB' or 'KiB'?");
  (void)r.map.bandwidth("c");
  EXPECT_NE(r.complaint().find("'GB' is not a unit of a bandwidth"), std::string::npos);
  EXPECT_NE(r.complaint().find("GB/s"), std::string::npos);
  (void)r.map.duration("d");
  EXPECT_EQ(r.complaint(), "f.yaml:4:4: 'd': expected a duration such as '1.5 us', found 'fast'");
}

TEST(MapReader, ListsChoicesNearestFirst) {
  Reading r("a: gpip\n");
  EXPECT_EQ(r.map.choice("a", {"1f1b", "gpipe", "interleaved"}), 0u);
  EXPECT_EQ(r.complaint(),
            "f.yaml:1:4: 'a': 'gpip' is not valid; did you mean 'gpipe'?; expected one of: gpipe, 1f1b, interleaved");
}

TEST(MapReader, RefusesOtherWordsForTrueAndFalse) {
  Reading r("a: yes\nb: \"true\"\n");
  EXPECT_FALSE(r.map.boolean_or("a", false));
  EXPECT_EQ(r.complaint(), "f.yaml:1:4: 'a': expected true or false, found 'yes'");
  EXPECT_FALSE(r.map.boolean_or("b", false));
  EXPECT_EQ(r.diagnostics.items().size(), 2u);
}

TEST(MapReader, ReportsBadItemsOfAListOneByOne) {
  Reading r("a: [1, x, 2, 0.5]\nb: 3\nc: [[1]]\n");
  EXPECT_EQ(r.map.integers_or("a", {}), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(r.diagnostics.items().size(), 2u);
  EXPECT_EQ(r.complaint(), "f.yaml:1:14: 'a': expected a whole number, found '0.5'");
  EXPECT_EQ(r.map.integers_or("b", {9}), (std::vector<std::int64_t>{9}));
  EXPECT_EQ(r.complaint(), "f.yaml:2:4: 'b': expected a list of whole numbers, found a single value");
  (void)r.map.texts_or("c", {});
  EXPECT_EQ(r.complaint(), "f.yaml:3:5: 'c': expected a text, found a list");
}

TEST(MapReader, GivesSpansForCrossFieldErrors) {
  Reading r("a: 1\nb: 22\n");
  EXPECT_EQ(r.map.span("b").line, 2);
  EXPECT_EQ(r.map.span("b").begin, 8u);
  EXPECT_EQ(r.map.span("absent").begin, 0u);
}

TEST(ParseQuantity, AcceptsUnitsWithAndWithoutASpace) {
  std::string error;
  EXPECT_EQ(parse_bytes("80GiB", error)->value(), 80.0 * 1073741824);
  EXPECT_EQ(parse_bytes(" 1.5  kB ", error)->value(), 1500.0);
  EXPECT_EQ(parse_bandwidth("1e2 Gb/s", error)->value(), 12.5e9);
  EXPECT_EQ(parse_duration("2 min", error)->value(), 120.0);
  EXPECT_EQ(parse_flop_rate("2.25 PFLOP/s", error)->value(), 2.25e15);
  EXPECT_EQ(error, "");
}

TEST(ParseQuantity, TellsGigabytesFromGibibytesAndBitsFromBytes) {
  std::string error;
  EXPECT_EQ(parse_bytes("1 GB", error)->value(), 1e9);
  EXPECT_EQ(parse_bytes("1 GiB", error)->value(), 1073741824.0);
  EXPECT_EQ(parse_bandwidth("8 Gb/s", error)->value(), parse_bandwidth("1 GB/s", error)->value());
}

// 5 times the double next to 1e-6 is 4.9999999999999996e-06.
TEST(ParseQuantity, IsTheDoubleNextToWhatIsWritten) {
  std::string error;
  EXPECT_EQ(parse_duration("5 us", error)->value(), 5e-6);
  EXPECT_EQ(parse_duration("2.1 ms", error)->value(), 0.0021);
  EXPECT_EQ(parse_duration("333 ps", error)->value(), 333e-12);
  EXPECT_EQ(parse_duration("0.7 ns", error)->value(), 0.7e-9);
  EXPECT_EQ(parse_duration("+12.34e3 us", error)->value(), 12.34e-3);
  EXPECT_EQ(parse_duration("-7e-1 ms", error)->value(), -0.7e-3);
  EXPECT_EQ(parse_duration(".5 ms", error)->value(), 0.0005);
  EXPECT_EQ(parse_duration("5.E+1 ps", error)->value(), 50e-12);
}

TEST(ParseQuantity, RefusesDurationsThatNothingLasts) {
  std::string error;
  EXPECT_FALSE(parse_duration("1e300 s", error));
  EXPECT_EQ(error, "'1e300 s' is no duration that anything has: expected 1e-15 to 1e+10 s");
  EXPECT_FALSE(parse_duration("1e-4 ps", error));
  EXPECT_EQ(parse_duration("0 s", error)->value(), 0.0);
  EXPECT_EQ(parse_duration("100000 d", error)->value(), 8.64e9);
}

TEST(ParseQuantity, RefusesWhatNothingHas) {
  Reading r("a: 1e300 B/s\nb: 1e-300 GB/s\nc: 1e200 TFLOP/s\nd: 1e-9 Hz\ne: 400 Gb/s\n");
  (void)r.map.bandwidth("a");
  EXPECT_EQ(r.complaint(), "f.yaml:1:4: 'a': '1e300 B/s' is no bandwidth that anything has: expected 1 to 1e+18 B/s");
  (void)r.map.bandwidth("b");
  EXPECT_EQ(r.complaint(), "f.yaml:2:4: 'b': '1e-300 GB/s' is no bandwidth that anything has: expected 1 to 1e+18 B/s");
  (void)r.map.flop_rate("c");
  EXPECT_NE(r.complaint().find("f.yaml:3:4: 'c'"), std::string::npos);
  (void)r.map.frequency("d");
  EXPECT_NE(r.complaint().find("f.yaml:4:4: 'd'"), std::string::npos);
  EXPECT_EQ(r.map.bandwidth("e").value(), 50e9);
  EXPECT_EQ(r.diagnostics.items().size(), 4u);
}

TEST(QuotedPath, IsWhatAShellTakes) {
  EXPECT_EQ(quoted_path("/tmp/a-b_c.yaml"), "/tmp/a-b_c.yaml");
  EXPECT_EQ(quoted_path("my file.yaml"), "'my file.yaml'");
  EXPECT_EQ(quoted_path("it's.yaml"), "'it'\\''s.yaml'");
  EXPECT_EQ(quoted_path("a\n\x1b'\\b"), "$'a\\x0a\\x1b\\'\\\\b'") << "no byte that a terminal obeys";
  EXPECT_EQ((Diagnostic{"my file.yaml", {3, 4, 0, 0}, "wrong"}).str(), "'my file.yaml':3:4: wrong");
}

TEST(ParseQuantity, FillsTheErrorWhereMalformed) {
  for (const char* text : {"", "GiB", "1e GiB", "1 GiB x", "--1 GiB", "1,5 GiB", ". GiB", "inf GiB", "1_000 B"}) {
    std::string error;
    EXPECT_FALSE(parse_bytes(text, error).has_value()) << text;
    EXPECT_NE(error, "") << text;
  }
}

TEST(NearestNames, OrdersByEditDistance) {
  const std::vector<std::string> names{"a100_sxm", "a800_sxm", "h100_sxm", "h200_sxm", "l40s"};
  EXPECT_EQ(nearest_names("h100_smx", names).at(0), "h100_sxm");  // one swap
  EXPECT_EQ(nearest_names("H100", names), std::vector<std::string>{"h100_sxm"});
  EXPECT_EQ(nearest_names("l40", names).at(0), "l40s");
  EXPECT_LE(nearest_names("x100_sxm", names).size(), 3u);
  EXPECT_TRUE(nearest_names("mi300x", names).empty());
  EXPECT_TRUE(nearest_names("", names).empty());
  EXPECT_TRUE(nearest_names(std::string(100'000, 'h'), names).empty());
}

}  // namespace
}  // namespace orrery::hardware
