// Five what-ifs as a user asks them: a value is changed in the form with the keyboard, and everything follows.
//
// Expected figures come from the library alone: the file as it stands on the disk with one value overridden.
#include <cmath>
#include <optional>

#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

/// A number as people read it: "15.03 s" → 15.03, "−47.1 %" → −0.471, "47.59 GiB" → 47.59 × 2^30.
std::optional<double> read_figure(QString text) {
  text.replace(QChar(0x2212), u'-').replace(QChar(0x00d7), u' ').remove(u',').remove(QChar(0x202f));
  static const QRegularExpression pattern(QStringLiteral(R"(([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([^\s\d]\S*)?)"));
  const QRegularExpressionMatch match = pattern.match(text);
  if (!match.hasMatch()) return std::nullopt;
  static const QMap<QString, double> scales = {
      {QStringLiteral("ns"), 1e-9},    {QStringLiteral("us"), 1e-6},       {QStringLiteral("µs"), 1e-6},
      {QStringLiteral("ms"), 1e-3},    {QStringLiteral("min"), 60.0},      {QStringLiteral("h"), 3600.0},
      {QStringLiteral("%"), 0.01},     {QStringLiteral("KiB"), 0x1p10},    {QStringLiteral("MiB"), 0x1p20},
      {QStringLiteral("GiB"), 0x1p30}, {QStringLiteral("TiB"), 0x1p40},    {QStringLiteral("k"), 1e3},
      {QStringLiteral("M"), 1e6},      {QStringLiteral("ktokens/s"), 1e3}, {QStringLiteral("Mtokens/s"), 1e6},
  };
  return match.captured(1).toDouble() * scales.value(match.captured(2), 1.0);
}

/// A metric that must be shown as it changes.
struct Watched {
  const char* metric;
  int sign;  ///< +1: the change makes it larger, −1 smaller; 0: only that it changes is known
};

class WhatIf : public WindowTest {
 protected:
  /// The report table shows the metric of `now`, and the change from `before`.
  void expect_shown(const Watched& watched, const scenarios::Report& before, const scenarios::Report& now) const {
    SCOPED_TRACE(watched.metric);
    const double old_value = before.metric(watched.metric), value = now.metric(watched.metric);
    ASSERT_NE(old_value, value) << "the scenario is no what-if";
    if (watched.sign != 0) {
      ASSERT_GT((value - old_value) * watched.sign, 0.0) << "not what an engineer expects";
    }
    EXPECT_EQ(window_->current_run()->report.metric(watched.metric), value);
    ASSERT_NE(window_->previous_run(), nullptr);
    EXPECT_EQ(window_->previous_run()->report.metric(watched.metric), old_value);

    const QModelIndex shown = report().index_of(QString::fromLatin1(watched.metric));
    ASSERT_TRUE(shown.isValid());
    const auto cell = [&](int column) { return shown.siblingAtColumn(column).data().toString(); };
    const std::optional<double> figure = read_figure(cell(ReportModel::kValue));
    ASSERT_TRUE(figure) << cell(ReportModel::kValue).toStdString();
    EXPECT_NEAR(*figure / value, 1.0, 2e-3) << cell(ReportModel::kValue).toStdString();
    const std::optional<double> previous = read_figure(cell(ReportModel::kPrevious));
    ASSERT_TRUE(previous) << cell(ReportModel::kPrevious).toStdString();
    EXPECT_NEAR(*previous / old_value, 1.0, 2e-3) << cell(ReportModel::kPrevious).toStdString();
    const std::optional<double> change = read_figure(cell(ReportModel::kChange));
    ASSERT_TRUE(change) << cell(ReportModel::kChange).toStdString();
    const double expected = value / old_value - 1.0;
    EXPECT_NEAR(*change, expected, 6e-3 * std::abs(expected) + 6e-4) << cell(ReportModel::kChange).toStdString();
    EXPECT_EQ(std::signbit(*change), std::signbit(expected)) << cell(ReportModel::kChange).toStdString();
  }

  /// Opens `text`, lets `change` set `key` from `before` to `after`, and holds the window to the library. `line_before`
  /// and `line_after` are the piece of the text that must change, and nothing else.
  void ask(const std::string& yaml, const QString& key, const QString& after, const std::function<void()>& change,
           const std::string& piece_before, const std::string& piece_after, const std::vector<Watched>& watched) {
    ASSERT_NO_FATAL_FAILURE(open(yaml));
    const std::string file = native(QStringLiteral("case.yaml"));
    const scenarios::Report base = predict(file);
    const scenarios::Report expected = predict(file, key.toStdString(), after.toStdString());

    ASSERT_TRUE(settle(change)) << "no new result";
    const std::string changed = replaced(yaml, piece_before, piece_after);
    EXPECT_EQ(text(), changed);
    EXPECT_EQ(editor()->toPlainText().toStdString(), changed);
    for (const Watched& one : watched) expect_shown(one, base, expected);
    const QString label = QString::fromStdString(window_->current_run()->label());
    EXPECT_TRUE(label.contains(key) && label.contains(after)) << label.toStdString();
    EXPECT_TRUE(window_->isWindowModified());

    // Undo goes back to the former text and figures, redo forward again.
    const char* metric = watched.front().metric;
    ASSERT_TRUE(settle([&] { press(Qt::Key_Z, Qt::ControlModifier); })) << "Ctrl+Z gives no new result";
    EXPECT_EQ(text(), yaml);
    EXPECT_EQ(window_->current_run()->report.metric(metric), base.metric(metric));
    EXPECT_FALSE(window_->isWindowModified());
    ASSERT_TRUE(settle([&] { action(QStringLiteral("redo"))->trigger(); })) << "redo gives no new result";
    EXPECT_EQ(text(), changed);
    EXPECT_EQ(window_->current_run()->report.metric(metric), expected.metric(metric));
    EXPECT_EQ(read_bytes(file), yaml) << "nobody asked to save";
  }
};

std::string training_70b() {
  return "# Llama-3 70B on 64 H100; every comment of this file must survive.\n"
         "scenario: \"Llama-3 70B, 64 H100\"   # a title\n"
         "model: llama-3-70b\n"
         "cluster:\n"
         "  node: dgx_h100   # eight GPUs\n"
         "  nodes: 8\n"
         "  fabric: rail_fat_tree_ndr\n"
         "training:\n"
         "  sequence_length: 8192\n"
         "  global_batch_size: 128\n"
         "  micro_batch_size: 1\n"
         "  tensor_parallel: 8     # within the node\n"
         "  pipeline_parallel: 4\n"
         "  sequence_parallel: true\n"
         "  recompute: none        # keep everything\n"
         "  attention: flash\n"
         "  zero: optimizer\n"
         "  precision: bf16\n";
}

// Half the tensor parallelism: fewer bytes cross NVLink per layer, but each GPU holds twice the layers' weights.
TEST_F(WhatIf, TensorParallelFromEightToFourIsFasterAndNeedsMoreMemory) {
  const QString key = QStringLiteral("training.tensor_parallel");
  ask(training_70b(), key, QStringLiteral("4"), [&] { type(key, QStringLiteral("4")); },
      "tensor_parallel: 8     # within", "tensor_parallel: 4     # within",
      {{"training.step_time_s", -1}, {"training.communication_s", -1}, {"memory.peak_bytes", +1}});
  // It does not fit, and the report says so.
  ASSERT_FALSE(HasFatalFailure());
  ASSERT_FALSE(window_->current_run()->report.findings.empty());
  EXPECT_EQ(window_->current_run()->report.findings.front().kind, "out_of_memory");
}

// Every layer's forward pass is computed twice: a third more FLOPs, and of activations only the layers' inputs stay.
TEST_F(WhatIf, FullRecomputeIsSlowerAndNeedsLessMemory) {
  const QString key = QStringLiteral("training.recompute");
  ask(training_70b(), key, QStringLiteral("full"), [&] { choose(key, QStringLiteral("full")); },
      "recompute: none        # keep", "recompute: full        # keep",
      {{"training.step_time_s", +1}, {"training.mfu", -1}, {"memory.activations_bytes", -1}});
}

// H200 is H100 with 141 GB of faster memory: kernels bound by memory speed up, and more fits.
TEST_F(WhatIf, HopperWithMoreMemoryIsFasterAndHasMoreRoom) {
  const QString key = QStringLiteral("cluster.node");
  ask(training_70b(), key, QStringLiteral("hgx_h200"), [&] { choose(key, QStringLiteral("hgx_h200")); },
      "node: dgx_h100   # eight", "node: hgx_h200   # eight",
      {{"training.step_time_s", -1}, {"training.tokens_per_s", +1}, {"memory.capacity_bytes", +1}});
}

// Plain data parallelism: one all-reduce of all gradients over 64 GPUs, where ring and tree differ.
TEST_F(WhatIf, AllReduceByTreeTakesAnotherTimeThanByRing) {
  const std::string yaml =
      "scenario: \"Llama-3 8B, data parallel\"\n"
      "model: llama-3-8b\n"
      "cluster:\n"
      "  node: dgx_h100\n"
      "  nodes: 8\n"
      "  fabric: rail_fat_tree_ndr\n"
      "  collective_algorithm: ring   # of all-reduce\n"
      "training:\n"
      "  sequence_length: 4096\n"
      "  global_batch_size: 64\n"
      "  tensor_parallel: 8\n"
      "  data_parallel: 8\n"
      "  attention: flash\n"
      "  recompute: full\n"
      "  overlap_gradient_reduce: false\n"
      "  precision: bf16\n";
  const QString key = QStringLiteral("cluster.collective_algorithm");
  ask(yaml, key, QStringLiteral("tree"), [&] { choose(key, QStringLiteral("tree")); },
      "collective_algorithm: ring   # of", "collective_algorithm: tree   # of",
      {{"training.communication_s", 0}, {"training.step_time_s", 0}});
}

// Twice the requests: more of them in a batch, so each token takes longer.
TEST_F(WhatIf, TwiceTheRequestRateServesMoreAndAnswersLater) {
  const QString key = QStringLiteral("serving.load.rate");
  ask(chat(600, 10), key, QStringLiteral("20"), [&] { type(key, QStringLiteral("20")); }, "rate: 10    # requests",
      "rate: 20    # requests",
      {{"serving.requests_per_s", +1}, {"serving.ttft_s.mean", +1}, {"serving.tpot_s.mean", +1}});
}

// A spin box simulates as it turns: one step of the arrow key is one more, without Enter.
TEST_F(WhatIf, TurningASpinBoxSimulatesWithoutEnter) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const double before = window_->current_run()->report.metric("training.step_time_s");
  ASSERT_TRUE(settle([&] {
    ASSERT_NE(open_field(QStringLiteral("training.micro_batch_size")), nullptr);
    press(Qt::Key_Up);
  }));
  EXPECT_NE(text().find("  micro_batch_size: 2"), std::string::npos) << text();
  EXPECT_NE(window_->current_run()->report.metric("training.step_time_s"), before);
}

// Runs are kept with what was changed, so that two what-ifs can be told apart and compared.
TEST_F(WhatIf, TheKeptRunsSayWhatWasChanged) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const QString key = QStringLiteral("training.tensor_parallel");
  ASSERT_TRUE(settle([&] { type(key, QStringLiteral("4")); }));
  ASSERT_TRUE(settle([&] { type(key, QStringLiteral("8")); }));
  ASSERT_EQ(window_->runs().size(), 3u);
  EXPECT_EQ(window_->runs()[1]->request.change, "training.tensor_parallel: 2 → 4");
  EXPECT_EQ(window_->runs()[2]->request.change, "training.tensor_parallel: 4 → 8");
  auto* list = find<QWidget>("runs_view")->findChild<QListWidget*>();
  ASSERT_NE(list, nullptr);
  ASSERT_EQ(list->count(), 3);
  EXPECT_TRUE(list->item(0)->text().contains(QStringLiteral("4 → 8"))) << "newest first";
}

}  // namespace
}  // namespace orrery::gui::testing
