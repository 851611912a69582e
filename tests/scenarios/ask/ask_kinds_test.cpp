// Questions as the window asks them: from words, without a command line.
#include <chrono>
#include <thread>

#include <gmock/gmock.h>

#include "hardware/config/config.hpp"
#include "scenarios/ask/ask.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const AskKind& kind(std::string_view name) {
  for (const AskKind& row : ask_kinds()) {
    if (row.name == name) return row;
  }
  throw std::out_of_range(std::string(name));
}

class AskKinds : public FolderTest {
 protected:
  AskReply ask(std::string_view name, const AskWords& words) {
    return ask_quietly(kind(name), words, {2, stop_, progress_});
  }
  std::string refusal(std::string_view name, const AskWords& words) {
    try {
      (void)ask(name, words);
    } catch (const hardware::ConfigError& error) {
      return error.what();
    }
    return "";
  }

  const std::atomic<bool>* stop_ = nullptr;
  std::function<void(std::size_t, std::size_t)> progress_;
};

TEST_F(AskKinds, WordsLeadToTheAnswerOfTheCommand) {
  AskWords words;
  words.model = "llama-3-8b";
  words.gpu = "L40S";
  words.gpus = "1";
  words.input = "500";
  words.output = "100";
  words.tpot = "50ms";
  const AskReply reply = ask("serve", words);
  const Outcome outcome = orrery({"ask", "serve", "--model", "llama-3-8b", "--gpu", "L40S", "--gpus", "1", "--input",
                                  "500", "--output", "100", "--tpot", "50ms", "--json", "-"});
  EXPECT_EQ(reply.json, outcome.out);
  const Outcome text = orrery({"ask", "serve", "--model", "llama-3-8b", "--gpu", "L40S", "--gpus", "1", "--input",
                               "500", "--output", "100", "--tpot", "50ms"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("Answer: " + reply.words.headline), HasSubstr(reply.answer.scenario)));
  for (const std::string& fact : reply.words.facts) EXPECT_THAT(text.out, HasSubstr("  " + fact + "\n"));
  for (const AnswerRow& row : reply.words.rows) EXPECT_EQ(row.cells.size(), reply.words.columns.size());
}

TEST_F(AskKinds, EveryFieldIsAnOptionOfTheCommandAndSaysHowItIsWritten) {
  for (const AskKind& row : ask_kinds()) {
    const Outcome outcome = orrery({"ask", std::string(row.name), "--help"});
    EXPECT_EQ(outcome.code, kExitWell);
    for (const AskField& field : row.fields) {
      EXPECT_THAT(outcome.out, HasSubstr("--" + std::string(field.name))) << row.name;
      EXPECT_FALSE(field.title.empty() || field.help.empty() || field.example.empty()) << field.name;
    }
  }
}

// Each field's own example is read: forms show them.
TEST_F(AskKinds, ExamplesAreGoodWords) {
  for (const AskKind& row : ask_kinds()) {
    for (const AskField& field : row.fields) {
      AskWords words;
      words.model = "llama-3.1-70b";
      words.context = "8K";
      words.input = "100";
      words.output = "100";
      words.ttft = "5s";
      words.*field.word = field.example;
      SCOPED_TRACE(std::string(field.name));
      if (row.name == "serve") {
        EXPECT_NO_THROW((void)read_serve_question(words));
      } else {
        EXPECT_NO_THROW((void)read_fit_question(words));
      }
    }
  }
}

TEST_F(AskKinds, WhatIsMissingOrWrongIsNamed) {
  AskWords words;
  EXPECT_THAT(refusal("fit", words), HasSubstr("--model is needed"));
  words.model = "qwen3-33b";
  EXPECT_THAT(refusal("fit", words), AllOf(HasSubstr("--model"), HasSubstr("qwen3-32b")));
  words.model = "qwen3-32b";
  EXPECT_THAT(refusal("fit", words), HasSubstr("--context is needed"));
  EXPECT_THAT(refusal("serve", words), HasSubstr("--input is needed"));
  words.context = "32K";
  words.gpus = "9000";
  EXPECT_THAT(refusal("fit", words), HasSubstr("--gpus 9000: expected a whole number from 1 to 4096"));
  words.gpus = "1.5";
  EXPECT_THAT(refusal("fit", words), HasSubstr("--gpus 1.5"));
  words.gpus = "";
  words.input = words.output = "10";
  words.ttft = "1s";
  words.attainment = "1.5";
  EXPECT_THAT(refusal("serve", words), HasSubstr("--attainment 1.5: expected a number from 0.01 to 1"));
}

TEST_F(AskKinds, ProgressIsToldAndAStopIsHeard) {
  AskWords words;
  words.model = "llama-3.1-405b";
  words.input = "2000";
  words.output = "500";
  words.tpot = "50ms";
  std::atomic<bool> stop{false};
  std::size_t told = 0, total = 0;
  stop_ = &stop;
  progress_ = [&](std::size_t done, std::size_t of) {
    told = std::max(told, done);
    total = of;
    stop = true;
  };
  const auto start = std::chrono::steady_clock::now();
  const AskReply reply = ask("serve", words);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_GE(told, 1u);
  EXPECT_GT(total, told) << "it went on to the end";
  EXPECT_LT(reply.answer.plans.size(), total);
}

}  // namespace
}  // namespace orrery::scenarios::testing
