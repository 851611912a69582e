// Overrides of a scenario's keys (--set, variants, sweeps): edits of its text that remember where they stand.
//
// A scenario is read from the edited text. Its errors are told at places of the file, which the user sees, and not of
// that text: at a value that an override put there, the override is named instead.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/config/config.hpp"

namespace orrery::scenarios {

/// A scenario key as a dotted path and the text to put there.
struct Override {
  std::string key;
  std::string value;
  std::string by = "--set";  ///< what asks for it, for messages

  /// "--set training.tensor_parallel=4".
  [[nodiscard]] std::string str() const;
};

/// Splits "training.tensor_parallel=4". Throws ConfigError if there is no '=' or no key.
[[nodiscard]] Override parse_override(std::string_view text);

/// "jobs.NAME.…" with the number of the job of that name, as paths have it; any other key, and a number, as it is.
/// Throws ConfigError if `root` has jobs and none of that name.
[[nodiscard]] std::string numbered_key(const hardware::ConfigNode& root, const std::string& key);

/// A key by the name that its section has it under, where that is another of its names ("serving.tensor_parallel_size"
/// where the file says tensor_parallel): an override replaces what the file says. Any other key as it is.
[[nodiscard]] std::string key_as_written(const hardware::ConfigNode& root, const std::string& key);

/// Whether `key` is `other` or a part of it: what sets one then replaces what set the other.
[[nodiscard]] bool is_within(std::string_view key, std::string_view other);

class EditedText {
 public:
  /// Throws ConfigError: the text doesn't parse, or an override (named in the message) can't be applied to it.
  EditedText(std::string text, std::string file, const std::vector<Override>& overrides);

  /// With more of them over those that there are. Both share the file's text, so that thousands of variants of one
  /// file hold it once. Throws as the constructor.
  [[nodiscard]] EditedText with(const std::vector<Override>& more) const;

  /// With all overrides, later ones over earlier ones.
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::string& file() const { return file_; }

  /// What was found in the edited text, told of the file: at a value of an override, its name and no place; elsewhere
  /// the place in the file, with the overrides beside it (in one mapping) whose keys the message names.
  [[nodiscard]] hardware::Diagnostic of_file(hardware::Diagnostic diagnostic) const;
  /// Throws ConfigError with everything collected, as of_file() has it, if there is anything.
  void throw_if_any(const hardware::Diagnostics& diagnostics) const;

 private:
  /// An override and the bytes that it changed: [begin, old_end) became [begin, end).
  struct Change {
    Override by;
    std::string key;  ///< with jobs by number
    std::size_t begin = 0, old_end = 0, end = 0;
  };

  void apply(const Override& change);
  [[nodiscard]] std::string with_those_named(const hardware::Diagnostic& diagnostic) const;

  std::shared_ptr<const std::string> original_;
  std::string text_, file_;
  std::vector<Change> changes_;
};

}  // namespace orrery::scenarios
