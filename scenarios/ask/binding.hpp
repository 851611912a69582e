// What keeps a plan from more: the limit that the next user or the missing replica breaks, and why.
#pragma once

#include <string>

#include "scenarios/ask/answer.hpp"

namespace orrery::scenarios {

/// "TPOT: with 17 users its p99 is 51.8 ms". `text`: the scenario without the plan's keys.
[[nodiscard]] std::string binding_of(const ServeQuestion& question, const Answer& answer, const AskedPlan& plan,
                                     const std::string& text);

/// Why a plan can't be, where that is the whole answer: a refusal as it is, anything else as a row of a table has it.
[[nodiscard]] std::string reason_text(const std::string& reason);

}  // namespace orrery::scenarios
