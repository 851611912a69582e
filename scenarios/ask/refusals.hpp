// Engines that vLLM does not start, for the format of the weights: plans with a reason, which are not run.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "models/llm.hpp"
#include "scenarios/ask/answer.hpp"

namespace orrery::scenarios {

class Refusals {
 public:
  explicit Refusals(const Question& question);

  /// Why the engine's GPU does not take its weights, as a run of it says (weights_refusal()); empty: it does.
  [[nodiscard]] const std::string& of(const AskedEngine& engine);
  /// Takes those that are refused out of `engines`; a plan for the first of each GPU, format and reason.
  [[nodiscard]] std::vector<AskedPlan> take(std::vector<AskedEngine>& engines);

 private:
  models::Llm llm_;
  std::map<std::pair<std::string, std::string>, std::string> known_;  ///< by GPU and format
};

}  // namespace orrery::scenarios
