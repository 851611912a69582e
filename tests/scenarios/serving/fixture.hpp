// A small serving scenario for the tests of the front door.
#pragma once

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {

/// Llama-3 8B on one H100, forty short requests. Lines are counted by tests.
inline std::string small_serving() {
  return "scenario: \"small\"\n"
         "model: llama-3-8b\n"
         "cluster:\n"
         "  node: dgx_h100\n"
         "serving:\n"
         "  scheduler: vllm_v1\n"
         "  tensor_parallel: 1\n"
         "  max_model_len: 4096\n"
         "  load:\n"
         "    arrivals: poisson\n"
         "    rate: 4\n"
         "    requests: 40\n"
         "    input: 128\n"
         "    output: 32\n"
         "  slo: {ttft: 500 ms}\n";
}

/// A variable of the environment for as long as this lives.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) {
      old_ = old;
      was_set_ = true;
    }
    set(value);
  }
  ~ScopedVariable() { set(was_set_ ? old_.c_str() : nullptr); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  void set(const char* value) const {
    if (value == nullptr) {
      ::unsetenv(name_);
    } else {
      ::setenv(name_, value, 1);
    }
  }

  const char* name_;
  std::string old_;
  bool was_set_ = false;
};

}  // namespace orrery::scenarios::testing
