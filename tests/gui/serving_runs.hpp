// Runs for the tests of the plots: made without a worker, an index or an explanation, which plots don't read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gui/run/run.hpp"
#include "scenarios/report.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/serving/job.hpp"
#include "tests/places.hpp"

namespace orrery::gui::tests {

/// Named, since Run() is a member of every test.
using MadeRun = std::shared_ptr<Run>;

inline std::string library_file(const std::string& name) {
  return orrery::tests::source_root() + "/scenarios/library/" + name + ".yaml";
}

/// `variant`: its name, or empty for the scenario itself.
inline MadeRun run_of(const std::string& name, const std::vector<scenarios::Override>& overrides = {},
                      const std::string& variant = {}) {
  const scenarios::Scenario scenario = scenarios::load_scenario(library_file(name), overrides);
  auto run = std::make_shared<Run>();
  const scenarios::Keep keep{true, true};
  if (variant.empty()) {
    run->report = scenarios::run_scenario(scenario, keep);
  } else {
    for (const scenarios::Scenario& other : scenario.variants) {
      if (other.variant == variant) run->report = scenarios::run_scenario(other, keep);
    }
  }
  run->series = series_of(run->report);
  return run;
}

/// A chat model on one GPU; 400 requests take milliseconds.
inline MadeRun serving_run(const std::vector<scenarios::Override>& overrides = {}) {
  std::vector<scenarios::Override> all{{"serving.load.requests", "400"}};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return run_of("serving/llama-3-8b-h100-chat", all);
}

inline MadeRun training_run(const std::vector<scenarios::Override>& overrides = {}) {
  return run_of("training/gpt2-124m-8xa100", overrides);
}

}  // namespace orrery::gui::tests
