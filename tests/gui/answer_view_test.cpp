// The answer to a question as a page shows it.
#include "gui/view/answer_view.hpp"

#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QTreeWidget>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"

namespace orrery::gui {
namespace {

std::shared_ptr<scenarios::AskReply> made_reply() {
  auto reply = std::make_shared<scenarios::AskReply>();
  scenarios::AnswerWords& words = reply->words;
  words.headline = "16 users at once";
  words.note = "gpt is gpt-2";
  words.footnote = "tried 3 plans";
  words.facts = {"binds: TPOT", "fits twice"};
  words.columns.resize(2);
  words.columns[0].title = "plan";
  words.columns[1].title = "users";
  words.rows = {{{"TP 2", "16"}, {"the best"}, true}, {{"TP 1", "<b>4</b>"}, {"misses TTFT", "and TPOT"}, false}};
  reply->answer.scenario = "scenario: a\n";
  reply->answer.plans.resize(1);
  reply->answer.plans[0].holds = true;
  return reply;
}

class AnswerViewTest : public ::testing::Test {
 protected:
  [[nodiscard]] QLabel& label(const char* name) { return *view_.findChild<QLabel*>(QString::fromLatin1(name)); }
  [[nodiscard]] QTreeWidget& plans() { return *view_.findChild<QTreeWidget*>(QStringLiteral("ask_plans")); }
  [[nodiscard]] QPushButton& button(const char* name) {
    return *view_.findChild<QPushButton*>(QString::fromLatin1(name));
  }
  AnswerView view_;
};

TEST_F(AnswerViewTest, HasTheWordsOfTheCommandWithCapitals) {
  view_.set_reply(made_reply());
  EXPECT_EQ(label("ask_headline").text(), "16 users at once");
  EXPECT_EQ(label("ask_about").text(), "gpt is gpt-2\ntried 3 plans");
  EXPECT_EQ(label("ask_facts").text(), "Binds: TPOT\nFits twice");
  for (const char* name : {"ask_headline", "ask_about", "ask_facts"})
    EXPECT_EQ(label(name).textFormat(), Qt::PlainText);
}

TEST_F(AnswerViewTest, ListsPlansWithTheirRemarksLast) {
  view_.set_reply(made_reply());
  ASSERT_EQ(plans().topLevelItemCount(), 2);
  ASSERT_EQ(plans().columnCount(), 3);
  EXPECT_EQ(plans().headerItem()->text(1), "users");
  EXPECT_EQ(plans().topLevelItem(0)->text(2), "the best");
  EXPECT_EQ(plans().topLevelItem(1)->text(1), "<b>4</b>");
  EXPECT_EQ(plans().topLevelItem(1)->text(2), "misses TTFT, and TPOT");
  EXPECT_TRUE(plans().topLevelItem(0)->textAlignment(1) & Qt::AlignRight) << "numbers align";
}

TEST_F(AnswerViewTest, PlansThatDoNotHoldAreFaint) {
  view_.set_reply(made_reply());
  EXPECT_EQ(plans().topLevelItem(1)->foreground(0).color(), view_.palette().color(QPalette::PlaceholderText));
  EXPECT_EQ(plans().topLevelItem(0)->foreground(0).style(), Qt::NoBrush) << "as any text";
}

TEST_F(AnswerViewTest, WhatDoesNotHoldIsInTheColourOfBadNews) {
  const auto reply = made_reply();
  reply->answer.plans[0].holds = false;
  view_.set_reply(reply);
  EXPECT_EQ(label("ask_headline").palette().color(QPalette::WindowText), worse_color(view_.palette()));
  view_.set_reply(made_reply());
  EXPECT_NE(label("ask_headline").palette().color(QPalette::WindowText), worse_color(view_.palette()));
}

TEST_F(AnswerViewTest, ItsScenarioCanBeOpenedAndSaved) {
  view_.set_reply(made_reply());
  QSignalSpy asked(&view_, &AnswerView::open_requested);
  button("ask_open").click();
  button("ask_save").click();
  ASSERT_EQ(asked.count(), 2);
  EXPECT_EQ(asked[0].at(0).toString(), "scenario: a\n");
  EXPECT_FALSE(asked[0].at(1).toBool());
  EXPECT_TRUE(asked[1].at(1).toBool());
}

TEST_F(AnswerViewTest, WithoutAScenarioThereIsNothingToOpen) {
  const auto reply = made_reply();
  reply->answer.scenario.clear();
  reply->words.rows.clear();
  reply->words.note.clear();
  reply->words.footnote.clear();
  view_.set_reply(reply);
  EXPECT_FALSE(button("ask_open").isEnabled());
  EXPECT_FALSE(button("ask_save").isEnabled());
  EXPECT_TRUE(plans().isHidden());
  EXPECT_TRUE(label("ask_about").isHidden());
}

TEST_F(AnswerViewTest, ANewAnswerLeavesNothingOfTheOneBefore) {
  view_.set_reply(made_reply());
  const auto reply = made_reply();
  reply->words.rows.resize(1);
  reply->words.columns.resize(1);
  reply->words.rows[0].cells.resize(1);
  view_.set_reply(reply);
  EXPECT_EQ(plans().topLevelItemCount(), 1);
  EXPECT_EQ(plans().columnCount(), 2);
  EXPECT_EQ(plans().topLevelItem(0)->text(1), "the best");
}

}  // namespace
}  // namespace orrery::gui
