// The window never blocks longer than 50 ms, and answers a training edit in 200 ms, a serving edit in a second.
//
// Each figure is the best of several repetitions, since tests run on shared machines: one that can't be reached fails
// every time. The measured values are printed and stand in the test's properties.
#include <QElapsedTimer>

#include "gui/view/views.hpp"
#include "tests/gui/gui_fixture.hpp"
#include "tests/gui/watchdog.hpp"

namespace orrery::gui::testing {
namespace {

constexpr double kLongestBlock = 50.0;  ///< ms

std::string job_of_1024_gpus() {
  return "scenario: \"GPT-3 175B, 1024 H100\"\n"
         "model: gpt3-175b\n"
         "cluster:\n"
         "  node: dgx_h100\n"
         "  nodes: 128\n"
         "  fabric: rail_fat_tree_ndr\n"
         "training:\n"
         "  sequence_length: 2048\n"
         "  global_batch_size: 512\n"
         "  micro_batch_size: 1\n"
         "  tensor_parallel: 8\n"
         "  pipeline_parallel: 8\n"
         "  data_parallel: 16\n"
         "  sequence_parallel: true\n"
         "  recompute: selective\n"
         "  attention: flash\n"
         "  zero: optimizer\n"
         "  precision: bf16\n";
}

class Responsiveness : public WindowTest {
 protected:
  struct Block {
    double wall = 1e9, own = 1e9, computing = 1e9;
  };

  /// The longest block during `act`: the least of up to `repetitions`, until one is short enough.
  Block longest_block(const std::function<void(int)>& act, int repetitions = 5) {
    Block best;
    for (int repetition = 0; repetition < repetitions && best.own > kLongestBlock; ++repetition) {
      turn_event_loop(50);
      Watchdog watchdog;
      act(repetition);
      turn_event_loop(50);
      EXPECT_GT(watchdog.beats(), 20) << "nothing was watched";
      best.own = std::min(best.own, watchdog.own());
      best.wall = std::min(best.wall, watchdog.wall());
      best.computing = std::min(best.computing, watchdog.computing());
    }
    return best;
  }

  void expect_never_blocked(const char* what, const Block& block) {
    std::printf("%s: longest block %.1f ms on the clock, %.1f ms without other programs' turns, %.1f ms computing\n",
                what, block.wall, block.own, block.computing);
    RecordProperty(std::string(what) + "_block_us", static_cast<int>(block.own * 1000.0));
    EXPECT_LE(block.own, kLongestBlock) << what;
  }

  /// From an edit until every view shows its result: the best of five, in ms.
  double latency(const QString& key, const std::vector<QString>& values, double goal) {
    double best = 1e9;
    for (const QString& value : values) {
      if (best <= goal) break;
      QElapsedTimer clock;
      EXPECT_TRUE(settle([&] {
        clock.start();
        EXPECT_TRUE(window_->set_value(key, value));
      })) << value.toStdString();
      best = std::min(best, static_cast<double>(clock.nsecsElapsed()) * 1e-6);
    }
    return best;
  }

  void visit_all_views() {
    for (const ViewRow& row : views()) {
      window_->show_view(QString::fromUtf8(row.name.data(), static_cast<qsizetype>(row.name.size())));
      turn_event_loop(20);
    }
  }
};

TEST_F(Responsiveness, ATrainingJobOfAThousandGpusAnswersWithinTwoHundredMilliseconds) {
  ASSERT_NO_FATAL_FAILURE(open(job_of_1024_gpus()));
  const double took =
      latency(QStringLiteral("training.global_batch_size"), {"528", "544", "560", "576", "592", "608", "624"}, 200.0);
  std::printf("1024 GPUs: %.0f ms from edit to result\n", took);
  RecordProperty("training_latency_ms", static_cast<int>(took));
  EXPECT_LE(took, 200.0);
}

TEST_F(Responsiveness, FiveThousandRequestsAnswerWithinASecond) {
  ASSERT_NO_FATAL_FAILURE(open(chat(5000, 10)));
  const double took = latency(QStringLiteral("serving.load.rate"), {"11", "12", "13", "10", "9"}, 1000.0);
  std::printf("5000 requests: %.0f ms from edit to result\n", took);
  RecordProperty("serving_latency_ms", static_cast<int>(took));
  EXPECT_LE(took, 1000.0);
}

TEST_F(Responsiveness, EditingATrainingJobOfAThousandGpusNeverBlocksTheWindow) {
  ASSERT_NO_FATAL_FAILURE(open(job_of_1024_gpus()));
  visit_all_views();
  const QStringList values = {"528", "544", "560", "576", "592"};
  expect_never_blocked(
      "training_edit", longest_block([&](int repetition) {
        EXPECT_TRUE(settle([&] { type(QStringLiteral("training.global_batch_size"), values.at(repetition)); }));
      }));
  // Each view in turn is in front while a result arrives.
  int batch = 640;
  for (const ViewRow& row : views()) {
    const QString name = QString::fromUtf8(row.name.data(), static_cast<qsizetype>(row.name.size()));
    ASSERT_TRUE(window_->show_view(name) || row.kind == "serving") << name.toStdString();
    expect_never_blocked(
        ("training_" + std::string(row.name)).c_str(), longest_block([&](int) {
          batch += 16;
          EXPECT_TRUE(settle([&] {
            EXPECT_TRUE(window_->set_value(QStringLiteral("training.global_batch_size"), QString::number(batch)));
          }));
        }));
  }
}

TEST_F(Responsiveness, EditingAServingScenarioNeverBlocksTheWindow) {
  ASSERT_NO_FATAL_FAILURE(open(chat(5000, 10)));
  visit_all_views();
  int rate = 10;
  for (const ViewRow& row : views()) {
    const QString name = QString::fromUtf8(row.name.data(), static_cast<qsizetype>(row.name.size()));
    ASSERT_TRUE(window_->show_view(name) || row.kind == "training") << name.toStdString();
    expect_never_blocked(
        ("serving_" + std::string(row.name)).c_str(), longest_block([&](int) {
          ++rate;
          EXPECT_TRUE(settle(
              [&] { EXPECT_TRUE(window_->set_value(QStringLiteral("serving.load.rate"), QString::number(rate))); }));
        }));
  }
}

// 512 GPUs, 64 stages and 512 microbatches: the largest timeline of the library.
TEST_F(Responsiveness, TheHeaviestLibraryScenarioNeverBlocksTheWindow) {
  const std::string heavy = library("training/korthikanti-1t-512xa100");
  ASSERT_FALSE(heavy.empty());
  ASSERT_NO_FATAL_FAILURE(open(heavy));
  expect_never_blocked("heavy_views", longest_block([&](int) { visit_all_views(); }));
  ASSERT_TRUE(window_->show_view(QStringLiteral("timeline")));
  const QStringList values = {"selective", "full", "selective", "full"};
  int turn = 0;
  expect_never_blocked("heavy_edit",
                       longest_block(
                           [&](int) {
                             EXPECT_TRUE(settle([&] {
                               EXPECT_TRUE(window_->set_value(QStringLiteral("training.recompute"), values.at(++turn)));
                             }));
                           },
                           3));
}

TEST_F(Responsiveness, SwitchingThroughAllTabsNeverBlocksTheWindow) {
  ASSERT_NO_FATAL_FAILURE(open(job_of_1024_gpus()));
  expect_never_blocked("training_tabs", longest_block([&](int) { visit_all_views(); }));
  ASSERT_NO_FATAL_FAILURE(open(chat(5000, 10), QStringLiteral("chat.yaml")));
  expect_never_blocked("serving_tabs", longest_block([&](int) { visit_all_views(); }));
}

// Typing into the text runs a check of it at every key.
TEST_F(Responsiveness, TypingIntoTheTextNeverBlocksTheWindow) {
  ASSERT_NO_FATAL_FAILURE(open(job_of_1024_gpus()));
  editor()->setFocus();
  expect_never_blocked("typing", longest_block([&](int) {
                         editor()->moveCursor(QTextCursor::Start);
                         QTest::keyClick(editor(), Qt::Key_Return);
                         editor()->moveCursor(QTextCursor::Start);
                         for (const char letter : std::string("# a note, typed while it is simulated")) {
                           QTest::keyClick(editor(), letter);
                           turn_event_loop(5);
                         }
                         EXPECT_TRUE(wait_for([&] { return !window_->simulation().is_busy(); }));
                       }));
}

// A watchdog that can't see a block would pass everything.
TEST_F(Responsiveness, TheWatchdogSeesABlockOfWaitingAndOneOfComputing) {
  turn_event_loop(20);
  Watchdog watchdog;
  turn_event_loop(20);
  std::this_thread::sleep_for(std::chrono::milliseconds(80));
  turn_event_loop(20);
  EXPECT_GE(watchdog.own(), 75.0);
  EXPECT_GE(watchdog.wall(), 79.0);
  watchdog.reset();
  QElapsedTimer clock;
  clock.start();
  double sum = 0.0;
  while (clock.elapsed() < 200) sum += std::sqrt(static_cast<double>(clock.nsecsElapsed()));
  EXPECT_GT(sum, 0.0);
  turn_event_loop(20);
  EXPECT_GE(watchdog.computing(), 20.0);
}

}  // namespace
}  // namespace orrery::gui::testing
