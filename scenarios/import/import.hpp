// Files of other programs as scenarios: `orrery import FILE…`.
//
//   import_files(FILE…) : each file's kind → a Draft → a commented scenario that parse_scenario() accepts
//
// A kind of file is a row of import_kinds(); a file that is none of them is named for what it is, by other_files().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/import/draft.hpp"
#include "scenarios/runner.hpp"

namespace orrery::scenarios {

/// A file before anyone knows what it is.
struct ImportFile {
  std::string path;  ///< as the user named it; "-": standard input
  std::string head;  ///< its first bytes, unpacked if it is a gzip archive
  bool is_gzip = false;
  std::string text;  ///< all of it, of standard input alone

  /// The whole file. Throws hardware::ConfigError: larger than 8 MiB, or an archive.
  [[nodiscard]] std::string whole() const;
  /// The last part of the path.
  [[nodiscard]] std::string name() const;
  /// Whether a line of the head begins with that key of YAML.
  [[nodiscard]] bool has_yaml_key(std::string_view key) const;
};

struct Imported {
  std::string yaml;
  std::vector<std::string> notes, ignored;  ///< as they stand in it
};

struct ImportKind {
  std::string_view name;      ///< "launch"
  std::string_view equation;  ///< in one line, what is read
  std::string_view source;
  bool (*recognise)(const ImportFile& file) = nullptr;
  /// Adds what the file says. Throws hardware::ConfigError for what is wrong in it.
  void (*read)(const ImportFile& file, const ImportOptions& options, Console& console, Draft& draft) = nullptr;
  /// Of a file that describes a machine: the profile of it, in place of a scenario. It is imported alone.
  Imported (*profile)(const ImportFile& file, const ImportOptions& options) = nullptr;
};
/// Files that start a server, loads, results; the first that recognises a file reads it.
[[nodiscard]] const std::vector<ImportKind>& import_kinds();

/// A file that is something else.
struct OtherFile {
  std::string_view name;      ///< "nccl_topology"
  std::string_view equation;  ///< "an NCCL topology": behind "FILE is …"
  std::string_view advice;    ///< what to do with it
  std::string_view source;
  bool (*recognise)(const ImportFile& file) = nullptr;
};
[[nodiscard]] const std::vector<OtherFile>& other_files();

/// The profile of the machine that the one file describes; else one scenario from all of the files: at most one of them
/// says how to serve, and one what. Throws hardware::ConfigError: a file that can't be read, that is no kind of those
/// above, or contradicts another; a scenario that would not be accepted, with what is wrong.
[[nodiscard]] Imported import_files(const std::vector<std::string>& paths, const ImportOptions& options,
                                    Console& console);

// The rows' functions, in the file of each kind.
[[nodiscard]] bool is_launch(const ImportFile& file);
void read_launch(const ImportFile& file, const ImportOptions& options, Console& console, Draft& draft);
[[nodiscard]] bool is_kubernetes(const ImportFile& file);
void read_kubernetes(const ImportFile& file, const ImportOptions& options, Console& console, Draft& draft);
[[nodiscard]] bool is_compose(const ImportFile& file);
void read_compose(const ImportFile& file, const ImportOptions& options, Console& console, Draft& draft);
[[nodiscard]] bool is_bench(const ImportFile& file);
void read_bench(const ImportFile& file, const ImportOptions& options, Console& console, Draft& draft);
[[nodiscard]] bool is_load(const ImportFile& file);
void read_load(const ImportFile& file, const ImportOptions& options, Console& console, Draft& draft);

/// The path as it reads from the scenario's folder.
[[nodiscard]] std::string path_from(const ImportOptions& options, const std::string& path);

}  // namespace orrery::scenarios
