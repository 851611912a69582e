// The welcome page: the same questions as the command's, with its answers.
#include "gui/view/ask_view.hpp"

#include <QProcess>
#include <gmock/gmock.h>

#include "gui/view/answer_view.hpp"
#include "tests/gui/gui_fixture.hpp"
#include "tests/places.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class AskPage : public WindowTest {
 protected:
  [[nodiscard]] AskView& page() const { return *find<AskView>("ask_view"); }
  [[nodiscard]] Inquiry& inquiry() const { return page().inquiry(); }

  void say(const char* field, const QString& text) const { find<QLineEdit>(field)->setText(text); }
  void say_serve() const {
    say("ask_model", QStringLiteral("Qwen/Qwen3-32B-FP8"));
    say("ask_gpu", QStringLiteral("L40S"));
    say("ask_gpus", QStringLiteral("2"));
    say("ask_context", QStringLiteral("32K"));
    say("ask_input", QStringLiteral("2000"));
    say("ask_output", QStringLiteral("500"));
    say("ask_tpot", QStringLiteral("50ms"));
  }
  /// Enter in the last field, and waits for what comes.
  void ask() const {
    QTest::keyClick(find<QLineEdit>("ask_model"), Qt::Key_Return);
    ASSERT_TRUE(wait_for([&] { return !inquiry().is_busy(); }));
  }
  [[nodiscard]] std::string shown(const char* label) const { return find<QLabel>(label)->text().toStdString(); }
  [[nodiscard]] static std::string of_command(const QStringList& arguments) {
    QProcess program;
    program.start(QString::fromStdString(orrery::tests::orrery_program()), arguments);
    EXPECT_TRUE(program.waitForFinished(kPatience));
    EXPECT_EQ(program.exitCode(), 0) << program.readAllStandardError().toStdString();
    return program.readAllStandardOutput().toStdString();
  }
};

TEST_F(AskPage, IsWhatAWindowWithoutAScenarioShows) {
  EXPECT_TRUE(window_->shows_questions());
  EXPECT_TRUE(page().isVisible());
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  EXPECT_FALSE(window_->shows_questions());
  action(QStringLiteral("ask"))->trigger();
  EXPECT_TRUE(page().isVisible());
  // What ran is not lost.
  QTest::mouseClick(find<QPushButton>("ask_back"), Qt::LeftButton);
  EXPECT_FALSE(page().isVisible());
  EXPECT_NE(window_->current_run(), nullptr);
}

TEST_F(AskPage, GivesExactlyTheAnswerOfTheCommand) {
  say_serve();
  ASSERT_NO_FATAL_FAILURE(ask());
  const ReplyPtr reply = page().answer().reply();
  ASSERT_NE(reply, nullptr) << shown("ask_problem");
  const QStringList args = {
      "ask", "serve",   "--model", "Qwen/Qwen3-32B-FP8", "--gpu", "L40S",   "--gpus", "2", "--context",
      "32K", "--input", "2000",    "--output",           "500",   "--tpot", "50ms"};
  EXPECT_EQ(reply->json, of_command(args + QStringList{"--json", "-"}));
  const std::string text = of_command(args);
  EXPECT_THAT(text, HasSubstr(reply->words.headline));
  // What the page shows is what the command prints.
  EXPECT_EQ(shown("ask_headline"), reply->words.headline);
  EXPECT_THAT(shown("ask_facts"), AllOf(HasSubstr("Binds: TPOT"), HasSubstr("Maximum concurrency for 32,768 tokens")));
  const auto* plans = find<QTreeWidget>("ask_plans");
  ASSERT_EQ(plans->topLevelItemCount(), static_cast<int>(reply->words.rows.size()));
  for (int column = 0; column < 7; ++column) {
    EXPECT_THAT(text, HasSubstr(plans->topLevelItem(0)->text(column).toStdString()));
  }
}

TEST_F(AskPage, AnswersWhatFits) {
  page().choose_kind(1);
  say("ask_model", QStringLiteral("llama-3.1-70b"));
  say("ask_gpu", QStringLiteral("h100,h200"));
  say("ask_context", QStringLiteral("128K"));
  ASSERT_NO_FATAL_FAILURE(ask());
  const ReplyPtr reply = page().answer().reply();
  ASSERT_NE(reply, nullptr) << shown("ask_problem");
  EXPECT_EQ(reply->json, of_command({"ask", "fit", "--model", "llama-3.1-70b", "--gpu", "h100,h200", "--context",
                                     "128K", "--json", "-"}));
  EXPECT_THAT(shown("ask_headline"), HasSubstr("hold 1 sequence of 131,072 tokens"));
}

TEST_F(AskPage, KindsShareTheirWords) {
  say_serve();
  page().choose_kind(1);
  EXPECT_EQ(find<QLineEdit>("ask_model")->text(), QStringLiteral("Qwen/Qwen3-32B-FP8"));
  EXPECT_EQ(window_->findChild<QLineEdit*>(QStringLiteral("ask_tpot")), nullptr);
  page().choose_kind(0);
  EXPECT_EQ(find<QLineEdit>("ask_tpot")->text(), QStringLiteral("50ms"));
}

TEST_F(AskPage, ABadNameShowsTheNearest) {
  say_serve();
  say("ask_model", QStringLiteral("Qwen/Qwen3-33B"));
  ASSERT_NO_FATAL_FAILURE(ask());
  EXPECT_EQ(page().answer().reply(), nullptr);
  EXPECT_TRUE(find<QLabel>("ask_problem")->isVisible());
  EXPECT_THAT(shown("ask_problem"),
              AllOf(HasSubstr("Qwen/Qwen3-33B"), HasSubstr("did you mean"), HasSubstr("qwen3-32b")));
  say("ask_model", QStringLiteral("qwen3-32b"));
  say("ask_gpu", QStringLiteral("l4os"));
  ASSERT_NO_FATAL_FAILURE(ask());
  EXPECT_THAT(shown("ask_problem"), AllOf(HasSubstr("--gpu l4os"), HasSubstr("l40s")));
  // A goal is asked for as the command does.
  say("ask_gpu", QStringLiteral("l40s"));
  say("ask_tpot", QString());
  ASSERT_NO_FATAL_FAILURE(ask());
  EXPECT_THAT(shown("ask_problem"), HasSubstr("needs a goal"));
}

TEST_F(AskPage, WhatNothingHoldsSaysHowNear) {
  say("ask_model", QStringLiteral("llama-3-8b"));
  say("ask_gpu", QStringLiteral("l40s"));
  say("ask_gpus", QStringLiteral("1"));
  say("ask_input", QStringLiteral("500"));
  say("ask_output", QStringLiteral("100"));
  say("ask_tpot", QStringLiteral("1ms"));
  ASSERT_NO_FATAL_FAILURE(ask());
  EXPECT_THAT(shown("ask_headline"), HasSubstr("o plan holds it; the nearest is 1 x l40s"));
  EXPECT_EQ(find<QLabel>("ask_headline")->palette().color(QPalette::WindowText), worse_color(QApplication::palette()));
}

TEST_F(AskPage, CanBeCancelled) {
  say("ask_model", QStringLiteral("llama-3.1-405b"));
  say("ask_input", QStringLiteral("2000"));
  say("ask_output", QStringLiteral("500"));
  say("ask_tpot", QStringLiteral("50ms"));
  QSignalSpy cancelled(&inquiry(), &Inquiry::cancelled), progressed(&inquiry(), &Inquiry::progressed);
  QTest::mouseClick(find<QPushButton>("ask_start"), Qt::LeftButton);
  EXPECT_FALSE(find<QPushButton>("ask_start")->isEnabled());
  EXPECT_TRUE(find<QProgressBar>("ask_progress")->isVisible());
  ASSERT_TRUE(wait_for([&] { return progressed.count() > 0; }));
  EXPECT_GT(progressed.last().at(1).toInt(), 10);
  QElapsedTimer clock;
  clock.start();
  QTest::mouseClick(find<QPushButton>("ask_cancel"), Qt::LeftButton);
  ASSERT_TRUE(wait_for([&] { return cancelled.count() > 0; }));
  EXPECT_LT(clock.elapsed(), 3000);
  EXPECT_TRUE(find<QPushButton>("ask_start")->isEnabled());
  EXPECT_FALSE(find<QProgressBar>("ask_progress")->isVisible());
  EXPECT_EQ(page().answer().reply(), nullptr);
  // The next question is answered.
  say("ask_model", QStringLiteral("llama-3-8b"));
  say("ask_gpu", QStringLiteral("l40s"));
  say("ask_gpus", QStringLiteral("1"));
  ASSERT_NO_FATAL_FAILURE(ask());
  EXPECT_NE(page().answer().reply(), nullptr);
}

TEST_F(AskPage, AWindowThatClosesGivesItUp) {
  say("ask_model", QStringLiteral("llama-3.1-405b"));
  say("ask_input", QStringLiteral("2000"));
  say("ask_output", QStringLiteral("500"));
  say("ask_tpot", QStringLiteral("50ms"));
  QTest::mouseClick(find<QPushButton>("ask_start"), Qt::LeftButton);
  turn_event_loop(200);
  QElapsedTimer clock;
  clock.start();
  EXPECT_TRUE(window_->close());
  messages_.reset();
  window_.reset();
  EXPECT_LT(clock.elapsed(), 3000);
}

TEST_F(AskPage, ItsScenarioBecomesTheDocumentAndHoldsWhatWasAnswered) {
  say_serve();
  ASSERT_NO_FATAL_FAILURE(ask());
  const ReplyPtr reply = page().answer().reply();
  ASSERT_NE(reply, nullptr);
  ASSERT_TRUE(settle([&] { QTest::mouseClick(find<QPushButton>("ask_open"), Qt::LeftButton); }));
  EXPECT_FALSE(window_->shows_questions());
  EXPECT_EQ(text(), reply->answer.scenario);
  EXPECT_TRUE(window_->document().path().isEmpty());
  ASSERT_NE(window_->current_run(), nullptr);
  const auto tpot = window_->current_run()->report.find_metric("serving.tpot_s.p99");
  ASSERT_TRUE(tpot.has_value());
  EXPECT_EQ(*tpot, reply->answer.value(reply->answer.plans.front(), "serving.tpot_s.p99"));
}

TEST_F(AskPage, ItsScenarioCanBeSaved) {
  say_serve();
  ASSERT_NO_FATAL_FAILURE(ask());
  answer_.stop();  // the file dialog is expected
  QTest::mouseClick(find<QPushButton>("ask_save"), Qt::LeftButton);
  ASSERT_TRUE(wait_for([&] { return window_->findChild<QFileDialog*>() != nullptr; }, 3000));
  auto* dialog = window_->findChild<QFileDialog*>();
  emit dialog->fileSelected(path(QStringLiteral("best.yaml")));
  dialog->reject();
  EXPECT_EQ(read_bytes(native(QStringLiteral("best.yaml"))), page().answer().reply()->answer.scenario);
  EXPECT_EQ(window_->document().path(), path(QStringLiteral("best.yaml")));
}

// Edits that were not saved are asked about before the answer takes their place.
TEST_F(AskPage, UnsavedEditsAreNotLost) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  ASSERT_TRUE(window_->set_value(QStringLiteral("training.recompute"), QStringLiteral("full")));
  const std::string edited = text();
  window_->show_questions();
  page().choose_kind(1);
  say("ask_model", QStringLiteral("llama-3-8b"));
  say("ask_gpu", QStringLiteral("h100"));
  say("ask_context", QStringLiteral("8K"));
  ASSERT_NO_FATAL_FAILURE(ask());
  QTest::mouseClick(find<QPushButton>("ask_open"), Qt::LeftButton);
  EXPECT_TRUE(wait_for([&] { return questions_ == 1; }, 2000));
  EXPECT_EQ(text(), edited);
}

}  // namespace
}  // namespace orrery::gui::testing
