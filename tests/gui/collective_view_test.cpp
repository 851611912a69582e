// The table of a collective: what `orrery collective` says of the scenario's cluster, row by row, and why it says
// nothing.
#include "gui/view/collective_view.hpp"

#include <memory>

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QLineEdit>
#include <QSpinBox>
#include <QTemporaryDir>
#include <QTest>
#include <QTreeView>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <qcustomplot.h>

#include "gui/look/theme.hpp"
#include "gui/view/collective_plot.hpp"
#include "gui/view/views.hpp"
#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Two nodes whose NCCL is told what to do, which the rows must show.
std::string two_nodes() {
  return testing::replaced(testing::small_training(), "  node: dgx_h100   # eight GPUs\n",
                           "  node: dgx_h100\n  nodes: 2\n  fabric: rail_fat_tree_ndr\n  nccl: {proto: ^LL128}\n");
}

RunPtr run_of(const std::string& text) {
  RunRequest request;
  request.number = 1;
  request.file = "case.yaml";
  request.text = text;
  return make_run(std::move(request));
}

class CollectiveViewTest : public ::testing::Test {
 protected:
  CollectiveViewTest() { view_.resize(900, 400); }

  /// The table that `orrery collective` writes about the same cluster.
  [[nodiscard]] scenarios::CollectiveTable command(const char* operation, scenarios::CollectiveWords words,
                                                   const std::string& text) {
    words.cluster = folder_.filePath(QStringLiteral("case.yaml")).toStdString();
    std::ofstream(words.cluster) << text;
    return scenarios::predict(scenarios::read_query(operation, words, {}));
  }
  template <class Widget>
  [[nodiscard]] Widget& part(const char* name) {
    return *view_.findChild<Widget*>(QString::fromLatin1(name));
  }
  void type_sizes(const QString& sizes) {
    auto& line = part<QLineEdit>("collective_sizes");
    line.setFocus();
    line.selectAll();
    QTest::keyClicks(&line, sizes);
    QTest::keyClick(&line, Qt::Key_Return);
  }
  [[nodiscard]] QVariant value(int row, int column) {
    return view_.model().index(row, column).data(CollectiveModel::kSortRole);
  }
  /// Row by row and column by column, as its JSON has them.
  void expect_rows_of(const scenarios::CollectiveTable& table) {
    const nlohmann::json json = nlohmann::json::parse(scenarios::table_json(table));
    ASSERT_EQ(view_.model().rowCount(), static_cast<int>(json["rows"].size()));
    int row = 0;
    for (const auto& line : json["rows"]) {
      SCOPED_TRACE(row);
      EXPECT_EQ(value(row, CollectiveModel::kSize).toDouble(), line["bytes"].get<double>());
      EXPECT_EQ(value(row, CollectiveModel::kCount).toDouble(), line["count"].get<double>());
      EXPECT_EQ(value(row, CollectiveModel::kType).toString().toStdString(), json["type"].get<std::string>());
      EXPECT_EQ(value(row, CollectiveModel::kAlgorithm).toString().toStdString(), line["algorithm"].get<std::string>());
      EXPECT_EQ(value(row, CollectiveModel::kProtocol).toString().toStdString(), line["protocol"].get<std::string>());
      EXPECT_EQ(value(row, CollectiveModel::kChannels).toInt(), line["channels"].get<int>());
      EXPECT_EQ(value(row, CollectiveModel::kTime).toDouble(), line["time_s"].get<double>());
      EXPECT_EQ(value(row, CollectiveModel::kAlgBandwidth).toDouble(), line["algbw_bytes_per_s"].get<double>());
      EXPECT_EQ(value(row, CollectiveModel::kBusBandwidth).toDouble(), line["busbw_bytes_per_s"].get<double>());
      ++row;
    }
  }

  QTemporaryDir folder_;
  CollectiveView view_;
};

TEST_F(CollectiveViewTest, HasTheRowsOfTheCommand) {
  const QAbstractItemModelTester tester(&view_.model(), QAbstractItemModelTester::FailureReportingMode::Fatal);
  view_.show();
  view_.set_runs(run_of(two_nodes()), nullptr);
  EXPECT_EQ(view_.problem(), "");
  ASSERT_EQ(view_.model().rowCount(), 21) << "1 KiB to 1 GiB by factors of two";
  const scenarios::CollectiveTable table = command("all_reduce", {}, two_nodes());
  expect_rows_of(table);
  EXPECT_EQ(view_.csv(), scenarios::table_csv(table));
}

TEST_F(CollectiveViewTest, AsksWhatItsFieldsSay) {
  view_.show();
  view_.set_runs(run_of(two_nodes()), nullptr);
  auto& operations = part<QComboBox>("collective_operation");
  EXPECT_EQ(operations.count(), 6);
  operations.setCurrentText("reduce_scatter");
  part<QComboBox>("collective_type").setCurrentText("fp32");
  part<QSpinBox>("collective_gpus").setValue(4);
  part<QSpinBox>("collective_nodes").setValue(1);
  type_sizes("64KiB..16MiB");
  ASSERT_EQ(view_.model().rowCount(), 9);
  scenarios::CollectiveWords words;
  words.type = "fp32";
  words.gpus = 4;
  words.nodes = 1;
  words.bytes = "64KiB..16MiB";
  expect_rows_of(command("reduce_scatter", words, two_nodes()));
  // Every operation that there is has an answer.
  for (int i = 0; i < operations.count(); ++i) {
    operations.setCurrentIndex(i);
    EXPECT_EQ(view_.model().rowCount(), 9) << operations.currentText().toStdString();
  }
}

TEST_F(CollectiveViewTest, CellsAreInReadableUnits) {
  view_.show();
  view_.set_runs(run_of(two_nodes()), nullptr);
  type_sizes("1GiB");
  ASSERT_EQ(view_.model().rowCount(), 1);
  const auto text = [&](int column) { return view_.model().index(0, column).data().toString().toStdString(); };
  EXPECT_EQ(text(CollectiveModel::kSize), "1.000 GiB");
  EXPECT_EQ(text(CollectiveModel::kCount), "536,870,912") << "of two bytes each";
  EXPECT_EQ(text(CollectiveModel::kType), "bfloat16");
  // nccl-tests: busbw = algbw · 2·15/16 over sixteen GPUs.
  EXPECT_NEAR(value(0, CollectiveModel::kBusBandwidth).toDouble(),
              value(0, CollectiveModel::kAlgBandwidth).toDouble() * 1.875, 1.0);
  EXPECT_THAT(text(CollectiveModel::kBusBandwidth), ::testing::EndsWith(" GB/s"));
}

TEST_F(CollectiveViewTest, SaysWhatIsWrongInPlaceOfATable) {
  view_.show();
  auto& problem = part<QLabel>("collective_problem");
  EXPECT_THAT(view_.problem().toStdString(), HasSubstr("first run"));
  view_.set_runs(run_of(two_nodes()), nullptr);
  for (const auto& [sizes, what] : {std::pair("12 parsecs", "12 parsecs"), std::pair("1GiB..1KiB", "below the first"),
                                    std::pair("-4KiB", "-4KiB"), std::pair("1B..1e80B", "more than 200 sizes")}) {
    type_sizes(QString::fromLatin1(sizes));
    EXPECT_THAT(view_.problem().toStdString(), HasSubstr(what));
    EXPECT_TRUE(problem.isVisible());
    EXPECT_EQ(problem.palette().color(QPalette::WindowText), worse_color(view_.palette()));
    EXPECT_FALSE(view_.table().isVisible());
    EXPECT_EQ(view_.model().rowCount(), 0);
    EXPECT_EQ(view_.csv(), "");
  }
  type_sizes("1MiB");
  EXPECT_EQ(view_.problem(), "");
  EXPECT_TRUE(view_.table().isVisible());
  part<QSpinBox>("collective_gpus").setValue(9);
  EXPECT_THAT(view_.problem().toStdString(), HasSubstr("9 GPUs on each of 2 nodes"));
  part<QSpinBox>("collective_gpus").setValue(1);
  part<QSpinBox>("collective_nodes").setValue(1);
  EXPECT_THAT(view_.problem().toStdString(), HasSubstr("two GPUs"));
  EXPECT_EQ(QApplication::activeModalWidget(), nullptr);
}

TEST_F(CollectiveViewTest, FollowsTheScenario) {
  view_.set_runs(run_of(testing::small_training()), nullptr);
  EXPECT_EQ(view_.model().rowCount(), 0) << "nothing is asked while nobody looks";
  view_.show();
  const double inside = value(20, CollectiveModel::kTime).toDouble();
  view_.set_runs(run_of(two_nodes()), nullptr);
  EXPECT_GT(value(20, CollectiveModel::kTime).toDouble(), inside) << "1 GiB over the network";
  // What another scenario has not is not asked of it.
  part<QSpinBox>("collective_nodes").setValue(2);
  part<QComboBox>("collective_operation").setCurrentText("all_gather");
  view_.forget();
  view_.set_runs(run_of(testing::small_training()), nullptr);
  EXPECT_EQ(view_.problem(), "");
  EXPECT_EQ(part<QComboBox>("collective_operation").currentText(), "all_gather");
}

TEST_F(CollectiveViewTest, DrawsEverySizeInTheColourOfItsWay) {
  view_.show();
  view_.set_runs(run_of(two_nodes()), nullptr);
  QCustomPlot& plot = view_.plot().plot();
  std::map<std::string, int> drawn, listed;
  for (int i = 0; i < plot.graphCount(); ++i) {
    const QCPGraph& graph = *plot.graph(i);
    if (graph.lineStyle() == QCPGraph::lsNone) drawn[graph.name().toStdString()] += graph.dataCount();
  }
  for (int row = 0; row < view_.model().rowCount(); ++row) {
    ++listed[(value(row, CollectiveModel::kAlgorithm).toString() + ' ' +
              value(row, CollectiveModel::kProtocol).toString())
                 .toStdString()];
  }
  EXPECT_GE(listed.size(), 2u);
  EXPECT_EQ(drawn, listed);
  EXPECT_THAT(view_.plot().accessibleDescription().toStdString(), HasSubstr("all_reduce over 16 GPUs"));
}

TEST_F(CollectiveViewTest, SortsByNumbersAndCopiesTheChosenRows) {
  view_.show();
  view_.set_runs(run_of(two_nodes()), nullptr);
  view_.table().sortByColumn(CollectiveModel::kTime, Qt::DescendingOrder);
  const QAbstractItemModel& shown = *view_.table().model();
  EXPECT_EQ(shown.index(0, CollectiveModel::kSize).data().toString(), "1.000 GiB");
  view_.table().setFocus();
  view_.table().selectAll();
  QApplication::clipboard()->clear();
  QTest::keyClick(&view_.table(), Qt::Key_C, Qt::ControlModifier);
  const QStringList lines = QApplication::clipboard()->text().split(QLatin1Char('\n'), Qt::SkipEmptyParts);
  ASSERT_EQ(lines.size(), 21);
  EXPECT_THAT(lines.front().toStdString(), StartsWith("1.000 GiB\t536,870,912\tbfloat16\t"));
}

TEST_F(CollectiveViewTest, NamesUnlikeNodes) {
  view_.show();
  view_.set_runs(
      run_of(testing::replaced(testing::small_training(), "  node: dgx_h100   # eight GPUs\n",
                               "  nodes:\n    - {node: dgx_h100, count: 1}\n    - {node: dgx_a100, count: 1}\n"
                               "  fabric: rail_fat_tree_hdr\n")),
      nullptr);
  EXPECT_THAT(view_.problem().toStdString(), HasSubstr("unlike nodes"));
}

TEST(CollectiveViewRow, IsATabOfEveryKindOfRun) {
  const ViewRow* const row = find_view("collective");
  ASSERT_NE(row, nullptr);
  EXPECT_TRUE(row->kind.empty());
  const std::unique_ptr<RunView> made(row->make(nullptr));
  EXPECT_NE(dynamic_cast<CollectiveView*>(made.get()), nullptr);
}

}  // namespace
}  // namespace orrery::gui
