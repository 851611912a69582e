// The tree of a figure's parts.
#include "gui/model/explain_model.hpp"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <gtest/gtest.h>

namespace orrery::gui {
namespace {

using scenarios::ExplainNode;
using scenarios::Unit;

ExplainNode leaf(const std::string& title, double value) {
  ExplainNode node;
  node.title = title;
  node.value = value;
  node.unit = Unit::seconds;
  node.has_value = true;
  return node;
}

/// 10 s = 7.5 s + 2.5 s, the second of one part that is no sum.
ExplainNode step() {
  ExplainNode root = leaf("training.step_time_s", 10.0);
  root.equation = "compute + communication";
  root.sums = true;
  root.parts = {leaf("compute", 7.5), leaf("communication", 2.5)};
  root.parts[1].parts = {leaf("all_reduce", 2.0)};
  root.parts[1].parts[0].level = "measured";
  root.parts[1].parts[0].source = "a benchmark";
  return root;
}

TEST(ExplainModel, ShowsTheTreeWithSharesOfSums) {
  ExplainModel model;
  const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  EXPECT_EQ(model.rowCount(), 0);
  model.set_root(step());
  ASSERT_EQ(model.rowCount(), 1);
  const QModelIndex root = model.index(0, 0);
  ASSERT_EQ(model.rowCount(root), 2);
  EXPECT_EQ(root.siblingAtColumn(ExplainModel::kEquation).data().toString(), "= compute + communication");
  // 7.5 / 10 = 75 %
  const QModelIndex compute = model.index(0, ExplainModel::kValue, root);
  EXPECT_TRUE(compute.data().toString().startsWith("7.500 s"));
  EXPECT_TRUE(compute.data().toString().contains("75.0 %"));
  const QModelIndex reduce = model.index(0, 0, model.index(1, 0, root));
  EXPECT_EQ(reduce.data().toString(), "all_reduce");
  EXPECT_EQ(reduce.siblingAtColumn(ExplainModel::kValue).data().toString(), "2.000 s");  // its whole is no sum
  EXPECT_EQ(reduce.siblingAtColumn(ExplainModel::kLevel).data().toString(), "measured");
  EXPECT_EQ(reduce.parent().parent(), root);
}

TEST(ExplainModel, KeepsIndexesWhileTitlesStay) {
  ExplainModel model;
  const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  model.set_root(step());
  const QPersistentModelIndex compute = model.index(0, ExplainModel::kValue, model.index(0, 0));
  QSignalSpy resets(&model, &QAbstractItemModel::modelReset);
  ExplainNode next = step();
  next.parts[0].value = 5.0;
  model.set_root(next);
  EXPECT_EQ(resets.count(), 0);
  ASSERT_TRUE(compute.isValid());
  EXPECT_TRUE(compute.data().toString().startsWith("5.000 s"));
  next.parts.pop_back();
  model.set_root(next);
  EXPECT_EQ(resets.count(), 1);
  EXPECT_EQ(model.rowCount(model.index(0, 0)), 1);
}

TEST(ExplainModel, WritesARowPerNode) {
  ExplainModel model;
  EXPECT_EQ(model.csv(), "");
  model.set_root(step());
  EXPECT_EQ(model.csv(),
            "depth,what,value,unit,known_as,equation,source\n"
            "0,training.step_time_s,10,s,,compute + communication,\n"
            "1,compute,7.5,s,,,\n"
            "1,communication,2.5,s,,,\n"
            "2,all_reduce,2,s,measured,,a benchmark\n");
}

}  // namespace
}  // namespace orrery::gui
