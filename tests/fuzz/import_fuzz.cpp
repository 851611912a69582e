// Fuzz target of the importer: any bytes as a script, a load or a result.
//
// Any outcome but a scenario that reads or a ConfigError ends the program.

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "hardware/config/config.hpp"
#include "scenarios/import/import.hpp"
#include "scenarios/import/shell.hpp"
#include "scenarios/scenario.hpp"
#include "tests/fuzz/memory_file.hpp"

namespace orrery::tests {
namespace {

void fuzz_script(const std::string& text) {
  try {
    const scenarios::ShellScript script = scenarios::parse_shell(text, "script");
    for (const scenarios::ShellCommand& command : script.commands) {
      require(!command.words.empty(), "a command has words");
      for (const scenarios::ShellWord& word : command.words) {
        require(word.place.line >= 1 && word.place.column >= 1, "a word has a place");
      }
    }
  } catch (const hardware::ConfigError& error) {
    require(error.diagnostics().front().span.line >= 1, "an error has a place");
  }
}

void fuzz_import(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  std::ostringstream out, err;
  scenarios::Console console{out, err};
  fuzz_script({data, data + size});
  try {
    scenarios::ImportOptions options;
    options.model = "gpt2-124m";
    const scenarios::Imported imported = scenarios::import_files({file.path()}, options, console);
    require(is_printable(imported.yaml), "a scenario holds no control characters");
    (void)scenarios::parse_scenario(imported.yaml, "imported.yaml");
  } catch (const hardware::ConfigError& error) {
    require(is_printable(error.what()), "a message holds no control characters");
  }
}

}  // namespace
}  // namespace orrery::tests

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orrery::tests::fuzz_import(data, size);
  return 0;
}
