// `orrery gui`: handing over to the window's program, and what is said where there is none.

#include <cstdio>
#include <sys/wait.h>

#include <gmock/gmock.h>

#include "tests/places.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::HasSubstr;

/// Runs copies of the built program, so that no window stands beside it unless the test puts one there.
class GuiCommand : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    std::filesystem::create_directories(path("bin"));
    std::filesystem::copy_file(orrery::tests::orrery_program(), path("bin/orrery"));
    std::filesystem::create_directories(path("elsewhere"));
  }

  /// A stand-in that prints its arguments and ends with code 7.
  void put_window(const std::string& where) {
    write(where, "#!/bin/sh\nprintf '[%s]' \"$0\" \"$@\"\nexit 7\n");
    std::filesystem::permissions(path(where), std::filesystem::perms::owner_all);
  }

  Outcome run(const std::string& arguments, const std::string& search_path = "") {
    const std::string command = "env PATH='" + search_path + "' '" + path("bin/orrery") + "' " + arguments + " >'" +
                                path("out") + "' 2>'" + path("err") + "' </dev/null";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(path("out")), read_file(path("err"))};
  }
};

TEST_F(GuiCommand, SaysInOneLineThatThereIsNoWindow) {
  const Outcome outcome = run("gui", path("elsewhere") + "::/nowhere");
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("orrery: gui: this build has no window"));
  EXPECT_THAT(outcome.err, HasSubstr("qt6-base-dev qt6-svg-dev libqcustomplot-dev"));
}

TEST_F(GuiCommand, BecomesTheProgramBesideIt) {
  put_window("bin/orrery-gui");
  put_window("elsewhere/orrery-gui");
  const Outcome outcome = run("gui", path("elsewhere"));
  EXPECT_EQ(outcome.code, 7);
  EXPECT_EQ(outcome.out, "[" + path("bin/orrery-gui") + "]");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(GuiCommand, FindsTheProgramInThePath) {
  put_window("elsewhere/orrery-gui");
  EXPECT_EQ(run("gui", "/nowhere:" + path("elsewhere")).out, "[" + path("elsewhere/orrery-gui") + "]");
}

TEST_F(GuiCommand, PassesItsArgumentsOn) {
  put_window("bin/orrery-gui");
  const Outcome outcome =
      run("gui 'a b.yaml' --theme dark --set training.tensor_parallel=4 --set 'scenario=a title' --size 1600x1000 "
          "--scale 2 "
          "--view timeline --screenshot out.png");
  EXPECT_EQ(outcome.out, "[" + path("bin/orrery-gui") +
                             "][--screenshot][out.png][--size][1600x1000][--scale][2][--theme][dark][--view][timeline]"
                             "[--set][training.tensor_parallel=4][--set][scenario=a title][a b.yaml]");
}

TEST_F(GuiCommand, SaysWhyAProgramDoesNotStart) {
  write("bin/orrery-gui",
        "\x7f"
        "ELF and nothing behind it");
  std::filesystem::permissions(path("bin/orrery-gui"), std::filesystem::perms::owner_all);
  const Outcome outcome = run("gui");
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("can't start " + path("bin/orrery-gui")));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

TEST_F(GuiCommand, DescribesItself) {
  const Outcome outcome = run("gui --help");
  EXPECT_EQ(outcome.code, kExitWell);
  for (const char* option : {"FILE", "--screenshot", "--size", "--scale", "--theme", "--view", "--set"}) {
    EXPECT_THAT(outcome.out, HasSubstr(option));
  }
}

TEST_F(GuiCommand, RefusesWrongArguments) {
  put_window("bin/orrery-gui");
  EXPECT_EQ(run("gui --nonsense").code, kExitInput);
  EXPECT_EQ(run("gui a.yaml b.yaml").code, kExitInput);
  EXPECT_EQ(run("gui --set novalue").code, kExitInput);
}

TEST(GuiCommandWithin, NeverReplacesAProcessThatDidNotAskForIt) {
  const Outcome outcome = orrery({"gui", "x.yaml"});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("orrery: gui: "));
}

}  // namespace
}  // namespace orrery::scenarios::testing
