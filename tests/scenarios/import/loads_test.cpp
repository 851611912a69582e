// Recorded loads of every tool: what is said of them, by counting on fingers, and what they become.
#include <gmock/gmock.h>

#include "tests/places.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Loads : public FolderTest {
 protected:
  [[nodiscard]] Outcome import(const std::string& name, const std::string& text) const {
    return orrery({"import", write(name, text)});
  }
  void expect_load(const std::string& name, const std::string& text, const std::string& format,
                   const std::string& summary) const {
    const Outcome outcome = import(name, text);
    ASSERT_EQ(outcome.code, kExitWell) << name << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(name + ": " + summary)) << name;
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("trace_format: " + format), HasSubstr("trace: \"" + path(name) + "\"")));
  }
  [[nodiscard]] std::string error_of(const std::string& name, const std::string& text) const {
    const Outcome outcome = import(name, text);
    EXPECT_EQ(outcome.code, kExitInput) << outcome.out;
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  }
};

TEST_F(Loads, OfBurstGpt) {
  // (310 + 90) / 2 = 200, (25 + 35) / 2 = 30; the longest is 310 + 25. The one with 0 tokens failed.
  expect_load(
      "b.csv",
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "3,ChatGPT,310,25,335,Conversation log\n17,GPT-4,801,0,801,API log\n40,ChatGPT,90,35,125,API log\n",
      "burstgpt",
      "2 requests over 40.00 s, prompts of 200 and answers of 30 tokens on average, the longest 335 together; 1 "
      "more without an answer (0 tokens) are left out");
}

TEST_F(Loads, OfVidurWithAndWithoutTimes) {
  expect_load("v.csv", "arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,120,8\n2.5,80,16\n", "vidur",
              "2 requests over 2.500 s, prompts of 100 and answers of 12 tokens on average, the longest 128 together");
  const std::string untimed = "num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n120,8,128,15.0\n";
  expect_load("l.csv", untimed, "vidur_lengths",
              "1 requests, prompts of 120 and answers of 8 tokens on average, the longest 128 together\n");
  EXPECT_THAT(import("l.csv", untimed).out, HasSubstr("rate: inf"));
  EXPECT_THAT(import("l.csv", untimed).out, HasSubstr("change me: the file has no times"));
}

TEST_F(Loads, OfLlmServingSim) {
  expect_load("s.jsonl",
              "{\"input_toks\": 90, \"output_toks\": 12, \"arrival_time_ns\": 250000000}\n"
              "{\"input_toks\": 30, \"output_toks\": 8, \"arrival_time_ns\": 1500000000}\n",
              "llmservingsim",
              "2 requests over 1.500 s, prompts of 60 and answers of 10 tokens on average, the longest 102 together");
}

TEST_F(Loads, OfMooncake) {
  expect_load("m.jsonl",
              "{\"timestamp\": 0, \"input_length\": 300, \"output_length\": 12}\n"
              "{\"timestamp\": 125, \"input_length\": 700, \"output_length\": 32}\n",
              "mooncake",
              "2 requests over 125.0 ms, prompts of 500 and answers of 22 tokens on average, the longest 732");
}

TEST_F(Loads, OfAiPerfSayThatLengthsAreEstimated) {
  // "abcdefgh" is 8 bytes: 2 tokens at four bytes each; the other line says 10.
  const std::string text =
      "{\"text\": \"abcdefgh\", \"output_length\": 24, \"timestamp\": 0}\n"
      "{\"text\": \"counted\", \"input_length\": 10, \"max_tokens\": 6, \"timestamp\": 1500}\n";
  expect_load("a.jsonl", text, "aiperf",
              "2 requests over 1.500 s, prompts of 6 and answers of 15 tokens on average, the longest 26 together");
  EXPECT_THAT(import("a.jsonl", text).err, HasSubstr("holds texts, not counts: lengths are estimated, a token for four "
                                                     "bytes of text"));
}

TEST_F(Loads, OfShareGptTakeTheFirstTwoTurns) {
  // 9 bytes are 3 tokens, 4 are 1; the second conversation has one turn, the third is counted: 40 and 11.
  expect_load("s.json",
              "[{\"id\": \"a\", \"conversations\": [{\"from\": \"human\", \"value\": \"123456789\"},"
              " {\"from\": \"gpt\", \"value\": \"1234\"}, {\"from\": \"human\", \"value\": \"more\"}]},\n"
              " {\"id\": \"b\", \"conversations\": [{\"from\": \"human\", \"value\": \"alone\"}]},\n"
              " {\"id\": \"c\", \"conversations\": [{\"tokens\": 40}, {\"tokens\": 11}]}]",
              "sharegpt",
              "2 requests, prompts of 22 and answers of 6 tokens on average, the longest 51 together; 1 more without");
}

TEST_F(Loads, OfInputsJson) {
  // 11 bytes are 3 tokens, 4 are 1.
  const std::string text =
      "{\"data\": [{\"payloads\": [{\"messages\": [{\"role\": \"user\", \"content\": \"Hello there\"}], "
      "\"max_tokens\": 16}]}, {\"payload\": [{\"prompt\": \"abcd\", \"max_tokens\": 4}]}]}";
  expect_load("inputs.json", text, "inputs_json",
              "2 requests, prompts of 2 and answers of 10 tokens on average, the longest 19 together");
  EXPECT_THAT(import("inputs.json", text).out, HasSubstr("rate: inf"));
}

TEST_F(Loads, OfAzureCountFromTheFirst) {
  expect_load("z.csv",
              "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.5,12,4\n2023-11-16 18:15:50.75,40,10\n",
              "azure", "2 requests over 4.250 s, prompts of 26 and answers of 7 tokens on average, the longest 50");
}

TEST_F(Loads, ThatAllArriveAtOnceAreToldAsSuch) {
  const Outcome outcome = import("v.csv", "arrived_at,num_prefill_tokens,num_decode_tokens\n0,100,10\n0,100,10\n");
  EXPECT_THAT(outcome.err, HasSubstr("2 requests, prompts of 100"));
  EXPECT_THAT(outcome.out, HasSubstr("rate: inf"));
}

TEST_F(Loads, BrokenLinesAreRefusedWithTheirNumber) {
  EXPECT_THAT(error_of("b.csv", "arrived_at,num_prefill_tokens,num_decode_tokens\n0,100,10\n1,many,10\n"),
              AllOf(HasSubstr("b.csv:3"), HasSubstr("num_prefill_tokens")));
  EXPECT_THAT(error_of("t.csv", "arrived_at,num_prefill_tokens,num_decode_tokens\n5,100,10\n1,100,10\n"),
              HasSubstr("t.csv:3"));
  EXPECT_THAT(
      error_of("m.jsonl", "{\"timestamp\": 0, \"input_length\": 300, \"output_length\": 12}\n{\"timestamp\":\n"),
      HasSubstr("m.jsonl:2"));
  EXPECT_THAT(error_of("n.csv", "arrived_at,num_prefill_tokens,num_decode_tokens\n"), HasSubstr("n.csv"));
  EXPECT_THAT(error_of("n.csv", "arrived_at,num_prefill_tokens,num_decode_tokens\n0,0,4\n"), HasSubstr("n.csv:2"));
}

TEST_F(Loads, MustBeFilesThatAScenarioCanReadAgain) {
  const std::string trace = write("v.csv", "arrived_at,num_prefill_tokens,num_decode_tokens\n0,100,10\n");
  const std::string program = "'" + orrery::tests::orrery_program() + "' import - > '" + path("out") + "' 2> '" +
                              path("err") + "' < '" + trace + "'";
  EXPECT_NE(std::system(program.c_str()), 0);
  EXPECT_THAT(read_file(path("err")), HasSubstr("a load must be a file"));
  EXPECT_EQ(read_file(path("out")), "");
}

TEST_F(Loads, StandRelativeToTheScenarioThatReadsThem) {
  write("data/v.csv", "arrived_at,num_prefill_tokens,num_decode_tokens\n0,100,10\n1,100,10\n");
  std::filesystem::create_directories(folder_ / "out");
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  const Outcome outcome = orrery({"import", "data/v.csv", "-o", "out/s.yaml"});
  std::filesystem::current_path(before);
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(read_file(path("out/s.yaml")), HasSubstr("trace: \"../data/v.csv\""));
  EXPECT_EQ(orrery({"run", path("out/s.yaml"), "-q"}).code, kExitWell);
}

TEST_F(Loads, OneIsImportedAtATime) {
  const std::string one = write("a.csv", "arrived_at,num_prefill_tokens,num_decode_tokens\n0,100,10\n");
  const std::string two = write("b.csv", "arrived_at,num_prefill_tokens,num_decode_tokens\n0,100,10\n");
  const Outcome outcome = orrery({"import", one, two});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("b.csv: a load has been given already; one is imported at a time"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
