// What the tests of config.json share.
#pragma once

#include <string>

#include "hardware/config/config.hpp"
#include "models/architectures/hf_config.hpp"

namespace orrery::models {

/// What reading `text` complains of; empty if it reads.
inline std::string complaint(const std::string& text) {
  try {
    static_cast<void>(read_hf_config(text, "tiny.json"));
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
  return {};
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A Llama of hidden 64 with `more` keys before the end.
inline std::string tiny(const std::string& more, const std::string& type = "llama") {
  return "{\"model_type\": \"" + type +
         "\", \"hidden_size\": 64, \"intermediate_size\": 128, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, "
         "\"vocab_size\": 100" +
         (more.empty() ? "" : ", " + more) + "}";
}

/// The same with one key's value replaced.
inline std::string tiny_with(const std::string& key, const std::string& value) {
  std::string text = tiny("");
  const std::size_t begin = text.find("\"" + key + "\": ") + key.size() + 4;
  return text.replace(begin, text.find_first_of(",}", begin) - begin, value);
}

}  // namespace orrery::models
