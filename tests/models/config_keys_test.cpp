// The getters of a config.json's keys: ranges, fallbacks, wrong types, scopes, and where each complaint stands.
#include "models/architectures/config_keys.hpp"

#include <cmath>
#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace orrery::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// What has been noted so far; empty: nothing.
std::string noted(const ConfigKeys& keys) {
  try {
    keys.throw_if_any();
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
  return {};
}

TEST(ConfigKeys, TellAbsentFromNull) {
  const ConfigKeys keys(R"({"a": null, "b": 0})", "c.json");
  EXPECT_FALSE(keys.absent("a"));
  EXPECT_TRUE(keys.is_null("a"));
  EXPECT_FALSE(keys.is_null("b"));
  EXPECT_TRUE(keys.absent("c"));
  EXPECT_FALSE(keys.is_null("c"));
}

TEST(ConfigKeys, SizesHaveBothEndsOfTheirRange) {
  ConfigKeys keys(R"({"least": 1, "most": 10, "below": 0, "above": 11, "huge": 18446744073709551615, "real": 2.0})",
                  "c.json");
  EXPECT_EQ(keys.size("least", 10), 1);
  EXPECT_EQ(keys.size("most", 10), 10);
  EXPECT_EQ(keys.size("below", 10, 0), 0);
  EXPECT_TRUE(keys.well());
  EXPECT_EQ(keys.size("below", 10), 1) << "harmless: the least";
  EXPECT_EQ(keys.size("above", 10), 1);
  EXPECT_EQ(keys.size("huge", INT64_MAX - 1), 1);
  EXPECT_EQ(keys.size("real", 10), 1);
  EXPECT_EQ(keys.size("gone", 10, 3), 3);
  const std::string text = noted(keys);
  EXPECT_THAT(text, HasSubstr("below: expected a number from 1 to 10, not 0"));
  EXPECT_THAT(text, HasSubstr("above: expected a number from 1 to 10, not 11"));
  EXPECT_THAT(text, HasSubstr("huge: expected a number from 1 to 9223372036854775806, not 18446744073709551615"));
  EXPECT_THAT(text, HasSubstr("real: expected a whole number, not 2.0"));
  EXPECT_THAT(text, HasSubstr("c.json: gone: the key is missing"));
}

TEST(ConfigKeys, FallbacksOfSizesAreNotedWhereTheyAreTaken) {
  ConfigKeys keys(R"({"given": 7, "null": null})", "c.json");
  EXPECT_EQ(keys.size_or("given", 3, 10), 7);
  EXPECT_EQ(keys.size_or("null", 3, 10), 3);
  EXPECT_THAT(keys.assumed(), IsEmpty()) << "null says so";
  EXPECT_EQ(keys.size_or("gone", 3, 10), 3);
  EXPECT_EQ(keys.size_or("gone", 3, 10), 3);
  EXPECT_EQ(keys.size_or("zero", 0, 10, 0), 0);
  EXPECT_THAT(keys.assumed(), ElementsAre("gone: 3 (the class's default)")) << "once, and nothing of a zero";
}

TEST(ConfigKeys, NumbersTakeWholeOnesTooAndRefuseWhatIsNone) {
  ConfigKeys keys(R"({"half": 0.5, "two": 2, "nan": NaN, "infinite": Infinity, "text": "x", "null": null})", "c.json");
  EXPECT_EQ(keys.real_or("half", 9.0, 0.0, 1.0), 0.5);
  EXPECT_EQ(keys.real_or("two", 9.0, 0.0, 2.0), 2.0);
  EXPECT_EQ(keys.real_or("null", 9.0, 0.0, 1.0), 9.0);
  EXPECT_EQ(keys.real_or("gone", 9.0, 0.0, 1.0), 9.0) << "a fallback need not be in the range";
  EXPECT_TRUE(keys.well());
  EXPECT_EQ(keys.real_or("nan", 9.0, 0.0, 1.0), 9.0);
  EXPECT_EQ(keys.real_or("infinite", 9.0, 0.0, 1e300), 9.0);
  EXPECT_EQ(keys.real_or("two", 9.0, 0.0, 1.0), 9.0);
  EXPECT_EQ(keys.real_or("text", 9.0, 0.0, 1.0), 9.0);
  const std::string text = noted(keys);
  EXPECT_THAT(text, HasSubstr("nan: expected a number from 0 to 1, not NaN"));
  EXPECT_THAT(text, HasSubstr("not Infinity"));
  EXPECT_THAT(text, HasSubstr("text: expected a number, not \"x\""));
}

TEST(ConfigKeys, FlagsAndTextsRefuseEachOther) {
  ConfigKeys keys(R"({"yes": true, "word": "yes", "one": 1, "null": null})", "c.json");
  EXPECT_TRUE(keys.flag_or("yes", false));
  EXPECT_TRUE(keys.flag_or("gone", true));
  EXPECT_FALSE(keys.flag_or("null", false));
  EXPECT_EQ(keys.text_or("word", "no"), "yes");
  EXPECT_EQ(keys.text_or("null", "no"), "no");
  EXPECT_TRUE(keys.well());
  EXPECT_TRUE(keys.flag_or("one", true)) << "the fallback";
  EXPECT_EQ(keys.text_or("yes", "no"), "no");
  const std::string text = noted(keys);
  EXPECT_THAT(text, HasSubstr("one: expected true or false, not 1"));
  EXPECT_THAT(text, HasSubstr("yes: expected a text, not true"));
}

TEST(ConfigKeys, ListsAreOfOneKind) {
  ConfigKeys keys(R"({"numbers": [1, -2], "texts": ["a", "b"], "mixed": [1, "a"], "empty": [], "real": [1.5],
                      "one": 3, "objects": [{"x": 1}, {"x": 2}]})",
                  "c.json");
  EXPECT_THAT(keys.integers("numbers"), ElementsAre(1, -2));
  EXPECT_THAT(keys.texts("texts"), ElementsAre("a", "b"));
  EXPECT_THAT(keys.integers("empty"), IsEmpty());
  EXPECT_THAT(keys.texts("empty"), IsEmpty());
  EXPECT_THAT(keys.integers("gone"), IsEmpty());
  EXPECT_EQ(keys.items("mixed"), 2);
  EXPECT_EQ(keys.items("one"), 0);
  EXPECT_TRUE(keys.is_list("empty"));
  EXPECT_FALSE(keys.is_list("one"));
  EXPECT_TRUE(keys.is_integer("one"));
  EXPECT_TRUE(keys.well());
  EXPECT_EQ(keys.size("objects.1.x", 10), 2) << "objects of a list by their place";
  EXPECT_THAT(keys.integers("mixed"), IsEmpty());
  EXPECT_THAT(keys.texts("mixed"), IsEmpty());
  EXPECT_THAT(keys.integers("real"), IsEmpty());
  EXPECT_THAT(keys.texts("one"), IsEmpty());
  const std::string text = noted(keys);
  EXPECT_THAT(text, HasSubstr("mixed: expected a list of whole numbers, not [1,\"a\"]"));
  EXPECT_THAT(text, HasSubstr("mixed: expected a list of texts"));
  EXPECT_THAT(text, HasSubstr("real: expected a list of whole numbers, not [1.5]"));
  EXPECT_THAT(text, HasSubstr("one: expected a list of texts, not 3"));
}

TEST(ConfigKeys, ScopesLookInsideAndOutsideForWhatIsTheWholeModels) {
  ConfigKeys keys(R"({"dtype": "float16", "hidden_size": 1, "text_config": {"hidden_size": 8, "deep": {"x": 3}}})",
                  "c.json");
  EXPECT_TRUE(keys.is_object("text_config"));
  keys.scope("text_config");
  EXPECT_TRUE(keys.in_scope());
  EXPECT_EQ(keys.size("hidden_size", 10), 8);
  EXPECT_EQ(keys.size("deep.x", 10), 3);
  EXPECT_EQ(keys.text_or("dtype", ""), "float16") << "of the object around";
  EXPECT_TRUE(keys.absent("text_config"));
  EXPECT_EQ(keys.size("gone", 10), 1);
  EXPECT_THAT(noted(keys), HasSubstr("c.json:1:55: text_config.gone: the key is missing"));
  keys.scope("");
  EXPECT_FALSE(keys.in_scope());
  EXPECT_EQ(keys.size("hidden_size", 10), 1);
}

TEST(ConfigKeys, TheInnerValueStandsBeforeTheOuterOne) {
  ConfigKeys keys(R"({"tie_word_embeddings": false, "text_config": {"tie_word_embeddings": true}})", "c.json");
  EXPECT_FALSE(keys.flag_or("tie_word_embeddings", true));
  keys.scope("text_config");
  EXPECT_TRUE(keys.flag_or("tie_word_embeddings", false));
}

TEST(ConfigKeys, TheFirstNameThatIsThereCounts) {
  ConfigKeys keys(R"({"second": 2, "third": 3, "null": null})", "c.json");
  EXPECT_EQ(keys.first_of({"first", "second", "third"}), "second");
  EXPECT_EQ(keys.first_of({"null", "third"}), "third") << "null is none";
  EXPECT_EQ(keys.first_of({"gone", "away"}), "gone");
  EXPECT_EQ(keys.size_of({"first", "third"}, 10), 3);
  EXPECT_TRUE(keys.well());
  EXPECT_EQ(keys.size_of({"gone", "away"}, 10), 1);
  EXPECT_THAT(noted(keys), HasSubstr("gone: the key is missing"));
}

TEST(ConfigKeys, ADefaultIsAKeyFromThenOn) {
  ConfigKeys keys(R"({"text_config": {}})", "c.json");
  keys.scope("text_config");
  keys.set_default("heads", 8);
  EXPECT_EQ(keys.size("heads", 10), 8);
  EXPECT_EQ(keys.real_or("heads", 0.0, 0.0, 10.0), 8.0);
  EXPECT_THAT(keys.assumed(), ElementsAre("heads: 8"));
  keys.scope("");
  EXPECT_TRUE(keys.absent("heads"));
}

TEST(ConfigKeys, NestedValuesAreEmptyWhereTheyAreOfAnotherKind) {
  const ConfigKeys keys(R"({"q": {"method": "fp8", "bits": 4, "none": null, "list": [1]}})", "c.json");
  EXPECT_EQ(keys.nested_text("q", "method"), "fp8");
  EXPECT_EQ(keys.nested_text("q", "bits"), "");
  EXPECT_EQ(keys.nested_integer("q", "bits"), 4);
  EXPECT_EQ(keys.nested_integer("q", "method"), 0);
  EXPECT_TRUE(keys.nested_present("q", "list"));
  EXPECT_FALSE(keys.nested_present("q", "none"));
  EXPECT_FALSE(keys.nested_present("p", "method"));
  EXPECT_THAT(keys.members("q"), UnorderedElementsAre("method", "bits", "none", "list"));
  EXPECT_THAT(keys.members("q.list"), IsEmpty());
}

TEST(ConfigKeys, ErrorsStandAtTheValueOfTheOutermostKey) {
  ConfigKeys keys("{\n  \"a\": 1,\n\t\"quantization\":\n   {\"bits\": 0}\n}", "folder/c.json");
  keys.error("a", "first");
  keys.error("quantization.bits", "second");
  keys.error("unknown", "third");
  const std::string text = noted(keys);
  EXPECT_THAT(text, HasSubstr("folder/c.json:2:8: a: first"));
  EXPECT_THAT(text, HasSubstr("folder/c.json:4:4: quantization.bits: second"));
  EXPECT_THAT(text, HasSubstr("folder/c.json: unknown: third"));
  EXPECT_FALSE(keys.well());
}

TEST(ConfigKeys, LongValuesAreCutBetweenCharacters) {
  EXPECT_EQ(shorten("short"), "short");
  EXPECT_EQ(shorten(std::string(40, 'a')), std::string(40, 'a'));
  EXPECT_EQ(shorten(std::string(41, 'a')), std::string(40, 'a') + "…");
  // 39 letters and one of three bytes: it would be cut in two.
  EXPECT_EQ(shorten(std::string(39, 'a') + "€uro"), std::string(39, 'a') + "…");
}

TEST(NearestFirst, ListsEveryNameOnceTheNearestBefore) {
  EXPECT_EQ(nearest_first("opd", {"llama", "opt", "gpt2"}), "opt, llama, gpt2");
  EXPECT_EQ(nearest_first("zzzzzzzz", {"llama", "opt"}), "llama, opt") << "none is near: their own order";
  EXPECT_EQ(nearest_first("x", {}), "");
}

}  // namespace
}  // namespace orrery::models
