// Output files: found to be writable before the run, written whole or not at all.
//
// A file is written under a temporary name beside its target and renamed. An interrupted run writes
// "report.partial.json" instead of "report.json", so that nothing mistakes one for the other.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

namespace orrery::scenarios {

/// Throws ConfigError if `path` can't be written: no such folder, a folder, no permission.
void check_writable(const std::string& path);

/// Both names lead to one file, or will once it is written; "-" is standard output. Devices are never the same: they
/// keep nothing that could be overwritten.
[[nodiscard]] bool same_file(const std::string& a, const std::string& b);

/// "out/plan.txt" with "chat" → "out/plan.chat.txt"; "plan" → "plan.chat".
[[nodiscard]] std::string name_with(const std::string& path, std::string_view part);
/// "out/report.json" → "out/report.partial.json"; "report" → "report.partial".
[[nodiscard]] std::string partial_name(const std::string& path);

/// Writes `content` to `path` (or to its partial name). Throws ConfigError if that fails.
void write_output(const std::string& path, std::string_view content, bool partial = false);
/// The same for content that is too large to hold: `writer` streams it.
void write_output(const std::string& path, const std::function<void(std::ostream&)>& writer, bool partial = false);

}  // namespace orrery::scenarios
