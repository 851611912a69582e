// How people write sizes on a command line: "32k" tokens, "50ms", "1155:0.96:7000", "0.14/0.55/2.19".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/ask/question.hpp"

namespace orrery::scenarios {

/// Tokens: "2000", and as vLLM reads counts (parse_readable_count): "32k" = 32,000, "32K" = 32,768. Throws ConfigError
/// naming the option `by`.
[[nodiscard]] std::int64_t read_tokens(std::string_view text, std::string_view by);

/// "2000", or MEAN:CV[:MOST] of a lognormal law.
[[nodiscard]] AskedLength read_asked_length(std::string_view text, std::string_view by);

/// "50ms", "50 ms", "5s". Throws for a time that isn't above 0.
[[nodiscard]] Seconds read_time(std::string_view text, std::string_view by);

/// CACHED/INPUT/OUTPUT in USD per million tokens.
[[nodiscard]] ApiPrice read_api_price(std::string_view text, std::string_view by);

/// A whole number from 1 to `most`.
[[nodiscard]] std::int64_t read_count(std::string_view text, std::string_view by, std::int64_t most);
/// A number from `least` to `most`.
[[nodiscard]] double read_within(std::string_view text, std::string_view by, double least, double most);

/// Parts between commas (or another sign), without blanks around them; empty for an empty text.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char sign = ',');

}  // namespace orrery::scenarios
