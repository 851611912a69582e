// Models of the library under the names that other programs use: "meta-llama/Llama-3.1-70B-Instruct" is llama-3.1-70b.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace orrery::scenarios {

/// A model that has the sizes of one of the library, under another name.
struct ModelAlias {
  std::string_view name, library, source;
};
[[nodiscard]] const std::vector<ModelAlias>& model_aliases();

struct LibraryModel {
  std::string name;          ///< as `model:` has it; empty: the library has none of that name
  std::string weight_dtype;  ///< what the name says of its weights ("…-AWQ" is int4); empty: nothing
};

/// By a name's last part, whatever its case, with what says how a checkpoint was tuned, dated or packed ("-Instruct",
/// "-2507", "-FP8") taken off its end one by one until the library knows it: nothing of it changes a size.
[[nodiscard]] LibraryModel find_library_model(std::string_view written);

/// Up to three names of the library that are like it.
[[nodiscard]] std::vector<std::string> similar_models(std::string_view written);

}  // namespace orrery::scenarios
