// The kinds of questions as rows, for the command and for the window: what may be said, and how it is answered.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/ask/answer.hpp"
#include "scenarios/ask/answer_words.hpp"

namespace orrery::scenarios {

/// What is asked, as written; empty: not said.
struct AskWords {
  std::string model, gpu, node, gpus, tensor_parallel, weight_dtype, users, context, input, output, ttft, tpot,
      attainment, rate, compare_api, pareto;
};

/// One thing that may be said.
struct AskField {
  std::string_view name;         ///< of the option, "tpot": messages call it --tpot
  std::string AskWords::*word;   ///< where it stands
  std::string_view title, help;  ///< of a form; what it is and how it is written
  std::string_view absent;       ///< what holds where it isn't said
  std::string_view example;
  bool required = false;
  std::vector<std::string> (*choices)() = nullptr;  ///< names that it is often one of
};

/// An answer in all its forms.
struct AskReply {
  Answer answer;
  AnswerWords words;
  std::string json;
};

struct AskKind {
  std::string_view name, summary;
  std::vector<AskField> fields;
  /// Throws ConfigError naming the option for words that can't be read, with the nearest names.
  AskReply (*ask)(const AskWords& words, const AskControl& control);
};

[[nodiscard]] const std::vector<AskKind>& ask_kinds();

/// What a question without a terminal is asked with.
struct AskWatch {
  int jobs = 1;
  const std::atomic<bool>* stop = nullptr;  ///< set: the answer comes within some 0.2 s, and is not of all plans
  /// Told how many kinds of engine were tried, on the thread that asks.
  std::function<void(std::size_t done, std::size_t total)> progress = {};
};
/// Throws as AskKind::ask.
[[nodiscard]] AskReply ask_quietly(const AskKind& kind, const AskWords& words, const AskWatch& watch);

/// Questions from words. Throw ConfigError as AskKind::ask.
[[nodiscard]] ServeQuestion read_serve_question(const AskWords& words);
[[nodiscard]] FitQuestion read_fit_question(const AskWords& words);

}  // namespace orrery::scenarios
