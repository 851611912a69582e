// What reaches a terminal, and what a user who mistypes is told.

#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/commands/quoting_buffer.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using json = nlohmann::json;
using Terminal = FolderTest;

std::string through_buffer(const std::vector<std::string>& pieces) {
  std::ostringstream target;
  QuotingBuffer buffer(target.rdbuf());
  std::ostream out(&buffer);
  for (const std::string& piece : pieces) out << piece;
  out.flush();
  return target.str();
}

TEST(QuotingBuffer, PassesTextAndEscapesWhatATerminalObeys) {
  EXPECT_EQ(through_buffer({"plain\ttext\n", "Grüße, 中文, → and 😀"}), "plain\ttext\nGrüße, 中文, → and 😀");
  EXPECT_EQ(through_buffer({"\x1b[31m\r\a\x7f"}), "\\u001b[31m\\u000d\\u0007\\u007f");
  EXPECT_EQ(through_buffer({"\xC2\x9B",
                            "A\xE2\x80\xAE"
                            "B\xE2\x81\xA6"}),
            "\\u009bA\\u202eB\\u2066");
  EXPECT_EQ(through_buffer({std::string("\0", 1)}), "\\u0000");
}

// Output comes in pieces that may part a character.
TEST(QuotingBuffer, EscapesAcrossPieces) {
  EXPECT_EQ(through_buffer({"\xC2", "\x9B"}), "\\u009b");
  EXPECT_EQ(through_buffer({"\xE2", "\x80", "\xAE"}), "\\u202e");
  EXPECT_EQ(through_buffer({"\xE2", "\x86", "\x92"}), "→");
  EXPECT_EQ(through_buffer({"\xC2", "x"}), "\xC2x");
  EXPECT_EQ(through_buffer({"\xE2\x80"}), "\xE2\x80");
  EXPECT_EQ(through_buffer({"\xE2\x9C", "\x93"}), "✓");
}

TEST_F(Terminal, TitlesKeysAndModelTypesCantSteerIt) {
  const std::string title = write("t.yaml", "scenario: \"\\e]0;x\\a\\e[31mred\"\n" + small_scenario().substr(18));
  const Outcome run = orrery({"run", title});
  EXPECT_EQ(run.code, kExitWell) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("\\u001b[31mred"), Not(HasSubstr("\x1b"))));
  const Outcome key = orrery({"run", write("k.yaml", small_scenario() + "\"\\e[2J\": 1\n")});
  EXPECT_EQ(key.code, kExitInput);
  EXPECT_THAT(key.err, Not(HasSubstr("\x1b")));
  const Outcome name = orrery({"run", path("\x1b[2J.yaml")});
  EXPECT_THAT(name.err, AllOf(HasSubstr("no such file"), Not(HasSubstr("\x1b"))));
}

// The escape of a control character is that of JSON: a report on standard output stays one.
TEST_F(Terminal, AReportOnStandardOutputStaysJson) {
  const std::string title = write("t.yaml", "scenario: \"a\\x7Fb\\x9Bc\"\n" + small_scenario().substr(18));
  const Outcome run = orrery({"run", title, "--json", "-"});
  EXPECT_EQ(json::parse(run.out)["scenario"]["title"],
            "a\x7F"
            "b\xC2\x9B"
            "c");
}

TEST_F(Terminal, AMistypedCommandIsToldTheNearest) {
  const Outcome near = orrery({"rnu", "x.yaml"});
  EXPECT_EQ(near.code, kExitInput);
  EXPECT_THAT(near.err, AllOf(HasSubstr("unknown command 'rnu'"), HasSubstr("did you mean run")));
  EXPECT_THAT(orrery({"predict-everything"}).err, HasSubstr("unknown command"));
  // Of a command that has its own.
  const Outcome question = orrery({"ask", "train"});
  EXPECT_EQ(question.code, kExitInput);
  EXPECT_EQ(question.err, "orrery: unknown command 'ask train'; the commands are ask serve, fit\n");
  EXPECT_EQ(orrery({"ask", "srve"}).err, "orrery: unknown command 'ask srve'; did you mean ask serve?\n");
  const Outcome half = orrery({"ask"});
  EXPECT_EQ(half.code, kExitInput);
  EXPECT_EQ(half.err, "orrery: 'ask' is not all of a command; say one of ask serve, fit\n");
  EXPECT_EQ(orrery({"ask", "--help"}).code, kExitWell);
  EXPECT_EQ(orrery({"ask", "fit", "--help"}).code, kExitWell);
  EXPECT_EQ(orrery({"--version"}).code, kExitWell);
}

TEST_F(Terminal, AnEmptyOptionIsAMistake) {
  const std::string file = write("s.yaml", small_scenario());
  for (const char* option : {"--json", "--csv", "--trace", "--junit", "--set"}) {
    const Outcome outcome = orrery({"run", file, option, ""});
    EXPECT_EQ(outcome.code, kExitInput) << option;
    EXPECT_THAT(outcome.err, HasSubstr("its value is empty")) << option;
  }
}

TEST_F(Terminal, EveryCommandHasExamplesOfItsOwn) {
  const Outcome run = orrery({"run", "--help"}), sweep = orrery({"sweep", "--help"});
  EXPECT_THAT(run.out, AllOf(HasSubstr("orrery run mine.yaml"), Not(HasSubstr("orrery sweep"))));
  EXPECT_THAT(sweep.out, AllOf(HasSubstr("orrery sweep mine.yaml"), Not(HasSubstr("orrery run"))));
  EXPECT_THAT(orrery({"--help"}).out, AllOf(HasSubstr("orrery sweep"), HasSubstr("Exit codes")));
}

TEST_F(Terminal, ReproducibleReportsHaveTheSameBytes) {
  const std::string file = write("s.yaml", small_scenario());
  ASSERT_EQ(orrery({"run", file, "-q", "--reproducible", "--json", path("a.json")}).code, kExitWell);
  ASSERT_EQ(orrery({"run", file, "-q", "--reproducible", "--json", path("b.json")}).code, kExitWell);
  EXPECT_EQ(read_file(path("a.json")), read_file(path("b.json")));
  EXPECT_THAT(read_file(path("a.json")), AllOf(HasSubstr("\"events\""), Not(HasSubstr("wall_s"))));
}

TEST_F(Terminal, CompareRefusesWhatHasNothingInCommon) {
  const std::string training = write("t.yaml", small_scenario());
  const std::string serving =
      write("s.yaml",
            "scenario: s\nmodel: gpt2-124m\ncluster: {node: dgx_a100}\nserving:\n  load: {arrivals: "
            "closed_loop, concurrency: 1, requests: 2, input: 10, output: 5}\n");
  const Outcome outcome = orrery({"compare", training, serving});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("no figure of their speed in common"), HasSubstr("training"), HasSubstr("serving")));
  EXPECT_EQ(orrery({"compare", training, training}).code, kExitWell);
}

TEST_F(Terminal, AForcedAlgorithmThatCarriesNothingIsAFinding) {
  const auto run = [&](const std::string& algorithm) {
    return orrery({"run", write("s.yaml", small_scenario()), "--set", "cluster.collective_algorithm=" + algorithm});
  };
  for (const char* algorithm : {"nvls", "pairwise"}) {  // no reduction in an A100's switch; all-to-all only
    const Outcome outcome = run(algorithm);
    EXPECT_EQ(outcome.code, kExitFinding) << algorithm;
    EXPECT_THAT(outcome.out, HasSubstr("carries out no collective")) << algorithm;
    EXPECT_THAT(outcome.out, Not(HasSubstr("own choice"))) << algorithm;
  }
  EXPECT_EQ(run("tree").code, kExitWell);
}

TEST_F(Terminal, ATableWithoutAUsableRowIsAFinding) {
  const std::string table = write("t.csv", "op,dtype,gpus,bytes,time_us\nall_reduce,half,1,1024,5\n");
  const Outcome outcome = orrery({"validate", "collectives", table, "--gpu", "h100_sxm"});
  EXPECT_EQ(outcome.code, kExitFinding);
  EXPECT_THAT(outcome.err, HasSubstr("no row could be used"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("0.00 %")));
}

}  // namespace
}  // namespace orrery::scenarios::testing
