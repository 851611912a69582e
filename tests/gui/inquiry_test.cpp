// A question in its worker, without a page.
#include "gui/run/inquiry.hpp"

#include <QElapsedTimer>
#include <QSignalSpy>
#include <gmock/gmock.h>

#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::HasSubstr;

const scenarios::AskKind& kind(std::string_view name) {
  for (const scenarios::AskKind& row : scenarios::ask_kinds()) {
    if (row.name == name) return row;
  }
  throw std::logic_error("no such kind");
}

scenarios::AskWords fit_words() {
  scenarios::AskWords words;
  words.model = "llama-3-8b";
  words.gpu = "h100";
  words.context = "8K";
  return words;
}

class InquiryTest : public ::testing::Test {
 protected:
  InquiryTest() {
    QObject::connect(&inquiry_, &Inquiry::answered, [this](const ReplyPtr& reply) { reply_ = reply; });
  }
  bool wait() {
    return wait_for([this] { return !inquiry_.is_busy(); });
  }
  Inquiry inquiry_;
  QSignalSpy refused_{&inquiry_, &Inquiry::refused}, cancelled_{&inquiry_, &Inquiry::cancelled},
      started_{&inquiry_, &Inquiry::started};
  ReplyPtr reply_;
};

TEST_F(InquiryTest, GivesTheAnswerOfTheLibrary) {
  inquiry_.ask(kind("fit"), fit_words());
  EXPECT_TRUE(inquiry_.is_busy());
  ASSERT_TRUE(wait());
  ASSERT_NE(reply_, nullptr);
  EXPECT_EQ(reply_->json, scenarios::ask_quietly(kind("fit"), fit_words(), {}).json);
  EXPECT_EQ(started_.count(), 1);
  EXPECT_EQ(refused_.count() + cancelled_.count(), 0);
}

TEST_F(InquiryTest, RefusesWhatItCantReadWithTheNearestName) {
  scenarios::AskWords words = fit_words();
  words.gpu = "h1000";
  inquiry_.ask(kind("fit"), words);
  ASSERT_TRUE(wait());
  ASSERT_EQ(refused_.count(), 1);
  EXPECT_THAT(refused_.last().at(0).toString().toStdString(), HasSubstr("h100"));
  EXPECT_EQ(reply_, nullptr);
}

TEST_F(InquiryTest, AsksOneQuestionAtATime) {
  inquiry_.ask(kind("fit"), fit_words());
  inquiry_.ask(kind("fit"), {});  // not heard
  ASSERT_TRUE(wait());
  EXPECT_EQ(started_.count(), 1);
  EXPECT_NE(reply_, nullptr);
  inquiry_.ask(kind("fit"), {});
  ASSERT_TRUE(wait());
  EXPECT_EQ(refused_.count(), 1) << "the next is heard again";
}

TEST_F(InquiryTest, CancelledItGivesNoAnswer) {
  inquiry_.cancel();
  EXPECT_EQ(cancelled_.count(), 0) << "nothing was asked";
  inquiry_.ask(kind("fit"), fit_words());
  inquiry_.cancel();
  ASSERT_TRUE(wait());
  EXPECT_EQ(cancelled_.count(), 1);
  EXPECT_EQ(reply_, nullptr);
}

TEST(InquiryEnd, DoesNotWaitForTheWholeAnswer) {
  QElapsedTimer clock;
  {
    Inquiry inquiry;
    scenarios::AskWords words;
    words.model = "llama-3.1-405b";
    words.gpu = "h100,h200,a100";
    words.input = "20000";
    words.output = "2000";
    words.tpot = "50ms";
    inquiry.ask(kind("serve"), words);
    turn_event_loop(50);
    clock.start();
  }
  EXPECT_LT(clock.elapsed(), 5000);
}

}  // namespace
}  // namespace orrery::gui::testing
