// Files as a program that others rely on handles them: inputs that can't block it, outputs that are whole or absent.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

namespace orrery::hardware {

/// Whether `path` names an open descriptor or a device of this process ("/dev/stdout", "/dev/fd/63"): read and written
/// in place, whatever stands behind it.
[[nodiscard]] bool is_device_path(const std::string& path);

/// Throws ConfigError naming `path` unless it can be read as a file: it is missing, a folder, a pipe, a socket or a
/// block device. A pipe in the file system would block until somebody writes to it; descriptors of this process
/// (a shell's <(…)) are read as they come.
void check_input_file(const std::string& path);

/// A text as programs of Windows and spreadsheets save it, without the mark (EF BB BF) that they put before it.
[[nodiscard]] std::string_view without_byte_order_mark(std::string_view text);

/// Throws ConfigError naming `path` unless it can become an output: no folder there, not a pipe or a socket.
void check_output_file(const std::string& path);

/// Makes an empty file at `path`, in place of a regular file that stands there; for what grows line by line. Throws
/// ConfigError where anything else stands there, a link too: what it leads to is not ours.
void begin_file(const std::string& path);

/// Writes through a temporary file of a random name beside the target, with its permissions (and owner, where that is
/// allowed) or those that the umask gives; then fsync and rename. A symbolic link stays: what it points to is replaced.
/// Throws ConfigError, and leaves nothing behind, where anything fails or `writer` throws. Temporary files that a
/// killed run of the same target left are removed on the way; those of a run that is still at work are locked, and
/// stay.
void replace_file(const std::string& path, const std::function<void(std::ostream&)>& writer);

}  // namespace orrery::hardware
