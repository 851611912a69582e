// Dotted paths into a configuration's tree. Used by the editors (config_edit.cpp, config_remove.cpp) only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/config/config.hpp"

namespace orrery::hardware::config_path {

using Path = std::vector<std::string>;

/// Where a path leads: the last value that exists on it, the value that holds that one, and what is left.
struct Place {
  const ConfigNode* holder = nullptr;
  const ConfigNode* node = nullptr;
  std::size_t slot = 0;            ///< index of `node` in `holder`
  std::vector<std::size_t> slots;  ///< of every step
  Path rest;
};

[[noreturn]] void fail(const std::string& file, const SourceSpan& span, std::string message);

/// Follows `path` from the root. Throws ConfigError: an empty segment, a path through a scalar or through a list
/// without a position; with `adding` also a position past the place behind a list's last item.
[[nodiscard]] Place locate(const ConfigNode& root, std::string_view path, const std::string& file, bool adding);

/// Equal kinds, texts, keys and children, wherever they stand.
[[nodiscard]] bool same(const ConfigNode& a, const ConfigNode& b);

}  // namespace orrery::hardware::config_path
