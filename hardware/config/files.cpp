#include "hardware/config/files.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "hardware/config/config.hpp"

namespace orrery::hardware {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".orrery-tmp";
constexpr std::time_t kLockingTime = 60;  ///< seconds: a younger file may not be locked yet

[[noreturn]] void fail(const std::string& path, const std::string& why) { throw ConfigError({{path, {}, why}}); }

/// What stands where a file should, in words; nullptr for a regular file, a character device and nothing at all.
const char* unfit(const fs::file_status& status) {
  switch (status.type()) {
    case fs::file_type::directory:
      return "is a folder, not a file";
    case fs::file_type::fifo:
      return "is a pipe, not a file";
    case fs::file_type::socket:
      return "is a socket, not a file";
    case fs::file_type::block:
      return "is a disk, not a file";
    default:
      return nullptr;
  }
}

/// The file that a chain of links ends in, which may not exist yet.
fs::path behind_links(fs::path path) {
  std::error_code code;
  for (int hops = 0; hops < 40 && fs::is_symlink(path, code); ++hops) {
    const fs::path target = fs::read_symlink(path, code);
    if (code) break;
    path = target.is_absolute() ? target : path.parent_path() / target;
  }
  return path;
}

/// Temporary files of `target` begin so: hidden, and of no other target.
std::string prefix_of(const fs::path& target) { return fmt::format(".{}.", target.filename().string()); }

fs::path folder_of(const fs::path& target) {
  return target.parent_path().empty() ? fs::path(".") : target.parent_path();
}

/// Removes what killed runs left. A run at work holds a lock on its file until the file has its final name.
void remove_stale(const fs::path& target) {
  const std::string prefix = prefix_of(target);
  std::error_code code;
  for (fs::directory_iterator it(folder_of(target), code), end; !code && it != end; it.increment(code)) {
    const std::string name = it->path().filename().string();
    const bool ours = name.size() > prefix.size() + kSuffix.size() && name.compare(0, prefix.size(), prefix) == 0 &&
                      name.compare(name.size() - kSuffix.size(), kSuffix.size(), kSuffix) == 0;
    if (!ours) continue;
    const int file = ::open(it->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) continue;
    struct stat left {};
    const bool old = ::fstat(file, &left) == 0 && left.st_mtime + kLockingTime < ::time(nullptr);
    if (old && ::flock(file, LOCK_EX | LOCK_NB) == 0) ::unlink(it->path().c_str());
    ::close(file);
  }
}

/// A temporary file: locked while it lives, removed unless it was renamed.
class Temporary {
 public:
  explicit Temporary(const fs::path& target) {
    name_ = (folder_of(target) / (prefix_of(target) + "XXXXXX" + std::string(kSuffix))).string();
    file_ = ::mkostemps(name_.data(), static_cast<int>(kSuffix.size()), O_CLOEXEC);
    if (file_ < 0) throw std::system_error(errno, std::generic_category());
    (void)::flock(file_, LOCK_EX | LOCK_NB);
  }
  ~Temporary() {
    if (!renamed_) ::unlink(name_.c_str());
    ::close(file_);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  /// Permissions and owner of the file that stands at `target`, or what the umask leaves.
  void take_mode_of(const fs::path& target) const {
    struct stat old {};
    if (::stat(target.c_str(), &old) == 0) {
      // Only root may give a file away; others keep their own, as an editor does.
      if (::fchown(file_, old.st_uid, old.st_gid) != 0) (void)::fchown(file_, static_cast<uid_t>(-1), old.st_gid);
      (void)::fchmod(file_, old.st_mode & 07777);
      return;
    }
    const mode_t mask = ::umask(0);
    ::umask(mask);
    (void)::fchmod(file_, 0666 & ~mask);
  }

  void rename_to(const fs::path& target) {
    if (::fsync(file_) != 0 || ::rename(name_.c_str(), target.c_str()) != 0) {
      throw std::system_error(errno, std::generic_category());
    }
    renamed_ = true;
  }

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  int file_ = -1;
  bool renamed_ = false;
};

void write_all(const std::string& name, const std::function<void(std::ostream&)>& writer) {
  errno = 0;
  std::ofstream out(name, std::ios::binary | std::ios::out);
  writer(out);
  out.flush();
  if (!out) throw std::system_error(errno != 0 ? errno : EIO, std::generic_category());
}

}  // namespace

std::string_view without_byte_order_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return text.substr(0, kMark.size()) == kMark ? text.substr(kMark.size()) : text;
}

bool is_device_path(const std::string& path) {
  return path.compare(0, 5, "/dev/") == 0 || path.compare(0, 14, "/proc/self/fd/") == 0;
}

void check_input_file(const std::string& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (status.type() == fs::file_type::not_found) fail(path, "no such file");
  if (code) fail(path, fmt::format("can't be read: {}", code.message()));
  const bool folder = status.type() == fs::file_type::directory;
  if (const char* why = unfit(status); why != nullptr && (folder || !is_device_path(path))) fail(path, why);
}

void check_output_file(const std::string& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  const bool folder = status.type() == fs::file_type::directory;
  if (folder) fail(path, "can't write: it is a folder");
  if (const char* why = unfit(status); why != nullptr && !is_device_path(path)) {
    fail(path, fmt::format("can't write: {}; - is standard output", why));
  }
}

void begin_file(const std::string& path) {
  check_output_file(path);
  std::error_code code;
  const fs::file_status status = fs::symlink_status(path, code);
  if (fs::is_symlink(status)) fail(path, "can't write: is a symbolic link; remove it");
  if (fs::is_regular_file(status)) fs::remove(path, code);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (file < 0) fail(path, fmt::format("can't write: {}", std::strerror(errno)));
  ::close(file);
}

void replace_file(const std::string& path, const std::function<void(std::ostream&)>& writer) {
  const fs::path target = behind_links(path);
  try {
    remove_stale(target);
    Temporary temporary(target);
    write_all(temporary.name(), writer);
    temporary.take_mode_of(target);
    temporary.rename_to(target);
  } catch (const std::system_error& error) {
    fail(path, fmt::format("can't write: {}", error.code().message()));
  }
}

}  // namespace orrery::hardware
