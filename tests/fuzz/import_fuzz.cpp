// Fuzz target of the importer: any bytes as a script, a load, a result or a topology.
//
// Any outcome but a scenario or a node that reads, or a ConfigError, ends the program.

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "hardware/catalogue/profile_reader.hpp"
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
    if (size % 2 == 1) options.gpu = "h100_sxm";
    const scenarios::Imported imported = scenarios::import_files({file.path()}, options, console);
    require(is_printable(imported.yaml), "a scenario holds no control characters");
    const hardware::NodePtr root = hardware::parse_config(imported.yaml, "imported.yaml");
    if (root->find("node") != nullptr) {
      (void)hardware::read_node(*root, "imported.yaml", "imported");
      return;
    }
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
