// Nothing of hardware/, kernels/ and sim/ is written for the tests alone: every object file of their libraries is
// linked into `orrery` or `orrery-gui`.
//
// The linker takes an archive's member whole where the program needs a symbol of it. So a member is in a program if one
// of its own external symbols is; inline functions (weak) stand in many objects and decide only where there is no
// other.
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/places.hpp"

namespace orrery {
namespace {

/// An object file: what it defines for others.
struct Member {
  std::string name;
  std::vector<std::string> strong, weak;
};

/// The members of an archive, from `nm --defined-only --extern-only`. Of a program, whose symbols follow no name, one.
std::vector<Member> members_of(const std::string& nm_output) {
  std::vector<Member> members;
  std::istringstream lines(nm_output);
  std::string line;
  while (std::getline(lines, line)) {
    if (!line.empty() && line.back() == ':') {
      members.push_back({line.substr(0, line.size() - 1), {}, {}});
      continue;
    }
    std::istringstream words(line);
    std::string address, type, symbol;
    if (!(words >> address >> type >> symbol)) continue;
    if (members.empty()) members.push_back({});
    const bool is_strong = std::string("TDBR").find(type) != std::string::npos;
    (is_strong ? members.back().strong : members.back().weak).push_back(symbol);
  }
  return members;
}

std::set<std::string> symbols_of(const std::string& nm_output) {
  std::set<std::string> symbols;
  for (const Member& member : members_of(nm_output)) {
    symbols.insert(member.strong.begin(), member.strong.end());
    symbols.insert(member.weak.begin(), member.weak.end());
  }
  return symbols;
}

/// The members of which no program has a symbol.
std::vector<std::string> unlinked(const std::string& archive, const std::set<std::string>& programs) {
  std::vector<std::string> names;
  for (const Member& member : members_of(archive)) {
    const std::vector<std::string>& own = member.strong.empty() ? member.weak : member.strong;
    const bool is_linked =
        std::any_of(own.begin(), own.end(), [&](const std::string& symbol) { return programs.count(symbol) > 0; });
    if (!is_linked) names.push_back(member.name);
  }
  return names;
}

std::string nm(const std::string& file) {
  const std::string command = std::string("'") + ORRERY_NM + "' --defined-only --extern-only '" + file + "' 2>&1";
  std::string output;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  std::array<char, 65536> piece{};
  for (std::size_t got = 0; (got = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
    output.append(piece.data(), got);
  EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << output.substr(0, 500);
  return output;
}

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LinkedObjects, EveryOneOfHardwareKernelsAndSimIsInAProgram) {
  if (!std::filesystem::exists(ORRERY_NM)) GTEST_SKIP() << "no nm here: '" << ORRERY_NM << "'";
  std::set<std::string> programs = symbols_of(nm(tests::orrery_program()));
  ASSERT_GT(programs.size(), 1000U) << tests::orrery_program() << " has no symbols: it is stripped";
  const bool has_window = !tests::gui_program().empty();
  if (has_window) programs.merge(symbols_of(nm(tests::gui_program())));
  std::vector<std::string> found;
  const auto look = [&](const std::string& folder, const std::string& archive) {
    const std::string symbols = nm(archive);
    ASSERT_GT(members_of(symbols).size(), 10U) << archive;
    for (const std::string& name : unlinked(symbols, programs)) {
      // Only the window takes keys out of a text.
      if (has_window || name != "config_remove.cpp.o") found.push_back(folder + ": " + name);
    }
  };
  look("hardware", ORRERY_ARCHIVE_HARDWARE);
  look("kernels", ORRERY_ARCHIVE_KERNELS);
  look("sim", ORRERY_ARCHIVE_SIM);
  EXPECT_THAT(found, IsEmpty());
}

constexpr const char* kArchive =
    "\n"
    "used.cpp.o:\n"
    "0000000000000000 T _ZN1a4usedEv\n"
    "0000000000000010 T _ZN1a5otherEv\n"
    "\n"
    "idle.cpp.o:\n"
    "0000000000000000 T _ZN1a4idleEv\n"
    "0000000000000000 W _ZN1a6inlineEv\n"
    "\n"
    "template.cpp.o:\n"
    "0000000000000000 W _ZN1a8instanceEv\n"
    "\n"
    "data.cpp.o:\n"
    "0000000000000000 R _ZN1a5tableE\n";

TEST(LinkedObjectsChecker, NamesTheObjectsOfWhichAProgramHasNothing) {
  const std::string program =
      "0000000000401000 T main\n"
      "0000000000401010 T _ZN1a5otherEv\n"
      "0000000000401020 W _ZN1a6inlineEv\n"
      "0000000000401030 W _ZN1a8instanceEv\n"
      "0000000000402000 R _ZN1a5tableE\n";
  EXPECT_THAT(unlinked(kArchive, symbols_of(program)), ElementsAre("idle.cpp.o"));
  EXPECT_THAT(unlinked(kArchive, symbols_of("0000000000401000 T main\n")),
              ElementsAre("used.cpp.o", "idle.cpp.o", "template.cpp.o", "data.cpp.o"));
}

TEST(LinkedObjectsChecker, OneProgramIsEnough) {
  std::set<std::string> programs = symbols_of("0000000000401000 T _ZN1a4usedEv\n0000000000401000 W _ZN1a8instanceEv\n");
  programs.merge(symbols_of("0000000000401000 T _ZN1a4idleEv\n0000000000401000 R _ZN1a5tableE\n"));
  EXPECT_THAT(unlinked(kArchive, programs), IsEmpty());
}

}  // namespace
}  // namespace orrery
