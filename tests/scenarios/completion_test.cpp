// What shells complete, and the manual page: all of the commands and options, and scripts that their shells accept.

#include <cstdlib>

#include <gmock/gmock.h>

#include "scenarios/commands/command_tree.hpp"
#include "scenarios/families.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Completion : public FolderTest {
 protected:
  [[nodiscard]] std::string script(const std::string& shell) const {
    const Outcome outcome = orrery({"completion", shell});
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    return outcome.out;
  }
  [[nodiscard]] static bool has(const std::string& program) {
    return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
  }
  /// What bash offers where the last of the words is being written.
  [[nodiscard]] std::string offers(const std::vector<std::string>& words) const {
    std::string text = "source '" + path("orrery.bash") + "'\ncompopt() { :; }\nCOMP_WORDS=(";
    for (const std::string& word : words) text += "'" + word + "' ";
    text += ")\nCOMP_CWORD=" + std::to_string(words.size() - 1) + "\n_orrery\nprintf '[%s]' \"${COMPREPLY[@]}\"\n";
    const std::string command = "bash '" + write("try.bash", text) + "' >'" + path("out") + "' 2>'" + path("err") + "'";
    EXPECT_EQ(std::system(command.c_str()), 0);
    EXPECT_EQ(read_file(path("err")), "");
    return read_file(path("out"));
  }
};

void expect_all(const CommandTree& tree, const std::string& text, const std::string& lead) {
  for (const TreeOption& option : tree.options) {
    for (const std::string& name : option.names) {
      if (name.size() <= 2) continue;
      EXPECT_THAT(text, HasSubstr(lead + name.substr(lead.empty() ? 0 : 2))) << tree.name;
    }
  }
  for (const CommandTree& command : tree.commands) {
    EXPECT_THAT(text, HasSubstr(command.name));
    expect_all(command, text, lead);
  }
}

TEST_F(Completion, KnowsEveryCommandAndOption) {
  const CommandTree tree = command_tree();
  EXPECT_GE(tree.commands.size(), 15U);
  expect_all(tree, script("bash"), "");
  expect_all(tree, script("zsh"), "");
  expect_all(tree, script("fish"), "-l ");
}

TEST_F(Completion, ShellsAcceptTheirScripts) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const std::string file = write("orrery." + shell, script(shell));
    if (!has(shell)) continue;
    EXPECT_EQ(std::system((shell + " -n '" + file + "'").c_str()), 0) << shell;
  }
  EXPECT_THAT(orrery({"completion", "tcsh"}).err, HasSubstr("bash, zsh and fish"));
}

TEST_F(Completion, BashOffersWhatFitsThePlace) {
  if (!has("bash")) GTEST_SKIP() << "no bash";
  write("orrery.bash", script("bash"));
  EXPECT_THAT(offers({"orrery", "s"}), HasSubstr("[sweep]"));
  EXPECT_EQ(offers({"orrery", "ask", ""}), "[serve][fit]");
  EXPECT_EQ(offers({"orrery", "ask", "serve", "--tp"}), "[--tp][--tpot]");
  EXPECT_EQ(offers({"orrery", "sweep", "a.yaml", "--par"}), "[--pareto]");
  EXPECT_THAT(offers({"orrery", "ask", "fit", "--gpu", "h100"}), HasSubstr("[h100_sxm]"));
  EXPECT_THAT(offers({"orrery", "ask", "fit", "--gpu", "l4,h100_s"}), HasSubstr("[l4,h100_sxm]"));
  EXPECT_EQ(offers({"orrery", "explain", "a.yaml", "--metric", "training.mf"}), "[training.mfu]");
  EXPECT_THAT(offers({"orrery", "list", "tra"}), HasSubstr("[trace_formats]"));
  EXPECT_EQ(offers({"orrery", "completion", "z"}), "[zsh]");
  write("a scenario.yaml", "");
  EXPECT_THAT(offers({"orrery", "run", path("a s")}), HasSubstr("a scenario.yaml]"));
}

TEST_F(Completion, EveryRowOfValuesIsOfAnOptionThatIsThere) {
  std::vector<const CommandTree*> all;
  const CommandTree tree = command_tree();
  const std::function<void(const CommandTree&)> collect = [&](const CommandTree& one) {
    all.push_back(&one);
    for (const CommandTree& command : one.commands) collect(command);
  };
  collect(tree);
  for (const ValueRow& row : value_rows()) {
    bool used = false;
    for (const CommandTree* command : all) {
      for (const auto* list : {&command->options, &command->arguments}) {
        for (const TreeOption& option : *list) used = used || find_value_row(command->name, option) == &row;
      }
    }
    EXPECT_TRUE(used) << row.name;
    EXPECT_FALSE(words_of(row).empty()) << row.name;
  }
}

TEST_F(Completion, ManualPageHasEverything) {
  const Outcome outcome = orrery({"man"});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  std::string plain;
  for (std::size_t i = 0; i < outcome.out.size(); ++i) {
    if (outcome.out[i] != '\\' || outcome.out.substr(i, 2) == "\\e") plain += outcome.out[i];
  }
  expect_all(command_tree(), plain, "");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr(".TH ORRERY 1"), HasSubstr(".SH NAME"), HasSubstr(".SH COMMANDS"),
                                 HasSubstr("130 interrupted"), Not(HasSubstr("\n\n.SS"))));
  if (!has("groff")) return;
  const std::string page = write("orrery.1", outcome.out);
  ASSERT_EQ(std::system(("groff -man -ww -Tascii -z '" + page + "' 2>'" + path("err") + "'").c_str()), 0);
  EXPECT_EQ(read_file(path("err")), "");
}

}  // namespace
}  // namespace orrery::scenarios::testing
