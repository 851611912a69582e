// Answers in words: what a terminal prints and a window shows.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "scenarios/ask/answer.hpp"

namespace orrery::scenarios {

struct AnswerColumn {
  std::string title;
  int width = 0;  ///< characters of a terminal
};

struct AnswerRow {
  std::vector<std::string> cells;  ///< as the columns; the first is the plan
  std::vector<std::string> remarks;
  bool holds = false;
  bool on_front = false;  ///< shown wherever it stands
};

struct AnswerWords {
  std::string note;                ///< what was made of the model's name, where it is not the name itself
  std::string question;            ///< "2000 + 500 tokens a request, …"; empty: the headline says it
  std::string headline;            ///< "16 users at once on 2 x l40s: 1 x TP 2, fp8, …"
  std::vector<std::string> facts;  ///< what it rests on: "binds: …"
  std::vector<AnswerColumn> columns;
  std::vector<AnswerRow> rows;  ///< a row per plan, the best first
  std::size_t shown = 0;        ///< of them on a terminal; 0: all
  std::string footnote;         ///< of the table
};

[[nodiscard]] AnswerWords serve_words(const ServeQuestion& question, const Answer& answer);
[[nodiscard]] AnswerWords fit_words(const FitQuestion& question, const Answer& answer);

/// The words, and the scenario that the answer is.
void write_answer(std::ostream& out, const AnswerWords& words, const std::string& scenario);

}  // namespace orrery::scenarios
