// The fields of a form, of one kind or of several jobs, and what it says of each.
#include "gui/model/form_fields.hpp"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gui/model/field_help.hpp"
#include "gui/model/form_model.hpp"
#include "hardware/config/config.hpp"

namespace orrery::gui {
namespace {

using scenarios::Field;
using scenarios::FieldKind;
using ::testing::HasSubstr;
using ::testing::Not;

const scenarios::KindRow& training() { return *scenarios::find_kind("training"); }
const scenarios::KindRow& serving() { return *scenarios::find_kind("serving"); }

const KindFields& all_fields() {
  static const KindFields fields = [] {
    KindFields made;
    for (const scenarios::KindRow* kind : scenarios::kinds()) made.emplace(kind, scenarios::scenario_fields(*kind));
    return made;
  }();
  return fields;
}

std::vector<FormJob> jobs_of(const char* text) { return form_jobs(*hardware::parse_config(text, "a.yaml")); }

std::set<std::string> keys_of(const std::vector<FormJob>& jobs) {
  std::set<std::string> keys;
  for (const Field& field : form_fields(all_fields(), {&training(), jobs, 0})) {
    EXPECT_TRUE(keys.insert(field.key).second) << field.key << " twice";
  }
  return keys;
}

TEST(FormJobs, AreReadFromAListHoweverIncomplete) {
  EXPECT_TRUE(jobs_of("training: {}\n").empty());
  EXPECT_TRUE(jobs_of("jobs: 3\n").empty());
  const std::vector<FormJob> jobs =
      jobs_of("jobs:\n  - {name: a, training: {}}\n  - name: b\n  - 7\n  - {serving: {}}\n");
  ASSERT_EQ(jobs.size(), 4u);
  EXPECT_EQ(jobs[0].name, "a");
  EXPECT_EQ(jobs[0].kind, &training());
  EXPECT_EQ(jobs[1].kind, nullptr) << "its section is not there yet";
  EXPECT_EQ(jobs[2].name, "");
  EXPECT_EQ(jobs[3].kind, &serving());
}

TEST(FormFields, OfOneKindAreItsOwn) {
  EXPECT_EQ(keys_of({}).size(), all_fields().at(&training()).size());
  EXPECT_TRUE(keys_of({}).count("training.tensor_parallel"));
}

TEST(FormFields, OfJobsAreWhatTheyShareAndEachOnesOwn) {
  const std::set<std::string> keys = keys_of({{"a", &training()}, {"b", &serving()}, {"c", nullptr}});
  for (const char* key : {"scenario", "model", "cluster.node", "jobs.0.name", "jobs.0.model", "jobs.0.training.zero",
                          "jobs.1.serving.load.rate", "jobs.1.start", "jobs.2.until"}) {
    EXPECT_TRUE(keys.count(key)) << key;
  }
  for (const char* key : {"training.zero", "jobs.1.training.zero", "jobs.2.training.zero", "jobs.2.cluster.node"}) {
    EXPECT_FALSE(keys.count(key)) << key;
  }
}

TEST(FormFields, OfAJobAskForItsNameAndTakeTheScenariosModel) {
  const auto fields = form_fields(all_fields(), {&training(), {{"a", &training()}}, 0});
  const auto find = [&](const std::string& key) {
    return *std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.key == key; });
  };
  EXPECT_TRUE(find("jobs.0.name").required);
  EXPECT_FALSE(find("jobs.0.model").required);
  EXPECT_EQ(find("jobs.0.model").automatic, "the scenario's");
  EXPECT_FALSE(find("model").required) << "each job may have its own";
  EXPECT_EQ(find("jobs.0.start").section, "jobs.0");
  EXPECT_EQ(find("jobs.0.start").units.front(), "s");
}

TEST(FormFields, AreOfARunWithAsManyJobs) {
  scenarios::Scenario scenario;
  scenario.jobs.resize(1);
  scenario.jobs[0].kind = &training();
  EXPECT_TRUE(is_form_of(scenario, {&training(), {}, 0}));
  EXPECT_FALSE(is_form_of(scenario, {&serving(), {}, 0}));
  EXPECT_TRUE(is_form_of(scenario, {&training(), {{"a", &training()}}, 0}));
  EXPECT_FALSE(is_form_of(scenario, {&training(), {{"a", &training()}, {"b", &training()}}, 0}));
}

std::string help_of(Field field) { return field_help(field).toStdString(); }

Field number(double least, double most, bool open = false) {
  Field field;
  field.help = "Share of <it> & more";
  field.kind = FieldKind::number;
  field.least = least;
  field.most = most;
  field.least_open = open;
  return field;
}

TEST(FieldHelp, SaysTheRangeThatTheReaderTakes) {
  EXPECT_EQ(help_of(number(0, 1)), "<p>Share of &lt;it&gt; &amp; more</p><p>0 to 1</p>");
  EXPECT_THAT(help_of(number(0, 1, true)), HasSubstr("<p>More than 0, at most 1</p>"));
  EXPECT_THAT(help_of(number(0, 1e300, true)), HasSubstr("<p>More than 0</p>"));
  EXPECT_THAT(help_of(number(1, 1e300)), HasSubstr("<p>At least 1</p>"));
  EXPECT_EQ(help_of(number(-1e300, 1e300)), "<p>Share of &lt;it&gt; &amp; more</p>") << "no limit is no news";
  Field text = number(0, 1);
  text.kind = FieldKind::text;
  EXPECT_THAT(help_of(text), Not(HasSubstr("0 to 1")));
}

TEST(FieldHelp, SaysUnitsAndWhatHoldsWithoutIt) {
  Field field = number(0, 0);
  field.kind = FieldKind::quantity;
  field.units = {"GiB", "GB"};
  field.fallback = "80 GiB";
  field.automatic = "the GPU's own";
  EXPECT_THAT(help_of(field), HasSubstr("<p>Unit: GiB, GB</p><p>Where it is not given: 80 GiB</p>"));
  field.fallback.clear();
  EXPECT_THAT(help_of(field), HasSubstr("<p>Where it is not given: the GPU's own</p>"));
}

// What a file says under another of a key's names is that key's value.
constexpr const char* kOtherName =
    "scenario: s\n"
    "model: llama-3-8b\n"
    "cluster: {node: dgx_h100}\n"
    "serving:\n"
    "  tensor_parallel_size: 4\n"
    "  load: {rate: 2, input: 10, output: 10}\n";

TEST(FormOtherNames, ShowAndEditWhatTheFileSays) {
  FormModel model;
  const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  model.set_text(kOtherName, "a.yaml");
  const QModelIndex row = model.index_of(QStringLiteral("serving.tensor_parallel"));
  EXPECT_EQ(row.data().toString(), QStringLiteral("4"));
  EXPECT_TRUE(row.data(FormModel::kGivenRole).toBool());
  EXPECT_EQ(model.text_key(row), QStringLiteral("serving.tensor_parallel_size"));
  QSignalSpy edits(&model, &FormModel::edit_requested);
  ASSERT_TRUE(model.setData(row, 8, Qt::EditRole));
  EXPECT_EQ(edits.last().at(0).toString(), QStringLiteral("serving.tensor_parallel_size"));
}

TEST(FormOtherNames, MarkTheProblemThatLiesThere) {
  FormModel model;
  model.set_text(kOtherName, "a.yaml");
  const std::size_t at = std::string(kOtherName).find("4\n");
  model.set_problems({{"a.yaml", {5, 25, at, at + 1}, "4 is wrong"}});
  EXPECT_EQ(model.index_of(QStringLiteral("serving.tensor_parallel")).data(FormModel::kProblemRole).toString(),
            QStringLiteral("4 is wrong"));
}

}  // namespace
}  // namespace orrery::gui
