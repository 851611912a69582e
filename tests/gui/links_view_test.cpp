// The table of links: its model, its order, what it says where there are none, and the load over time of one of them.
#include "gui/view/links_view.hpp"

#include <set>

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QLabel>
#include <QTest>
#include <QTreeView>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <qcustomplot.h>

#include "gui/view/link_load_plot.hpp"
#include "gui/view/views.hpp"
#include "hardware/config/config.hpp"
#include "tests/gui/gui_fixture.hpp"
#include "tests/places.hpp"

namespace orrery::gui {
namespace {

RunPtr run_with(std::vector<sim::LinkReport> links, std::string skipped = "") {
  auto run = std::make_shared<Run>();
  run->report.links = std::move(links);
  run->report.scenario.skipped = std::move(skipped);
  return run;
}

std::vector<sim::LinkReport> two_classes() {
  return {{"nvlink", 16, BytesPerSecond{360e9}, Bytes{3.0 * 1073741824.0}, 0.1, 0.5, {}},
          {"nic",
           32,
           BytesPerSecond{42.5e9},
           Bytes{1073741824.0},
           0.25,
           1.0,
           {{"gradient bucket (dp stage 3)", Seconds{0.5}}, {"activations, \"sent\" (a to b)", Seconds{0.125}}}}};
}

QString text(const QAbstractItemModel& model, int row, int column, const QModelIndex& parent = {}) {
  return model.index(row, column, parent).data().toString();
}

TEST(LinksModel, HasARowPerClassAndTheOperationsThatItHeldUpBelow) {
  LinksModel model;
  const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  model.set_run(run_with(two_classes()));
  ASSERT_EQ(model.rowCount(), 2);
  EXPECT_EQ(text(model, 0, LinksModel::kLink), "nvlink");
  EXPECT_EQ(text(model, 0, LinksModel::kCount), "16");
  EXPECT_EQ(text(model, 0, LinksModel::kCapacity), "360.0 GB/s");
  EXPECT_EQ(text(model, 0, LinksModel::kBytes), "3.000 GiB");
  EXPECT_EQ(text(model, 0, LinksModel::kHeldUp), QStringLiteral("–"));
  EXPECT_EQ(text(model, 1, LinksModel::kMeanLoad), "25.00 %");
  EXPECT_EQ(text(model, 1, LinksModel::kPeakLoad), "100.00 %");
  EXPECT_EQ(text(model, 1, LinksModel::kHeldUp), "625.0 ms, 2 operations");
  const QModelIndex nic = model.index(1, 0);
  EXPECT_EQ(model.rowCount(model.index(0, 0)), 0);
  ASSERT_EQ(model.rowCount(nic), 2);
  EXPECT_EQ(text(model, 0, LinksModel::kLink, nic), "gradient bucket (dp stage 3)");
  EXPECT_EQ(text(model, 0, LinksModel::kHeldUp, nic), "500.0 ms");
  EXPECT_EQ(text(model, 1, LinksModel::kHeldUp, nic), "125.0 ms");
  EXPECT_EQ(text(model, 1, LinksModel::kCapacity, nic), "");
  EXPECT_EQ(model.index(1, 0, nic).parent(), nic);
  model.set_run(run_with({}));
  EXPECT_EQ(model.rowCount(), 0);
}

TEST(LinksModel, WritesARowPerOperationAsCsv) {
  LinksModel model;
  model.set_run(run_with(two_classes()));
  EXPECT_EQ(model.csv(),
            "class,count,capacity_bytes_per_s,bytes,mean_load,peak_load,operation,delay_s\n"
            "nvlink,16,3.6e+11,3221225472,0.1,0.5,,\n"
            "nic,32,4.25e+10,1073741824,0.25,1,gradient bucket (dp stage 3),0.5\n"
            "nic,32,4.25e+10,1073741824,0.25,1,\"activations, \"\"sent\"\" (a to b)\",0.125\n");
  model.set_run(nullptr);
  EXPECT_EQ(model.csv(), "");
}

// Links are the machine's: of several jobs the table says whose operations they held up.
TEST(LinksModel, TellsTheJobsApart) {
  RunRequest request;
  request.file = orrery::tests::source_root() + "/scenarios/library/cluster/two-70b-7to1-fabric.yaml";
  request.text = hardware::read_text_file(request.file);
  const RunPtr run = make_run(std::move(request));
  LinksModel model;
  model.set_run(run);
  ASSERT_EQ(static_cast<std::size_t>(model.rowCount()), run->report.links.size());
  std::set<QString> jobs;
  for (int row = 0; row < model.rowCount(); ++row) {
    const QModelIndex link = model.index(row, 0);
    for (int i = 0; i < model.rowCount(link); ++i)
      jobs.insert(text(model, i, LinksModel::kLink, link).section(u':', 0, 0));
  }
  EXPECT_THAT(jobs, ::testing::UnorderedElementsAre(QStringLiteral("left"), QStringLiteral("right")));
  EXPECT_THAT(model.csv(), ::testing::HasSubstr("left: "));
}

TEST(LinksView, SortsByTheNumbersBehindTheColumns) {
  LinksView view;
  const QAbstractItemModelTester tester(view.table().model(), QAbstractItemModelTester::FailureReportingMode::Fatal);
  view.set_runs(run_with(two_classes()), nullptr);
  const QAbstractItemModel& shown = *view.table().model();
  EXPECT_EQ(text(shown, 0, LinksModel::kLink), "nvlink") << "as in the report, before a header was clicked";
  view.table().sortByColumn(LinksModel::kCapacity, Qt::AscendingOrder);
  EXPECT_EQ(text(shown, 0, LinksModel::kLink), "nic");
  view.table().sortByColumn(LinksModel::kCapacity, Qt::DescendingOrder);
  EXPECT_EQ(text(shown, 0, LinksModel::kLink), "nvlink");
  view.table().sortByColumn(LinksModel::kHeldUp, Qt::AscendingOrder);
  EXPECT_EQ(text(shown, 0, LinksModel::kLink), "nvlink");
  EXPECT_EQ(text(shown, 0, LinksModel::kHeldUp, shown.index(1, 0)), "125.0 ms") << "operations are sorted too";
  view.table().sortByColumn(LinksModel::kLink, Qt::AscendingOrder);
  EXPECT_EQ(text(shown, 0, LinksModel::kLink), "nic");
}

TEST(LinksView, SaysWhyThereAreNone) {
  LinksView view;
  view.resize(600, 300);
  view.show();
  const auto* const label = view.findChild<QLabel*>(QStringLiteral("links_empty"));
  const auto* const table = view.findChild<QTreeView*>(QStringLiteral("links_table"));
  EXPECT_TRUE(label->text().contains(QStringLiteral("first run"))) << label->text().toStdString();
  view.set_runs(run_with({}), nullptr);
  EXPECT_TRUE(label->isVisible());
  EXPECT_FALSE(table->isVisible());
  EXPECT_TRUE(label->text().contains(QStringLiteral("No links"))) << label->text().toStdString();
  EXPECT_EQ(view.csv(), "");
  view.set_runs(run_with({}, "no trace here"), nullptr);
  EXPECT_TRUE(label->text().contains(QStringLiteral("skipped"))) << label->text().toStdString();
  view.set_runs(run_with(two_classes()), nullptr);
  EXPECT_FALSE(label->isVisible());
  EXPECT_TRUE(table->isVisible());
  EXPECT_NE(view.csv(), "");
}

// In a narrow view the numbers scroll; what they are of is always read.
TEST(LinksView, KeepsTheNamesOfClassesWhole) {
  LinksView view;
  std::vector<sim::LinkReport> links = two_classes();
  links[0].link_class = "leaf to spine, upwards";
  view.set_runs(run_with(links), nullptr);
  for (const int width : {300, 560, 1200}) {
    view.resize(width, 300);
    view.show();
    QTest::qWait(1);
    const int name = view.table().fontMetrics().horizontalAdvance("leaf to spine, upwards");
    EXPECT_GE(view.table().columnWidth(LinksModel::kLink), name + view.table().indentation()) << width;
  }
}

TEST(LinksView, CopiesTheChosenRows) {
  LinksView view;
  view.resize(600, 300);
  view.show();
  view.set_runs(run_with(two_classes()), nullptr);
  view.table().setFocus();
  view.table().selectAll();
  QApplication::clipboard()->clear();
  QTest::keyClick(&view.table(), Qt::Key_C, Qt::ControlModifier);
  const QStringList lines = QApplication::clipboard()->text().split(QLatin1Char('\n'), Qt::SkipEmptyParts);
  ASSERT_EQ(lines.size(), 4);
  EXPECT_TRUE(lines[1].startsWith(QStringLiteral("nic\t32\t42.5 GB/s"))) << lines[1].toStdString();
  EXPECT_TRUE(lines[2].startsWith(QStringLiteral("gradient bucket"))) << lines[2].toStdString();
}

// Two stages of a pipeline, several microbatches: messages and gradients load NVLink at times of their own.
TEST(LinksView, ShowsTheLoadOverTimeOfTheSelectedLink) {
  RunRequest request;
  request.file = "case.yaml";
  request.text = testing::piped_training();
  const RunPtr run = make_run(std::move(request));
  LinksView view;
  view.resize(700, 500);
  view.show();
  view.set_runs(run, nullptr);
  EXPECT_FALSE(view.load().isVisible()) << "the table has all the room";
  const QModelIndex first = view.table().model()->index(0, 0);
  view.table().selectionModel()->select(first, QItemSelectionModel::ClearAndSelect | QItemSelectionModel::Rows);
  EXPECT_TRUE(view.load().isVisible());
  ASSERT_TRUE(testing::wait_for([&] { return view.load().series() != nullptr; }));
  const scenarios::LoadSeries& series = *view.load().series();
  const sim::LinkReport& link = run->report.links.front();
  EXPECT_EQ(series.link_class, link.link_class);
  EXPECT_EQ(view.load().message(), "");
  double mean = 0.0;
  for (const double value : series.mean) mean += value / static_cast<double>(series.mean.size());
  EXPECT_NEAR(mean, link.mean_load, 1e-6 * link.mean_load);
  // What is drawn is that, to the end of the step.
  const QCustomPlot& plot = view.load().plot();
  ASSERT_EQ(plot.graphCount(), 2);
  const QCPGraph& drawn = *plot.graph(1);
  ASSERT_EQ(drawn.dataCount(), static_cast<int>(series.mean.size()) + 1);
  for (std::size_t i = 0; i < series.mean.size(); ++i) {
    EXPECT_EQ(drawn.data()->at(static_cast<int>(i))->value, series.mean[i]);
  }
  EXPECT_DOUBLE_EQ((drawn.data()->constEnd() - 1)->key, run->report.metric("training.step_time_s"));
  EXPECT_TRUE(view.load().accessibleDescription().startsWith(QStringLiteral("nvlink")));
  // The next run of the scenario shows the same class without another click; another scenario does not.
  view.set_runs(make_run(RunRequest(run->request)), run);
  EXPECT_TRUE(view.load().isVisible());
  ASSERT_TRUE(testing::wait_for([&] { return view.load().series() != nullptr; }));
  view.forget();
  EXPECT_FALSE(view.load().isVisible());
}

TEST(LinksView, AnOperationsRowShowsTheLinkThatHeldItUp) {
  LinksView view;
  view.resize(700, 500);
  view.show();
  view.set_runs(run_with(two_classes()), nullptr);
  const QModelIndex nic = view.table().model()->index(1, 0);
  const QModelIndex held = view.table().model()->index(0, 0, nic);
  EXPECT_EQ(view.model().link_of(view.model().index(0, 0, view.model().index(1, 0))).link_class, "nic");
  view.table().selectionModel()->select(held, QItemSelectionModel::ClearAndSelect | QItemSelectionModel::Rows);
  EXPECT_TRUE(view.load().isVisible());
  EXPECT_TRUE(view.load().message().contains(QStringLiteral("no results"))) << "figures by hand, no jobs";
  view.table().clearSelection();
  EXPECT_FALSE(view.load().isVisible());
}

TEST(LinksView, IsATabOfEveryKindOfRun) {
  const ViewRow* const row = find_view("links");
  ASSERT_NE(row, nullptr);
  EXPECT_TRUE(row->kind.empty());
  const std::unique_ptr<RunView> made(row->make(nullptr));
  EXPECT_NE(dynamic_cast<LinksView*>(made.get()), nullptr);
}

}  // namespace
}  // namespace orrery::gui
