// Records of a trace that are JSON objects. All throw std::invalid_argument with a sentence.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace orrery::models {

/// `text` begins with an object and names the key somewhere: enough to tell formats apart by their first bytes.
[[nodiscard]] bool begins_object_with(std::string_view text, std::string_view key);

/// The record as an object.
[[nodiscard]] nlohmann::json parse_record(std::string_view record);

/// The text of a number; a text that no reader takes for anything else, so that its message can show it.
[[nodiscard]] std::string number_text(const nlohmann::json& object, const char* field);

/// Tokens of a text that nobody has counted: one for four bytes, at least one for any text.
/// Source: "1 token ~= 4 chars in English" (OpenAI, What are tokens and how to count them). Bytes rather than
/// characters, since a character of other scripts takes more bytes and more tokens.
[[nodiscard]] std::string estimated_tokens(std::string_view text);
inline constexpr std::string_view kEstimatedTokens = "a token for four bytes of text";

}  // namespace orrery::models
