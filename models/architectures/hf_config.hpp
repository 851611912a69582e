// Reads a Hugging Face config.json as it is, and finds the models of the library.
//
// Every architecture is a row of architectures() (architectures/architectures.hpp). Keys that change nothing that is
// counted here (initialisers, token ids, rotary bases) are left alone; keys that are absent take the default that the
// library `transformers` gives them. A file may carry an "orrery" object with texts: title, source, parameters (the
// total that its source prints).
// A model with images has its language model's config inside, under text_config: that is read, by its own model_type's
// row if there is one, and the towers beside it are counted. What a config leaves open is in Llm::assumed.
// Limitations: at most 8 MiB and 64 levels of nesting; adapters, encoders and speculative heads are not read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/llm.hpp"

namespace orrery::models {

/// Reads the text of a config.json; `file` names it in messages, and the model after its folder or stem.
/// `as` names the row to read it by, whatever its model_type: a relative that has no row of its own.
/// Throws hardware::ConfigError with everything that is wrong: malformed JSON, an unknown architecture (with the known
/// ones, nearest first), missing keys, wrong types, sizes out of range, impossible combinations.
[[nodiscard]] Llm read_hf_config(std::string_view json_text, const std::string& file, const std::string& as = "");

/// A name of the library, or a path to a config.json or to a folder that holds one.
/// Throws hardware::ConfigError: unknown name with the nearest ones, a path that does not exist, or as above.
[[nodiscard]] Llm load_model(std::string_view name_or_path, const std::string& as = "");

/// The library's models, in alphabetical order.
[[nodiscard]] std::vector<std::string> model_names();

}  // namespace orrery::models
