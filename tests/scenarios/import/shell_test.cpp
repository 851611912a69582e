// Scripts as text: words, quotes, variables, and what is refused at which place.
#include "scenarios/import/shell.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace orrery::scenarios {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// The words of each command.
std::vector<std::vector<std::string>> commands(const std::string& text) {
  const ShellScript script = parse_shell(text, "a.sh");
  std::vector<std::vector<std::string>> all;
  for (const ShellCommand& command : script.commands) {
    std::vector<std::string> words;
    for (const ShellWord& word : command.words) words.push_back(script.text(word));
    all.push_back(std::move(words));
  }
  return all;
}

std::string error_of(const std::string& text) {
  try {
    (void)commands(text);
    return "no error";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}

TEST(Shell, SplitsCommandsAndWords) {
  EXPECT_THAT(commands("a b  c\nd; e && f | g &\n(h i)\n"),
              ElementsAre(ElementsAre("a", "b", "c"), ElementsAre("d"), ElementsAre("e"), ElementsAre("f"),
                          ElementsAre("g"), ElementsAre("h", "i")));
  EXPECT_THAT(commands("# only\n  # comments\n\n"), IsEmpty());
  EXPECT_THAT(commands("a#b # c 'd\n"), ElementsAre(ElementsAre("a#b")));
  EXPECT_THAT(commands("a \\\n  b\\\nc \\\r\n d\r\n"), ElementsAre(ElementsAre("a", "bc", "d")));
}

TEST(Shell, TakesQuotesOff) {
  EXPECT_THAT(commands(R"(a 'b $X "c' "d \"e\" \$X" f\ g "" h'i'"j")"),
              ElementsAre(ElementsAre("a", "b $X \"c", "d \"e\" $X", "f g", "", "hij")));
}

TEST(Shell, PutsVariablesIn) {
  EXPECT_THAT(
      commands("M=org/model\nexport N=2 P=\"x y\"\nrun $M ${M}-fp8 \"$P\" $P $N\n"),
      ElementsAre(ElementsAre("export"), ElementsAre("run", "org/model", "org/model-fp8", "x y", "x", "y", "2")));
  EXPECT_THAT(commands("run ${A:-b} ${A-c}; A=; run ${A:-d}\n"),
              ElementsAre(ElementsAre("run", "b", "c"), ElementsAre("run", "d")));
  EXPECT_THAT(commands("A=(--x 1)\nA+=(--y '2 3')\nrun \"${A[@]}\"\n"),
              ElementsAre(ElementsAre("run", "--x", "1", "--y", "2 3")));
}

// As bash has it: a text grows at its end, a list by further words, and a text added to a list goes to its first word.
TEST(Shell, AddsToVariables) {
  EXPECT_THAT(commands("A='--x 1'\nA+=\" --y 2\"\nrun $A\n"), ElementsAre(ElementsAre("run", "--x", "1", "--y", "2")));
  EXPECT_THAT(commands("M=org/\nM+=model\nrun $M \"${M}\"\n"),
              ElementsAre(ElementsAre("run", "org/model", "org/model")));
  EXPECT_THAT(commands("NEW+=a\nNEW+=b\nrun $NEW\n"), ElementsAre(ElementsAre("run", "ab")));
  EXPECT_THAT(commands("A=(x y)\nA+=z\nrun \"${A[@]}\"\n"), ElementsAre(ElementsAre("run", "xz", "y")));
  EXPECT_THAT(commands("A=x\nA+=(y z)\nrun \"${A[@]}\"\n"), ElementsAre(ElementsAre("run", "x", "y", "z")));
  EXPECT_THAT(error_of("A=x\nA+=$(date)\nrun $A\n"), HasSubstr("a.sh:2:4: the output of a command"));
  EXPECT_THAT(error_of("A=$(date)\nA+=x\nrun $A\n"), HasSubstr("a.sh:1:3: the output of a command"));
  std::string text = "A=0123456789\n";
  for (int i = 0; i < 40; ++i) text += "A+=$A\n";
  EXPECT_THAT(error_of(text + "run $A\n"), HasSubstr("grows beyond 64 KiB"));
}

TEST(Shell, SkipsRedirectionsAndDocuments) {
  EXPECT_THAT(commands("a b > out 2>&1 < in &> all\n"), ElementsAre(ElementsAre("a", "b")));
  EXPECT_THAT(commands("cat <<EOF > f\nvllm serve 'x\nEOF\nb\n"), ElementsAre(ElementsAre("cat"), ElementsAre("b")));
  EXPECT_THAT(commands("cat <<-'END'\n\tit's\n\tEND\nb\n"), ElementsAre(ElementsAre("cat"), ElementsAre("b")));
  EXPECT_THAT(commands("a <(b 'c)')\nd\n"), ElementsAre(ElementsAre("a"), ElementsAre("d")));
}

TEST(Shell, RefusesWhatNobodyCloses) {
  EXPECT_THAT(error_of("a\n b 'c\nd\n"), HasSubstr("a.sh:2:4: this quote (') is never closed"));
  EXPECT_THAT(error_of("a \"c\nd\n"), HasSubstr("a.sh:1:3: this quote (\") is never closed"));
  EXPECT_THAT(error_of("a `c\nd\n"), HasSubstr("a.sh:1:3: this backtick (`) is never closed"));
  EXPECT_THAT(error_of("a $(c 'd)'\n"), HasSubstr("a.sh:1:4: this bracket is never closed"));
  EXPECT_THAT(error_of("A=(b c\n"), HasSubstr("a.sh:1:3: this bracket is never closed"));
  EXPECT_THAT(error_of("a ${b\n"), HasSubstr("a.sh:1:3: this brace (${) is never closed"));
}

TEST(Shell, RefusesWhatOnlyARunWouldTell) {
  EXPECT_THAT(error_of("a b $(c d)\n"), HasSubstr("a.sh:1:5: the output of a command, $(…), is needed here"));
  EXPECT_THAT(error_of("a `c`\n"), HasSubstr("a.sh:1:3: the output of a command in backticks"));
  EXPECT_THAT(error_of("a \"x$NO\"\n"), HasSubstr("a.sh:1:5: the variable NO is not set in this file"));
  EXPECT_THAT(error_of("a ${NO}\n"), HasSubstr("a.sh:1:3: the variable NO is not set"));
  EXPECT_THAT(error_of("a $1\n"), HasSubstr("a.sh:1:3: $1 is known only when the script runs"));
  EXPECT_THAT(error_of("A=b\na ${A%%c}\n"), HasSubstr("a.sh:2:3: this form of ${…} is not evaluated"));
  EXPECT_THAT(error_of("A=$(date)\nB=$A\na $B\n"), HasSubstr("a.sh:1:3: the output of a command"));
}

TEST(Shell, LeavesAloneWhatNobodyAsksFor) {
  const ShellScript script = parse_shell("T=$(cat token)\nlogin $T\nrun x\n", "a.sh");
  ASSERT_EQ(script.commands.size(), 2u);
  EXPECT_FALSE(script.commands[0].words[1].is_known());
  EXPECT_EQ(script.text(script.commands[1].words[1]), "x");
}

TEST(Shell, BoundsWhatVariablesHold) {
  std::string text = "A=0123456789\n";
  for (int i = 0; i < 40; ++i) text += "A=$A$A\n";
  EXPECT_THAT(error_of(text + "run $A\n"), HasSubstr("grows beyond 64 KiB"));
}

}  // namespace
}  // namespace orrery::scenarios
