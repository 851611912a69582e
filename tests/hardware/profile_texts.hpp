// What the tests of profile files share.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/catalogue/profile_reader.hpp"
#include "hardware/config/config.hpp"

namespace orrery::hardware::testing {

/// The message of the ConfigError that `call` throws.
template <class Call>
std::string message_of(Call call) {
  try {
    (void)call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

/// The profile text of the GPU `name`, with the first `from` replaced by `to`.
inline std::string edited_profile(const std::string& name, const std::string& from, const std::string& to) {
  std::string text = read_text_file(gpu_profile_path(name).string());
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

inline Gpu parse_gpu(const std::string& text) { return read_gpu(*parse_config(text, "g.yaml"), "g.yaml", "g"); }

}  // namespace orrery::hardware::testing
