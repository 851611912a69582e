// Inputs that can't block, outputs that are whole or absent, whatever stands in their place.

#include "hardware/config/files.hpp"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include <gmock/gmock.h>

#include "hardware/config/config.hpp"
#include "tests/hardware/temporary_folder.hpp"

namespace orrery::hardware {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Files : public TemporaryFolder {
 protected:
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
};

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

void write(const std::string& path, const std::string& text) {
  replace_file(path, [&](std::ostream& out) { out << text; });
}

unsigned mode_of(const std::string& path) { return static_cast<unsigned>(fs::status(path).permissions()) & 07777; }

TEST_F(Files, APipeIsNoInputAndNoOutput) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { check_input_file(path("pipe")); }), HasSubstr("is a pipe, not a file"));
  EXPECT_THAT(error_of([&] { (void)read_text_file(path("pipe")); }), HasSubstr("is a pipe, not a file"));
  EXPECT_THAT(error_of([&] { check_output_file(path("pipe")); }), HasSubstr("can't write: is a pipe"));
}

TEST_F(Files, DescriptorsOfThisProcessAreReadWhateverTheyAre) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "a: 1\n", 5), 5);
  ::close(ends[1]);
  EXPECT_EQ(read_text_file("/dev/fd/" + std::to_string(ends[0])), "a: 1\n");
  ::close(ends[0]);
}

TEST_F(Files, MissingFilesAndFoldersAreNamed) {
  EXPECT_EQ(error_of([&] { check_input_file(path("none")); }), path("none") + ": no such file");
  EXPECT_EQ(error_of([&] { check_input_file(folder_.string()); }), folder_.string() + ": is a folder, not a file");
  EXPECT_THAT(error_of([&] { check_output_file(folder_.string()); }), HasSubstr("it is a folder"));
  EXPECT_EQ(error_of([&] { check_output_file(path("new")); }), "no error");
}

TEST_F(Files, ALinkStaysAndItsTargetIsReplaced) {
  write(path("target"), "old");
  fs::create_symlink("target", path("link"));
  write(path("link"), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(text_of("target"), "new");
  fs::create_symlink("later", path("dangling"));
  write(path("dangling"), "made");
  EXPECT_EQ(text_of("later"), "made");
}

TEST_F(Files, PermissionsStay) {
  write(path("secret"), "old");
  ASSERT_EQ(::chmod(path("secret").c_str(), 0600), 0);
  write(path("secret"), "new");
  EXPECT_EQ(mode_of(path("secret")), 0600u);
  const mode_t mask = ::umask(027);
  write(path("fresh"), "x");
  ::umask(mask);
  EXPECT_EQ(mode_of(path("fresh")), 0640u);
}

TEST_F(Files, AWriterThatThrowsLeavesTheOldFileAndNothingElse) {
  write(path("report"), "old");
  EXPECT_THROW(replace_file(path("report"),
                            [](std::ostream& out) {
                              out << "half";
                              throw std::runtime_error("stop");
                            }),
               std::runtime_error);
  EXPECT_EQ(text_of("report"), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, AFailedStreamIsAnError) {
  EXPECT_THAT(
      error_of([&] { replace_file(path("report"), [](std::ostream& out) { out.setstate(std::ios::badbit); }); }),
      HasSubstr("can't write"));
  EXPECT_EQ(entries(), 0u);
}

TEST_F(Files, LeftoversOfKilledRunsAreClearedThoseOfRunningOnesAreNot) {
  const std::string killed = path(".report.abcdef.orrery-tmp"), at_work = path(".report.ghijkl.orrery-tmp");
  const std::string other = path(".other.abcdef.orrery-tmp"), young = path(".report.mnopqr.orrery-tmp");
  for (const std::string& file : {killed, at_work, other, young}) std::ofstream(file) << "half";
  const utimbuf long_ago{1'000'000, 1'000'000};
  for (const std::string& file : {killed, at_work, other}) ASSERT_EQ(::utime(file.c_str(), &long_ago), 0);
  const int lock = ::open(at_work.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
  write(path("report"), "whole");
  EXPECT_FALSE(fs::exists(killed));
  EXPECT_TRUE(fs::exists(at_work));
  EXPECT_TRUE(fs::exists(other));
  EXPECT_TRUE(fs::exists(young));
  ::close(lock);
}

}  // namespace
}  // namespace orrery::hardware
