// How near a plan that does not hold comes.
#pragma once

#include "scenarios/ask/answer.hpp"

namespace orrery::scenarios {

/// Memory that its fullest GPU lacks, as a share of what it has; 0: none, or it did not run.
[[nodiscard]] double memory_lack(const Answer& answer, const AskedPlan& plan);

/// How far a plan is beyond the question's limits: the largest p99 / limit; infinite where there is no figure.
[[nodiscard]] double beyond_limits(const Answer& answer, const ServeQuestion& question, const AskedPlan& plan);

/// Of two plans that don't serve what is asked, the nearer one: it can be; it starts, or lacks a smaller share of its
/// memory; more of its requests are in time, or its p99 is less beyond the limits. What a run that was given up has
/// served tells less than any that ended.
[[nodiscard]] bool serves_nearer(const Answer& answer, const ServeQuestion& question, const AskedPlan& a,
                                 const AskedPlan& b);

/// Of two plans that don't hold the sequences that are asked for: it can be; it has more room on its GPUs; it lacks a
/// smaller share of its memory before it has any; it is smaller.
[[nodiscard]] bool fits_nearer(const Answer& answer, const AskedPlan& a, const AskedPlan& b);

}  // namespace orrery::scenarios
