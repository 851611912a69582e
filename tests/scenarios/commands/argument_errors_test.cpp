// Arguments that make no command: one voice, the nearest name, exit code 2, and nothing of them unquoted.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "scenarios/ask/words.hpp"
#include "scenarios/commands/command_tree.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string refusal(const std::vector<std::string>& args) {
  const Outcome outcome = orrery(args);
  EXPECT_EQ(outcome.code, kExitInput) << outcome.out;
  EXPECT_EQ(outcome.out, "");
  // One line, whatever the arguments hold.
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_THAT(outcome.err, StartsWith("orrery: "));
  return outcome.err;
}

/// "ask serve" as two.
std::vector<std::string> words_in(const std::string& call) { return split(call, ' '); }

TEST(ArgumentErrors, OfCommandsNameTheNearest) {
  EXPECT_THAT(refusal({}), StartsWith("orrery: a command is needed; the commands are run, check, "));
  EXPECT_THAT(refusal({"nonsense", "--help"}), StartsWith("orrery: unknown command 'nonsense'; the commands are run,"));
  EXPECT_EQ(refusal({"sweeep", "x.yaml"}), "orrery: unknown command 'sweeep'; did you mean sweep?\n");
  EXPECT_THAT(refusal({"ask"}), HasSubstr("'ask' is not all of a command; say one of ask "));
}

TEST(ArgumentErrors, OfOptionsNameTheNearestLongOrShort) {
  EXPECT_EQ(refusal({"run", "--jsn", "a", "b.yaml"}),
            "orrery: unknown option --jsn of run; did you mean --json or --csv?\n");
  EXPECT_THAT(refusal({"run", "ep.yaml", "-x"}), AllOf(StartsWith("orrery: unknown option -x of run; its options are "),
                                                       HasSubstr("-q"), HasSubstr("--json")));
  EXPECT_THAT(refusal({"run", "ep.yaml", "-x4"}), HasSubstr("unknown option -x of run"));
  EXPECT_THAT(refusal({"-x"}), HasSubstr("unknown option -x of orrery; its options are "));
  // A letter behind one that there is.
  EXPECT_THAT(refusal({"run", "-qx", "ep.yaml"}), HasSubstr("orrery: run: unknown option -x of run"));
}

TEST(ArgumentErrors, OfValuesSayWhatIsNeeded) {
  EXPECT_EQ(refusal({"run", "a.yaml", "--json"}), "orrery: run: --json needs a value (orrery run --help)\n");
  EXPECT_EQ(refusal({"run", "a.yaml", "-j", "many"}),
            "orrery: run: --jobs many: expected a whole number from 0 to 1024 (orrery run --help)\n");
  EXPECT_EQ(refusal({"run", "a.yaml", "-j", "2000"}),
            "orrery: run: --jobs 2000: expected a whole number from 0 to 1024 (orrery run --help)\n");
  EXPECT_EQ(refusal({"ask", "serve"}), "orrery: ask serve: --model is needed (orrery ask serve --help)\n");
}

TEST(ArgumentErrors, OfArgumentsSayHowManyThereAre) {
  EXPECT_EQ(refusal({"run"}), "orrery: run: FILE is needed (orrery run --help)\n");
  EXPECT_EQ(refusal({"compare", "a.json"}),
            "orrery: compare: A and B: 2 are needed, 1 is given (orrery compare --help)\n");
  EXPECT_EQ(refusal({"explain", "a.yaml", "b.yaml"}),
            "orrery: explain: 'b.yaml' is one argument too many: it takes FILE (orrery explain --help)\n");
  EXPECT_EQ(refusal({"ask", "fit", "llama-3-8b", "--model", "llama-3-8b", "--context", "4K"}),
            "orrery: ask fit: 'llama-3-8b' is one argument too many: it takes options alone (orrery ask fit --help)\n");
}

struct CountRow {
  std::vector<std::string> args;
  const char* said;  ///< behind "orrery: CALL: "
};

// None, one too few, one too many, and an empty one.
TEST(ArgumentErrors, OfArgumentsOfEveryCommand) {
  const std::vector<CountRow> rows = {
      {{"run"}, "FILE is needed"},
      {{"run", ""}, "FILE: its value is empty"},
      {{"check"}, "PATH is needed"},
      {{"check", ""}, "PATH: its value is empty"},
      {{"sweep"}, "FILE is needed"},
      {{"sweep", "a", "b"}, "'b' is one argument too many: it takes FILE"},
      {{"sweep", ""}, "FILE: its value is empty"},
      {{"compare"}, "A and B are needed"},
      {{"compare", "a"}, "A and B: 2 are needed, 1 is given"},
      {{"compare", "a", "b", "c"}, "'c' is one argument too many: it takes A and B"},
      {{"compare", "a", ""}, "one of A and B is empty"},
      {{"explain"}, "FILE is needed"},
      {{"explain", "a", "b"}, "'b' is one argument too many: it takes FILE"},
      {{"explain", ""}, "FILE: its value is empty"},
      {{"ask serve"}, "--model is needed"},
      {{"ask fit"}, "--model is needed"},
      {{"validate"}, "KIND and TABLE are needed"},
      {{"validate", "kernels"}, "KIND and TABLE: 2 are needed, 1 is given"},
      {{"validate", "kernels", "a", "b"}, "'b' is one argument too many: it takes KIND and TABLE"},
      {{"validate", "", "a"}, "one of KIND and TABLE is empty"},
      {{"list", "gpus", "b"}, "'b' is one argument too many: it takes FAMILY"},
      {{"list", ""}, "FAMILY: its value is empty"},
      {{"calibrate"}, "ACTION is needed"},
      {{"calibrate", ""}, "ACTION: its value is empty"},
      {{"new", "fabric", "torus", "c"}, "'c' is one argument too many: it takes KIND"},
      {{"new", ""}, "KIND: its value is empty"},
      {{"collective"}, "OP is needed"},
      {{"collective", "all_reduce", "b"}, "'b' is one argument too many: it takes OP"},
      {{"collective", ""}, "OP: its value is empty"},
      {{"import"}, "FILE is needed"},
      {{"import", ""}, "FILE: its value is empty"},
      {{"gui", "a", "b"}, "'b' is one argument too many: it takes FILE"},
      {{"gui", ""}, "FILE: its value is empty"},
      {{"completion"}, "SHELL is needed"},
      {{"completion", "bash", "zsh"}, "'zsh' is one argument too many: it takes SHELL"},
      {{"completion", ""}, "SHELL: its value is empty"},
      {{"man", "a"}, "'a' is one argument too many: it takes options alone"},
  };
  for (const CountRow& row : rows) {
    std::vector<std::string> args = words_in(row.args.front());
    args.insert(args.end(), row.args.begin() + 1, row.args.end());
    EXPECT_EQ(refusal(args), fmt::format("orrery: {0}: {1} (orrery {0} --help)\n", row.args.front(), row.said));
  }
}

/// Calls `visit(call, option)` for every option of every command.
template <typename Visit>
void for_each_option(const CommandTree& tree, const std::string& call, const Visit& visit) {
  for (const CommandTree& command : tree.commands) {
    const std::string own = call.empty() ? command.name : call + " " + command.name;
    for (const TreeOption& option : command.options) {
      if (option.names.front() != "--help") visit(own, command, option);
    }
    for_each_option(command, own, visit);
  }
}

// Twice, without its value, with an empty one; a flag with one. Whatever options there are.
TEST(ArgumentErrors, OfEveryOptionOfEveryCommand) {
  int options = 0, flags = 0;
  for_each_option(
      command_tree(), "", [&](const std::string& call, const CommandTree& command, const TreeOption& option) {
        const std::string& name = option.names.front();
        const auto said = [&](const std::vector<std::string>& more) {
          std::vector<std::string> args = words_in(call);
          for (const TreeOption& argument : command.arguments) {
            args.emplace_back("a");
            if (argument.names.front().find('_') != std::string::npos) args.emplace_back("b");
          }
          args.insert(args.end(), more.begin(), more.end());
          return refusal(args);
        };
        const auto expected = [&](const std::string& what) {
          return fmt::format("orrery: {0}: {1} (orrery {0} --help)\n", call, what);
        };
        if (!option.takes_value) {
          ++flags;
          EXPECT_EQ(said({name + "=x"}), expected(name + " takes no value"));
          return;
        }
        ++options;
        for (const std::string& word : option.names) {
          EXPECT_EQ(said({word}), expected(name + " needs a value"));
          EXPECT_EQ(said({word, ""}), expected(name + ": its value is empty"));
          if (word.rfind("--", 0) != 0) continue;
          EXPECT_EQ(said({word + "="}), expected(name + ": its value is empty"));
        }
        if (name == "--set") return;  // as often as one likes
        EXPECT_EQ(said({name, "1", name, "1"}), expected(name + " is given twice; it takes one value"));
        EXPECT_EQ(said({name, "1", name, "1", name, "1"}), expected(name + " is given 3 times; it takes one value"));
      });
  EXPECT_GT(options, 80);
  EXPECT_GT(flags, 10);
}

TEST(ArgumentErrors, ShowNothingThatATerminalObeys) {
  const std::string wild = "a\nb\x1b[31m\r\xe2\x80\xae";
  for (const std::vector<std::string>& args : {std::vector<std::string>{wild},
                                               {"ask", wild},
                                               {"run", "--" + wild},
                                               {"run", "-" + wild},
                                               {"explain", "a", wild},
                                               {"run", "a.yaml", "-j", wild},
                                               {"compare", wild},
                                               {"list", "gpus", wild},
                                               {"collective", "all_reduce", "--gpus", wild},
                                               {"run", wild},
                                               {"import", wild},
                                               {"import", "x", "--model", wild},
                                               {"ask", "fit", "--context", "4K", "--model", wild},
                                               {"validate", wild, "x"},
                                               {"new", wild},
                                               {"list", wild},
                                               {"completion", wild},
                                               {"calibrate", wild},
                                               {"run", "a.yaml", "--set", wild},
                                               {"explain", "a.yaml", "--metric", wild}}) {
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitInput) << args.front();
    EXPECT_THAT(outcome.err, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\r")), Not(HasSubstr("\xe2\x80\xae")),
                                   Not(HasSubstr("a\nb"))))
        << args.front();
  }
}

TEST(ArgumentErrors, HelpAndVersionAreNone) {
  for (const std::vector<std::string>& args : {std::vector<std::string>{"--help"},
                                               {"-h"},
                                               {"--version"},
                                               {"run", "--help"},
                                               {"ask", "--help"},
                                               {"ask", "fit", "-h"}}) {
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitWell) << args.front();
    EXPECT_EQ(outcome.err, "");
    EXPECT_NE(outcome.out, "");
  }
}

// The launcher knows the program's commands before it is built, and refuses others at once.
TEST(Launcher, NamesTheCommandsThatThereAre) {
  const std::string script = read_file(std::filesystem::path(tests::source_root()) / "orrery");
  std::string names;
  for (const CommandTree& command : command_tree().commands) names += (names.empty() ? "" : " ") + command.name;
  const std::string list = "program_commands=(" + names + ")";
  std::string flat;
  for (const char c : script) {
    if (c != '\n') flat += c;
  }
  EXPECT_THAT(flat, HasSubstr(list));
}

}  // namespace
}  // namespace orrery::scenarios::testing
