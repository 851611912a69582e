// Containers of manifests: the words that they are started with, and their variables.
#include "scenarios/import/container.hpp"

#include <gmock/gmock.h>

#include "hardware/config/config.hpp"

namespace orrery::scenarios {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

/// A container of YAML with the keys command, args, image and env.
class ContainerTest : public ::testing::Test {
 protected:
  Container& read(const std::string& text) {
    root_ = hardware::parse_config(text, "pod.yaml");
    container_ = {};
    container_.place = root_.get();
    container_.image = root_->find("image");
    container_.command = root_->find("command");
    container_.args = root_->find("args");
    container_.env_place = root_->find("env");
    container_.env = env_of(container_.env_place);
    return container_;
  }
  /// The words of each command.
  [[nodiscard]] std::vector<std::vector<std::string>> commands() const {
    ShellScript script;
    script.file = "pod.yaml";
    add_commands(container_, script);
    std::vector<std::vector<std::string>> all;
    for (const ShellCommand& command : script.commands) {
      std::vector<std::string> words;
      for (const ShellWord& word : command.words) words.push_back(word.is_known() ? word.text : "?");
      all.push_back(std::move(words));
    }
    return all;
  }
  /// "word" of the key a.
  [[nodiscard]] ShellWord word(const std::string& yaml, const std::string& env = "{}") {
    read("a: " + yaml + "\nenv: " + env + "\n");
    return word_of(*root_->find("a"), container_);
  }

  hardware::NodePtr root_;
  Container container_;
};

TEST_F(ContainerTest, VariablesAreThoseOfEachForm) {
  EXPECT_THAT(read("env: {A: x, B: 2}").env, UnorderedElementsAre(Pair("A", "x"), Pair("B", "2")));
  EXPECT_THAT(read("env: [{name: A, value: x}, {name: B, value: \"\"}]").env,
              UnorderedElementsAre(Pair("A", "x"), Pair("B", "")));
  EXPECT_THAT(read("env: [\"A=x\", \"B=y=z\", \"C=\", PASSED_ON]").env,
              UnorderedElementsAre(Pair("A", "x"), Pair("B", "y=z"), Pair("C", "")));
  // Of a secret nobody knows the value.
  EXPECT_THAT(read("env: [{name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}]").env, IsEmpty());
  EXPECT_THAT(env_of(nullptr), IsEmpty());
}

TEST_F(ContainerTest, ReferencesStandInRoundAndCurlyBrackets) {
  EXPECT_EQ(word("\"org/$(M)-x\"", "{M: model}").text, "org/model-x");
  EXPECT_EQ(word("\"org/${M}-x\"", "{M: model}").text, "org/model-x");
  EXPECT_EQ(word("\"${M:-other}\"").text, "other");
  EXPECT_EQ(word("\"${M:-}\"").text, "");
  EXPECT_EQ(word("\"${M:-other}\"", "{M: model}").text, "model");
  EXPECT_EQ(word("\"$(A)$(B)\"", "{A: 1, B: 2}").text, "12");
}

TEST_F(ContainerTest, SignsThatRefersToNothingStayAsTheyAre) {
  EXPECT_EQ(word("\"a$\"").text, "a$");
  EXPECT_EQ(word("\"5$ a\"").text, "5$ a");
  EXPECT_EQ(word("\"$(open\"").text, "$(open");
  EXPECT_EQ(word("\"$NAME\"", "{NAME: x}").text, "$NAME") << "Kubernetes reads brackets alone";
}

// Kubernetes: "$$(NAME)" is the text "$(NAME)"; Compose: "$$" is "$".
TEST_F(ContainerTest, TwoSignsAreOneThatRefersToNothing) {
  EXPECT_EQ(word("\"$$(NAME)\"", "{NAME: x}").text, "$(NAME)");
  EXPECT_EQ(word("\"$$(NAME)\"").text, "$(NAME)");
  EXPECT_TRUE(word("\"$$(NAME)\"").is_known()) << "no variable is asked for";
  EXPECT_EQ(word("\"a$$b$$$(NAME)\"", "{NAME: x}").text, "a$b$x");
}

TEST_F(ContainerTest, UnsetVariablesMarkTheirWord) {
  const ShellWord unset = word("\"org/$(M)-x\"");
  EXPECT_FALSE(unset.is_known());
  EXPECT_THAT(unset.failure.message, HasSubstr("a variable that the container's env does not set"));
  EXPECT_EQ(unset.failure.place.line, 1);
  EXPECT_EQ(unset.failure.place.column, 4);
}

TEST_F(ContainerTest, CommandAndArgsAreOneCommand) {
  read("image: vllm/vllm-openai\ncommand: [vllm, serve]\nargs: [\"$(M)\", --tensor-parallel-size, 2]\nenv: {M: m}\n");
  EXPECT_THAT(commands(), ElementsAre(ElementsAre("vllm", "serve", "m", "--tensor-parallel-size", "2")));
  read("command: vllm serve 'a b'\nargs: --port 80\n");
  EXPECT_THAT(commands(), ElementsAre(ElementsAre("vllm", "serve", "a b", "--port", "80")));
}

TEST_F(ContainerTest, WithoutACommandTheImageIsStarted) {
  read("image: vllm/vllm-openai:v1\nargs: [--model, m]\n");
  EXPECT_THAT(commands(), ElementsAre(ElementsAre("container", "vllm/vllm-openai:v1", "--model", "m")));
  read("args: [--model, m]\n");
  EXPECT_THAT(commands(), ElementsAre(ElementsAre("--model", "m")));
  read("name: nothing\n");
  EXPECT_THAT(commands(), IsEmpty());
}

TEST_F(ContainerTest, AShellsTextIsReadAsItsCommands) {
  for (const char* shell : {"sh, -c", "/bin/bash, -lc", "bash, -e, -c", "dash, -x, -ec"}) {
    read(std::string("command: [") + shell + ", \"export M=m\\nvllm serve $M; echo done\"]\n");
    EXPECT_THAT(commands(),
                ElementsAre(ElementsAre("export"), ElementsAre("vllm", "serve", "m"), ElementsAre("echo", "done")))
        << shell;
  }
  read("command: [sh, -c]\nargs: [vllm serve $M]\nenv: {M: m}\n");
  EXPECT_THAT(commands(), ElementsAre(ElementsAre("vllm", "serve", "m"))) << "the shell sees the container's env";
  read("command: [sh, \"\", -c, vllm serve m]\n");
  EXPECT_THAT(commands(), ElementsAre(ElementsAre("vllm", "serve", "m"))) << "an empty word is no flag";
  read("command: [sh, serve.sh, now]\n");
  EXPECT_THAT(commands(), ElementsAre(ElementsAre("sh", "serve.sh", "now"))) << "a script of the image";
}

TEST_F(ContainerTest, WordsOfATextStandWhereTheTextDoes) {
  read("command:\n- sh\n- -c\n- vllm serve m --port 80\n");
  ShellScript script;
  add_commands(container_, script);
  ASSERT_EQ(script.commands.size(), 1U);
  for (const ShellWord& word : script.commands[0].words) {
    EXPECT_EQ(word.place.line, 4) << word.text;
    EXPECT_EQ(word.place.column, 3) << word.text;
  }
}

TEST_F(ContainerTest, ATextThatNoShellReadsIsRefusedWhereItStands) {
  read("a: 1\ncommand: [sh, -c, \"vllm serve 'm\"]\n");
  try {
    (void)commands();
    ADD_FAILURE() << "the quote is never closed";
  } catch (const hardware::ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("pod.yaml:2:19: this quote (') is never closed"));
  }
}

TEST_F(ContainerTest, AssignedNamesHaveTheirPlaces) {
  read("env:\n- name: VLLM_A\n  value: 1\n- VLLM_B=2\n");
  ShellScript script;
  add_assigned(container_, script);
  ASSERT_EQ(script.assigned.size(), 2U);
  EXPECT_EQ(script.assigned[0].text, "VLLM_A");
  EXPECT_EQ(script.assigned[0].place.line, 2);
  EXPECT_EQ(script.assigned[1].text, "VLLM_B");
  EXPECT_EQ(script.assigned[1].place.line, 4);
  read("env:\n  NCCL_DEBUG: INFO\n");
  script.assigned.clear();
  add_assigned(container_, script);
  ASSERT_EQ(script.assigned.size(), 1U);
  EXPECT_EQ(script.assigned[0].place.line, 2);
}

}  // namespace
}  // namespace orrery::scenarios
