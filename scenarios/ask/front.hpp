// The plans of an answer that no other beats.
#pragma once

#include <functional>
#include <vector>

#include "scenarios/ask/answer.hpp"
#include "scenarios/ask/control.hpp"

namespace orrery::scenarios {

/// Marks them by the question's objectives. A plan that holds and whose figures are of some of its replicas, or of a
/// run that ended early, is run as a whole first, by the keys of `whole`: totals are of all of them. Without
/// objectives, or once it was stopped, nothing is marked.
void mark_front(Answer& answer, const Question& question, const AskControl& control, const PointRunner& runner,
                const std::function<std::vector<Override>(const AskedPlan&)>& whole);

}  // namespace orrery::scenarios
