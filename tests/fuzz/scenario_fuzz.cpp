// Fuzz target of scenarios: any bytes as a scenario, a GPU, a node or a fabric.
//
// Any outcome but something that was read, or a ConfigError each of whose diagnostics has a text, ends the program.

#include <cstddef>
#include <cstdint>
#include <string>

#include "hardware/catalogue/profile_reader.hpp"
#include "hardware/config/config.hpp"
#include "scenarios/scenario.hpp"
#include "tests/fuzz/memory_file.hpp"

namespace orrery::tests {
namespace {

template <class Read>
void try_to(const Read& read) {
  try {
    read();
  } catch (const hardware::ConfigError& error) {
    require(!error.diagnostics().empty(), "an error has a diagnostic");
    for (const hardware::Diagnostic& one : error.diagnostics()) require(!one.message.empty(), "an error has a text");
  }
}

void fuzz_scenario(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  try_to([&] {
    const scenarios::Scenario scenario = scenarios::parse_scenario(text, "fuzz.yaml");
    require(!scenario.jobs.empty(), "a scenario has a job");
    require(scenario.cluster.gpu_count() > 0, "a scenario has GPUs");
  });
  try_to([&] { (void)hardware::read_gpu(*hardware::parse_config(text, "gpu.yaml"), "gpu.yaml", "gpu"); });
  try_to([&] { (void)hardware::read_node(*hardware::parse_config(text, "node.yaml"), "node.yaml", "node"); });
  try_to([&] { (void)hardware::read_fabric(*hardware::parse_config(text, "fabric.yaml"), "fabric.yaml", "fabric"); });
}

}  // namespace
}  // namespace orrery::tests

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orrery::tests::fuzz_scenario(data, size);
  return 0;
}
