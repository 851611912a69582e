// Fuzz target of the model reader: any bytes as a config.json, quantisation included.
//
// Any outcome but a model with parameters or a ConfigError ends the program.

#include <cstddef>
#include <cstdint>
#include <string>

#include "hardware/config/config.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/layer/parameters.hpp"
#include "models/llm.hpp"
#include "tests/fuzz/memory_file.hpp"

namespace orrery::tests {
namespace {

void read_as(const std::string& text, const std::string& as) {
  try {
    const models::Llm llm = models::read_hf_config(text, "config.json", as);
    require(llm.layers >= 1 && llm.hidden >= 1, "a model has layers");
    require(models::parameters(llm) > 0, "a model has parameters");
  } catch (const hardware::ConfigError& error) {
    require(!error.diagnostics().empty(), "an error has a diagnostic");
    for (const hardware::Diagnostic& one : error.diagnostics()) require(!one.message.empty(), "an error has a text");
  }
}

void fuzz_model(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  read_as(text, "");
  read_as(text, "llama");
  read_as(text, "deepseek_v3");
}

}  // namespace
}  // namespace orrery::tests

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orrery::tests::fuzz_model(data, size);
  return 0;
}
