// orrery ask KIND: a question on the command line, its answer, and the scenario that the answer is.

#include <ostream>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "scenarios/ask/binding.hpp"
#include "scenarios/ask/control.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/format.hpp"
#include "scenarios/output.hpp"
#include "sim/run_control.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

namespace {

void check_save(const Options& options) {
  if (options.save.empty()) return;
  check_new(options.save, options.force);
  check_writable(options.save);
  if (!options.json.empty() && same_file(options.save, options.json)) {
    throw ConfigError(fmt::format("{}: two outputs can't go to the same place", hardware::quoted_path(options.save)));
  }
}

/// What can't be run is not written: a file is taken for an answer.
void save(const Options& options, const Answer& answer, Console& console) {
  if (options.save.empty()) return;
  if (!answer.scenario.empty()) return write_output(options.save, answer.scenario);
  const std::string why = answer.plans.empty() ? "there is no plan to try"
                                               : "no plan can be: " + reason_text(answer.plans.front().point.reason);
  console.err << fmt::format("orrery: {}: not written, {}\n", hardware::quoted_path(options.save), why);
}

}  // namespace

int ask_question(const Options& options, Console& console) {
  check_outputs(options);
  check_save(options);
  AskReply reply;
  try {
    reply = options.ask_kind->ask(options.ask, {options.ask_jobs, options.quiet, console, {}});
  } catch (const sim::Cancelled&) {  // before there was anything to say
    return interrupted_alone(options, console);
  }
  const bool partial = console.stopped();
  if (!options.quiet && !writes_to_standard_output(options) && !partial) {
    write_answer(console.out, reply.words, reply.answer.scenario);
  }
  emit(options.json, reply.json, partial, console);
  if (partial) {
    console.err << "interrupted: not every plan was tried\n";
    return kExitInterrupted;
  }
  save(options, reply.answer, console);
  return reply.answer.holds() ? kExitWell : kExitFinding;
}

}  // namespace orrery::scenarios
