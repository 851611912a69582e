// How the text of a scenario becomes the value of a field, and a typed value the text of a file.
#include "gui/model/form_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace orrery::gui {
namespace {

using hardware::ConfigNode;
using scenarios::Field;
using scenarios::FieldKind;
using ::testing::ElementsAre;

constexpr const char* kText =
    "scenario: \"A: b\"\n"            // 1
    "model:\n"                        // 2
    "  overrides: {num_layers: 2}\n"  // 3
    "cluster:\n"                      // 4
    "  groups:\n"                     // 5
    "    - node: dgx_h100\n"          // 6
    "      count: 2\n"                // 7
    "    - {node: dgx_a100}\n"        // 8
    "serving:\n"                      // 9
    "  load: {input: 150, rate: }\n"  // 10
    "  layers: [1,\n"                 // 11
    "           2]\n";                // 12

class FormValues : public ::testing::Test {
 protected:
  [[nodiscard]] std::optional<GivenValue> given(std::string_view key) const { return given_value(*root_, text_, key); }
  [[nodiscard]] std::string text(std::string_view key) const {
    const auto value = given(key);
    return value ? value->text : "absent";
  }
  /// The keys at the first place where the text says `word`.
  [[nodiscard]] std::vector<std::string> keys(const std::string& word) const {
    const std::size_t at = text_.find(word);
    return keys_at(*root_, {0, 0, at, at + word.size()});
  }

  std::string text_ = kText;
  hardware::NodePtr root_ = hardware::parse_config(text_, "a.yaml");
};

Field field_of(FieldKind kind, std::vector<std::string> units = {}) {
  Field field;
  field.key = "section.key";
  field.kind = kind;
  field.units = std::move(units);
  return field;
}

std::string written(FieldKind kind, const std::string& raw) { return written_value(field_of(kind), raw, nullptr); }

TEST_F(FormValues, AreScalarsWithoutTheirQuotes) {
  const auto title = given("scenario");
  ASSERT_TRUE(title);
  EXPECT_EQ(title->text, "A: b");
  EXPECT_TRUE(title->quoted);
  EXPECT_TRUE(title->is_scalar);
  EXPECT_EQ(text("cluster.groups.0.count"), "2");
  EXPECT_EQ(text("cluster.groups.1.node"), "dgx_a100");
}

TEST_F(FormValues, AreListsAndMappingsOnOneLine) {
  EXPECT_EQ(text("serving.layers"), "[1, 2]");
  EXPECT_EQ(text("model.overrides"), "{num_layers: 2}");
  EXPECT_FALSE(given("serving.layers")->is_scalar);
}

TEST_F(FormValues, AreAbsentWhereThePathEnds) {
  for (const char* key : {"nothing", "serving.nothing", "cluster.groups.2.node", "cluster.groups.x", "scenario.title",
                          "cluster.groups.-1", "cluster.groups.0.count.more"}) {
    EXPECT_EQ(text(key), "absent") << key;
  }
}

TEST_F(FormValues, AnEmptyValueIsThereAndEmpty) {
  const auto rate = given("serving.load.rate");
  ASSERT_TRUE(rate);
  EXPECT_EQ(rate->text, "");
  EXPECT_TRUE(rate->is_scalar);
}

TEST_F(FormValues, ANumberInPlaceOfAMappingIsItsMean) {
  const auto mean = given("serving.load.input.mean");
  ASSERT_TRUE(mean);
  EXPECT_EQ(mean->text, "150");
  EXPECT_EQ(mean->key, "serving.load.input");
  EXPECT_TRUE(mean->in_short);
  EXPECT_EQ(text("serving.load.input.cv"), "absent");
  EXPECT_EQ(text("serving.layers.mean"), "absent") << "a list is no short form";
}

TEST_F(FormValues, SayWhereTheyStand) {
  const auto count = given("cluster.groups.0.count");
  ASSERT_TRUE(count);
  EXPECT_EQ(count->key_span.line, 7);
  EXPECT_EQ(text_.substr(count->span.begin, count->span.end - count->span.begin), "2");
}

TEST(WrittenValue, LeavesAloneWhatReadsAsItself) {
  EXPECT_EQ(written(FieldKind::text, "llama-3-8b"), "llama-3-8b");
  EXPECT_EQ(written(FieldKind::text, "  größe 2 "), "größe 2") << "without the spaces around it";
  EXPECT_EQ(written(FieldKind::number, "0.25"), "0.25");
  EXPECT_EQ(written(FieldKind::path, "../data/trace.csv"), "../data/trace.csv");
}

TEST(WrittenValue, QuotesWhatWouldReadAsSomethingElse) {
  for (const char* raw : {"a: b", "# no title", "x # y", "[1]", "{a}", "- a", "null", "~", "*x", "&x", "!t", "'", "%d",
                          "@x", "`x`", "a, b", ">", "|"}) {
    EXPECT_EQ(written(FieldKind::text, raw), "\"" + std::string(raw) + "\"") << raw;
  }
  EXPECT_EQ(written(FieldKind::text, "say \"hi\" \\ there"), "\"say \\\"hi\\\" \\\\ there\"");
}

TEST(WrittenValue, OfTextReadsBackAsWhatWasTyped) {
  const std::vector<std::string> parts = {"a", ":", " ", "#", "\"", "'", "\\", "[", "}", ",", "-", "é", "😀", "0"};
  for (const std::string& first : parts) {
    for (const std::string& second : parts) {
      for (const std::string& third : parts) {
        const std::string raw = "x" + first + second + third + "y";  // spaces at the ends are cut
        const std::string text = "scenario: " + written(FieldKind::text, raw) + "\n";
        EXPECT_EQ(hardware::parse_config(text, "a.yaml")->find("scenario")->scalar, raw) << text;
      }
    }
  }
}

TEST(WrittenValue, OfNothingIsAnEmptyTextOrNoEdit) {
  EXPECT_EQ(written(FieldKind::text, "  "), "\"\"");
  EXPECT_EQ(written(FieldKind::path, ""), "\"\"");
  for (const FieldKind kind : {FieldKind::integer, FieldKind::number, FieldKind::quantity, FieldKind::choice,
                               FieldKind::boolean, FieldKind::integers}) {
    EXPECT_EQ(written(kind, " \t\n"), "");
  }
}

TEST(WrittenValue, OfIntegersIsAList) {
  EXPECT_EQ(written(FieldKind::integers, "1, 2"), "[1, 2]");
  EXPECT_EQ(written(FieldKind::integers, "[1, 2]"), "[1, 2]");
  EXPECT_EQ(written(FieldKind::integers, "7"), "[7]");
  EXPECT_EQ(written(FieldKind::integers, "1]"), "\"1]\"") << "no list whatever is put around it";
}

TEST(WrittenValue, OfAQuantityTakesTheUnitThatStandsThereOrTheUsualOne) {
  const Field memory = field_of(FieldKind::quantity, {"GiB", "GB"});
  EXPECT_EQ(written_value(memory, "80", nullptr), "80 GiB");
  GivenValue given;
  given.text = "40 GB";
  EXPECT_EQ(written_value(memory, "80", &given), "80 GB");
  EXPECT_EQ(written_value(memory, "80 MiB", &given), "80 MiB") << "as typed";
  given.text = "40GB";
  EXPECT_EQ(written_value(memory, "1.5", &given), "1.5 GB");
  given.text = "40";
  EXPECT_EQ(written_value(memory, "1.5", &given), "1.5 GiB") << "no unit stands there";
  EXPECT_EQ(written_value(field_of(FieldKind::quantity), "80", nullptr), "80") << "no unit is known";
}

TEST(WrittenValue, KeepsTheQuotesThatStandThere) {
  GivenValue given;
  given.text = "a";
  given.quoted = true;
  EXPECT_EQ(written_value(field_of(FieldKind::text), "b", &given), "\"b\"");
}

TEST(WrittenValue, OfAMappingStaysOneWhereOneStands) {
  GivenValue given;
  given.text = "{config: a.json}";
  given.is_scalar = false;
  EXPECT_EQ(written_value(field_of(FieldKind::text), "{config: b.json}", &given), "{config: b.json}");
  EXPECT_EQ(written_value(field_of(FieldKind::text), "{config: b.json}", nullptr), "\"{config: b.json}\"");
  EXPECT_EQ(written_value(field_of(FieldKind::choice), "{config: b.json}", nullptr), "{config: b.json}");
  EXPECT_EQ(written_value(field_of(FieldKind::choice), "{config: [}", nullptr), "\"{config: [}\"");
}

TEST(WrittenEdit, GoesWhereTheValueStands) {
  Field cv = field_of(FieldKind::number);
  cv.key = "serving.load.input.cv";
  const WrittenEdit plain = written_edit(cv, "0.5", nullptr, std::nullopt);
  EXPECT_EQ(plain.key, "serving.load.input.cv");
  EXPECT_EQ(plain.value, "0.5");
  GivenValue short_form;
  short_form.key = "serving.load.input";
  short_form.text = "150";
  const WrittenEdit longer = written_edit(cv, "0.5", nullptr, short_form);
  EXPECT_EQ(longer.key, "serving.load.input");
  EXPECT_EQ(longer.value, "{mean: 150, cv: 0.5}");
  for (const bool quoted : {false, true}) {
    short_form.text = quoted ? "150" : "\"";
    short_form.quoted = quoted;
    EXPECT_EQ(written_edit(cv, "0.5", nullptr, short_form).value,
              quoted ? "{mean: \"150\", cv: 0.5}" : "{mean: \"\\\"\", cv: 0.5}");
  }
  short_form.quoted = false;
  short_form.in_short = true;
  Field mean = field_of(FieldKind::number);
  mean.key = "serving.load.input.mean";
  const WrittenEdit kept = written_edit(mean, "200", &short_form, std::nullopt);
  EXPECT_EQ(kept.key, "serving.load.input");
  EXPECT_EQ(kept.value, "200");
}

TEST(ScenarioKind, IsSaidByOneSection) {
  const auto kind = [](const char* text) {
    const scenarios::KindRow* row = scenario_kind(*hardware::parse_config(text, "a.yaml"));
    return row != nullptr ? std::string(row->name) : "none";
  };
  EXPECT_EQ(kind("training: {}\n"), "training");
  EXPECT_EQ(kind("model: a\nserving: {}\n"), "serving");
  EXPECT_EQ(kind("model: a\n"), "none");
  EXPECT_EQ(kind("training: {}\nserving: {}\n"), "none") << "both are a mistake";
}

TEST_F(FormValues, KeysLeadToAPlace) {
  EXPECT_THAT(keys("num_layers"), ElementsAre("model", "model.overrides", "model.overrides.num_layers"));
  EXPECT_THAT(keys("dgx_a100"), ElementsAre("cluster", "cluster.groups", "cluster.groups.1", "cluster.groups.1.node"));
  EXPECT_THAT(keys("150"), ElementsAre("serving", "serving.load", "serving.load.input"));
  EXPECT_THAT(keys("scenario"), ElementsAre("scenario"));
}

TEST_F(FormValues, AProblemOfAWholeMappingIsAtItsKey) {
  const ConfigNode* load = root_->find("serving")->find("load");
  ASSERT_NE(load, nullptr);
  EXPECT_THAT(keys_at(*root_, load->span), ElementsAre("serving", "serving.load"));
}

TEST_F(FormValues, APlaceOutsideOfAllHasNoKeys) {
  EXPECT_TRUE(keys_at(*root_, {0, 0, text_.size() + 10, text_.size() + 10}).empty());
}

}  // namespace
}  // namespace orrery::gui
