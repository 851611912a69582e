// Lists of module names, as quantised checkpoints have them, against the modules of a layer.
//
// Three ways of writing are in use: a name or the part of one between dots ("self_attn", "model.layers.3"), which means
// all below it; "*" for any text; and after "re:" a regular expression, of which ".*", "\.", "(a|b)", "^"
// in front and "$" at the end are understood.
// Modules are known by some of their projections, under all the names that checkpoints give them.
// Sources: vLLM vllm/model_executor/layers/quantization/utils/quant_utils.py (is_layer_skipped),
// compressed_tensors/utils.py (should_ignore_layer), modelopt.py (is_layer_excluded).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/llm.hpp"

namespace orrery::models {

/// Whether a pattern fits the module: a name, a part of one between dots, all below it, "*" for any text, or after
/// "re:" a regular expression of the few kinds above.
[[nodiscard]] bool keeps(std::string_view pattern, std::string_view module);

/// Why what stands behind "re:" is no regular expression; empty: it is one, or the pattern is none.
[[nodiscard]] std::string fault_of(std::string_view pattern);
/// Whether keeps() reads all of a pattern as it is meant. REQUIRES no fault.
[[nodiscard]] bool is_understood(std::string_view pattern);

/// What of a layer may be stored in a way of its own.
enum class Module : std::uint8_t { mixer, mlp, shared, experts };

class ModulePatterns {
 public:
  explicit ModulePatterns(const std::vector<std::string>& patterns);

  /// Index of the first pattern that fits one of the module's projections in layer `number`; kNone: none does.
  [[nodiscard]] std::size_t first(std::size_t number, Module module, const LayerConfig& layer) const;
  [[nodiscard]] bool any(std::size_t number, Module module, const LayerConfig& layer) const {
    return first(number, module, layer) != kNone;
  }
  /// Index of the first pattern that fits the head; kNone.
  [[nodiscard]] std::size_t head() const;
  /// Patterns that are compared for a model of so many layers.
  [[nodiscard]] std::size_t comparisons(std::size_t layers) const;

  static constexpr std::size_t kNone = ~std::size_t{0};

 private:
  struct Pattern {
    std::string text;
    std::size_t number = 0;  ///< in the list that was given
  };

  std::vector<Pattern> everywhere_;             ///< those that name no single layer
  std::vector<std::vector<Pattern>> of_layer_;  ///< those that do
  std::vector<std::string> prefixes_;           ///< what stands before "layers." in them
};

}  // namespace orrery::models
