// Cells, counts and times of a trace's line, read exactly. All throw std::invalid_argument with a sentence.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "models/serving/workload/workload.hpp"

namespace orrery::models {

/// Splits at commas; there are no quotes in these formats.
[[nodiscard]] std::vector<std::string_view> split_cells(std::string_view line);

/// What stands before the first line feed, less a carriage return.
[[nodiscard]] std::string_view first_line(std::string_view text);

/// The header names every column.
[[nodiscard]] bool has_columns(std::string_view header, const std::vector<std::string_view>& columns);
void require_columns(std::string_view header, const std::vector<std::string_view>& columns);

/// The line's cell below `column`. Throws if the header doesn't name it or the line has not as many cells as it.
[[nodiscard]] std::string_view csv_cell(std::string_view header, std::string_view line, std::string_view column);

/// A number of tokens: whole, from 1 to kMostTokens.
[[nodiscard]] std::int64_t parse_tokens(std::string_view field, std::string_view text);

/// The lengths of a request. Without an answer (0 tokens) it is one that failed or was cancelled, whatever its prompt.
void set_lengths(TraceEntry& entry, std::string_view input_field, std::string_view input, std::string_view output_field,
                 std::string_view output);

/// A block's id: whole, from 0 to kSystemPromptNames − 1.
[[nodiscard]] std::uint64_t parse_block_id(std::string_view field, std::string_view text);

/// A decimal number of seconds (`unit_digits` 0), milliseconds (3) or nanoseconds (9), rounded to the nearest
/// picosecond.
[[nodiscard]] TraceTime parse_time(std::string_view field, std::string_view text, int unit_digits);

/// "2023-11-16 18:15:46.6805900" or with T between, with Z or an offset such as +00:00 behind; without one it is UTC.
[[nodiscard]] TraceTime parse_date_time(std::string_view field, std::string_view text);

}  // namespace orrery::models
