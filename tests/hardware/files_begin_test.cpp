// Files that grow line by line, devices, and outputs whose place is not what it seems.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "hardware/config/config.hpp"
#include "hardware/config/files.hpp"
#include "tests/hardware/temporary_folder.hpp"

namespace orrery::hardware {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class BegunFiles : public TemporaryFolder {
 protected:
  void put(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }
  void make_socket(const std::string& name) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path(name).size(), sizeof address.sun_path);
    path(name).copy(address.sun_path, sizeof address.sun_path - 1);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_GE(socket, 0);
    ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(socket);
  }
};

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST_F(BegunFiles, StartEmpty) {
  begin_file(path("journal"));
  EXPECT_TRUE(fs::is_regular_file(path("journal")));
  EXPECT_EQ(fs::file_size(path("journal")), 0u);
  put("journal", "old lines\n");
  begin_file(path("journal"));
  EXPECT_EQ(text_of("journal"), "");
}

TEST_F(BegunFiles, DoNotWriteIntoAFileThatHasAnotherName) {
  // In place of a file stands a new one: who else has the old one keeps it.
  put("journal", "kept");
  fs::create_hard_link(path("journal"), path("other_name"));
  begin_file(path("journal"));
  EXPECT_EQ(text_of("other_name"), "kept");
  EXPECT_EQ(text_of("journal"), "");
}

TEST_F(BegunFiles, FollowNoLink) {
  put("target", "kept");
  fs::create_symlink("target", path("link"));
  fs::create_symlink("nowhere", path("dangling"));
  EXPECT_EQ(error_of([&] { begin_file(path("link")); }), path("link") + ": can't write: is a symbolic link; remove it");
  EXPECT_EQ(error_of([&] { begin_file(path("dangling")); }),
            path("dangling") + ": can't write: is a symbolic link; remove it");
  EXPECT_EQ(text_of("target"), "kept");
  EXPECT_FALSE(fs::exists(path("nowhere")));
}

TEST_F(BegunFiles, AreRefusedWhereSomethingElseStands) {
  fs::create_directory(path("folder"));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  make_socket("socket");
  EXPECT_EQ(error_of([&] { begin_file(path("folder")); }), path("folder") + ": can't write: it is a folder");
  EXPECT_THAT(error_of([&] { begin_file(path("pipe")); }), HasSubstr("can't write: is a pipe, not a file"));
  EXPECT_THAT(error_of([&] { begin_file(path("socket")); }), HasSubstr("can't write: is a socket, not a file"));
  EXPECT_TRUE(fs::is_fifo(path("pipe")));
  EXPECT_TRUE(fs::is_socket(path("socket")));
  EXPECT_EQ(error_of([&] { begin_file(path("none/journal")); }),
            path("none/journal") + ": can't write: No such file or directory");
}

TEST_F(BegunFiles, ASocketIsNoInput) {
  make_socket("socket");
  EXPECT_EQ(error_of([&] { check_input_file(path("socket")); }), path("socket") + ": is a socket, not a file");
}

TEST(DevicePaths, AreTheDescriptorsAndDevicesOfThisProcess) {
  for (const char* device : {"/dev/stdout", "/dev/fd/63", "/dev/null", "/proc/self/fd/1"}) {
    EXPECT_TRUE(is_device_path(device)) << device;
  }
  for (const char* file : {"", "dev/null", "/devices/x", "/proc/self/status", "./dev/null", "/tmp/dev/null", "-"}) {
    EXPECT_FALSE(is_device_path(file)) << file;
  }
}

TEST(DevicePaths, MayBeOutputsAndInputs) {
  EXPECT_EQ(error_of([] { check_output_file("/dev/null"); }), "");
  EXPECT_EQ(error_of([] { check_input_file("/dev/null"); }), "");
  EXPECT_THAT(error_of([] { check_input_file("/dev"); }), HasSubstr("is a folder")) << "a folder stays one";
}

TEST_F(BegunFiles, AReplacementIsWholeEvenWhereTheTargetIsReadMeanwhile) {
  put("report", "old text");
  std::ifstream reader(path("report"));
  replace_file(path("report"), [](std::ostream& out) { out << "new"; });
  std::string seen;
  std::getline(reader, seen);
  EXPECT_EQ(seen, "old text") << "the file that was opened is not changed";
  EXPECT_EQ(text_of("report"), "new");
}

TEST_F(BegunFiles, AChainOfLinksIsFollowedToItsEnd) {
  fs::create_directory(path("sub"));
  fs::create_symlink("sub/second", path("first"));
  fs::create_symlink("../end", path("sub/second"));
  replace_file(path("first"), [](std::ostream& out) { out << "text"; });
  EXPECT_EQ(text_of("end"), "text");
  EXPECT_TRUE(fs::is_symlink(path("first")));
  EXPECT_TRUE(fs::is_symlink(path("sub/second")));
}

TEST_F(BegunFiles, ALoopOfLinksIsAnError) {
  fs::create_symlink("b", path("a"));
  fs::create_symlink("a", path("b"));
  // Replaced or refused, but never without end; what can't be read is said to be so.
  EXPECT_THAT(error_of([&] { check_input_file(path("a")); }), HasSubstr("can't be read"));
}

TEST_F(BegunFiles, AFolderThatIsNotThereIsAnErrorThatNamesTheFile) {
  EXPECT_EQ(error_of([&] { replace_file(path("none/report"), [](std::ostream& out) { out << 1; }); }),
            path("none/report") + ": can't write: No such file or directory");
}

TEST_F(BegunFiles, TheLimitOfAnInputIsExact) {
  const std::size_t most = std::size_t{8} << 20;
  put("at_limit", std::string(most, '#'));
  put("beyond", std::string(most + 1, '#'));
  EXPECT_EQ(read_text_file(path("at_limit")).size(), most);
  EXPECT_EQ(error_of([&] { (void)read_text_file(path("beyond")); }),
            path("beyond") + ":1:8388609: larger than 8 MiB: nothing from here on is read");
}

}  // namespace
}  // namespace orrery::hardware
