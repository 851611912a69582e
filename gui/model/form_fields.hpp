// The fields of a form: of a scenario of one kind, or of one with several jobs, each job a section of its own, as is
// each event.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include <QString>

#include "gui/run/run.hpp"
#include "scenarios/schema.hpp"

namespace orrery::gui {

/// One of `jobs:` as its text says it.
struct FormJob {
  std::string name;
  const scenarios::KindRow* kind = nullptr;  ///< nullptr: its section is not there yet

  friend bool operator==(const FormJob& a, const FormJob& b) { return a.name == b.name && a.kind == b.kind; }
};

/// Of every kind: scenarios::scenario_fields() reads the whole catalogue.
using KindFields = std::map<const scenarios::KindRow*, std::vector<scenarios::Field>>;

/// Empty for a text without `jobs:`.
[[nodiscard]] std::vector<FormJob> form_jobs(const hardware::ConfigNode& root);

/// Of `events:`, how many have a place in the form: further ones are edited as text.
[[nodiscard]] std::size_t form_events(const hardware::ConfigNode& root);
inline constexpr std::size_t kMostFormEvents = 64;

/// What a form is made for; its rows are the same for all texts of one shape.
struct FormShape {
  const scenarios::KindRow* kind = nullptr;  ///< of a scenario without `jobs:`
  std::vector<FormJob> jobs;
  std::size_t events = 0;

  friend bool operator==(const FormShape& a, const FormShape& b) {
    return a.kind == b.kind && a.jobs == b.jobs && a.events == b.events;
  }
};

/// Of a scenario with jobs: what they share, then each job's under "jobs.N"; without jobs those of the kind. Each
/// event's are under "events.N".
[[nodiscard]] std::deque<scenarios::Field> form_fields(const KindFields& of_kind, const FormShape& shape);
/// A run of that scenario says what absent keys of such a form mean.
[[nodiscard]] bool is_form_of(const scenarios::Scenario& scenario, const FormShape& shape);

/// What an absent key means in a run; empty where it says nothing.
[[nodiscard]] QString effective_in(const scenarios::Report& report, const std::string& key);

}  // namespace orrery::gui
