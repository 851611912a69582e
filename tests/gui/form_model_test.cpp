// The form's item model over both kinds of scenario: values follow the text, edits become requests.
#include "gui/model/form_model.hpp"

#include <random>

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/schema.hpp"

namespace orrery::gui {
namespace {

using Tester = QAbstractItemModelTester;

std::string training_template() { return std::string(scenarios::find_kind("training")->scenario_template()); }
std::string serving_template() { return std::string(scenarios::find_kind("serving")->scenario_template()); }

QString q(const char* text) { return QString::fromUtf8(text); }

/// What edit_requested() carried last: "key=value".
std::string last(const QSignalSpy& spy) {
  if (spy.isEmpty()) return "nothing";
  return (spy.last().at(0).toString() + QLatin1Char('=') + spy.last().at(1).toString()).toStdString();
}

constexpr const char* kTraining =
    "scenario: \"A, with a comma\"  # title\n"
    "model: llama-3-8b\n"
    "cluster: {node: dgx_h100, nodes: 1}\n"
    "training:\n"
    "  sequence_length: 8192\n"
    "  global_batch_size: 64\n"
    "  tensor_parallel: 2\n"
    "  sequence_parallel: true\n";

constexpr const char* kServing =
    "scenario: s\n"
    "model: {config: \"a.json\",\n"
    "        overrides: {num_layers: 2}}\n"
    "cluster: {node: dgx_h100, nodes: 1}\n"
    "serving:\n"
    "  load: {rate: 2, input: 150, output: {mean: 20}}\n";

constexpr const char* kJobs =
    "scenario: j\n"
    "cluster: {node: dgx_h100, nodes: 2, fabric: rail_fat_tree_ndr}\n"
    "jobs:\n"
    "  - name: learn\n"
    "    model: llama-3-8b\n"
    "    training: {sequence_length: 8192, global_batch_size: 64, tensor_parallel: 2, data_parallel: 4}\n"
    "  - name: chat   # beside it\n"
    "    model: llama-3-8b\n"
    "    start: 1 s\n"
    "    placement: {first_node: 1}\n"
    "    serving:\n"
    "      load: {rate: 2, requests: 20, input: 150, output: {mean: 20}}\n";

TEST(FormModel, HasASectionForEachJob) {
  FormModel model;
  const Tester tester(&model, Tester::FailureReportingMode::Fatal);
  QSignalSpy edits(&model, &FormModel::edit_requested);
  model.set_text(kTraining, "a.yaml");
  model.set_text(kJobs, "j.yaml");
  const auto shown = [&](const char* key) { return model.index_of(q(key)).data().toString().toStdString(); };
  EXPECT_EQ(shown("jobs.0.training.tensor_parallel"), "2");
  EXPECT_EQ(shown("jobs.1.serving.load.rate"), "2");
  EXPECT_EQ(shown("jobs.1.start"), "1 s");
  EXPECT_EQ(shown("jobs.1.serving.load.input.mean"), "150");
  EXPECT_EQ(shown("cluster.nodes"), "2");
  EXPECT_FALSE(model.index_of(q("training.tensor_parallel")).isValid());
  EXPECT_FALSE(model.index_of(q("jobs.1.training.tensor_parallel")).isValid());
  // Sections are called as the jobs are.
  const QModelIndex chat = model.index_of(q("jobs.1.start")).parent();
  EXPECT_EQ(chat.data().toString(), q("chat"));
  EXPECT_EQ(chat.parent().data().toString(), q("jobs"));
  EXPECT_TRUE(model.setData(model.index_of(q("jobs.0.training.tensor_parallel")), 4, Qt::EditRole));
  EXPECT_EQ(last(edits), "jobs.0.training.tensor_parallel=4");
  EXPECT_TRUE(model.setData(model.index_of(q("jobs.1.serving.load.input.mean")), 200, Qt::EditRole));
  EXPECT_EQ(last(edits), "jobs.1.serving.load.input=200");
  // A mistake is marked at its job's key.
  const std::string wrong = hardware::set_value(kJobs, "j.yaml", "jobs.1.serving.load.rate", "-2");
  model.set_text(wrong, "j.yaml");
  try {
    (void)scenarios::parse_scenario(wrong, "j.yaml");
    ADD_FAILURE() << "a negative rate is taken";
  } catch (const hardware::ConfigError& error) {
    model.set_problems(error.diagnostics());
  }
  EXPECT_NE(model.index_of(q("jobs.1.serving.load.rate")).data(FormModel::kProblemRole).toString(), QString());
  EXPECT_EQ(model.index_of(q("jobs.0.training.tensor_parallel")).data(FormModel::kProblemRole).toString(), QString());
}

TEST(FormModel, AbsentKeysOfAJobShowWhatItsRunDecided) {
  RunRequest request;
  request.text = kJobs;
  request.file = "j.yaml";
  const RunPtr run = make_run(request);
  FormModel model;
  model.set_text(kJobs, "j.yaml");
  model.set_run(run);
  const auto shown = [&](const char* key) { return model.index_of(q(key)).data().toString().toStdString(); };
  EXPECT_EQ(shown("jobs.0.training.pipeline_parallel"), "1");
  EXPECT_EQ(shown("jobs.1.serving.tensor_parallel"), "1");
  EXPECT_NE(shown("jobs.1.serving.max_num_seqs"), "");
}

TEST(FormModel, HasARowForEachKeyOfEitherKind) {
  FormModel model;
  const Tester tester(&model, Tester::FailureReportingMode::Fatal);
  for (const auto& [kind, text] : {std::pair(scenarios::find_kind("training"), training_template()),
                                   std::pair(scenarios::find_kind("serving"), serving_template()),
                                   std::pair(scenarios::find_kind("training"), std::string(kTraining))}) {
    model.set_text(text, "a.yaml");
    for (const scenarios::Field& field : scenarios::scenario_fields(*kind)) {
      const QModelIndex index = model.index_of(QString::fromStdString(field.key));
      ASSERT_TRUE(index.isValid()) << field.key;
      EXPECT_EQ(index.data(FormModel::kKeyRole).toString().toStdString(), field.key);
      EXPECT_TRUE(index.flags().testFlag(Qt::ItemIsEditable)) << field.key;
      EXPECT_TRUE(index.data(Qt::ToolTipRole).toString().contains(QString::fromStdString(field.key)));
    }
  }
  EXPECT_FALSE(model.index_of(q("serving.load.rate")).isValid()) << "the last text was one of training";
}

TEST(FormModel, ValuesFollowTheTextAndABrokenTextKeepsThem) {
  FormModel model;
  const Tester tester(&model, Tester::FailureReportingMode::Fatal);
  model.set_text(kTraining, "a.yaml");
  const QModelIndex value = model.index_of(q("training.tensor_parallel"));
  EXPECT_EQ(value.data().toString(), q("2"));
  EXPECT_TRUE(value.data(FormModel::kGivenRole).toBool());
  EXPECT_EQ(model.index_of(q("scenario")).data().toString(), q("A, with a comma"));
  QSignalSpy changes(&model, &QAbstractItemModel::dataChanged);
  std::string four = kTraining;
  four.replace(four.find("tensor_parallel: 2") + 17, 1, "4");
  model.set_text(four, "a.yaml");
  EXPECT_EQ(changes.count(), 1) << "only the row that changed is told";
  EXPECT_EQ(value.data().toString(), q("4"));
  for (const char* broken : {"", "training: [", "- a\n- b\n", "training:\n  a: 1\n  a: 2\n"}) {
    model.set_text(broken, "a.yaml");
    EXPECT_EQ(value.data().toString(), q("4")) << broken;
  }
}

TEST(FormModel, ShowsShortFormsAndMappingsAsWritten) {
  FormModel model;
  const Tester tester(&model, Tester::FailureReportingMode::Fatal);
  model.set_text(kServing, "a.yaml");
  EXPECT_EQ(model.index_of(q("model")).data().toString(), q("{config: \"a.json\", overrides: {num_layers: 2}}"));
  const QModelIndex mean = model.index_of(q("serving.load.input.mean"));
  EXPECT_EQ(mean.data().toString(), q("150"));
  EXPECT_EQ(model.text_key(mean), q("serving.load.input"));
  QSignalSpy edits(&model, &FormModel::edit_requested);
  ASSERT_TRUE(model.setData(mean, q("200"), Qt::EditRole));
  EXPECT_EQ(last(edits), "serving.load.input=200");
  ASSERT_TRUE(model.setData(model.index_of(q("serving.load.input.cv")), q("0.5"), Qt::EditRole));
  EXPECT_EQ(last(edits), "serving.load.input={mean: 150, cv: 0.5}");
  ASSERT_TRUE(model.setData(model.index_of(q("serving.load.output.mean")), q("30"), Qt::EditRole));
  EXPECT_EQ(last(edits), "serving.load.output.mean=30");
}

TEST(FormModel, AnEditIsARequestInTheTextOfTheFile) {
  FormModel model;
  model.set_text(kTraining, "a.yaml");
  QSignalSpy edits(&model, &FormModel::edit_requested);
  const auto set = [&](const char* key, const char* value) {
    return model.setData(model.index_of(q(key)), q(value), Qt::EditRole);
  };
  EXPECT_TRUE(set("training.tensor_parallel", "2"));
  EXPECT_EQ(edits.count(), 0) << "that stands there already";
  EXPECT_TRUE(set("training.tensor_parallel", "4"));
  EXPECT_EQ(last(edits), "training.tensor_parallel=4");
  EXPECT_EQ(model.index_of(q("training.tensor_parallel")).data().toString(), q("2")) << "the text has not changed";
  EXPECT_TRUE(set("scenario", "B # no comment"));
  EXPECT_EQ(last(edits), "scenario=\"B # no comment\"");
  EXPECT_TRUE(set("training.stage_layers", "1, 2"));
  EXPECT_EQ(last(edits), "training.stage_layers=[1, 2]");
  EXPECT_TRUE(model.setData(model.index_of(q("training.sequence_parallel")), Qt::Unchecked, Qt::CheckStateRole));
  EXPECT_EQ(last(edits), "training.sequence_parallel=false");
  EXPECT_FALSE(set("training.tensor_parallel", "  "));
}

TEST(FormModel, EveryRequestCanBePutIntoTheText) {
  FormModel model;
  const Tester tester(&model, Tester::FailureReportingMode::Fatal);
  std::string text = kServing;
  model.set_text(text, "a.yaml");
  QObject::connect(&model, &FormModel::edit_requested, [&](const QString& key, const QString& value) {
    text = hardware::set_value(text, "a.yaml", key.toStdString(), value.toStdString());
    model.set_text(text, "a.yaml");
  });
  const auto fields = scenarios::scenario_fields(*scenarios::find_kind("serving"));
  const std::vector<std::string> values = {"1",  "a: b",   "\"",   "'x",   "#",     "- 1",
                                           "[1", "{a: 1}", "é, ü", "null", "80 GiB"};
  std::mt19937 random(7);  // NOLINT: the same cases each time
  for (int i = 0; i < 300; ++i) {
    const scenarios::Field& field = fields[random() % fields.size()];
    const std::string& value = values[random() % values.size()];
    ASSERT_NO_THROW(
        model.setData(model.index_of(QString::fromStdString(field.key)), QString::fromStdString(value), Qt::EditRole))
        << field.key << " = " << value << " in\n"
        << text;
  }
}

TEST(FormModel, AProblemMarksTheKeyWhereItLies) {
  FormModel model;
  model.set_text(kTraining, "a.yaml");
  const std::string text = kTraining;
  const std::size_t begin = text.find("64");
  hardware::Diagnostic problem{"a.yaml", {6, 22, begin, begin + 2}, "64 is wrong"};
  model.set_problems({problem});
  const QModelIndex field = model.index_of(q("training.global_batch_size"));
  EXPECT_EQ(field.data(FormModel::kProblemRole).toString(), q("64 is wrong"));
  EXPECT_TRUE(model.index_of(q("training.tensor_parallel")).data(FormModel::kProblemRole).toString().isEmpty());
  problem.file = "other.yaml";
  model.set_problems({problem});
  EXPECT_TRUE(field.data(FormModel::kProblemRole).toString().isEmpty());
}

}  // namespace
}  // namespace orrery::gui
