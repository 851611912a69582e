// The plain reading of a configuration file: the part of YAML that profiles and scenarios are written in, in one pass.
//
// yaml-cpp matches a regular expression at every character, which was half of a short run: the smallest scenario takes
// 8.1 ms of CPU time as a whole process with this reading and 16.3 ms without. It reads block mappings and sequences,
// flow collections over several lines, plain and quoted scalars of one line, and comments, without any leniency:
// whatever it isn't sure to understand as yaml-cpp does (nulls, block scalars, folded lines, escapes beside \" and \\,
// tags, anchors, duplicate keys, errors of every kind) it leaves to parse_yaml(), which reads the whole text again and
// words the error.
// Invariant: where it reads, the tree is parse_yaml()'s, spans included (a test compares the two on every file of the
// tree, on the fuzzers' corpus and on mutations of them).
#pragma once

#include <string>
#include <string_view>

#include "hardware/config/config_text.hpp"

namespace orrery::hardware {

/// The tree of `text`, or nullptr where it is not plain.
/// REQUIRES that `source` is of `text` and that the text holds no bad character.
[[nodiscard]] NodePtr parse_plain(const SourceText& source, std::string_view text);

/// The reading through yaml-cpp. Throws ConfigError as parse_config() does.
/// REQUIRES that `source` is of `text` and that the text holds no bad character.
[[nodiscard]] NodePtr parse_yaml(const SourceText& source, std::string_view text, const std::string& file);

}  // namespace orrery::hardware
