// What vLLM calls the keys of `serving:` and their values, where a scenario has words of its own. Both are read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/dtype.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

/// The argument names, for `orrery list argument_names` and the reader.
[[nodiscard]] const std::vector<OtherName>& argument_names();

/// A word that vLLM takes for a number format under the key ("awq" of quantization, "fp8_e4m3" of kv_cache_dtype).
struct DtypeWord {
  std::string_view key;  ///< "weight_dtype"
  std::string_view word;
  std::optional<Dtype> dtype;  ///< nullopt: as if the key were not there
  std::string_view source;
};
[[nodiscard]] const std::vector<DtypeWord>& dtype_words();
/// nullptr: the word is none of vLLM's for that key.
[[nodiscard]] const DtypeWord* find_dtype_word(std::string_view key, std::string_view word);

/// "32k" is 32,000 and "32K" 32,768, as vLLM reads counts (vllm/engine/arg_utils.py, human_readable_int): k, m, g and t
/// are powers of 1,000 and may follow a fraction, capital letters powers of 1,024. nullopt: not of that form.
[[nodiscard]] std::optional<std::int64_t> parse_readable_count(std::string_view text);

}  // namespace orrery::scenarios
