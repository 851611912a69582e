// Fuzz target of the importer: any bytes as a script, a load or a result.
//
// Any outcome but a scenario that reads or a ConfigError ends the program.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "hardware/config/config.hpp"
#include "scenarios/import/import.hpp"
#include "scenarios/import/shell.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::tests {
namespace {

void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

/// A file in memory, with a path that readers can open.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : descriptor_(memfd_create("import", 0)) {
    require(descriptor_ >= 0, "a file in memory can be made");
    for (std::size_t written = 0; written < size;) {
      const ssize_t count = write(descriptor_, data + written, size - written);
      require(count > 0, "a file in memory can be written");
      written += static_cast<std::size_t>(count);
    }
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

bool is_printable(const std::string& text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n') return false;
  }
  return true;
}

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
